/* SPDX-License-Identifier: MIT
 *
 * cut.c - messages are cut off a stream the same way, however the bytes were split on their way.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "runner.h"
#include "stream.h"

enum { ROOM = 1 << 18 };

static struct sinew_channel channel;
static struct sinew__link link_;

static void start(int framing, int64_t max)
{
	free(link_.in.data);
	channel = (struct sinew_channel){
		.spec = {.text = "test:", .common = {.frame = framing, .max = max}},
		.flags = SINEW_IN};
	link_ = (struct sinew__link){.channel = &channel, .id = 1};
	link_.in.data = malloc(ROOM);
	link_.in.size = ROOM;
}

static void stop(void)
{
	free(link_.in.data);
	link_.in.data = NULL;
}

static void arrive(const void *data, size_t size)
{
	memcpy(link_.in.data + link_.in.tail, data, size);
	link_.in.tail += size;
}

/* Cuts all that can be; writes down what came: "5:hello " or "!90 " for an error. */
static void cut_all(char *log, size_t size)
{
	struct sinew__view view;
	int r;

	while ((r = sinew__cut(&link_, &view)) != 0) {
		size_t used = strlen(log);
		unsigned counted = sinew__cut_count(&link_, UINT_MAX);
		if (r > 0 && counted == 0)
			FAIL("a message is there and was not counted");
		if (r > 0)
			snprintf(log + used, size - used, "%zu:%.*s/%x/%lx ", view.size,
				(int)view.size, view.data, view.flags, (long)view.tag);
		else
			snprintf(log + used, size - used, "!%d ", -r);
		if (r == -EBADMSG)
			return;
		link_.in.head += r > 0 ? view.consume : 0;
	}
}

static void check_cut(int framing, int64_t max, const void *stream, size_t size, const char *want)
{
	const uint8_t *bytes = stream;

	for (size_t step = 1; step <= size; step += step < 40 ? 1 : size / 3 + 1) {
		char log[4096] = "";
		start(framing, max);
		for (size_t at = 0; at < size; at += step) {
			arrive(bytes + at, step < size - at ? step : size - at);
			cut_all(log, sizeof log);
			if (strstr(log, "!74"))
				break;
		}
		link_.ended = true;
		if (framing == SINEW__FRAME_LINE)
			cut_all(log, sizeof log);
		CHECK_STR(log, want);
		stop();
	}
}

