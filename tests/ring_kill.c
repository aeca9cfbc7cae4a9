/* SPDX-License-Identifier: MIT
 *
 * ring_kill.c - SIGKILL at every store to a ring's memory, in every operation.
 *
 * The library is built here with SINEW__RING_STEPS: each shared store calls sinew__ring_step(), and
 * a victim, a real process, kills itself at the Nth call, for each N until it comes through. What it was
 * told (a send accepted, a message received) it wrote before to a ledger that survives it; those
 * who live on must find what that promises: what was accepted arrives, in order, once; a successor
 * joins and goes on; nothing is left behind.
 */
#include <errno.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "runner.h"

enum { MESSAGES = 18, AFTER = 1000, MOST_STEPS = 3000, MOST = 4000 };

struct backing {
	const char *name, *format, *served;
};

static const struct backing backings[] = {
	{"shm", "ring:shm:/sinew-kill-%d-%u", ""},
	{"file", "ring:file:%s/%u", ""},
	{"memfd", "ring:memfd:%s/%u", "&serve=thread"},
};

TEST_SUITE(named, backings);

/* ---- dying ---- */

static unsigned step, last_step; /* of this process; 0: it does not die */

void sinew__ring_step(void)
{
	if (last_step && ++step == last_step)
		kill(getpid(), SIGKILL);
}

/* When somebody else than its owner has looked at this place in a page, another may move, once. */
static struct {
	uintptr_t in_page, base, size;
	void (*then)(void *);
	void *arg;
} moment;

void sinew__ring_saw(const void *at)
{
	void (*then)(void *) = moment.then;

	if (!then || (uintptr_t)at % 4096 != moment.in_page ||
		(uintptr_t)at - moment.base < moment.size)
		return;
	moment.then = NULL;
	then(moment.arg);
}

static void be_mortal(unsigned at)
{
	step = 0;
	last_step = at;
}

/* ---- the ledger ---- */

static struct ledger {
	_Atomic unsigned accepted;                  /* sends that returned, counted */
	_Atomic unsigned received;                  /* highest number that is done with */
	_Atomic unsigned seen;                      /* highest number borrowed */
	_Atomic uint8_t first[AFTER], again[AFTER]; /* deliveries of each number */
	_Atomic unsigned lost;
} * ledger;

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

