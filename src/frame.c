/* SPDX-License-Identifier: MIT
 *
 * frame.c - writes and reads frame headers.
 */
#include "frame.h"

#include <errno.h>
#include <string.h>

#include "banned.h"

#define CONTROL UINT32_C(0x80000000)

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	return put32(put32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

uint32_t sinew__frame_header_size(uint8_t type)
{
	switch (type) {
	case SINEW__FRAME_PLAIN:
		return 4;
	case SINEW__FRAME_TAGGED:
	case SINEW__FRAME_FDS:
		return 8 + 8;
	case SINEW__FRAME_PIECE:
	case SINEW__FRAME_HELLO:
		return 8 + 16;
	default:
		return 8;
	}
}

/* The bytes after the type, of a type that is known. FDS alone has something to say there. */
static bool is_sound(const uint8_t *p)
{
	if (p[4] != SINEW__FRAME_FDS)
		return !(p[5] | p[6] | p[7]);
	return p[5] <= SINEW__FRAME_HAS_TAG && !p[6] && p[7] && p[7] <= SINEW__MOST_FDS;
}

static int parse_fields(const uint8_t *p, struct sinew__frame *frame)
{
	switch (frame->type) {
	case SINEW__FRAME_TAGGED:
		frame->tag = get64(p + 8);
		frame->tagged = true;
		return 1;
	case SINEW__FRAME_FDS:
		frame->fds = p[7];
		frame->tag = get64(p + 8);
		frame->tagged = p[5] & SINEW__FRAME_HAS_TAG;
		return frame->tagged || frame->tag == 0 ? 1 : -EBADMSG;
	case SINEW__FRAME_PIECE:
		frame->writer = get64(p + 8);
		frame->total = get32(p + 16);
		frame->offset = get32(p + 20);
		return 1;
	case SINEW__FRAME_HELLO:
		frame->session = get64(p + 8);
		frame->next = get64(p + 16);
		return frame->size == 0 ? 1 : -EBADMSG;
	default:
		return 1;
	}
}

static int parse_control(
	const uint8_t *p, size_t have, uint32_t body, struct sinew__frame *frame, size_t *need)
{
	*need = 8;
	if (have < *need)
		return body < 4 ? -EBADMSG : 0;

	uint8_t type = p[4];
	uint32_t header = sinew__frame_header_size(type);
	bool known = type >= SINEW__FRAME_TAGGED && type <= SINEW__FRAME_FDS;
	if (body < header - 4 || (!known && type < SINEW__FRAME_OPTIONAL) ||
		(known && !is_sound(p)))
		return -EBADMSG;
	*need = header;
	if (have < *need)
		return 0;

	*frame = (struct sinew__frame){.type = type, .header = header, .size = body + 4 - header};
	if (frame->size > SINEW__MOST_MESSAGE)
		return -EBADMSG;
	return parse_fields(p, frame);
}

int sinew__frame_parse(const uint8_t *p, size_t have, struct sinew__frame *frame, size_t *need)
{
	*need = SINEW__FRAME_PLAIN_SIZE;
	if (have < *need)
		return 0;
	uint32_t word = get32(p);
	if (word & CONTROL)
		return parse_control(p, have, word & ~CONTROL, frame, need);
	if (word > SINEW__MOST_MESSAGE)
		return -EBADMSG;
	frame->type = SINEW__FRAME_PLAIN;
	frame->header = SINEW__FRAME_PLAIN_SIZE;
	frame->size = word;
	frame->tag = 0;
	frame->tagged = false;
	frame->fds = 0;
	return 1;
}

size_t sinew__frame_write(uint8_t *p, const struct sinew__frame *frame)
{
	if (frame->type == SINEW__FRAME_PLAIN) {
		put32(p, frame->size);
		return SINEW__FRAME_PLAIN_SIZE;
	}

	uint32_t header = sinew__frame_header_size(frame->type);
	uint8_t *at = put32(p, CONTROL | (header - 4 + frame->size));
	uint32_t has_tag = frame->type == SINEW__FRAME_FDS && frame->tagged;
	at = put32(at, (uint32_t)frame->type << 24 | has_tag << 16 | frame->fds);
	if (frame->type == SINEW__FRAME_TAGGED || frame->type == SINEW__FRAME_FDS) {
		put64(at, frame->tag);
	} else if (frame->type == SINEW__FRAME_PIECE) {
		at = put64(at, frame->writer);
		put32(put32(at, frame->total), frame->offset);
	} else if (frame->type == SINEW__FRAME_HELLO) {
		put64(put64(at, frame->session), frame->next);
	}
	return header;
}
