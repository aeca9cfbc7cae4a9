/* SPDX-License-Identifier: MIT
 *
 * ring_topic.c - every reader gets every message (pattern=topic): who comes late, who is slow, stopped or dead,
 * what is lost and who is told.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "topic_ends.h"

/* ---- who gets what ---- */

TEST(each_reader_gets_each_message)
{
	sinew_channel *out = open_end("pattern=topic&size=64K", SINEW_OUT), *in[READERS];

	for (unsigned i = 0; i < READERS; i++)
		in[i] = open_end("", SINEW_IN);
	send_all(out, 0, 100, 40);
	for (unsigned i = 0; i < READERS; i++) {
		expect(in[i], 0, 100);
		expect_nothing(in[i]);
		CHECK_EQ(sinew_close(in[i]), 0);
	}
	sinew_close(out);
	remove_ring();
}

TEST(who_comes_late_begins_now)
{
	sinew_channel *out = open_end("pattern=topic&size=64K", SINEW_OUT);

	send_all(out, 0, 100, 100);
	sinew_channel *in = open_end("", SINEW_IN);
	expect_nothing(in);
	send_all(out, 100, 130, 100);
	expect(in, 100, 130);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(or_with_what_is_kept)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	struct sinew_msg msg;

	send_all(out, 0, 10, 100);
	sinew_channel *in = open_end("from=oldest", SINEW_IN);
	expect(in, 0, 10);
	send_all(out, 10, 1000, 100);
	sinew_channel *later = open_end("from=oldest", SINEW_IN);
	const uint32_t first = receive(later, &msg, soon());
	CHECK_EQ(msg.lost, 0); /* it was not there */
	CHECK(first > 950 && first < 990);
	expect(later, first + 1, 1000);
	sinew_close(in);
	sinew_close(later);
	sinew_close(out);
	remove_ring();
}

/* Between its coming and its first look it is a reader as any other. */
TEST(what_comes_before_the_first_look_is_lost_and_told)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msg;

	send_all(out, 0, 500, 100);
	const uint32_t first = receive(in, &msg, soon());
	CHECK_EQ(msg.lost, first);
	CHECK(first > 400);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(a_slow_reader_loses_and_only_it_is_told)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *slow = open_end("", SINEW_IN), *quick = open_end("", SINEW_IN);
	struct sinew_msg msg;
	uint32_t next = 0;
	uint64_t lost = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		send_all(out, i, i + 1, 4 + i * 4 % 200);
		expect(quick, i, i + 1);
		if (i % 100)
			continue;
		const uint32_t got = receive(slow, &msg, soon());
		CHECK_EQ(got, next + msg.lost);
		next = got + 1;
		lost += msg.lost;
	}
	CHECK(lost > 1000);
	while (next < 3000) {
		const uint32_t got = receive(slow, &msg, soon());
		CHECK_EQ(got, next + msg.lost);
		next = got + 1;
		lost += msg.lost;
	}
	struct sinew_stats stats;
	CHECK_OK(sinew_stats(slow, &stats));
	CHECK_EQ(stats.lost, lost);
	CHECK_EQ(stats.received + stats.lost, 3000);
	CHECK_OK(sinew_stats(quick, &stats));
	CHECK_EQ(stats.lost, 0);
	sinew_close(slow);
	sinew_close(quick);
	sinew_close(out);
	remove_ring();
}

TEST(a_message_too_large_for_the_buffer_stays)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msg;
	char small[8];

	send_all(out, 7, 8, 1000);
	CHECK_ERR(sinew_recv(in, small, sizeof small, &msg, SINEW_NOW), -EMSGSIZE);
	CHECK_EQ(msg.size, 1000);
	expect(in, 7, 8);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(messages_of_all_sizes_go_round)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);

	for (uint32_t i = 0; i < 4000; i++) {
		struct sinew_msg msg = {
			.data = "", .tag = i, .flags = i % 3 ? 0 : SINEW_MSG_TAGGED};
		if (i % 5 == 0) {
			CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
			char buf[8];
			CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW)), 1);
			CHECK_EQ(msg.size, 0);
			CHECK(!(msg.flags & SINEW_MSG_TAGGED) || msg.tag == i);
		} else {
			send_all(out, i, i + 1,
				(4 + i * 52) % MOST & ~3u ? (4 + i * 52) % MOST & ~3u : 4);
			expect(in, i, i + 1);
		}
	}
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

/* ---- several writers ---- */