static void blank_ledger(void)
{
	const int prot = PROT_READ | PROT_WRITE;

	if (!ledger)
		ledger = mmap(NULL, sizeof *ledger, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(ledger, 0, sizeof *ledger);
}

static void note(const struct sinew_msg *msg, unsigned n)
{
	if (n < AFTER)
		(msg->flags & SINEW_MSG_REDELIVERED ? ledger->again : ledger->first)[n]++;
	ledger->lost += (unsigned)msg->lost;
}

/* ---- messages that say which they are ---- */

static size_t size_of(unsigned n)
{
	static const size_t sizes[] = {8, 56, 64, 57, 200, 3000, 48, 16};

	return sizes[n % (sizeof sizes / sizeof *sizes)];
}

static void compose(uint8_t *data, unsigned n)
{
	for (size_t i = 0; i < size_of(n); i++)
		data[i] = (uint8_t)(n * 31 + i);
	memcpy(data, &n, sizeof n);
}

static unsigned read_number(const struct sinew_msg *msg)
{
	uint8_t wanted[MOST];
	unsigned n;

	CHECK(msg->size >= sizeof n);
	memcpy(&n, msg->data, sizeof n);
	compose(wanted, n);
	CHECK_MEM(msg->data, msg->size, wanted, size_of(n));
	CHECK_EQ((msg->flags & SINEW_MSG_TAGGED) != 0, n % 5 == 0);
	return n;
}

static int64_t soon(void)
{
	return test_limit(10000);
}

/* By send, by loan, with a tag: as its number says. */
static int put(sinew_channel *out, unsigned n)
{
	uint8_t data[MOST];
	struct sinew_msg msg = {.data = data, .size = size_of(n)};

	compose(data, n);
	if (n % 5 == 0) {
		msg.flags = SINEW_MSG_TAGGED;
		msg.tag = n;
	}
	if (n % 7 || n % 5 == 0)
		return sinew_send(out, &msg, 1, soon());
	int r = sinew_loan(out, msg.size + 20, &msg, soon());
	if (r < 0)
		return r;
	compose((uint8_t *)(uintptr_t)msg.data, n);
	msg.size = size_of(n);
	r = sinew_commit(out, &msg);
	return r < 0 ? r : 1;
}

static int put_three(sinew_channel *out, unsigned n)
{
	uint8_t data[3][MOST];
	struct sinew_msg msgs[3] = {{0}};

	for (unsigned i = 0; i < 3; i++) {
		compose(data[i], n + i);
		msgs[i].data = data[i];
		msgs[i].size = size_of(n + i);
		msgs[i].flags = (n + i) % 5 ? 0 : SINEW_MSG_TAGGED;
	}
	return sinew_send(out, msgs, 3, soon());
}

/* ---- the world of one death ---- */

struct world {
	char uri[200];
	sinew_channel *in, *out, *other;
	unsigned sent; /* to those who share */
	void (*victim)(struct world *);
};

static sinew_channel *open_end(const struct world *w, unsigned flags)
{
	sinew_channel *channel;

	CHECK_OK(sinew_open(&channel, w->uri, flags, soon()));
	return channel;
}

static void name(struct world *w, const struct backing *b, const char *options, unsigned n)
{
	size_t used;

	if (strstr(b->format, "%s"))
		used = (size_t)snprintf(w->uri, sizeof w->uri, b->format, test_tmpdir(), n);
	else
		used = (size_t)snprintf(w->uri, sizeof w->uri, b->format, (int)getpid(), n);
	snprintf(w->uri + used, sizeof w->uri - used, "?%s%s", options, b->served);
	blank_ledger();
}

struct death {
	struct world *world;
	unsigned at;
};

static void live_and_die(void *arg)
{
	const struct death *death = arg;

	be_mortal(death->at);
	death->world->victim(death->world);
	be_mortal(0);
	test_checked();
}

/* Whether it died. */
static bool run_victim(struct world *w, unsigned at)
{
	struct death death = {w, at};
	int status = test_wait(test_fork(live_and_die, &death));

	CHECK(status == 0 || status == -SIGKILL);
	return status != 0;
}

static void leave(struct world *w)
{
	sinew_channel *all[] = {w->in, w->out, w->other};

	for (unsigned i = 0; i < 3; i++)
		sinew_close(all[i]);
	int r = sinew_remove(w->uri);
	if (r != 0 && !strstr(w->uri, "memfd:"))
		FAIL("%s: %s", w->uri, sinew_error_text());
	w->in = w->out = w->other = NULL;
}

/* Everything up to AFTER, which a successor sent: each number one more than the last; how far. */
static unsigned read_on(sinew_channel *in, unsigned last)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	unsigned ends = 0;

	for (;;) {
		if (CHECK_OK(sinew_recv(in, data, sizeof data, &msg, soon())) == SINEW_END) {
			CHECK(++ends <= 2);
			continue;
		}
		unsigned n = read_number(&msg);
		if (n == AFTER)
			return last;
		if (last)
			CHECK_EQ(n, last + 1);
		last = n;
	}
}

/* Round and round: no room was lost with the dead. */
static void check_room(sinew_channel *in, sinew_channel *out)
{
	uint8_t data[MOST];
	struct sinew_msg msg;

	for (unsigned i = 0; i < 60; i++) {
		CHECK_EQ(CHECK_OK(put(out, AFTER + 5 + 8 * i)), 1);
		CHECK_EQ(CHECK_OK(sinew_recv(in, data, sizeof data, &msg, soon())), 1);
		CHECK_EQ(read_number(&msg), AFTER + 5 + 8 * i);
	}
}

