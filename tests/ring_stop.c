/* SPDX-License-Identifier: MIT
 *
 * ring_stop.c - SIGSTOP at every store to a ring's memory: who is stopped is not dead.
 *
 * A victim stops itself at the Nth store, for each N until it comes through. Meanwhile the others go on as
 * promised, never see an end, and never take what is its; when it goes on nothing is missing.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "ring/ring.h"
#include "ring_world.h"
#include "runner.h"

TEST_SUITE(named, backings);

enum { ALL = MESSAGES + 3 }; /* that victim_sends() sends */

/* Starts it; whether it has stopped, rather than come through. */
static bool stop_at(struct world *w, unsigned at, pid_t *pid)
{
	int status;

	*pid = world_start(w, at, SIGSTOP);
	CHECK_EQ(waitpid(*pid, &status, WUNTRACED), *pid);
	if (WIFSTOPPED(status))
		return true;
	CHECK_EQ(status, 0);
	return false;
}

static void go_on(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGCONT));
}

static void expect_success(pid_t pid)
{
	CHECK_EQ(test_wait(pid), 0);
}

/* Reads what is there, and looks after the other side meanwhile: it is not at its end. */
static unsigned read_some(sinew_channel *in, unsigned last)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	int r;

	while ((r = sinew_recv(in, data, sizeof data, &msg, sinew_after(3000000))) == 1)
		CHECK_EQ(read_number(&msg), ++last);
	CHECK_ERR(r, -ETIMEDOUT);
	return last;
}

TEST_EACH(named, pair_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool stopped = true;
	unsigned n = 1;
	pid_t pid;

	for (; stopped && n < MOST_STEPS; n++) {
		uint8_t data[MOST];
		struct sinew_msg msg;
		unsigned last = 0;
		world_name(&w, b, "pattern=pair&size=32K", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		stopped = stop_at(&w, n, &pid);
		if (stopped && ledger->accepted < ALL) {
			last = read_some(w.in, 0);
			CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
		}
		if (stopped && ledger->accepted > 0 && ledger->accepted < ALL)
			CHECK(sinew_open(&w.other, w.uri, SINEW_OUT, sinew_after(2000000)) < 0);
		if (stopped)
			go_on(pid);
		while (CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())) == 1)
			CHECK_EQ(read_number(&msg), ++last);
		CHECK_EQ(last, ALL);
		if (stopped)
			expect_success(pid);
		world_leave(&w);
	}
	CHECK(!stopped && n > 60);
}

TEST_EACH(named, pair_reader, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_receives};
	bool stopped = true;
	unsigned n = 1;
	pid_t pid;

	if (*b->served) { /* whoever reads makes it */
		test_checked();
		return;
	}
	for (; stopped && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=pair&size=32K", n);
		w.out = world_open(&w, SINEW_OUT);
		for (unsigned i = 1; i <= MESSAGES; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		stopped = stop_at(&w, n, &pid);
		if (stopped && ledger->received < MESSAGES)
			CHECK_EQ(CHECK_OK(put(w.out, MESSAGES + 1)), 1);
		if (stopped && ledger->received > 0 && ledger->received < MESSAGES)
			CHECK(sinew_open(&w.other, w.uri, SINEW_IN, sinew_after(2000000)) < 0);
		if (stopped) {
			go_on(pid);
			expect_success(pid);
		}
		CHECK(ledger->received >= MESSAGES);
		for (unsigned i = 1; i <= MESSAGES; i++)
			CHECK_EQ(ledger->first[i] + ledger->again[i], 1);
		world_leave(&w);
	}
	CHECK(!stopped && n > 60);
}

/* Opens what is not there yet, and hears of who came meanwhile. */
static void victim_makes(struct world *w)
{
	uint8_t data[MOST];
	struct sinew_msg msg;

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	if (ledger->seen)
		CHECK_EQ(sinew_recv(w->in, data, sizeof data, &msg, soon()), SINEW_END);
	sinew_close(w->in);
}

