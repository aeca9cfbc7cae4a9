/* SPDX-License-Identifier: MIT
 *
 * queue.h - what the kernel's two message queues have in common: a call moves one message in one
 * contiguous piece of memory, and limits of the system are met by everybody.
 */
#ifndef SINEW_QUEUE_H
#define SINEW_QUEUE_H

#include "channel.h"

/* Copies the parts of a message to `to`, which has room for all. Returns the bytes. */
size_t sinew__queue_join(const struct iovec *, int n, void *to);
/* Copies a message into its parts, as far as they reach. */
void sinew__queue_split(const struct iovec *, int n, const void *from, size_t size);

/* A size as the options write it: "16K", "8193". */
const char *sinew__queue_size(char text[24], int64_t size);

/* The largest message of `room` bytes in the queue, within max= and less its frame. 1 to max=, or
 * -EINVAL where nothing fits, with words that blame `what`. */
int sinew__queue_most(
	const struct sinew__spec *, int64_t room, const char *what, uint64_t *max_message);

/* A direction must be said: 0 or -EINVAL. */
int sinew__queue_check_direction(const struct sinew_channel *, const char *kind);

/* What describe() of both says: frame=line is refused. */
int sinew__queue_check_frame(const struct sinew__spec *);

enum { SINEW__QUEUE_PRIORITIES = 32768 };

#define SINEW__QUEUE_CAPS                                                                          \
	(SINEW__CAP_PACKETS | SINEW__CAP_SURE | SINEW_CAP_BOUNDARIES | SINEW_CAP_MANY_WRITERS |    \
		SINEW_CAP_MANY_READERS | SINEW_CAP_NAMED | SINEW_CAP_EMPTY | SINEW_CAP_SURVIVES)

#endif