/* ---- pair: the writer dies ---- */

static void victim_sends(struct world *w)
{
	sinew_channel *out = open_end(w, SINEW_OUT);

	for (unsigned n = 1; n <= MESSAGES; n++) {
		CHECK_EQ(CHECK_OK(put(out, n)), 1);
		ledger->accepted++;
	}
	CHECK_EQ(CHECK_OK(put_three(out, MESSAGES + 1)), 3);
	ledger->accepted += 3;
	sinew_close(out);
}

TEST_EACH(named, pair_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		name(&w, b, "pattern=pair&size=32K", n);
		w.in = open_end(&w, SINEW_IN | SINEW_LISTEN);
		died = run_victim(&w, n);
		w.out = open_end(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		unsigned last = read_on(w.in, 0);
		CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
		check_room(w.in, w.out);
		leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- pair: the reader dies ---- */

static void victim_receives(struct world *w)
{
	sinew_channel *in = open_end(w, SINEW_IN | SINEW_LISTEN);
	uint8_t data[MOST];
	struct sinew_msg msgs[3];
	unsigned n = 0;

	while (n < MESSAGES) {
		if (n % 4 != 3) {
			CHECK_EQ(CHECK_OK(sinew_recv(in, data, sizeof data, msgs, soon())), 1);
			n = read_number(msgs);
			note(msgs, n);
			ledger->received = n;
			continue;
		}
		int r = CHECK_OK(sinew_take(in, msgs, 3, soon()));
		for (int i = 0; i < r; i++) {
			n = read_number(&msgs[i]);
			note(&msgs[i], n);
			ledger->seen = n;
		}
		sinew_release(in, msgs, (unsigned)r);
		ledger->received = n;
	}
	sinew_close(in);
}

TEST_EACH(named, pair_reader, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_receives};
	bool died = true;
	unsigned n = 1;

	if (*b->served) { /* whoever reads makes it; there is no successor */
		test_checked();
		return;
	}
	for (; died && n < MOST_STEPS; n++) {
		name(&w, b, "pattern=pair&size=32K", n);
		w.out = open_end(&w, SINEW_OUT);
		for (unsigned i = 1; i <= MESSAGES; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		died = run_victim(&w, n);
		w.in = open_end(&w, SINEW_IN | SINEW_LISTEN);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		unsigned done = ledger->received;
		unsigned known = done > ledger->seen ? done : ledger->seen;
		uint8_t data[MOST];
		struct sinew_msg msg;
		CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
		unsigned next = read_number(&msg);
		if (next == AFTER) {
			CHECK(known + 1 >= MESSAGES);
		} else {
			CHECK(next > done && next <= known + 2);
			CHECK_EQ(read_on(w.in, next), MESSAGES);
		}
		check_room(w.in, w.out);
		leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- somebody waits ---- */

static void victim_sends_to_a_sleeper(struct world *w)
{
	sinew_channel *out = open_end(w, SINEW_OUT);

	for (unsigned n = 1; n <= 2; n++) {
		test_blocked(getppid(), -1);
		CHECK_EQ(CHECK_OK(put(out, n)), 1);
		ledger->accepted++;
	}
	test_blocked(getppid(), -1);
	sinew_close(out);
}

/* Asleep in a receive all the while: everything accepted arrives, then the end. */
TEST_EACH(named, sleeping_reader, struct backing, b, .timeout = 200)
{
	struct world w = {.victim = victim_sends_to_a_sleeper};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		struct death death = {&w, n};
		uint8_t data[MOST];
		struct sinew_msg msg;
		unsigned last = 0;
		int status = 1, r = 1;

		name(&w, b, "pattern=pair&size=32K&wait=power", n);
		w.in = open_end(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = test_fork(live_and_die, &death);
		while (r != SINEW_END) {
			int64_t begun = test_now();
			r = sinew_recv(
				w.in, data, sizeof data, &msg, test_limit(last ? 10000 : 400));
			CHECK(test_now() - begun < INT64_C(5000000000));
			if (r == 1)
				CHECK_EQ(read_number(&msg), ++last);
			else if (r < 0)
				CHECK_ERR(r, -ETIMEDOUT);
			/* One that died before it had come left nothing to wait for. */
			if (r == -ETIMEDOUT && last == 0 && status == 1 &&
				waitpid(pid, &status, WNOHANG) == pid)
				break;
		}
		if (status == 1)
			CHECK_EQ(waitpid(pid, &status, 0), pid);
		died = WIFSIGNALED(status);
		CHECK(died || WEXITSTATUS(status) == 0);
		CHECK(last >= ledger->accepted && last <= ledger->accepted + 1);
		leave(&w);
	}
	CHECK(!died && n > 20);
}

static void victim_fills(struct world *w)
{
	sinew_channel *out = open_end(w, SINEW_OUT);

	for (unsigned n = 1; n <= 6; n++) {
		CHECK_EQ(CHECK_OK(put(out, 5)), 1);
		ledger->accepted++;
	}
	sinew_close(out);
}

/* A writer that waits for room; who reads makes it, and wakes it. */
TEST_EACH(named, waiting_writer, struct backing, b, .timeout = 200)
{
	struct world w = {.victim = victim_fills};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		struct death death = {&w, n};
		uint8_t data[MOST];
		struct sinew_msg msg;
		unsigned got = 0;
		int status = 1;

		name(&w, b, "pattern=pair&size=8K&wait=power", n);
		w.in = open_end(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = test_fork(live_and_die, &death);
		for (;;) {
			int r = sinew_recv(w.in, data, sizeof data, &msg, test_limit(300));
			if (r == 1)
				got++;
			else if (r == SINEW_END ||
				 (got == 0 && waitpid(pid, &status, WNOHANG) == pid))
				break;
		}
		if (status == 1)
			CHECK_EQ(waitpid(pid, &status, 0), pid);
		died = WIFSIGNALED(status);
		CHECK(got >= ledger->accepted && got <= ledger->accepted + 1);
		leave(&w);
	}
	CHECK(!died && n > 30);
}

/* ---- queue: a writer dies ---- */

/* All that is there now, of two writers, each in order. */
static void read_all(sinew_channel *in, unsigned *mine, unsigned *theirs)
{
	uint8_t data[MOST];
	struct sinew_msg msg;

	while (sinew_recv(in, data, sizeof data, &msg, SINEW_NOW) == 1) {
		unsigned n = read_number(&msg);
		unsigned *last = n > 2 * AFTER ? mine : theirs;
		CHECK_EQ(n, *last + 1);
		*last = n;
	}
}

TEST_EACH(named, queue_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		unsigned mine = 2 * AFTER, theirs = 0;
		name(&w, b, "pattern=queue&lanes=2&size=32K", n);
		w.in = open_end(&w, SINEW_IN | SINEW_LISTEN);
		w.other = open_end(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.other, mine + 1)), 1);
		died = run_victim(&w, n);
		CHECK_EQ(CHECK_OK(put(w.other, mine + 2)), 1);
		read_all(w.in, &mine, &theirs);
		CHECK_EQ(mine, 2 * AFTER + 2);
		CHECK(theirs >= ledger->accepted && theirs <= ledger->accepted + 3);
		w.out = open_end(&w, SINEW_OUT); /* its lane is free again */
		check_room(w.in, w.out);
		leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- queue: readers die, and their heirs ---- */

static void victim_shares(struct world *w)
{
	sinew_channel *in = open_end(w, SINEW_IN);
	uint8_t data[MOST];
	struct sinew_msg msgs[3];

	for (unsigned round = 0; round < 5; round++) {
		int r = round % 2 == 0 ? sinew_recv(in, data, sizeof data, msgs, SINEW_NOW)
				       : sinew_take(in, msgs, 3, SINEW_NOW);
		for (int i = 0; i < r; i++)
			note(&msgs[i], read_number(&msgs[i]));
		if (r > 0 && round % 2)
			sinew_release(in, msgs, (unsigned)r);
	}
	sinew_close(in);
}

/* What a message may have met: once delivered as new; again only when marked; lost only with a death. */
static void check_shares(struct world *w, unsigned deaths, bool drop)
{
	const uint64_t forgotten = sinew__ring_of(w->in)->shared[0].forgotten;
	unsigned missing = 0;

	for (unsigned n = 1; n <= w->sent; n++) {
		CHECK(ledger->first[n] <= 1);
		CHECK(!drop || ledger->again[n] == 0);
		missing += ledger->first[n] + ledger->again[n] == 0;
	}
	/* One that was copied when its reader died before it could say so; and what was dropped. */
	CHECK(missing <= deaths + forgotten);
	CHECK(drop || forgotten == 0);
	CHECK(ledger->lost <= forgotten);
	if (deaths < 2) /* an heir that dies may take the news along */
		CHECK_EQ(ledger->lost, forgotten);
}

static void read_rest(struct world *w)
{
	uint8_t data[MOST];
	bool had[AFTER] = {false};
	struct sinew_msg msg;

	w->in = open_end(w, SINEW_IN | SINEW_LISTEN);
	while (sinew_recv(w->in, data, sizeof data, &msg, SINEW_NOW) == 1) {
		unsigned n = read_number(&msg);
		CHECK(!had[n]); /* one who lives has each once, marked or not */
		had[n] = true;
		note(&msg, n);
	}
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(w->in, data, sizeof data, &msg, soon())), 1);
	CHECK_EQ(read_number(&msg), AFTER);
	ledger->lost += (unsigned)msg.lost;
}

static void begin_shares(struct world *w, const struct backing *b, const char *options, unsigned n)
{
	name(w, b, options, n);
	w->out = open_end(w, SINEW_OUT);
	for (w->sent = 0; w->sent < MESSAGES; w->sent++)
		CHECK_EQ(CHECK_OK(put(w->out, w->sent + 1)), 1);
}

/* All the room that there is: nothing that was in dead hands may be written over. */
static void fill_up(struct world *w)
{
	uint8_t data[MOST];
	struct sinew_msg msg = {.data = data};

	do {
		unsigned n = ++w->sent;
		compose(data, n);
		msg.size = size_of(n);
		msg.flags = n % 5 ? 0 : SINEW_MSG_TAGGED;
	} while (w->sent < AFTER - 1 && sinew_send(w->out, &msg, 1, SINEW_NOW) == 1);
	w->sent--;
}

static void sweep_reader(const struct backing *b, const char *options)
{
	struct world w = {.victim = victim_shares};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		begin_shares(&w, b, options, n);
		died = run_victim(&w, n);
		fill_up(&w);
		read_rest(&w);
		check_shares(&w, died, strstr(options, "drop"));
		check_room(w.in, w.out);
		leave(&w);
	}
	CHECK(!died && n > 60);
}

