/* SPDX-License-Identifier: MIT
 *
 * frame.h - how messages are cut out of a stream of bytes. sinew_frame(7) documents it byte by
 * byte. Pure functions over memory: no system calls, no allocation, nothing believed twice.
 *
 *   0LLLLLLL ×4                          message: 31-bit big-endian length, then that many bytes
 *   1LLLLLLL ×4  type flags 0 n  fields  control: length of all after these four bytes
 *
 * A control frame of an unknown type from 128 on is skipped; any other unknown one is corrupt, and so
 * is a length above 1 GiB (ASCII text read as a length begins there).
 */
#ifndef SINEW_FRAME_H
#define SINEW_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sinew__frame_type {
	SINEW__FRAME_PLAIN = 0,
	SINEW__FRAME_TAGGED = 1, /* u64 tag, then the message */
	SINEW__FRAME_PIECE = 2,  /* u64 writer, u32 total, u32 offset, then a piece of a message */
	SINEW__FRAME_HELLO = 3,  /* u64 session, u64 number of the message that follows */
	SINEW__FRAME_FDS = 4,    /* u64 tag, then the message; n descriptors travel with it */
	SINEW__FRAME_OPTIONAL = 128,
};

enum {
	SINEW__FRAME_PLAIN_SIZE = 4,
	SINEW__FRAME_MOST = 32,           /* the longest header */
	SINEW__FRAME_HAS_TAG = 1,         /* a flag of FDS */
	SINEW__MOST_FDS = 253,            /* that the kernel lets travel with one message */
	SINEW__MOST_MESSAGE = 0x40000000, /* 1 GiB: the largest max= */
};

struct sinew__frame {
	uint8_t type;
	uint8_t fds;     /* FDS: how many */
	bool tagged;     /* the message has a tag; to be set for FDS alone */
	uint32_t header; /* bytes before the payload */
	uint32_t size;   /* payload bytes */
	uint64_t tag;    /* TAGGED, FDS */
	uint64_t writer; /* PIECE */
	uint32_t total, offset;
	uint64_t session, next; /* HELLO */
};

/* Reads the header at p, of which `have` bytes are there. Returns 1 and fills *frame; 0 if *need
 * bytes must be there to say more; -EBADMSG. */
int sinew__frame_parse(const uint8_t *p, size_t have, struct sinew__frame *frame, size_t *need);

/* Whether the frame is a message by itself. */
static inline bool sinew__frame_is_message(uint8_t type)
{
	return type <= SINEW__FRAME_TAGGED || type == SINEW__FRAME_FDS;
}

/* Bytes that the header of this frame takes. */
uint32_t sinew__frame_header_size(uint8_t type);

/* Writes the header; type, size and the type's fields are set. Returns its bytes. */
size_t sinew__frame_write(uint8_t *p, const struct sinew__frame *frame);

#endif