/* One that comes to what a stopped one is making, and leaves, was there. */
TEST_EACH(named, pair_maker, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_makes};
	unsigned n = 1, visits = 0;
	pid_t pid;

	for (;; n++) {
		char uri[sizeof w.uri + 10];
		world_name(&w, b, "pattern=pair&size=32K", n);
		snprintf(uri, sizeof uri, "%s&create=no", w.uri);
		if (!stop_at(&w, n, &pid))
			break;
		if (sinew_open(&w.out, uri, SINEW_OUT, sinew_after(2000000)) == 0) {
			sinew_close(w.out);
			ledger->seen = 1;
			visits++;
		}
		go_on(pid);
		expect_success(pid);
		sinew_remove(w.uri);
	}
	sinew_remove(w.uri);
	CHECK(n > 10);
	CHECK(visits > 0 || *b->served);
}

/* Of a queue's two writers one is stopped: the other's messages arrive. */
TEST_EACH(named, queue_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool stopped = true;
	unsigned n = 1;
	pid_t pid;

	for (; stopped && n < MOST_STEPS; n++) {
		unsigned mine = 2 * AFTER, theirs = 0;
		uint8_t data[MOST];
		struct sinew_msg msg;
		world_name(&w, b, "pattern=queue&lanes=2&size=32K", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		w.other = world_open(&w, SINEW_OUT);
		stopped = stop_at(&w, n, &pid);
		for (unsigned i = 0; stopped && i < 3; i++)
			CHECK_EQ(CHECK_OK(put(w.other, 2 * AFTER + 1 + i)), 1);
		while (stopped && mine < 2 * AFTER + 3) {
			CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
			unsigned got = read_number(&msg);
			unsigned *last = got > 2 * AFTER ? &mine : &theirs;
			CHECK_EQ(got, ++*last);
		}
		if (stopped)
			go_on(pid);
		while (theirs < ALL) {
			CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
			CHECK_EQ(read_number(&msg), ++theirs);
		}
		if (stopped)
			expect_success(pid);
		world_leave(&w);
	}
	CHECK(!stopped && n > 60);
}

static void take_one(struct world *w, int64_t until)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	int r = sinew_recv(w->in, data, sizeof data, &msg, until);

	if (r == 1)
		note(&msg, read_number(&msg));
	else
		CHECK(r == -ETIMEDOUT || r == -EAGAIN);
}

static unsigned noted(unsigned count)
{
	unsigned all = 0;

	for (unsigned i = 1; i <= count; i++)
		all += ledger->first[i];
	return all;
}

/* Of a queue's two readers one is stopped. It may keep one of two lanes from the other reader, never
 * both; and each message comes to one of them, once, unmarked. */
