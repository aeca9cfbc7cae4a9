/* SPDX-License-Identifier: MIT
 *
 * ring_topic_kill.c - SIGKILL at every store to the memory of a ring that every reader reads: what was accepted is
 * had, or known to be lost; a value that was there stays; nobody waits for the dead.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_world.h"
#include "runner.h"

TEST_SUITE(named, backings);

/* Everything up to AFTER: each number as many more than the last as were lost in between; how many there
 * were before AFTER, lost ones included. */
static unsigned read_with_gaps(sinew_channel *in)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	unsigned last = 0;

	for (;;) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, data, sizeof data, &msg, soon())), 1);
		const unsigned n = read_number(&msg);
		if (n == AFTER)
			return last + (unsigned)msg.lost;
		CHECK_EQ(n, last + 1 + msg.lost);
		last = n;
	}
}

/* The lane is smaller than what is sent, so the edge moves and marks are given up on the way. */
static const char small[] = "pattern=topic&size=8K";

TEST_EACH(named, topic_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool died = true;
	unsigned n = 1, all_lost = 0;

	for (; died && n < MOST_STEPS; n++) {
		struct sinew_stats stats;
		world_name(&w, b, small, n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		died = world_run(&w, n);
		w.out = world_open(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		const unsigned sent = read_with_gaps(w.in);
		CHECK(sent >= ledger->accepted && sent <= ledger->accepted + 3);
		CHECK_OK(sinew_stats(w.in, &stats));
		all_lost += (unsigned)stats.lost;
		check_room(w.in, w.out);
		world_leave(&w);
	}
	CHECK(!died && n > 60);
	CHECK(all_lost > 0);
}

/* Reads until the victim has ended, asleep in between: how many there were. */
static unsigned read_while_it_lives(sinew_channel *in, pid_t pid, bool *died)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	bool ended = false;
	unsigned count = 0;
	int status, r;

	do {
		ended = ended || waitpid(pid, &status, WNOHANG) == pid;
		r = sinew_recv(
			in, data, sizeof data, &msg, ended ? SINEW_NOW : test_now() + 10000000);
		count += r == 1;
		if (r == 1)
			CHECK_EQ(msg.lost, 0);
		else
			CHECK(r == -ETIMEDOUT || r == -EAGAIN);
	} while (r == 1 || !ended);
	*died = WIFSIGNALED(status);
	CHECK(*died || WEXITSTATUS(status) == 0);
	return count;
}

/* A reader is there, keeps up, and may sleep. */
static void victim_sends_to_a_sleeper(struct world *w)
{
	sinew_channel *out = world_open(w, SINEW_OUT);

	for (unsigned n = 1; n <= 2; n++) {
		test_blocked(getppid(), -1);
		CHECK_EQ(CHECK_OK(put(out, n)), 1);
		ledger->accepted++;
	}
	sinew_close(out);
}

TEST_EACH(named, sleeping_reader, struct backing, b, .timeout = 200)
{
	struct world w = {.victim = victim_sends_to_a_sleeper};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=topic&size=8K&wait=power", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = world_start(&w, n, SIGKILL);
		const unsigned count = read_while_it_lives(w.in, pid, &died);
		CHECK(count >= ledger->accepted && count <= ledger->accepted + 1);
		world_leave(&w);
	}
	CHECK(!died && n > 20);
}

TEST_EACH(named, latest_writer, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_sends};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		uint8_t data[MOST];
		struct sinew_msg msg = {0};
		world_name(&w, b, "pattern=latest&size=8K", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		died = world_run(&w, n);
		int r = sinew_recv(w.in, data, sizeof data, &msg, SINEW_NOW);
		const unsigned found = r == 1 ? read_number(&msg) : 0;
		CHECK(found >= ledger->accepted && found <= ledger->accepted + 3);
		w.out = world_open(&w, SINEW_OUT);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		CHECK_EQ(CHECK_OK(sinew_recv(w.in, data, sizeof data, &msg, soon())), 1);
		CHECK_EQ(read_number(&msg), AFTER);
		check_room(w.in, w.out);
		world_leave(&w);
	}
	CHECK(!died && n > 60);
}

/* It was waited for; who comes next has all that it had, and the writer goes on. */
TEST_EACH(named, waited_for_reader, struct backing, b, .timeout = 120)
{
	struct world w = {.victim = victim_receives};
	bool died = true;
	unsigned n = 1;

	if (*b->served) { /* the reader makes it */
		test_checked();
		return;
	}
	for (; died && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=topic&size=16K&full=block&from=oldest", n);
		w.out = world_open(&w, SINEW_OUT);
		for (unsigned i = 1; i <= MESSAGES; i++)
			CHECK_EQ(CHECK_OK(put(w.out, i)), 1);
		died = world_run(&w, n);
		CHECK_EQ(ledger->lost, 0);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		CHECK_EQ(CHECK_OK(put(w.out, AFTER)), 1);
		CHECK_EQ(read_with_gaps(w.in), MESSAGES);
		check_room(w.in, w.out);
		world_leave(&w);
	}
	CHECK(!died && n > 60);
}

/* A writer that waits for a reader, which reads and wakes it, or finds it dead. */
TEST_EACH(named, waiting_writer, struct backing, b, .timeout = 200)
{
	struct world w = {.victim = victim_fills};
	bool died = true;
	unsigned n = 1;

	for (; died && n < MOST_STEPS; n++) {
		world_name(&w, b, "pattern=topic&full=block&size=8K&wait=power", n);
		w.in = world_open(&w, SINEW_IN | SINEW_LISTEN);
		pid_t pid = world_start(&w, n, SIGKILL);
		const unsigned count = read_while_it_lives(w.in, pid, &died);
		CHECK(count >= ledger->accepted && count <= ledger->accepted + 1);
		world_leave(&w);
	}
	CHECK(!died && n > 30);
}
