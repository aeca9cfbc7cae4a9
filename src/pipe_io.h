/* SPDX-License-Identifier: MIT
 *
 * pipe_io.h - how bytes move through pipes and fifos, whatever opened them. Flags of a descriptor
 * are never changed: not waiting is asked for call by call.
 */
#ifndef SINEW_PIPE_IO_H
#define SINEW_PIPE_IO_H

#include "channel.h"

extern const struct sinew__link_ops sinew__pipe_ops;

/* A long payload, written in pieces that find the pages of the last ones free again, and begun on a page
 * of its own, is copied two or three times as fast. */
enum { SINEW__PIPE_STRIDE = 16 * 1024 };

/* Sets the capacity; -EPERM above the system's limit, in words. A size of -1: what suits long messages,
 * if the system lets us. */
int sinew__pipe_capacity(const struct sinew_channel *, int fd, int64_t size);

/* Capabilities that framing gives a byte stream. */
static inline uint64_t sinew__stream_caps(const struct sinew__common *common)
{
	switch (common->frame) {
	case SINEW__FRAME_RAW:
		return 0;
	case SINEW__FRAME_LINE:
		return SINEW_CAP_BOUNDARIES | SINEW_CAP_EMPTY;
	default:
		return SINEW_CAP_BOUNDARIES | SINEW_CAP_EMPTY | SINEW_CAP_TAGS;
	}
}

#endif