static const struct backing *file_or_shm(const struct backing *b)
{
	return *b->served ? NULL : b;
}

TEST_EACH(named, queue_reader_redelivers, struct backing, b, .timeout = 120)
{
	if (file_or_shm(b))
		sweep_reader(b, "pattern=queue&lanes=1&size=32K");
	test_checked();
}

TEST_EACH(named, queue_reader_drops, struct backing, b, .timeout = 120)
{
	if (file_or_shm(b))
		sweep_reader(b, "pattern=queue&lanes=1&size=32K&deaths=drop");
	test_checked();
}

/* The first dies at every store of a small reading, its heir at every store of its own; a third one must
 * find all that two deaths left. */
static void victim_takes(struct world *w)
{
	sinew_channel *in = open_end(w, SINEW_IN);
	struct sinew_msg msgs[3];
	uint8_t data[MOST];

	int r = sinew_take(in, msgs, 3, SINEW_NOW);
	for (int i = 0; i < r; i++)
		note(&msgs[i], read_number(&msgs[i]));
	if (r > 0)
		sinew_release(in, msgs, (unsigned)r);
	r = sinew_recv(in, data, sizeof data, msgs, SINEW_NOW);
	if (r == 1)
		note(msgs, read_number(msgs));
	sinew_close(in);
}

