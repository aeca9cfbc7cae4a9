/* SPDX-License-Identifier: MIT
 *
 * batch.h - which messages go with one write of a byte stream: their frames stand in the outbox, a long
 * payload stays where it is.
 */
#ifndef SINEW_BATCH_H
#define SINEW_BATCH_H

#include "frame.h"
#include "stream.h"

enum { SINEW__INLINE = 4096 }; /* payloads up to this are copied into the outbox */

/* `count` messages gathered, the last one's payload perhaps outside. */
struct sinew__batch {
	const struct sinew_msg *msgs;
	unsigned count;
	size_t base;            /* where its frames begin in the outbox */
	const uint8_t *payload; /* of the last message, not copied; or NULL */
	size_t payload_size, payload_gone;
	bool passing; /* the only message has descriptors, and they are still to go */
};

/* The frame a message travels in, with frame=length. */
static inline uint8_t sinew__frame_type(const struct sinew_msg *msg)
{
	if (msg->fd_count)
		return SINEW__FRAME_FDS;
	return msg->flags & SINEW_MSG_TAGGED ? SINEW__FRAME_TAGGED : SINEW__FRAME_PLAIN;
}

/* Bytes that a message takes beside its own. */
static inline size_t sinew__overhead(
	const struct sinew_channel *channel, const struct sinew_msg *msg)
{
	switch (channel->spec.common.frame) {
	case SINEW__FRAME_LINE:
		return 1;
	case SINEW__FRAME_RAW:
		return 0;
	default:
		return sinew__frame_header_size(sinew__frame_type(msg));
	}
}

/* Whether it is too long for one atomic write, and may go in several. */
static inline bool sinew__goes_in_pieces(
	const struct sinew__link *link, const struct sinew_msg *msg)
{
	return link->atomic && link->writer &&
	       msg->size + sinew__overhead(link->channel, msg) > link->atomic;
}

/* Whether this message can be carried at all: 0, -EMSGSIZE, -EINVAL, -EOPNOTSUPP with words. */
int sinew__batch_check(
	struct sinew_channel *, const struct sinew__link *, const struct sinew_msg *);

/* Gathers frames from msgs on: at least one, or the reason why the first cannot go; *batch is empty where
 * that goes in pieces. */
int sinew__batch_gather(struct sinew__link *, const struct sinew_msg *msgs, unsigned count,
	struct sinew__batch *, int64_t until);

#endif
