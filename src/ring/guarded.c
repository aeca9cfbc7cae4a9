/* SPDX-License-Identifier: MIT
 *
 * guarded.c - guard=yes: a ring of which somebody cuts the file short gives -EIO, where it would give
 * SIGBUS. Pages that are gone become zeros of our own (region_guard.c); what was done with such a
 * page is not told as done. Without guard= nothing of this is in the way.
 */
#include <sys/mman.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

int sinew__ring_guard(struct sinew__ring *ring)
{
	const char *uri = ring->channel->spec.text;

	if (!ring->region || ring->guests)
		return sinew__fail(EINVAL,
			"open %s: guard= is for shm: and file:; nobody can cut a memfd short", uri);
	int r = sinew_region_guard(ring->region);
	if (r < 0)
		return r;
	r = sinew__guard(ring->data, ring->data_size, PROT_READ | PROT_WRITE);
	if (r < 0)
		return sinew__guard_failed(uri, r);
	ring->guard = (unsigned)r + 1;
	ring->channel->io = &sinew__ring_guarded_io;
	return 0;
}

static bool is_cut(const struct sinew__ring *ring)
{
	return ring->guard &&
	       (sinew__guard_was_hit((int)ring->guard - 1) || sinew__region_was_hit(ring->region));
}

int sinew__ring_was_cut(const struct sinew__ring *ring)
{
	return sinew__fail(EIO,
		"%s: somebody has cut the ring short; what was in it is lost; remove it (sinew rm)",
		ring->channel->spec.text);
}

/* What a call came to, if all the bytes that it used were there. */
static int unless_cut(struct sinew_channel *channel, int r)
{
	const struct sinew__ring *ring = sinew__ring_of(channel);

	/* The kernel may have met the gap before we did. */
	if (r == -EFAULT || is_cut(ring))
		return sinew__ring_was_cut(ring);
	return r;
}

static int guarded_send(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	return unless_cut(channel, sinew__ring_send(channel, msgs, count, until));
}

static int guarded_recv(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	return unless_cut(channel, sinew__ring_recv(channel, buf, cap, msg, until));
}

static int guarded_take(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	return unless_cut(channel, sinew__ring_take(channel, msgs, count, until));
}

static int guarded_loan(
	struct sinew_channel *channel, size_t size, struct sinew_msg *msg, int64_t until)
{
	return unless_cut(channel, sinew__ring_loan(channel, size, msg, until));
}

static int guarded_commit(struct sinew_channel *channel, struct sinew_msg *msg)
{
	return unless_cut(channel, sinew__ring_commit(channel, msg));
}

static int guarded_finish(struct sinew_channel *channel)
{
	return unless_cut(channel, sinew__ring_finish(channel));
}

const struct sinew__io sinew__ring_guarded_io = {
	.send = guarded_send,
	.flush = sinew__ring_flush,
	.recv = guarded_recv,
	.take = guarded_take,
	.buffered = sinew__ring_buffered,
	.release = sinew__ring_release,
	.finish = guarded_finish,
	.loan = guarded_loan,
	.commit = guarded_commit,
	.abandon = sinew__ring_abandon,
	.fd = sinew__ring_fd,
	.cancel = sinew__ring_cancel,
	.peer = sinew__ring_peer,
};