static void sweep_heirs(const char *options)
{
	/* Each death of the first meets some of its heir, other ones the next, and in another process. */
	const unsigned stride = 13, offset = (unsigned)getpid() % stride;
	const struct backing *b = &backings[0];
	struct world w = {.victim = victim_takes};
	bool first_died = true;
	unsigned runs = 0;

	printf("offset %u\n", offset);
	for (unsigned i = 1; first_died; i++) {
		bool heir_died = true;
		for (unsigned j = 1 + (i + offset) % stride; heir_died; j += stride) {
			begin_shares(&w, b, options, ++runs);
			first_died = run_victim(&w, i);
			fill_up(&w);
			heir_died = run_victim(&w, j);
			read_rest(&w);
			check_shares(&w, first_died + heir_died, strstr(options, "drop"));
			check_room(w.in, w.out);
			leave(&w);
		}
	}
	CHECK(runs > 100);
}

TEST(heirs_redeliver, .timeout = 300)
{
	sweep_heirs("pattern=queue&lanes=1&size=32K");
}

TEST(heirs_drop, .timeout = 300)
{
	sweep_heirs("pattern=queue&lanes=1&size=32K&deaths=drop");
}

/* ---- an heir, and a reader that goes from lane to lane ---- */

static void victim_holds(struct world *w)
{
	sinew_channel *in = open_end(w, SINEW_IN);
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(read_number(&msg), 1);
	kill(getpid(), SIGKILL);
}