#define CUT(framing, max, stream, want)                                                            \
	check_cut(SINEW__FRAME_##framing, max, stream, sizeof(stream) - 1, want)

TEST(lengths)
{
	CUT(LENGTH, 100, "\0\0\0\5hello\0\0\0\0\0\0\0\2ok\0\0\0\3un",
		"5:hello/0/0 0:/0/0 2:ok/0/0 ");
	CUT(LENGTH, 100, "\x80\0\0\16\1\0\0\0\0\0\0\0\0\0\0\x2ahi\0\0\0\1x", "2:hi/10/2a 1:x/0/0 ");
}

TEST(unknown_optional_frames_are_passed_over)
{
	CUT(LENGTH, 100, "\x80\0\0\7\xc8\0\0\0abc\0\0\0\1x", "1:x/0/0 ");
	CUT(LENGTH, 100, "\0\0\0\1x\x80\0\0\7\x11\0\0\0abc\0\0\0\1y", "1:x/0/0 !74 ");
}

TEST(a_too_large_message_is_skipped)
{
	CUT(LENGTH, 4, "\0\0\0\5hello\0\0\0\2ok", "!90 2:ok/0/0 ");
	CHECK_EQ(channel.count.lost, 1);
	CUT(LENGTH, 4, "\0\0\0\1a\x80\0\0\21\1\0\0\0\0\0\0\0\0\0\0\1hello\0\0\0\2ok",
		"1:a/0/0 !90 2:ok/0/0 ");
}

TEST(lines)
{
	CUT(LINE, 100, "one\n\nthree\n", "3:one/0/0 0:/0/0 5:three/0/0 ");
	CUT(LINE, 100, "one\nunfinished", "3:one/0/0 10:unfinished/8/0 ");
	CUT(LINE, 5, "12345\n123456\n12\n", "5:12345/0/0 !90 2:12/0/0 ");
	CUT(LINE, 5, "1234567890\nok\n", "!90 2:ok/0/0 ");
}

TEST(raw)
{
	char log[100] = "";

	start(SINEW__FRAME_RAW, 100);
	cut_all(log, sizeof log);
	CHECK_STR(log, "");
	arrive("abc", 3);
	cut_all(log, sizeof log);
	CHECK_STR(log, "3:abc/0/0 ");
	CHECK_EQ(sinew__cut_count(&link_, UINT_MAX), 0);
	stop();
}

static void check_count(int framing, const void *stream, size_t size, unsigned want)
{
	start(framing, 10);
	arrive(stream, size);
	CHECK_EQ(sinew__cut_count(&link_, UINT_MAX), want);
	stop();
}

TEST(counting_what_waits)
{
	check_count(SINEW__FRAME_LENGTH, "\0\0\0\1a\0\0\0\0\0\0\0\2b", 13, 2);
	check_count(SINEW__FRAME_LENGTH, "\0\0\0\1", 4, 0);
	check_count(SINEW__FRAME_LENGTH, "\0\0\0\1a\0\0\0\13", 9, 2);
	check_count(SINEW__FRAME_LENGTH, "\x80\0\0\4\x05\0\0\0", 8, 1);
	check_count(SINEW__FRAME_LENGTH, "\x80\0\0\4\xc8\0\0\0", 8, 0);
	check_count(SINEW__FRAME_LINE, "a\nb\nc", 5, 2);
	check_count(SINEW__FRAME_RAW, "abc", 3, 1);
	check_count(SINEW__FRAME_RAW, "", 0, 0);
}

/* Behind what is being skipped there may be a whole message: it must be counted. */
TEST(counting_behind_what_is_skipped)
{
	static const char stream[] = "\0\0\0\13hello world\0\0\0\2ok";
	struct sinew__view view;

	start(SINEW__FRAME_LENGTH, 10);
	arrive(stream, sizeof stream - 1);
	CHECK_EQ(sinew__cut(&link_, &view), -EMSGSIZE);
	CHECK_EQ(view.size, 11);
	CHECK(sinew__cut_count(&link_, UINT_MAX) >= 1);
	CHECK_EQ(sinew__cut(&link_, &view), 1);
	CHECK_MEM(view.data, view.size, "ok", 2);
	stop();
}

/* Random bytes, as one and in pieces: the same log. */
static void cut_random(int framing, const uint8_t *bytes, size_t size, unsigned seed, char *log)
{
	*log = '\0';
	start(framing, 12);
	for (size_t at = 0, step; at < size; at += step) {
		step = seed ? 1 + (size_t)rand_r(&seed) % 9 : size;
		step = step < size - at ? step : size - at;
		arrive(bytes + at, step);
		cut_all(log, ROOM);
		if (strstr(log, "!74"))
			break;
	}
	stop();
}

TEST(random_bytes)
{
	static char whole[ROOM], split[ROOM];
	unsigned seed = 3;

	for (unsigned round = 0; round < 3000; round++) {
		uint8_t bytes[200];
		int framing = round % 2 ? SINEW__FRAME_LENGTH : SINEW__FRAME_LINE;
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)(rand_r(&seed) % 17 ? rand_r(&seed) % 13 : 0x80);
		cut_random(framing, bytes, sizeof bytes, 0, whole);
		cut_random(framing, bytes, sizeof bytes, round + 1, split);
		if (strcmp(whole, split) != 0)
			FAIL("round %u: whole %.200s, split %.200s", round, whole, split);
	}
	CHECK(true);
}
