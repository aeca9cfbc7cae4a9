/* SPDX-License-Identifier: MIT
 *
 * ring_latest.c - more of rings for many readers: what is borrowed, who is woken, the newest value
 * (pattern=latest).
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys.h"
#include "topic_ends.h"

/* ---- borrowed ---- */

TEST(what_is_overwritten_while_borrowed_is_marked)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msgs[8], msg;

	send_all(out, 0, 8, 100);
	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 8, soon())), 8);
	for (uint32_t i = 0; i < 8; i++)
		CHECK_EQ(number_of(&msgs[i]), i);
	sinew_release(in, msgs, 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK(!(msgs[i].flags & SINEW_MSG_OVERWRITTEN));
	send_all(out, 8, 16, 100);
	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 8, soon())), 8);
	send_all(out, 16, 100, 100);
	sinew_release(in, msgs, 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK(msgs[i].flags & SINEW_MSG_OVERWRITTEN);
	const uint32_t next = receive(in, &msg, soon());
	CHECK_EQ(msg.lost, 8 + next - 16);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(what_is_borrowed_of_one_who_waits_stays)
{
	sinew_channel *out = open_end("pattern=topic&size=4K&full=block", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msgs[3];
	const unsigned n = fill(out);

	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 3, soon())), 3);
	CHECK_ERR(send_number(out, n, 100, SINEW_NOW), -EAGAIN);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(number_of(&msgs[i]), i);
	sinew_release(in, msgs, 3);
	CHECK(!(msgs[0].flags & SINEW_MSG_OVERWRITTEN));
	expect(in, 3, n);
	send_all(out, n, n + 1, 100);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(written_in_place_read_in_place)
{
	sinew_channel *out = open_end("pattern=topic&size=64K", SINEW_OUT), *in[READERS];
	struct sinew_msg loan, msg;

	for (unsigned i = 0; i < READERS; i++)
		in[i] = open_end("", SINEW_IN);
	CHECK_OK(sinew_loan(out, 20000, &loan, soon()));
	memset((void *)(uintptr_t)loan.data, 'z', 20000);
	CHECK_OK(sinew_commit(out, &loan));
	for (unsigned i = 0; i < READERS; i++) {
		CHECK_EQ(CHECK_OK(sinew_take(in[i], &msg, 1, soon())), 1);
		CHECK_EQ(msg.size, 20000);
		CHECK(((const char *)msg.data)[19999] == 'z');
		sinew_release(in[i], &msg, 1);
		CHECK(!(msg.flags & SINEW_MSG_OVERWRITTEN));
		sinew_close(in[i]);
	}
	sinew_close(out);
	remove_ring();
}

/* ---- waiting ---- */

/* The fewest that a wake-up was for. */
static uint32_t fewest = UINT32_MAX;
static long (*real_futex)(const uint32_t *, int, uint32_t, const struct timespec *, uint32_t);

static long note_wakes(
	const uint32_t *word, int op, uint32_t value, const struct timespec *until, uint32_t mask)
{
	if (op == FUTEX_WAKE && value < fewest)
		fewest = value;
	return real_futex(word, op, value, until, mask);
}

/* Readers asleep in the kernel, in a call or in poll: one post is for all. Those that it forgot would wake by
 * themselves, a tenth of a second later. */
TEST(one_post_wakes_all)
{
	enum { SLEEPERS = 6 };
	sinew_channel *out = open_end("pattern=topic&size=64K", SINEW_OUT);
	pid_t children[SLEEPERS];
	struct sinew_ring_look look;

	for (unsigned i = 0; i < SLEEPERS; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		sinew_channel *in = open_end("", SINEW_IN);
		struct pollfd fd = {
			.fd = i % 2 ? CHECK_OK(sinew_fd(in, SINEW_IN)) : -1, .events = POLLIN};
		struct sinew_msg msg;
		char buf[MOST];
		if (i % 2)
			do
				poll(&fd, 1, -1);
			while (sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW) == -EAGAIN);
		else
			receive(in, &msg, soon());
		_exit(sinew_close(in) == 0 ? 0 : 1);
	}
	unsigned asleep;
	const int64_t limit = soon();
	do {
		CHECK_OK(sinew_ring_look(uri(""), &look, soon()));
		asleep = 0;
		for (unsigned i = 0; i < look.members; i++)
			asleep += (look.member[i].flags & SINEW_RING_AWAITS_MESSAGES) != 0;
	} while (asleep < SLEEPERS && test_now() < limit);
	CHECK_EQ(asleep, SLEEPERS);
	struct sinew_stats before, after;
	CHECK_OK(sinew_stats(out, &before));
	real_futex = sinew__sys.futex;
	sinew__sys.futex = note_wakes;
	send_all(out, 1, 2, 100);
	sinew__sys.futex = real_futex;
	CHECK(fewest >= SLEEPERS / 2);
	CHECK_OK(sinew_stats(out, &after));
	CHECK(after.calls - before.calls <= SLEEPERS);
	for (unsigned i = 0; i < SLEEPERS; i++) {
		int status;
		CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	sinew_close(out);
	remove_ring();
}

/* ---- latest ---- */

TEST(the_newest_is_there_for_who_comes)
{
	sinew_channel *out = open_end("pattern=latest&size=4K", SINEW_OUT), *second;
	struct sinew_msg msg;

	CHECK_ERR(sinew_open(&second, uri(""), SINEW_OUT, SINEW_NOW), -EBUSY);
	for (uint32_t i = 0; i < 300; i++) {
		send_all(out, i, i + 1, 4 + i * 24 % MOST);
		sinew_channel *in = open_end("", SINEW_IN);
		CHECK_EQ(receive(in, &msg, SINEW_NOW), i);
		expect_nothing(in);
		sinew_close(in);
	}
	sinew_close(out);
	sinew_channel *in = open_end("", SINEW_IN);
	CHECK_EQ(receive(in, &msg, SINEW_NOW), 299);
	sinew_close(in);
	remove_ring();
}

TEST(what_was_passed_over_is_no_loss)
{
	sinew_channel *out = open_end("pattern=latest&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN), *keen = open_end("history=4", SINEW_IN);
	struct sinew_msg msg;
	uint64_t behind;

	send_all(out, 0, 1000, 32);
	CHECK_EQ(receive(in, &msg, SINEW_NOW), 999);
	CHECK_EQ(msg.lost, 0);
	expect(keen, 996, 1000);
	CHECK_EQ(look_for(&behind), 999 + 996);
	send_all(out, 1000, 1001, 32);
	expect(in, 1000, 1001);
	expect(keen, 1000, 1001);
	sinew_close(in);
	sinew_close(keen);
	sinew_close(out);
	remove_ring();
}

/* As fast as it can, while readers look: never torn, never older than before, never waiting. */
TEST(values_are_never_torn, .timeout = 60)
{
	enum { ROUNDS = 20000 };
	sinew_channel *in = open_end("pattern=latest&size=8K", SINEW_IN);
	struct sinew_msg msg;
	uint32_t last = 0;

	pid_t child = fork();
	if (child == 0) {
		sinew_channel *out = open_end("", SINEW_OUT);
		for (uint32_t i = 1; i <= ROUNDS; i++)
			send_all(out, i, i + 1, 4 + i * 36 % (MOST - 4));
		_exit(0);
	}
	while (last < ROUNDS) {
		const uint32_t number = receive(in, &msg, soon());
		CHECK(number > last);
		last = number;
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	sinew_close(in);
	remove_ring();
}
