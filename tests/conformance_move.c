/* SPDX-License-Identifier: MIT
 *
 * conformance_move.c - messages arrive: whole, unchanged, once and in order, whatever their sizes,
 * however they are grouped for sending and receiving.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mechanisms.h"

/* ---- sizes ---- */

static const size_t sizes[] = {0, 1, 64, PIPE_BUF - 4, 1, PIPE_BUF - 3, PIPE_BUF, 65535, 65536, 0,
	65537, 1000000, 3, (1 << 20) - 1, 1 << 20};

enum { SIZES = sizeof sizes / sizeof *sizes };

static void send_sizes(sinew_channel *out, void *arg)
{
	uint64_t most = *(uint64_t *)arg;

	for (unsigned i = 0; i < SIZES; i++)
		if (sizes[i] <= most)
			send_filled(out, sizes[i], i);
	send_filled(out, most, SIZES);
}

static void expect_sizes(sinew_channel *in, uint64_t most)
{
	struct sinew_stats stats;
	uint64_t messages = 1, bytes = most;

	for (unsigned i = 0; i < SIZES; i++) {
		if (sizes[i] > most)
			continue;
		expect_filled(in, sizes[i], i);
		messages++;
		bytes += sizes[i];
	}
	expect_filled(in, most, SIZES);
	CHECK_OK(sinew_stats(in, &stats));
	CHECK_EQ(stats.received, messages);
	CHECK_EQ(stats.bytes_received, bytes);
	CHECK_EQ(stats.lost, 0);
}

TEST_EACH(framed_channel, every_size_arrives, struct mechanism, m)
{
	uint64_t most = mechanism_most(m);
	struct ends e;

	CHECK(most >= PIPE_BUF - 4 && most <= 1 << 20);
	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_sizes, &most);
	expect_sizes(e.in, most);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* The other way, from the end that owns the name to the one that came. */
static void expect_sizes_in_child(sinew_channel *out, void *arg)
{
	send_filled(out, 1, 99);
	expect_sizes(out, *(uint64_t *)arg);
}

TEST_EACH(framed_channel, every_size_returns, struct mechanism, m)
{
	uint64_t most = mechanism_most(m);
	struct sinew_msg msg;
	struct ends e;
	char byte;

	ends_listen(m, &e, 0, "");
	if (!(mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)) {
		msg = (struct sinew_msg){.data = "x", .size = 1};
		CHECK_ERR(sinew_send(e.in, &msg, 1, SINEW_NOW), -EBADF);
		ends_close(&e);
		return;
	}
	pid_t child = ends_fork(&e, expect_sizes_in_child, &most);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, &byte, 1, &msg, soon())), 1);
	char *data = malloc(most);
	for (unsigned i = 0; i <= SIZES; i++) {
		size_t size = i < SIZES ? sizes[i] : most;
		fill(data, size < most ? size : most, i);
		struct sinew_msg answer = {.data = data, .size = size, .peer = msg.peer};
		if (size <= most)
			CHECK_EQ(CHECK_OK(sinew_send(e.in, &answer, 1, soon())), 1);
	}
	free(data);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

TEST_EACH(framed_channel, a_too_large_message_is_refused, struct mechanism, m)
{
	size_t most = mechanism_most(m);
	char *data = calloc(1, most + 1), limit[32];
	struct sinew_msg msg = {.data = data, .size = most + 1};
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_send(e.out, &msg, 1, soon()), -EMSGSIZE);
	snprintf(limit, sizeof limit, "%zu", most);
	CHECK(strstr(sinew_error_text(), limit) != NULL);
	msg.size = SIZE_MAX;
	CHECK_ERR(sinew_send(e.out, &msg, 1, SINEW_NOW), -EMSGSIZE);
	send_filled(e.out, 100, 1);
	expect_filled(e.in, 100, 1);
	free(data);
	ends_close(&e);
}

TEST_EACH(framed_channel, max_bounds_what_is_sent, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "0123456789abcdefg", .size = 17};
	struct ends e;

	ends_open(m, &e, 0, "max=16");
	CHECK_ERR(sinew_send(e.out, &msg, 1, soon()), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), "16") != NULL);
	send_filled(e.out, 16, 1);
	expect_filled(e.in, 16, 1);
	ends_close(&e);
}

/* ---- groups ---- */

enum { MANY = 100000, GROUP = 64 };

/* Text, so that lines can carry it: the number, then 0 to 57 bytes that follow from it. */
static size_t make_numbered(char *data, unsigned number)
{
	size_t size = 7 + number % 58;

	snprintf(data, 8, "%07u", number % 10000000);
	fill(data + 7, size - 7, number);
	return size;
}

