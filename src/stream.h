/* SPDX-License-Identifier: MIT
 *
 * stream.h - messages over byte streams: what its receiving and its sending half share.
 */
#ifndef SINEW_STREAM_H
#define SINEW_STREAM_H

#include "channel.h"
#include "frame.h"

/* A whole message at the head of an inbox, or assembled from pieces. */
struct sinew__view {
	const uint8_t *data;
	size_t size;
	uint64_t tag;
	uint32_t flags;
	bool fds;       /* descriptors came with it: the oldest in the link's queue */
	size_t consume; /* bytes of the inbox that go with it */
};

/* Cuts the next message off the inbox. 1 and *view; 0 when bytes are missing (in.need says how
 * many from the head on); -EMSGSIZE when one above max= was met, view->size says how large: it will
 * be skipped; -EBADMSG. Control frames are acted upon on the way. (cut.c) */
int sinew__cut(struct sinew__link *, struct sinew__view *);

/* The message of this frame at the head of the inbox, with its bytes at `data`. */
void sinew__cut_view(const struct sinew__link *, const struct sinew__frame *, const uint8_t *data,
	struct sinew__view *);

/* How many whole messages wait in the inbox, counted up to `most`; one more if the next thing there is
 * to be told is an error. Changes nothing. */
unsigned sinew__cut_count(const struct sinew__link *, unsigned most);

size_t sinew__stream_below(const struct sinew__link *);

/* Why a connection broke, as callers are told it: with whatever words the network gives up, the peer no
 * longer answers. */
static inline int sinew__broken_as(int error)
{
	switch (error) {
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
		return ECONNABORTED;
	default:
		return error;
	}
}

int sinew__stream_send(struct sinew_channel *, const struct sinew_msg *, unsigned, int64_t until);
int sinew__stream_flush(struct sinew_channel *, int64_t until);

#endif
