/* SPDX-License-Identifier: MIT
 *
 * pieces.c - messages put together from pieces, with writers that come, mix, falter and die.
 */
#include "pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runner.h"

enum { SLOTS = 3 };

static uint64_t dead; /* the writer whose lock is gone */

static bool alive(struct sinew_channel *c, uint64_t writer)
{
	(void)c;
	return writer != dead;
}

static const struct sinew__transport transport = {.writer_alive = alive};
static struct sinew__link link_ = {.rfd = -1};
static struct sinew_channel channel;

static void start(void)
{
	channel = (struct sinew_channel){
		.spec = {.text = "test:", .transport = &transport, .common = {.max = 5000}},
		.one = &link_};
	link_.in = (struct sinew__inbox){0};
	dead = 0;
	CHECK_OK(sinew__pieces_open(&channel, SLOTS));
}

static int add(
	uint64_t writer, const char *piece, uint32_t total, uint32_t offset, const uint8_t **data)
{
	const struct sinew__frame frame = {.type = SINEW__FRAME_PIECE,
		.writer = writer,
		.size = (uint32_t)strlen(piece),
		.total = total,
		.offset = offset};

	return sinew__pieces_add(&channel, &frame, (const uint8_t *)piece, data);
}

TEST(writers_mix)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(1, "abc", 6, 0, &data), 0);
	CHECK_EQ(add(2, "ABCD", 8, 0, &data), 0);
	CHECK_EQ(add(1, "def", 6, 3, &data), 1);
	CHECK_MEM(data, 6, "abcdef", 6);
	CHECK_EQ(add(2, "EFGH", 8, 4, &data), 1);
	CHECK_MEM(data, 8, "ABCDEFGH", 8);
	CHECK_EQ(channel.lost, 0);
	sinew__pieces_close(&channel);
}

TEST(a_message_begun_anew_replaces_the_old)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(1, "abc", 6, 0, &data), 0);
	CHECK_EQ(add(1, "xyz", 5, 0, &data), 0);
	CHECK_EQ(channel.lost, 1);
	CHECK_EQ(add(1, "uv", 5, 3, &data), 1);
	CHECK_MEM(data, 5, "xyzuv", 5);
	sinew__pieces_close(&channel);
}

TEST(a_gap_costs_the_message)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(1, "abc", 9, 0, &data), 0);
	CHECK_EQ(add(1, "ghi", 9, 6, &data), 0);
	CHECK_EQ(channel.lost, 1);
	CHECK_EQ(add(1, "def", 9, 3, &data), 0);
	CHECK_EQ(channel.lost, 1);
	sinew__pieces_close(&channel);
}

TEST(impossible_pieces)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(0, "abc", 9, 0, &data), -EBADMSG);
	CHECK_EQ(add(1, "", 9, 0, &data), -EBADMSG);
	CHECK_EQ(add(1, "abc", 2, 0, &data), -EBADMSG);
	CHECK_EQ(add(1, "abc", 9, 7, &data), -EBADMSG);
	CHECK_EQ(add(1, "abc", 9, UINT32_MAX, &data), -EBADMSG);
	CHECK_EQ(add(1, "abc", 5001, 0, &data), -EBADMSG);
	CHECK_EQ(channel.lost, 0);
	sinew__pieces_close(&channel);
}

TEST(more_writers_than_room)
{
	const uint8_t *data;

	start();
	for (uint64_t writer = 1; writer <= SLOTS + 2; writer++)
		CHECK_EQ(add(writer, "ab", 4, 0, &data), 0);
	CHECK_EQ(channel.lost, 2);
	for (uint64_t writer = 1; writer <= SLOTS; writer++) {
		CHECK_EQ(add(writer, "cd", 4, 2, &data), 1);
		CHECK_MEM(data, 4, "abcd", 4);
	}
	for (uint64_t writer = SLOTS + 1; writer <= SLOTS + 2; writer++)
		CHECK_EQ(add(writer, "cd", 4, 2, &data), 0);
	CHECK_EQ(channel.lost, 2);
	CHECK_EQ(add(9, "wxyz", 4, 0, &data), 1);
	sinew__pieces_close(&channel);
}

TEST(the_dead_are_dropped_when_the_fifo_is_empty)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(1, "ab", 4, 0, &data), 0);
	CHECK_EQ(add(2, "AB", 4, 0, &data), 0);
	CHECK(!sinew__pieces_suspect(&channel));
	dead = 1;
	CHECK(sinew__pieces_suspect(&channel));
	CHECK_EQ(channel.lost, 0); /* what it wrote may still be on its way */
	sinew__pieces_drop(&channel, false);
	CHECK_EQ(channel.lost, 1);
	CHECK_EQ(add(2, "CD", 4, 2, &data), 1);
	CHECK_MEM(data, 4, "ABCD", 4);
	sinew__pieces_close(&channel);
}

TEST(the_dead_may_have_finished)
{
	const uint8_t *data;

	start();
	CHECK_EQ(add(1, "ab", 4, 0, &data), 0);
	dead = 1;
	CHECK(sinew__pieces_suspect(&channel));
	CHECK_EQ(add(1, "cd", 4, 2, &data), 1);
	CHECK_MEM(data, 4, "abcd", 4);
	CHECK(!sinew__pieces_suspect(&channel));
	sinew__pieces_drop(&channel, true);
	CHECK_EQ(channel.lost, 0); /* the finished one is not lost */
	sinew__pieces_close(&channel);
}

TEST(the_dead_are_dropped_when_all_they_can_have_written_was_read)
{
	const uint8_t *data;

	start();
	link_.in.taken = 1000;
	CHECK_EQ(add(1, "ab", 4, 0, &data), 0);
	dead = 1;
	CHECK(sinew__pieces_suspect(&channel));
	link_.in.taken += 64 << 20;
	CHECK(!sinew__pieces_suspect(&channel));
	CHECK_EQ(channel.lost, 1);
	sinew__pieces_close(&channel);
}
