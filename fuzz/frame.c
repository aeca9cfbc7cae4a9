/* SPDX-License-Identifier: MIT
 *
 * frame.c - fuzz target: frame headers.
 *
 * Any bytes, of any length, in memory of exactly that length: the verdict must be the documented
 * one, and more bytes may only make it more certain. What was parsed, written again, is the same
 * bytes; what was written is parsed as the same frame.
 */
#include "frame.h"

#include <errno.h>

#include "fuzz.h"

enum { LONGEST = 2 * SINEW__FRAME_MOST };

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	struct input in = {p, bytes};

	return take_number(&in, bytes);
}

static size_t header_size(unsigned type)
{
	return type == SINEW__FRAME_PLAIN    ? 4
	       : type == SINEW__FRAME_TAGGED ? 16
	       : type == SINEW__FRAME_FDS    ? 16
	       : type == SINEW__FRAME_PIECE  ? 24
	       : type == SINEW__FRAME_HELLO  ? 24
					     : 8;
}

/* The verdict that sinew_frame(7) asks for: 1, 0 or -EBADMSG. */
static int verdict(const uint8_t *p, size_t have)
{
	if (have < 4)
		return 0;
	if (p[0] < 0x80)
		return number(p, 4) > SINEW__MOST_MESSAGE ? -EBADMSG : 1;
	size_t body = number(p, 4) - 0x80000000;
	if (have < 8)
		return body < 4 ? -EBADMSG : 0;
	unsigned type = p[4];
	bool known = type >= 1 && type <= 4;
	bool passing = type == SINEW__FRAME_FDS;
	size_t header = header_size(type);
	if (body + 4 < header || type == 0 || (!known && type < 128))
		return -EBADMSG;
	if (known && !passing && number(p + 5, 3) != 0)
		return -EBADMSG;
	if (passing && (p[5] > 1 || p[6] != 0 || p[7] < 1 || p[7] > 253))
		return -EBADMSG;
	if (have < header)
		return 0;
	if (passing && p[5] == 0 && number(p + 8, 8) != 0)
		return -EBADMSG;
	if (type == SINEW__FRAME_HELLO && body + 4 != header)
		return -EBADMSG;
	return body + 4 - header > SINEW__MOST_MESSAGE ? -EBADMSG : 1;
}

static void check_fields(const uint8_t *p, const struct sinew__frame *frame)
{
	bool control = p[0] & 0x80;
	size_t length = number(p, 4) & 0x7fffffff;

	REQUIRE(frame->type == (control ? p[4] : 0), "type %u", frame->type);
	REQUIRE(frame->header == header_size(frame->type) &&
			frame->header == sinew__frame_header_size(frame->type) &&
			frame->header <= SINEW__FRAME_MOST,
		"header of %u bytes", frame->header);
	REQUIRE((size_t)frame->size + frame->header == length + 4, "size %u", frame->size);
	if (frame->type == SINEW__FRAME_TAGGED)
		REQUIRE(frame->tag == number(p + 8, 8), "tag");
	if (frame->type == SINEW__FRAME_FDS)
		REQUIRE(frame->tag == number(p + 8, 8) && frame->fds == p[7] &&
				frame->tagged == p[5],
			"descriptors");
	if (frame->type == SINEW__FRAME_PIECE)
		REQUIRE(frame->writer == number(p + 8, 8) && frame->total == number(p + 16, 4) &&
				frame->offset == number(p + 20, 4),
			"piece");
	if (frame->type == SINEW__FRAME_HELLO)
		REQUIRE(frame->session == number(p + 8, 8) && frame->next == number(p + 16, 8),
			"hello");
}

/* Writing what was parsed gives the same bytes. */
static void check_rewrite(const uint8_t *p, const struct sinew__frame *frame)
{
	CLEANUP_MEMORY uint8_t *again = exact(frame->header);

	REQUIRE(sinew__frame_write(again, frame) == frame->header, "header written");
	bool flags_ignored = frame->type >= SINEW__FRAME_OPTIONAL;
	REQUIRE(memcmp(p, again, flags_ignored ? 5 : frame->header) == 0, "bytes written");
}

