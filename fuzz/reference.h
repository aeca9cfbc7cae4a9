/* SPDX-License-Identifier: MIT
 *
 * reference.h - what a reader must make of a stream of bytes, found in the simplest way: with the
 * whole stream in memory, without regard to how it arrives. Shares no code with the library.
 */
#ifndef SINEW_FUZZ_REFERENCE_H
#define SINEW_FUZZ_REFERENCE_H

#include "fuzz.h"

enum verdict {
	VERDICT_MESSAGE,
	VERDICT_TOO_LARGE, /* -EMSGSIZE; size is that of the message */
	VERDICT_CORRUPT,   /* -EBADMSG, then the end */
	VERDICT_END
};

struct expected {
	enum verdict verdict;
	uint8_t *data; /* own memory */
	size_t size;
	bool tagged, unfinished;
	bool fds_lost; /* descriptors were announced, or came, and are not there */
	unsigned fds;  /* that come with it */
	uint64_t tag;
	uint64_t lost;      /* messages lost since the last message before this row */
	uint64_t lost_ever; /* since the beginning; of one too large with itself */
};

struct reference {
	struct expected *rows;
	size_t count, room;
	uint64_t lost, lost_ever;
	bool takes_fds; /* descriptors are taken in, and none come: who announces some is cut off */
	bool unsure;    /* a piece has a writer that cannot be alive: when it is dropped is open */
};

/* frame=length. pieces: messages may come in pieces, as through a fifo with chunk=yes. */
void reference_length(
	struct reference *, const uint8_t *stream, size_t size, size_t max, bool pieces);
void reference_line(struct reference *, const uint8_t *stream, size_t size, size_t max);

/* For the above. */
struct expected *reference_add(struct reference *, enum verdict, const uint8_t *data, size_t size);
void reference_lose(struct reference *);
void reference_fini(struct reference *);

/* Messages under way in pieces. (pieces.c) */
enum { SLOTS = 64 }; /* as fifo.c has */

struct assembly {
	struct {
		uint64_t writer; /* 0: free */
		uint32_t total, got;
		uint8_t *data;
	} slots[SLOTS];
};

struct piece {
	uint64_t writer;
	uint32_t total, offset;
	const uint8_t *data;
	size_t size;
};

/* Whether the piece can be one at all. */
bool assembly_add(struct assembly *, struct reference *, const struct piece *, size_t max);
/* The stream ended. */
void assembly_fini(struct assembly *, struct reference *);

#endif