/* Has held the second message of the one lane, and now holds the first of the other, at a position that is
 * the same as that which the dead one holds of the one lane. */
static void go_to_other_lane(void *arg)
{
	sinew_channel *other = arg;
	struct sinew_msg msg = {0};

	sinew_release(other, &msg, 1);
	CHECK_EQ(CHECK_OK(sinew_take(other, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(read_number(&msg), 3);
}

static void meet_a_mover(const char *options, bool drop)
{
	struct world w = {.victim = victim_holds};
	uint8_t data[MOST];
	struct sinew_msg msg;

	name(&w, &backings[0], options, 1);
	w.out = open_end(&w, SINEW_OUT);
	sinew_channel *second = open_end(&w, SINEW_OUT);
	w.other = open_end(&w, SINEW_IN);
	for (unsigned n = 1; n <= 3; n++)
		CHECK_EQ(CHECK_OK(put(n < 3 ? w.out : second, n)), 1);
	CHECK(run_victim(&w, 0));
	CHECK_EQ(CHECK_OK(sinew_take(w.other, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(read_number(&msg), 2);

	struct sinew__ring *ring = sinew__ring_of(w.other);
	moment.in_page = (uintptr_t)&ring->members[ring->slot].hold % 4096;
	moment.base = (uintptr_t)ring->base;
	moment.size = ring->base_size;
	moment.arg = w.other;
	moment.then = go_to_other_lane;
	w.in = open_end(&w, SINEW_IN); /* the heir */
	CHECK(!moment.then);

	CHECK_EQ(CHECK_OK(put(w.out, 4)), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
	CHECK_EQ(read_number(&msg), drop ? 4 : 1);
	CHECK_EQ(msg.flags & SINEW_MSG_REDELIVERED, drop ? 0 : SINEW_MSG_REDELIVERED);
	CHECK_EQ(msg.lost, drop);
	sinew_close(second);
	leave(&w);
}

TEST(heir_and_mover_redeliver)
{
	meet_a_mover("pattern=queue&lanes=2&size=32K", false);
}

TEST(heir_and_mover_drop)
{
	meet_a_mover("pattern=queue&lanes=2&size=32K&deaths=drop", true);
}
