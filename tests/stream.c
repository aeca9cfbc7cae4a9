/* SPDX-License-Identifier: MIT
 *
 * stream.c - byte streams from peers that keep to no rules: whatever they write, our buffers hold
 * it, and what cannot be a message is skipped, counted or ends the connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mechanisms.h"

enum { HALF = 60000 };

static const struct mechanism pair = {"pair", "unix", NULL, "type=stream", true};

/* A frame to be passed over, longer than the room a small max= asks for. The message that waits in
 * the buffer behind the inbox must not change. */
static void check_long_frame(unsigned char type)
{
	unsigned char *stream = calloc(1, 2 * HALF);
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	ends_open(&pair, &e, 0, "max=16&coalesce=1K");
	send_filled(e.in, 10, 7);
	memset(stream, 'Z', 2 * HALF);
	memcpy(stream, "\x80\0\375\350", 4);
	stream[4] = type;
	memset(stream + 5, 0, 3);
	write_raw(raw_fd(e.out), stream, HALF);
	CHECK(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW) < 0);
	write_raw(raw_fd(e.out), stream + HALF, HALF);
	CHECK(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW) <= 0);
	CHECK_OK(sinew_flush(e.in, soon()));
	expect_filled(e.out, 10, 7);
	free(stream);
	ends_close(&e);
}

TEST(a_long_optional_frame_stays_in_its_buffer)
{
	check_long_frame(200);
}

TEST(a_long_piece_stays_in_its_buffer)
{
	check_long_frame(2);
}

TEST(a_gigabyte_is_announced)
{
	struct sinew_stats stats;
	struct sinew_msg msg = {0};
	struct ends e;
	char buf[16];

	ends_open(&pair, &e, 0, "");
	write_raw(raw_fd(e.out), "\x40\0\0\0garbage", 11);
	CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, soon()), -EMSGSIZE);
	CHECK_EQ(msg.size, 1 << 30);
	CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_stats(e.in, &stats));
	CHECK_EQ(stats.lost, 1);
	ends_close(&e);
}

/* The largest length there can be, of a message and of a control frame. */
TEST(four_gigabytes_are_announced)
{
	static const char *const lengths[] = {
		"\x7f\xff\xff\xffgarbage", "\xff\xff\xff\xff\xc8...."};
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	for (unsigned i = 0; i < 2; i++) {
		ends_open(&pair, &e, 0, "");
		write_raw(raw_fd(e.out), lengths[i], strlen(lengths[i]));
		CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, soon()), -EBADMSG);
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW)), SINEW_END);
		ends_close(&e);
	}
}

TEST(garbage_ends_the_only_connection)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	ends_open(&pair, &e, 0, "");
	send_filled(e.out, 10, 1);
	write_raw(raw_fd(e.out), "\xff\xff\xff\xff\x11garbage", 12);
	expect_filled(e.in, 10, 1);
	CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, soon()), -EBADMSG);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW)), SINEW_END);
	ends_close(&e);
}

/* ---- long lines ---- */

enum { LONG_LINE = 100000, FEW = 60 };

static const struct mechanism line_rows[] = {
	{"pair", "unix", NULL, "frame=line", true},
	{"one", "unix", "s", "frame=line&peers=1", true},
	{"listener", "unix", "s", "frame=line", false},
};
TEST_SUITE(long_lines, line_rows);

/* Nobody knows how long the next one is: it is not read by the size of a header, as a long frame's next is. */
TEST_EACH(long_lines, follow_each_other_in_few_reads, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before = calls_of(e.in);

		send_filled(e.out, LONG_LINE, i);
		expect_filled(e.in, LONG_LINE, i);
		CHECK(calls_of(e.in) - before < FEW);
	}
	ends_close(&e);
}