static void send_many(sinew_channel *out, void *arg)
{
	static char data[GROUP][80];
	struct sinew_msg msgs[GROUP];
	unsigned number = 0, total = *(unsigned *)arg;

	while (number < total) {
		unsigned left = total - number, count = 1 + number % GROUP;
		count = count < left ? count : left;
		for (unsigned i = 0; i < count; i++)
			msgs[i] = (struct sinew_msg){
				.data = data[i], .size = make_numbered(data[i], number + i)};
		int r = CHECK_OK(sinew_send(out, msgs, count, soon()));
		CHECK(r >= 1 && r <= (int)count);
		number += (unsigned)r;
		pace_sent(0, (unsigned)r);
	}
	CHECK_OK(sinew_flush(out, soon()));
}

static void check_number(const struct sinew_msg *msg, unsigned number)
{
	char want[80];
	size_t size = make_numbered(want, number);

	CHECK_MEM(msg->data, msg->size, want, size);
	CHECK_EQ(msg->lost, 0);
	pace_received(0, 1);
}

/* Receives `total` numbered messages: one by one and in groups, by turns. */
static void expect_many(sinew_channel *in, unsigned total)
{
	struct sinew_msg msgs[GROUP];
	unsigned number = 0;
	char buf[128];

	while (number < total) {
		if (number % 3 == 0) {
			CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, msgs, soon())), 1);
			check_number(msgs, number++);
			continue;
		}
		unsigned want = 1 + number % GROUP;
		int r = CHECK_OK(sinew_take(in, msgs, want, soon()));
		CHECK(r >= 1 && r <= (int)want);
		for (int i = 0; i < r; i++)
			check_number(&msgs[i], number++);
		sinew_release(in, msgs, (unsigned)r);
	}
	CHECK_EQ(number, total);
}

TEST_EACH(framed_channel, many_arrive_in_order, struct mechanism, m, .timeout = 60)
{
	unsigned many = MANY;
	struct ends e;

	ends_listen(m, &e, 0, "");
	pace_open(m);
	pid_t child = ends_fork(&e, send_many, &many);
	expect_many(e.in, many);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

TEST_EACH(framed_channel, gathered_messages_arrive_in_order, struct mechanism, m)
{
	unsigned many = MANY / 5;
	struct ends e;

	ends_listen(m, &e, 0, "coalesce=3000");
	pace_open(m);
	pid_t child = ends_fork(&e, send_many, &many);
	expect_many(e.in, many);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

TEST_EACH(framed_channel, flush_and_close_hand_over_what_was_gathered, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "coalesce=16K");
	for (unsigned i = 0; i < 3; i++)
		send_filled(e.out, 100 + i, i);
	if (mechanism_is_stream(m)) {
		struct sinew_msg msg;
		char buf[200];
		CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	}
	CHECK_EQ(CHECK_OK(sinew_flush(e.out, soon())), 0);
	for (unsigned i = 0; i < 3; i++)
		expect_filled(e.in, 100 + i, i);
	send_filled(e.out, 50, 9);
	CHECK_EQ(CHECK_OK(sinew_close(e.out)), 0);
	e.out = NULL;
	expect_filled(e.in, 50, 9);
	ends_close(&e);
}

/* ---- taking and keeping ---- */

TEST_EACH(framed_channel, takes_and_receives_mix, struct mechanism, m)
{
	struct sinew_msg msgs[8];
	unsigned seen = 0;
	char want[80];
	struct ends e;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < 6; i++)
		send_filled(e.out, 70 + i, i);
	while (seen < 5) {
		int r = CHECK_OK(sinew_take(e.in, msgs, 2, soon()));
		CHECK(r == 1 || r == 2);
		for (int i = 0; i < r; i++, seen++) {
			fill(want, 70 + seen, seen);
			CHECK_MEM(msgs[i].data, msgs[i].size, want, 70 + seen);
		}
		if (seen >= 5)
			break;
		expect_filled(e.in, 70 + seen, seen);
		seen++;
	}
	for (; seen < 6; seen++)
		expect_filled(e.in, 70 + seen, seen);
	CHECK_ERR(sinew_take(e.in, msgs, 8, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_take(e.in, msgs, 0, SINEW_NOW), -EINVAL);
	ends_close(&e);
}

static void check_kept(const struct mechanism *m, size_t size)
{
	struct sinew_msg msg = {0}, taken[2];
	char *buf = malloc(size), *want = malloc(size);
	struct ends e;

	ends_open(m, &e, 0, "");
	send_filled(e.out, size, 1);
	send_filled(e.out, 20, 2);
	send_filled(e.out, size, 3);
	CHECK_ERR(sinew_recv(e.in, buf, 10, &msg, soon()), -EMSGSIZE);
	CHECK_EQ(msg.size, size);
	CHECK_ERR(sinew_recv(e.in, buf, size - 1, &msg, SINEW_NOW), -EMSGSIZE);
	CHECK_EQ(msg.size, size);
	expect_filled(e.in, size, 1);
	expect_filled(e.in, 20, 2);
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &msg, soon()), -EMSGSIZE);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, taken, 2, SINEW_NOW)), 1);
	fill(want, size, 3);
	CHECK_MEM(taken->data, taken->size, want, size);
	CHECK_ERR(sinew_recv(e.in, buf, size, &msg, SINEW_NOW), -EAGAIN);
	free(want);
	free(buf);
	ends_close(&e);
}