TEST(each_writer_has_its_order)
{
	sinew_channel *a = open_end("pattern=topic&size=64K&lanes=2", SINEW_OUT);
	sinew_channel *b = open_end("", SINEW_OUT), *in = open_end("from=oldest", SINEW_IN), *third;
	uint32_t next[2] = {0, 1000};
	struct sinew_msg msg;

	CHECK_ERR(sinew_open(&third, uri(""), SINEW_OUT, SINEW_NOW), -EBUSY);
	for (uint32_t i = 0; i < 100; i++) {
		send_all(a, i, i + 1, 100);
		send_all(b, 1000 + i, 1001 + i, 4);
	}
	for (unsigned i = 0; i < 200; i++) {
		const uint32_t got = receive(in, &msg, soon());
		CHECK_EQ(got, next[got >= 1000]++);
	}
	CHECK_EQ(next[0], 100);
	CHECK_EQ(next[1], 1100);
	sinew_close(in);
	sinew_close(a);
	sinew_close(b);
	remove_ring();
}

TEST(a_writer_goes_on_where_another_left)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);

	for (uint32_t i = 0; i < 300; i += 3) {
		send_all(out, i, i + 3, 60 + i % 200 / 4 * 4);
		expect(in, i, i + 3);
		sinew_close(out);
		out = open_end("", SINEW_OUT);
	}
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

/* ---- readers that are waited for ---- */

TEST(who_blocks_waits_for_the_slowest)
{
	sinew_channel *out = open_end("pattern=topic&size=4K&full=block", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN), *slow = open_end("", SINEW_IN);
	const unsigned n = fill(out);

	CHECK(n > 20 && n < 100);
	expect(in, 0, n);
	CHECK_ERR(send_number(out, n, 100, SINEW_NOW), -EAGAIN);
	CHECK_ERR(send_number(out, n, 100, test_now() + 30000000), -ETIMEDOUT);
	expect(slow, 0, n);
	send_all(out, n, n + 3, 100);
	expect(in, n, n + 3);
	expect(slow, n, n + 3);
	sinew_close(in);
	sinew_close(slow);
	sinew_close(out);
	remove_ring();
}

TEST(but_not_for_one_that_may_be_overtaken)
{
	sinew_channel *out = open_end("pattern=topic&size=4K&full=block", SINEW_OUT);
	sinew_channel *in = open_end("full=drop-old", SINEW_IN), *sure = open_end("", SINEW_IN);
	struct sinew_msg msg;

	for (uint32_t i = 0; i < 500; i++) {
		CHECK_EQ(CHECK_OK(send_number(out, i, 100, SINEW_NOW)), 1);
		expect(sure, i, i + 1);
	}
	const uint32_t first = receive(in, &msg, soon());
	CHECK(first > 400 && msg.lost == first);
	sinew_close(in);
	sinew_close(sure);
	sinew_close(out);
	remove_ring();
}

TEST(new_messages_can_be_dropped_for_all)
{
	sinew_channel *out = open_end("pattern=topic&size=4K&full=drop-new", SINEW_OUT);
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msg;
	uint32_t n = 0;
	struct sinew_ring_look look;

	for (uint32_t i = 0; i < 100; i++)
		CHECK_EQ(CHECK_OK(send_number(out, i, 100, SINEW_NOW)), 1);
	CHECK_OK(sinew_ring_look(uri(""), &look, soon()));
	const uint32_t kept = 100 - (uint32_t)look.lane[0].dropped;
	CHECK(kept > 20 && kept < 100);
	uint64_t behind;
	CHECK_EQ(look_for(&behind), 0);
	CHECK_EQ(behind, 100);
	expect(in, 0, kept);
	send_all(out, 100, 101, 100);
	n = receive(in, &msg, soon());
	CHECK_EQ(n, 100);
	CHECK_EQ(msg.lost, 100 - kept);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

TEST(what_was_dropped_is_known_to_who_was_overtaken)
{
	sinew_channel *out = open_end("pattern=topic&size=4K&full=drop-new", SINEW_OUT);
	sinew_channel *sure = open_end("", SINEW_IN), *slow = open_end("full=drop-old", SINEW_IN);
	struct sinew_msg msg;
	uint32_t next = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		CHECK_EQ(CHECK_OK(send_number(out, i, 100, SINEW_NOW)), 1);
		if (i % 100 < 50)
			continue;
		const uint32_t got = receive(sure, &msg, soon());
		CHECK_EQ(got, next + msg.lost);
		next = got + 1;
	}
	while (next < 1000) {
		const uint32_t got = receive(sure, &msg, soon());
		CHECK_EQ(got, next + msg.lost);
		next = got + 1;
	}
	const uint32_t first = receive(slow, &msg, soon());
	CHECK(first > 900 && msg.lost == first);
	for (next = first + 1; next < 1000; next++) {
		const uint32_t got = receive(slow, &msg, soon());
		CHECK_EQ(got, next + msg.lost);
		next = got;
	}
	sinew_close(slow);
	sinew_close(sure);
	sinew_close(out);
	remove_ring();
}

