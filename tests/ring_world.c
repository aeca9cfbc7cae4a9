/* SPDX-License-Identifier: MIT
 *
 * ring_world.c - what the tests of rings under SIGKILL and SIGSTOP share.
 */
#include "ring_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/ring.h"
#include "runner.h"

const struct backing backings[3] = {
	{"shm", "ring:shm:/sinew-kill-%d-%u", ""},
	{"file", "ring:file:%s/%u", ""},
	{"memfd", "ring:memfd:%s/%u", "&serve=thread"},
};

/* ---- what happens to the victim ---- */

static unsigned step, last_step; /* of this process; 0: nothing happens */
static int what;

void sinew__ring_step(void)
{
	if (last_step && ++step == last_step)
		kill(getpid(), what);
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

void world_when_seen(sinew_channel *channel, void (*then)(void *), void *arg)
{
	struct sinew__ring *ring = sinew__ring_of(channel);

	moment.in_page = (uintptr_t)&ring->members[ring->slot].hold % 4096;
	moment.base = (uintptr_t)ring->base;
	moment.size = ring->base_size;
	moment.arg = arg;
	moment.then = then;
}

bool world_was_seen(void)
{
	return !moment.then;
}

static void be_struck(unsigned at, int signal)
{
	step = 0;
	last_step = at;
	what = signal;
}

/* ---- the ledger ---- */

struct ledger *ledger;

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

void note(const struct sinew_msg *msg, unsigned n)
{
	if (n < AFTER)
		(msg->flags & SINEW_MSG_REDELIVERED ? ledger->again : ledger->first)[n]++;
	ledger->lost += (unsigned)msg->lost;
}

/* ---- messages that say which they are ---- */

size_t size_of(unsigned n)
{
	static const size_t sizes[] = {8, 56, 64, 57, 200, 3000, 48, 16};

	return sizes[n % (sizeof sizes / sizeof *sizes)];
}

void compose(uint8_t *data, unsigned n)
{
	for (size_t i = 0; i < size_of(n); i++)
		data[i] = (uint8_t)(n * 31 + i);
	memcpy(data, &n, sizeof n);
}

unsigned read_number(const struct sinew_msg *msg)
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

int64_t soon(void)
{
	return test_limit(10000);
}

/* By send, by loan, with a tag: as its number says. */
int put(sinew_channel *out, unsigned n)
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

int put_three(sinew_channel *out, unsigned n)
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

sinew_channel *world_open(const struct world *w, unsigned flags)
{
	sinew_channel *channel;

	CHECK_OK(sinew_open(&channel, w->uri, flags, soon()));
	return channel;
}

void world_name(struct world *w, const struct backing *b, const char *options, unsigned n)
{
	size_t used;

	if (strstr(b->format, "%s"))
		used = (size_t)snprintf(w->uri, sizeof w->uri, b->format, test_tmpdir(), n);
	else
		used = (size_t)snprintf(w->uri, sizeof w->uri, b->format, (int)getpid(), n);
	snprintf(w->uri + used, sizeof w->uri - used, "?%s%s", options, b->served);
	blank_ledger();
}

struct fate {
	struct world *world;
	unsigned at;
	int signal;
};

static void live(void *arg)
{
	const struct fate *fate = arg;

	be_struck(fate->at, fate->signal);
	fate->world->victim(fate->world);
	be_struck(0, 0);
	test_checked();
}

pid_t world_start(struct world *w, unsigned at, int signal)
{
	struct fate fate = {w, at, signal};

	return test_fork(live, &fate);
}

bool world_run(struct world *w, unsigned at)
{
	int status = test_wait(world_start(w, at, SIGKILL));

	CHECK(status == 0 || status == -SIGKILL);
	return status != 0;
}

void world_leave(struct world *w)
{
	sinew_channel *all[] = {w->in, w->out, w->other};

	for (unsigned i = 0; i < 3; i++)
		sinew_close(all[i]);
	int r = sinew_remove(w->uri);
	if (r != 0 && !strstr(w->uri, "memfd:"))
		FAIL("%s: %s", w->uri, sinew_error_text());
	w->in = w->out = w->other = NULL;
}

unsigned read_on(sinew_channel *in, unsigned last)
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

void check_room(sinew_channel *in, sinew_channel *out)
{
	uint8_t data[MOST];
	struct sinew_msg msg;

	for (unsigned i = 0; i < 60; i++) {
		CHECK_EQ(CHECK_OK(put(out, AFTER + 5 + 8 * i)), 1);
		CHECK_EQ(CHECK_OK(sinew_recv(in, data, sizeof data, &msg, soon())), 1);
		CHECK_EQ(read_number(&msg), AFTER + 5 + 8 * i);
	}
}

/* ---- victims ---- */

void victim_sends(struct world *w)
{
	sinew_channel *out = world_open(w, SINEW_OUT);

	for (unsigned n = 1; n <= MESSAGES; n++) {
		CHECK_EQ(CHECK_OK(put(out, n)), 1);
		ledger->accepted++;
	}
	CHECK_EQ(CHECK_OK(put_three(out, MESSAGES + 1)), 3);
	ledger->accepted += 3;
	sinew_close(out);
}

void victim_receives(struct world *w)
{
	sinew_channel *in = world_open(w, SINEW_IN | SINEW_LISTEN);
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

void victim_shares(struct world *w)
{
	sinew_channel *in = world_open(w, SINEW_IN);
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

void victim_fills(struct world *w)
{
	sinew_channel *out = world_open(w, SINEW_OUT);

	for (unsigned n = 1; n <= 6; n++) {
		CHECK_EQ(CHECK_OK(put(out, 5)), 1);
		ledger->accepted++;
	}
	sinew_close(out);
}