TEST_EACH(framed_channel, a_small_buffer_keeps_the_message, struct mechanism, m)
{
	check_kept(m, 1000);
}

/* Two of them are sent before one is received; what the kernel keeps may have less room than that. */
TEST_EACH(framed_channel, a_small_buffer_keeps_a_larger_message, struct mechanism, m)
{
	size_t most = mechanism_bits(m) & SINEW_CAP_SURVIVES ? 5000 : 20000;

	check_kept(m, mechanism_most(m) < most ? mechanism_most(m) : most);
}

/* Nothing is read ahead: what was not delivered is still the kernel's. */
TEST_EACH(framed_channel, exact_takes_no_more_than_it_delivers, struct mechanism, m)
{
	struct sinew_msg msgs[3];
	char data[3][40];
	struct ends e;

	ends_open(m, &e, SINEW_EXACT, "");
	for (unsigned i = 0; i < 3; i++) {
		fill(data[i], 40, i);
		msgs[i] = (struct sinew_msg){.data = data[i], .size = 40};
	}
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, 3, soon())), 3);
	expect_filled(e.in, 40, 0);
	expect_filled(e.in, 40, 1);
	sinew_close(e.out);
	e.out = NULL;
	CHECK_EQ(CHECK_OK(sinew_close(e.in)), 0);
	e.in = NULL;
	ends_close(&e);
}

TEST_EACH(framed_channel, bad_messages_are_refused, struct mechanism, m)
{
	struct sinew_msg good = {.data = "good", .size = 4}, msgs[3] = {good, good, good}, bad;
	struct ends e;

	ends_open(m, &e, 0, "");
	bad = (struct sinew_msg){.data = "x", .size = 1, .flags = SINEW_MSG_LEFT};
	CHECK_ERR(sinew_send(e.out, &bad, 1, SINEW_NOW), -EINVAL);
	bad = (struct sinew_msg){.data = NULL, .size = 1};
	CHECK_ERR(sinew_send(e.out, &bad, 1, SINEW_NOW), -EINVAL);
	bad = (struct sinew_msg){.data = "x", .size = 1, .peer = UINT64_C(0x7fffffffffffff)};
	CHECK_ERR(sinew_send(e.out, &bad, 1, SINEW_NOW), -ESTALE);
	CHECK_EQ(CHECK_OK(sinew_send(e.out, NULL, 0, SINEW_NOW)), 0);
	msgs[2].flags = SINEW_MSG_JOINED;
	msgs[2].priority = !(mechanism_bits(m) & SINEW_CAP_PRIORITIES);
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, 3, soon())), 2);
	for (unsigned i = 0; i < 2; i++) {
		char buf[8];
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &bad, soon())), 1);
		CHECK_MEM(buf, bad.size, "good", 4);
	}
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &bad, SINEW_NOW), -EAGAIN);
	ends_close(&e);
}

/* ---- without boundaries ---- */

enum { STREAMED = 3000000 };

static void send_stream(sinew_channel *out, void *arg)
{
	char *all = malloc(STREAMED);
	unsigned step = *(unsigned *)arg;

	fill(all, STREAMED, 5);
	for (size_t at = 0; at < STREAMED;) {
		size_t left = STREAMED - at, size = 1 + at % step;
		struct sinew_msg msg = {.data = all + at, .size = size < left ? size : left};
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
		at += msg.size;
	}
	free(all);
}

TEST_EACH(raw_channel, bytes_arrive_in_order, struct mechanism, m)
{
	char *want = malloc(STREAMED), buf[5000];
	unsigned step = (unsigned)mechanism_most(m);
	struct sinew_msg msg;
	struct ends e;
	size_t at = 0;

	fill(want, STREAMED, 5);
	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_stream, &step);
	for (unsigned turn = 0; at < STREAMED; turn++) {
		int r = turn % 4 ? sinew_recv(e.in, buf, sizeof buf, &msg, soon())
				 : sinew_take(e.in, &msg, 1, soon());
		CHECK_EQ(CHECK_OK(r), 1);
		CHECK(msg.size >= 1 && msg.size <= STREAMED - at);
		CHECK_MEM(msg.data, msg.size, want + at, msg.size);
		at += msg.size;
	}
	expect_end(e.in, &msg);
	CHECK_EQ(test_wait(child), 0);
	free(want);
	ends_close(&e);
}

TEST_EACH(raw_channel, an_empty_message_is_refused, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "", .size = 0};
	struct ends e;

	CHECK_EQ(mechanism_bits(m) & (SINEW_CAP_EMPTY | SINEW_CAP_BOUNDARIES | SINEW_CAP_TAGS), 0);
	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_send(e.out, &msg, 1, SINEW_NOW), -EINVAL);
	msg = (struct sinew_msg){.data = "y", .size = 1, .tag = 1, .flags = SINEW_MSG_TAGGED};
	CHECK_ERR(sinew_send(e.out, &msg, 1, SINEW_NOW), -EOPNOTSUPP);
	ends_close(&e);
}
