/* SPDX-License-Identifier: MIT
 *
 * stream_long.c - long messages one after the other: the next is read as if it had the size of the last. It may
 * be longer, shorter, have a tag, be torn anywhere, come late or be none at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mechanisms.h"

enum { LONG = 100000, MOST = 400000, MANY = 300, TAG = 1 << 20 };

static const struct mechanism rows[] = {
	{"pipe", "pipe", NULL, "", true},
	{"fifo", "fifo", "f", "writers=1", false},
	{"unix-stream", "unix", "s", "peers=1", true},
	{"unix-stream-many", "unix", "s", "", false},
	{"tcp", "tcp", "127.0.0.1:0", "peers=1", true},
	{"tcp-many", "tcp", "127.0.0.1:0", "", false},
};
TEST_SUITE(streams, rows);
/* What is given to these by one call is there as a whole. */
static const struct mechanism whole_rows[] = {
	{"unix-stream", "unix", "s", "peers=1", true},
	{"unix-stream-many", "unix", "s", "", false},
};
TEST_SUITE(whole, whole_rows);

static const struct mechanism pair = {"pair", "unix", NULL, "type=stream", true};

/* Of the nth message of a plan: often as long as the one before, or nearly so. */
static size_t size_of(unsigned n)
{
	static const size_t sizes[] = {LONG, LONG, LONG, LONG + 1, LONG - 1, LONG - 12, LONG, 65533,
		65532, 65536, 65536, 5, 0, LONG, LONG, 0, LONG, MOST, MOST, 70000, 70000, MOST,
		131072, 131072};

	return sizes[n % (sizeof(sizes) / sizeof(*sizes))];
}

static bool has_tag(unsigned n)
{
	return n % 7 > 4;
}

static void send_plan(sinew_channel *out, void *arg)
{
	char *data = malloc(MOST);

	(void)arg;
	for (unsigned n = 0; n < MANY; n++) {
		struct sinew_msg msg = {.data = data, .size = size_of(n)};
		if (has_tag(n)) {
			msg.tag = TAG + n;
			msg.flags = SINEW_MSG_TAGGED;
		}
		fill(data, msg.size, n);
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
	}
	free(data);
}

static void check_one(const struct sinew_msg *msg, unsigned n)
{
	static char want[MOST];

	fill(want, size_of(n), n);
	CHECK_MEM(msg->data, msg->size, want, size_of(n));
	CHECK_EQ(msg->tag, has_tag(n) ? TAG + n : 0);
	CHECK_EQ(msg->lost, 0);
}

/* By recv() into a buffer just large enough, into a larger one, and by take(), in turns. */
TEST_EACH(streams, long_ones_of_every_size_follow_each_other, struct mechanism, m)
{
	static char buf[MOST];
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_plan, NULL);
	for (unsigned n = 0; n < MANY; n++) {
		if (n % 60 >= 50)
			CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
		else
			CHECK_EQ(CHECK_OK(sinew_recv(
					 e.in, buf, n % 3 ? MOST : size_of(n), &msg, soon())),
				1);
		check_one(&msg, n);
	}
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* A buffer that is too small for the next keeps it for a larger one. */
TEST_EACH(streams, one_longer_than_the_buffer_is_kept, struct mechanism, m)
{
	static char buf[MOST];
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_plan, NULL);
	for (unsigned n = 0; n < MANY; n++) {
		if (size_of(n) > LONG)
			CHECK_ERR(sinew_recv(e.in, buf, LONG, &msg, soon()), -EMSGSIZE);
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, size_of(n), &msg, soon())), 1);
		check_one(&msg, n);
	}
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* The frame of a message of this size, at *stream; its bytes. */
static size_t put_frame(char *stream, size_t size, unsigned seed)
{
	const uint32_t length = htonl((uint32_t)size);

	memcpy(stream, &length, sizeof(length));
	fill(stream + sizeof(length), size, seed);
	return sizeof(length) + size;
}

static void begin_long(struct ends *e, const char *options)
{
	ends_open(&pair, e, 0, options);
	send_filled(e->out, LONG, 1);
	expect_filled(e->in, LONG, 1);
}

