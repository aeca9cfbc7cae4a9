/* SPDX-License-Identifier: MIT
 *
 * ring_kill.c - SIGKILL at every store to a ring's memory, in every operation.
 *
 * A victim kills itself at the Nth store, for each N until it comes through; those who live on must find
 * what is promised: what was accepted arrives, in order, once; a successor joins and goes on; nothing is
 * left behind.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_world.h"
#include "runner.h"

TEST_SUITE(named, backings);

/* ---- pair: the writer dies ---- */

TEST_EACH(named, pair_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=pair&size=32K", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		died = world_run(&w, n);
		w.out = world_open(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		unsigned last = read_on(w.in, 0);
		CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
		check_room(w.in, w.out);
		world_leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- pair: the reader dies ---- */

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
		world_name(&w, b, "pattern=pair&size=32K", n);
		w.out = world_open(&w, SINEW_OUT);
		for (unsigned i = 1; i <= MESSAGES; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		died = world_run(&w, n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
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
		world_leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- somebody waits ---- */

static void victim_sends_to_a_sleeper(struct world *w)
{
	sinew_channel *out = world_open(w, SINEW_OUT);

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
		uint8_t data[MOST];
		struct sinew_msg msg;
		unsigned last = 0;
		int status = 1, r = 1;

		world_name(&w, b, "pattern=pair&size=32K&wait=power", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = world_start(&w, n, SIGKILL);
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
		world_leave(&w);
	}
	CHECK(!died && n > 20);
}

/* A writer that waits for room; who reads makes it, and wakes it. */
TEST_EACH(named, waiting_writer, struct backing, b, .timeout = 200)
{
	struct world w = {.victim = victim_fills};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		uint8_t data[MOST];
		struct sinew_msg msg;
		unsigned got = 0;
		int status = 1;

		world_name(&w, b, "pattern=pair&size=8K&wait=power", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = world_start(&w, n, SIGKILL);
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
		world_leave(&w);
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
		world_name(&w, b, "pattern=queue&lanes=2&size=32K", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		w.other = world_open(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.other, mine + 1)), 1);
		died = world_run(&w, n);
		CHECK_EQ(CHECK_OK(put(w.other, mine + 2)), 1);
		read_all(w.in, &mine, &theirs);
		CHECK_EQ(mine, 2 * AFTER + 2);
		CHECK(theirs >= ledger->accepted && theirs <= ledger->accepted + 3);
		w.out = world_open(&w, SINEW_OUT); /* its lane is free again */
		check_room(w.in, w.out);
		world_leave(&w);
	}
	CHECK(!died && n > 60);
}

/* ---- queue: readers die, and their heirs ---- */

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

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
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
	world_name(w, b, options, n);
	w->out = world_open(w, SINEW_OUT);
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
		died = world_run(&w, n);
		fill_up(&w);
		read_rest(&w);
		check_shares(&w, died, strstr(options, "drop"));
		check_room(w.in, w.out);
		world_leave(&w);
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
	sinew_channel *in = world_open(w, SINEW_IN);
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
			first_died = world_run(&w, i);
			fill_up(&w);
			heir_died = world_run(&w, j);
			read_rest(&w);
			check_shares(&w, first_died + heir_died, strstr(options, "drop"));
			check_room(w.in, w.out);
			world_leave(&w);
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
	sinew_channel *in = world_open(w, SINEW_IN);
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

	world_name(&w, &backings[0], options, 1);
	w.out = world_open(&w, SINEW_OUT);
	sinew_channel *second = world_open(&w, SINEW_OUT);
	w.other = world_open(&w, SINEW_IN);
	for (unsigned n = 1; n <= 3; n++)
		CHECK_EQ(CHECK_OK(put(n < 3 ? w.out : second, n)), 1);
	CHECK(world_run(&w, 0));
	CHECK_EQ(CHECK_OK(sinew_take(w.other, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(read_number(&msg), 2);

	world_when_seen(w.other, go_to_other_lane, w.other);
	w.in = world_open(&w, SINEW_IN); /* the heir */
	CHECK(world_was_seen());

	CHECK_EQ(CHECK_OK(put(w.out, 4)), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
	CHECK_EQ(read_number(&msg), drop ? 4 : 1);
	CHECK_EQ(msg.flags & SINEW_MSG_REDELIVERED, drop ? 0 : SINEW_MSG_REDELIVERED);
	CHECK_EQ(msg.lost, drop);
	sinew_close(second);
	world_leave(&w);
}

TEST(heir_and_mover_redeliver)
{
	meet_a_mover("pattern=queue&lanes=2&size=32K", false);
}

TEST(heir_and_mover_drop)
{
	meet_a_mover("pattern=queue&lanes=2&size=32K&deaths=drop", true);
}
