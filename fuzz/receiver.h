/* SPDX-License-Identifier: MIT
 *
 * receiver.h - receives from a channel and holds every result against the reference.
 */
#ifndef SINEW_FUZZ_RECEIVER_H
#define SINEW_FUZZ_RECEIVER_H

#include <sinew/sinew.h>

#include "reference.h"

struct receiver {
	sinew_channel *channel;
	const struct reference *expected; /* NULL: only that nothing is above max */
	const uint8_t *stream;            /* frame=raw: what must come, however it is divided */
	size_t stream_size, stream_at;
	size_t max, cap; /* cap: of the buffer of sinew_recv() */
	unsigned batch;  /* messages for one sinew_take(); 0: sinew_recv() */
	bool alternate;  /* the two in turn */
	bool polls;      /* sinew_fd() must have been ready before a call that gives something */
	bool vague_size; /* of a message too large, it is only known that it is */
	bool slow;       /* one call each time */
	bool packets;    /* a corrupt packet ends nothing */
	bool pieces;     /* messages may come in pieces */
	bool endless;    /* there is no end */
	bool ended;

	size_t row, calls, received;
};

/* Receives until nothing is there, or the end. Returns whether anything came. */
bool receiver_drain(struct receiver *, int64_t until);
/* At the end: everything expected came, and was counted. */
void receiver_check_end(struct receiver *);

#endif