static void close_pipe(const int *ends)
{
	close(ends[0]);
	close(ends[1]);
}

struct refusal {
	const char *name, *full;
};

static const struct refusal refusals[] = {{"block", "block"}, {"fail", "fail"}};
TEST_SUITE(refusing, refusals);

/* A dead reader holds up nobody, whether its writer waits or only asks. */
TEST_EACH(refusing, a_dead_reader_is_not_waited_for, struct refusal, f)
{
	char options[80];
	int tell[2];
	char byte;

	snprintf(options, sizeof options, "pattern=topic&size=4K&full=%s", f->full);
	sinew_channel *out = open_end(options, SINEW_OUT);
	CHECK(pipe(tell) == 0);
	pid_t child = fork();
	if (child == 0) {
		open_end("", SINEW_IN);
		if (write(tell[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	CHECK_EQ(read(tell[0], &byte, 1), 1);
	const unsigned n = fill(out);
	CHECK(n > 20 && n < 100);
	kill(child, SIGKILL);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	const int64_t limit = soon();
	int r;
	do
		r = send_number(out, n, 100, *f->full == 'b' ? limit : SINEW_NOW);
	while (r == -EAGAIN && test_now() < limit);
	CHECK_EQ(r, 1);
	close_pipe(tell);
	sinew_close(out);
	remove_ring();
}

/* What it then finds is what is kept, and how much it lost. */
static void be_stopped_once(int tell)
{
	sinew_channel *in = open_end("", SINEW_IN);
	struct sinew_msg msg;

	receive(in, &msg, soon());
	if (write(tell, "x", 1) == 1)
		raise(SIGSTOP);
	receive(in, &msg, soon());
	_exit(msg.lost > 1000 ? 0 : 1);
}

TEST(a_stopped_reader_holds_up_nobody)
{
	sinew_channel *out = open_end("pattern=topic&size=4K", SINEW_OUT);
	int tell[2], status;

	CHECK(pipe(tell) == 0);
	pid_t child = fork();
	if (child == 0)
		be_stopped_once(tell[1]);
	struct pollfd told = {.fd = tell[0], .events = POLLIN};
	const int64_t limit = soon();
	while (poll(&told, 1, 5) == 0 && test_now() < limit)
		send_all(out, 0, 1, 100);
	CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	sinew_channel *in = open_end("", SINEW_IN);
	for (uint32_t i = 0; i < 2000; i++) {
		CHECK_EQ(CHECK_OK(send_number(out, i, 100, SINEW_NOW)), 1);
		expect(in, i, i + 1);
	}
	kill(child, SIGCONT);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	close_pipe(tell);
	sinew_close(in);
	sinew_close(out);
	remove_ring();
}

/* ---- wrong ways ---- */

TEST(options_that_make_no_sense_are_refused)
{
	static const char *const wrong[] = {"pattern=pair&full=drop-old",
		"pattern=queue&full=drop-old", "pattern=latest&full=block",
		"pattern=latest&lanes=2", "pattern=topic&deaths=drop", "pattern=topic&history=3",
		"pattern=latest&from=oldest", "pattern=latest&history=33",
		"pattern=latest&history=0", "pattern=queue&from=now"};
	sinew_channel *channel;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK_ERR(sinew_open(&channel, uri(wrong[i]), SINEW_IN, SINEW_NOW), -EINVAL);
	sinew_channel *in = open_end("pattern=topic&size=4K", SINEW_IN);
	CHECK_ERR(sinew_open(&channel, uri("history=3"), SINEW_IN, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&channel, uri(""), SINEW_IN | SINEW_OUT, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&channel, uri("pattern=latest"), SINEW_IN, SINEW_NOW), -EEXIST);
	CHECK_ERR(sinew_finish(in, SINEW_NOW), -EBADF);
	sinew_close(in);
	remove_ring();
}