/* Whatever the peer has written when the deadline comes, and however the next differs from the last. */
TEST(a_torn_one_waits_for_its_rest)
{
	static const size_t sizes[] = {0, 10, LONG - 1, LONG, LONG + 1, MOST / 2};
	static const size_t cuts[] = {1, 3, 4, 5, 13, LONG / 2, LONG + 3, LONG + 4};
	static char stream[MOST], buf[MOST];
	struct sinew_msg msg;
	struct ends e;

	begin_long(&e, "");
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (unsigned k = 0; k < sizeof(cuts) / sizeof(*cuts); k++) {
			const size_t size = put_frame(stream, sizes[i], i);
			if (cuts[k] >= size)
				continue;
			write_raw(raw_fd(e.out), stream, cuts[k]);
			CHECK_ERR(
				sinew_recv(e.in, buf, sizeof(buf), &msg, after_ms(2)), -ETIMEDOUT);
			CHECK_ERR(sinew_recv(e.in, buf, sizeof(buf), &msg, SINEW_NOW), -EAGAIN);
			write_raw(raw_fd(e.out), stream + cuts[k], size - cuts[k]);
			expect_filled(e.in, sizes[i], i);
			send_filled(e.out, LONG, 1);
			expect_filled(e.in, LONG, 1);
		}
	ends_close(&e);
}

/* Short ones that come where a long one was expected are all read at once, none twice. */
TEST(many_short_ones_come_instead)
{
	static char stream[MOST];
	size_t size = 0;
	struct ends e;

	begin_long(&e, "");
	for (unsigned i = 0; i < 3000; i++)
		size += put_frame(stream + size, i % 40, i);
	write_raw(raw_fd(e.out), stream, size);
	for (unsigned i = 0; i < 3000; i++)
		expect_filled(e.in, i % 40, i);
	send_filled(e.out, LONG, 2);
	expect_filled(e.in, LONG, 2);
	ends_close(&e);
}

TEST(one_above_the_limit_is_skipped)
{
	static char stream[MOST], buf[MOST];
	struct sinew_msg msg = {0};
	struct ends e;

	begin_long(&e, "max=100000");
	write_raw(raw_fd(e.out), stream, put_frame(stream, LONG + 1, 1));
	CHECK_ERR(sinew_recv(e.in, buf, sizeof(buf), &msg, soon()), -EMSGSIZE);
	CHECK_EQ(msg.size, LONG + 1);
	send_filled(e.out, LONG, 3);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof(buf), &msg, soon())), 1);
	CHECK_EQ(msg.size, LONG);
	CHECK_EQ(msg.lost, 1);
	ends_close(&e);
}

TEST(garbage_behind_a_long_one_ends_the_connection)
{
	static char stream[LONG], buf[MOST];
	struct sinew_msg msg;
	struct ends e;

	begin_long(&e, "");
	memset(stream, 0xff, sizeof(stream));
	write_raw(raw_fd(e.out), stream, sizeof(stream));
	CHECK_ERR(sinew_recv(e.in, buf, sizeof(buf), &msg, soon()), -EBADMSG);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof(buf), &msg, SINEW_NOW)), SINEW_END);
	ends_close(&e);
}

TEST(an_end_inside_a_long_one_is_told)
{
	static char stream[MOST];
	struct sinew_msg msg;
	struct ends e;

	for (size_t cut = 2; cut < LONG; cut += LONG / 3) {
		begin_long(&e, "");
		put_frame(stream, LONG, 1);
		write_raw(raw_fd(e.out), stream, cut);
		sinew_close(e.out);
		e.out = NULL;
		expect_end(e.in, &msg);
		CHECK_EQ(msg.lost, 1);
		ends_close(&e);
	}
}

/* ---- how often the kernel is asked ---- */

/* What was read ahead, or header by header, would be a second call. */
TEST_EACH(whole, each_is_read_at_once, struct mechanism, m)
{
	static char buf[LONG];
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < 20; i++) {
		const uint64_t before = calls_of(e.in);
		send_filled(e.out, LONG, i);
		if (i % 2)
			CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
		else
			CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof(buf), &msg, soon())), 1);
		const uint64_t calls = calls_of(e.in) - before;
		CHECK(i < 2 || calls == (m->single ? 1 : 2)); /* of many: which one, then it */
	}
	ends_close(&e);
}

/* Lines are read in bulk again after a long one. */
TEST(a_long_line_does_not_slow_down_the_next)
{
	static char stream[2 * LONG], buf[2 * LONG];
	struct sinew_msg msg;
	struct ends e;

	ends_open(&pair, &e, 0, "frame=line");
	memset(stream, 'x', LONG);
	for (size_t at = LONG; at < sizeof(stream); at += 10)
		memcpy(stream + at, "\n123456789", 10);
	write_raw(raw_fd(e.out), stream, sizeof(stream));
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof(buf), &msg, soon())), 1);
	CHECK_EQ(msg.size, LONG);
	for (unsigned i = 1; i < LONG / 10; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof(buf), &msg, soon())), 1);
		CHECK_MEM(msg.data, msg.size, "123456789", 9);
	}
	CHECK(calls_of(e.in) < 10);
	ends_close(&e);
}