/* The first `have` bytes, alone in their memory. Returns the verdict. */
static int parse_alone(const uint8_t *bytes, size_t have)
{
	CLEANUP_MEMORY uint8_t *p = exact_copy(bytes, have);
	struct sinew__frame frame;
	size_t need = 0;

	int r = sinew__frame_parse(p, have, &frame, &need);
	REQUIRE(r == verdict(p, have), "verdict %d of %zu bytes, expected %d", r, have,
		verdict(p, have));
	if (r == 0)
		REQUIRE(need > have && need <= SINEW__FRAME_MOST, "need %zu, have %zu", need, have);
	if (r != 1)
		return r;
	REQUIRE(frame.header <= have, "a header beyond what is there");
	check_fields(p, &frame);
	check_rewrite(p, &frame);
	return r;
}

static void parse_growing(const uint8_t *data, size_t size)
{
	int before = 0;

	for (size_t have = 0; have <= size && have <= LONGEST; have++) {
		int r = parse_alone(data, have);
		REQUIRE(before == 0 || r == before, "%zu bytes change the verdict %d to %d", have,
			before, r);
		before = r;
	}
}

/* A frame of fields that the input chooses. */
static struct sinew__frame compose(struct input *in)
{
	static const uint8_t types[] = {SINEW__FRAME_PLAIN, SINEW__FRAME_TAGGED, SINEW__FRAME_PIECE,
		SINEW__FRAME_HELLO, SINEW__FRAME_OPTIONAL, 255, SINEW__FRAME_FDS};
	struct sinew__frame frame = {.type = types[take_byte(in) % sizeof types]};

	frame.header = (uint32_t)header_size(frame.type);
	frame.size = (uint32_t)(take_number(in, 4) % (SINEW__MOST_MESSAGE + 1));
	if (frame.type == SINEW__FRAME_TAGGED)
		frame.tag = take_number(in, 8);
	if (frame.type == SINEW__FRAME_FDS) {
		frame.fds = (uint8_t)(1 + take_byte(in) % 253);
		frame.tagged = take_byte(in) & 1;
		frame.tag = frame.tagged ? take_number(in, 8) : 0;
	}
	if (frame.type == SINEW__FRAME_PIECE) {
		frame.writer = take_number(in, 8);
		frame.total = (uint32_t)take_number(in, 4);
		frame.offset = (uint32_t)take_number(in, 4);
	}
	if (frame.type == SINEW__FRAME_HELLO) {
		frame.session = take_number(in, 8);
		frame.next = take_number(in, 8);
		frame.size = 0;
	}
	return frame;
}

static void round_trip(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct sinew__frame frame = compose(&in), parsed = {0};
	CLEANUP_MEMORY uint8_t *p = exact(frame.header);
	size_t need;

	REQUIRE(sinew__frame_write(p, &frame) == frame.header, "header of type %u", frame.type);
	REQUIRE(sinew__frame_parse(p, frame.header, &parsed, &need) == 1, "our own header");
	REQUIRE(parsed.type == frame.type && parsed.header == frame.header &&
			parsed.size == frame.size && parsed.tag == frame.tag,
		"round trip of type %u", frame.type);
	REQUIRE(parsed.fds == frame.fds &&
			parsed.tagged == (frame.tagged || frame.type == SINEW__FRAME_TAGGED),
		"round trip of descriptors");
	if (frame.type != SINEW__FRAME_PLAIN) /* a plain frame's other fields are not filled */
		REQUIRE(parsed.writer == frame.writer && parsed.total == frame.total &&
				parsed.offset == frame.offset && parsed.session == frame.session &&
				parsed.next == frame.next,
			"round trip of the fields of type %u", frame.type);
	parse_growing(p, frame.header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_growing(data, size);
	round_trip(data, size);
	return 0;
}
