/* SPDX-License-Identifier: MIT
 *
 * stream_fill.h - from the kernel to a link's inbox, or straight to where its caller wants a message.
 */
#ifndef SINEW_STREAM_FILL_H
#define SINEW_STREAM_FILL_H

#include <sys/uio.h>

#include "stream.h"
#include "table.h"
#include "wait.h"

/* Where a message may be read straight to. */
struct sinew__target {
	uint8_t *buf;
	size_t cap;
};

/* One read. Bytes, or what the transport says. */
HOT static inline ssize_t sinew__read_once(
	struct sinew__link *link, struct iovec *iov, int n, int64_t until)
{
	struct sinew_channel *channel = link->channel;

	sinew__add(&channel->count.calls[0], 1);
	return link->ops->read(link, iov, n, sinew__may_block(channel, until));
}

/* That gave nothing (r): reads on where this means nothing, waiting as asked. Bytes, 0 for the end, or
 * -errno; a broken link is `ended` as well. */
ssize_t sinew__read_on(struct sinew__link *, struct iovec *, int n, ssize_t r, int64_t until);

/* Both: one read that brings something, or says why not. */
static inline ssize_t sinew__read_some(
	struct sinew__link *link, struct iovec *iov, int n, int64_t until)
{
	ssize_t r = sinew__read_once(link, iov, n, until);

	return r > 0 ? r : sinew__read_on(link, iov, n, r, until);
}

/* One read to the inbox, in bulk; results as above, -EAGAIN also where there is no memory. */
ssize_t sinew__fill(struct sinew__link *, int64_t until);

/* The same, but straight to the target where a message can be: MESSAGE, in *view; AGAIN: something is in
 * the inbox. alone: nothing but this link can be read meanwhile. target: NULL, there is none. */
ssize_t sinew__fill_target(struct sinew__link *, bool alone, const struct sinew__target *target,
	struct sinew__view *view, int64_t until);

#endif
