/* SPDX-License-Identifier: MIT
 *
 * frame.c - frame headers, byte by byte: what stands in the manual is what goes over the wire.
 */
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static const struct sinew__frame frames[] = {
	{.type = SINEW__FRAME_PLAIN, .header = 4, .size = 0},
	{.type = SINEW__FRAME_PLAIN, .header = 4, .size = SINEW__MOST_MESSAGE},
	{.type = SINEW__FRAME_TAGGED, .header = 16, .size = 5, .tag = UINT64_C(0x0102030405060708)},
	{.type = SINEW__FRAME_TAGGED, .header = 16, .size = 0, .tag = UINT64_MAX},
	{.type = SINEW__FRAME_PIECE,
		.header = 24,
		.size = 9,
		.writer = 77,
		.total = 100,
		.offset = 50},
	{.type = SINEW__FRAME_HELLO, .header = 24, .session = 5, .next = UINT64_C(1) << 40},
	{.type = SINEW__FRAME_FDS, .header = 16, .size = 3, .fds = 1},
	{.type = SINEW__FRAME_FDS, .header = 16, .fds = 253, .tagged = true, .tag = UINT64_MAX},
};

enum { FRAMES = sizeof frames / sizeof *frames };

TEST(what_is_written_is_read)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t bytes[SINEW__FRAME_MOST] = {0};
		struct sinew__frame read = {0};
		size_t need;
		CHECK_EQ(sinew__frame_write(bytes, &frames[i]), frames[i].header);
		CHECK_EQ(sinew__frame_header_size(frames[i].type), frames[i].header);
		CHECK_EQ(sinew__frame_parse(bytes, frames[i].header, &read, &need), 1);
		CHECK_EQ(read.type, frames[i].type);
		CHECK_EQ(read.header, frames[i].header);
		CHECK_EQ(read.size, frames[i].size);
		CHECK_EQ(read.tag, frames[i].tag);
		CHECK_EQ(read.writer, frames[i].writer);
		CHECK_EQ(read.total, frames[i].total);
		CHECK_EQ(read.offset, frames[i].offset);
		CHECK_EQ(read.session, frames[i].session);
		CHECK_EQ(read.next, frames[i].next);
		CHECK_EQ(read.fds, frames[i].fds);
		CHECK_EQ(read.tagged, frames[i].tagged || frames[i].type == SINEW__FRAME_TAGGED);
	}
}

/* Less than a header: more is asked for, never too much, and in the end enough. */
TEST(a_part_of_a_header_asks_for_more)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t bytes[SINEW__FRAME_MOST];
		struct sinew__frame read;
		sinew__frame_write(bytes, &frames[i]);
		for (size_t have = 0; have < frames[i].header; have++) {
			uint8_t *part = malloc(have);
			size_t need = 0;
			memcpy(part, bytes, have);
			CHECK_EQ(sinew__frame_parse(part, have, &read, &need), 0);
			CHECK(need > have && need <= frames[i].header);
			free(part);
		}
	}
}

static int parse(const char *bytes, size_t size, struct sinew__frame *frame)
{
	size_t need;

	return sinew__frame_parse((const uint8_t *)bytes, size, frame, &need);
}

TEST(the_bytes_are_these)
{
	static const uint8_t tagged[] = {0x80, 0, 0, 14, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34};
	static const uint8_t passing[] = {0x80, 0, 0, 14, 4, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0x12, 0x34};
	const struct sinew__frame fds = {
		.type = SINEW__FRAME_FDS, .size = 2, .fds = 9, .tagged = true, .tag = 0x1234};
	const struct sinew__frame plain = {.size = 258},
				  tag = {.type = SINEW__FRAME_TAGGED, .size = 2, .tag = 0x1234};
	uint8_t bytes[SINEW__FRAME_MOST];

	CHECK_EQ(sinew__frame_write(bytes, &plain), 4);
	CHECK_MEM(bytes, 4, "\0\0\1\2", 4);
	CHECK_EQ(sinew__frame_write(bytes, &tag), 16);
	CHECK_MEM(bytes, 16, tagged, 16);
	CHECK_EQ(sinew__frame_write(bytes, &fds), 16);
	CHECK_MEM(bytes, 16, passing, 16);
}

TEST(unknown_frames_are_skipped_or_corrupt)
{
	struct sinew__frame frame;

	CHECK_EQ(parse("\x80\0\0\12\x80\0\0\0......", 8, &frame), 1);
	CHECK_EQ(frame.type, 128);
	CHECK_EQ(frame.header + frame.size, 14);
	CHECK_EQ(parse("\x80\0\0\12\x80\1\2\3......", 8, &frame), 1);
	CHECK_EQ(parse("\x80\0\0\12\x05\0\0\0......", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\12\x00\0\0\0......", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\12\x7f\0\0\0......", 8, &frame), -EBADMSG);
}

TEST(corrupt_headers)
{
	struct sinew__frame frame;

	/* shorter than its own header; reserved bytes set; a greeting with a payload */
	CHECK_EQ(parse("\x80\0\0\0", 4, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\3", 4, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\3\1\0\0\0", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\13\1\0\0\0", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\16\1\0\0\1", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\23\2\0\0\0", 8, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\25\3\0\0\0AAAAAAAABBBBBBBB", 24, &frame), -EBADMSG);
	CHECK_EQ(parse("\xff\xff\xff\xff\xff\xff\xff\xff", 8, &frame), -EBADMSG);
	/* descriptors: a short header, none, too many, an unknown flag, the zero, a tag that is not one */
	CHECK_EQ(parse("\x80\0\0\13\4\0\0\1AAAAAAAA", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\0\0\0\0\0\0\0\0\0\0\0", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\0\0\375\0\0\0\0\0\0\0\0", 16, &frame), 1);
	CHECK_EQ(parse("\x80\0\0\14\4\0\0\376\0\0\0\0\0\0\0\0", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\2\0\1\0\0\0\0\0\0\0\0", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\0\1\1\0\0\0\0\0\0\0\0", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\0\0\1\0\0\0\0\0\0\0\1", 16, &frame), -EBADMSG);
	CHECK_EQ(parse("\x80\0\0\14\4\1\0\1\0\0\0\0\0\0\0\1", 16, &frame), 1);
	/* above 1 GiB */
	CHECK_EQ(parse("\x40\0\0\0", 4, &frame), 1);
	CHECK_EQ(parse("\x40\0\0\1", 4, &frame), -EBADMSG);
	CHECK_EQ(parse("HTTP", 4, &frame), -EBADMSG);
}

/* Any bytes at all: an answer, and a header within what was given. */
TEST(random_bytes)
{
	unsigned seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		uint8_t bytes[SINEW__FRAME_MOST];
		struct sinew__frame frame = {0};
		size_t have = (size_t)rand_r(&seed) % sizeof bytes, need = 0;
		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (uint8_t)(rand_r(&seed) >> 4) & (k < 8 ? 0x83 : 0xff);
		int r = sinew__frame_parse(bytes, have, &frame, &need);
		if (r == 0 ? need <= have : r == 1 ? frame.header > have : r != -EBADMSG)
			FAIL("round %u: %d", i, r);
	}
	CHECK(true);
}