static void stop_a_reader(const struct backing *b, const char *options)
{
	struct world w = {.victim = victim_shares};
	bool stopped = true;
	unsigned n = 1;
	pid_t pid;

	for (; stopped && n < MOST_STEPS; n++) {
		world_name(&w, b, options, n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		w.out = world_open(&w, SINEW_OUT);
		w.other = world_open(&w, SINEW_OUT);
		for (unsigned i = 1; i <= 6; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		stopped = stop_at(&w, n, &pid);
		if (stopped) {
			unsigned before = noted(8);
			CHECK_EQ(CHECK_OK(put(w.out, 7)), 1);
			CHECK_EQ(CHECK_OK(put(w.other, 8)), 1);
			for (unsigned i = 0; i < 8; i++)
				take_one(&w, sinew_after(2000000));
			CHECK(noted(8) > before);
			go_on(pid);
			expect_success(pid);
		}
		while (noted(stopped ? 8 : 6) < (stopped ? 8U : 6U))
			take_one(&w, soon());
		for (unsigned i = 1; i <= 8; i++)
			CHECK(ledger->first[i] <= 1 && ledger->again[i] == 0);
		CHECK_EQ(ledger->lost, 0);
		world_leave(&w);
	}
	CHECK(!stopped && n > 30);
}

TEST_EACH(named, queue_reader_redelivers, struct backing, b, .timeout = 120)
{
	stop_a_reader(b, "pattern=queue&lanes=2&size=32K");
}

TEST_EACH(named, queue_reader_drops, struct backing, b, .timeout = 120)
{
	stop_a_reader(b, "pattern=queue&lanes=2&size=32K&deaths=drop");
}

/* ---- topic: each reader reads everything ---- */

/* Reads what is there of two writers: the victim's numbers, and those above AFTER. With what was lost. */
static void read_both(sinew_channel *in, unsigned *victims, unsigned *others)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	int r;

	while ((r = sinew_recv(in, data, sizeof data, &msg, sinew_after(3000000))) == 1) {
		const unsigned n = read_number(&msg);
		unsigned *last = n > AFTER ? others : victims;
		CHECK_EQ(n, *last + 1 + msg.lost);
		*last = n;
	}
	CHECK_ERR(r, -ETIMEDOUT);
}

/* Its lane stands still; others have their own. */
TEST_EACH(named, topic_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool stopped = true;
	unsigned n = 1;
	pid_t pid;

	for (; stopped && n < MOST_STEPS; n++) {
		unsigned victims = 0, others = AFTER;
		world_name(&w, b, "pattern=topic&size=16K&lanes=2", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		stopped = stop_at(&w, n, &pid);
		w.other = world_open(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.other, AFTER + 1)), 1);
		read_both(w.in, &victims, &others);
		CHECK_EQ(others, AFTER + 1);
		CHECK(victims >= ledger->accepted && victims <= ledger->accepted + 3);
		if (stopped) {
			go_on(pid);
			expect_success(pid);
		}
		read_both(w.in, &victims, &others);
		CHECK_EQ(victims, ALL);
		world_leave(&w);
	}
	CHECK(!stopped && n > 60);
}

enum { READY = 20, LAST = 220 };

/* Reads up to LAST, copied and borrowed in turn; what it borrowed is believed when it is given back. */
static void victim_follows(struct world *w)
{
	sinew_channel *in = world_open(w, SINEW_IN);
	uint8_t data[MOST];
	struct sinew_msg msg;
	uint64_t lost = 0;

	for (unsigned last = 0, i = 0; last < LAST; i++) {
		int r = i % 2 ? sinew_recv(in, data, sizeof data, &msg, soon())
			      : sinew_take(in, &msg, 1, soon());
		CHECK_EQ(CHECK_OK(r), 1);
		lost += msg.lost;
		if (i % 2 == 0) {
			memcpy(data, msg.data, msg.size);
			sinew_release(in, &msg, 1);
			msg.data = data;
		}
		if (msg.flags & SINEW_MSG_OVERWRITTEN)
			continue;
		const unsigned number = read_number(&msg);
		if (last) /* where it begins depends on when it came */
			CHECK_EQ(number, last + 1 + lost);
		last = number;
		lost = 0;
		ledger->received = last;
	}
	sinew_close(in);
}

/* Whether it stopped before it had read what was ready. */
static bool has_stopped(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, WUNTRACED | WNOHANG) != pid && ledger->received < READY)
		sched_yield();
	return WIFSTOPPED(status);
}

/* To its end, also if it stops only now. */
static void see_through(pid_t pid)
{
	int status;

	do {
		go_on(pid);
		CHECK_EQ(CHECK_SYS(waitpid(pid, &status, WUNTRACED)), pid);
	} while (WIFSTOPPED(status));
	CHECK_EQ(status, 0);
}

/* The writer does not notice; the reader is told what it lost. */
TEST_EACH(named, topic_reader, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_follows};
	bool stopped = true;
	unsigned n = 1;

	if (*b->served) { /* whoever makes it has to be in its calls */
		test_checked();
		return;
	}
	for (; stopped && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=topic&size=8K&from=oldest", n);
		w.out = world_open(&w, SINEW_OUT);
		for (unsigned i = 1; i <= READY; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		pid_t pid = world_start(&w, n, SIGSTOP);
		stopped = has_stopped(pid);
		for (unsigned i = READY + 1; i <= LAST; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		see_through(pid);
		world_leave(&w);
	}
	CHECK(!stopped && n > 60);
}
