/* SPDX-License-Identifier: MIT
 *
 * write.c - sending into a ring: copied once, or written in place (loan, commit). One look for sleepers
 * after each batch.
 */
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../wait.h"
#include "ring.h"

enum {
	HELD_BACK = 1024,      /* bytes of a message that may wait for the rest of its line */
	LOOK_EACH = 100000000, /* ns */
};

/* Whom a message of ours reaches. */
static struct sinew__ring_bell *readers(struct sinew__ring *ring)
{
	return ring->pattern == SINEW__RING_PAIR ? &ring->w.out.lane.shared->work
						 : &ring->header->work;
}

/* A ring that has no name lives with its members: nobody would ever read what we write before one came. */
static bool waits_for_peer(struct sinew__ring *ring)
{
	return ring->guests && ring->pattern == SINEW__RING_PAIR && !atomic_load(&ring->peer) &&
	       !sinew__ring_is_alone(ring) && !atomic_load(&ring->peer);
}

/* Whether nobody will read any more. */
static bool ends(struct sinew__ring *ring)
{
	if (ring->pattern != SINEW__RING_PAIR) /* nobody can come any more */
		return atomic_load_explicit(&ring->peer_gone, memory_order_relaxed) &&
		       !sinew__ring_has_readers(ring);
	return ring->channel->spec.common.keep_open != 1 && sinew__ring_is_alone(ring);
}

bool sinew__ring_writable(struct sinew__ring *ring)
{
	const uint64_t no_tag = 0;
	struct sinew__lane_slot slot;

	if (ring->w.broken || ends(ring))
		return true;
	return !waits_for_peer(ring) && sinew__lane_reserve(&ring->w.out, ring->w.wanted.size,
						ring->w.wanted.tagged ? &no_tag : NULL,
						ring->w.wanted.inside, &slot) != SINEW__LANE_NONE;
}

static int no_reader(struct sinew__ring *ring)
{
	return sinew__fail(EPIPE, "send to %s: no reader is left", ring->channel->spec.text);
}

static int corrupt(struct sinew__ring *ring)
{
	ring->w.broken = true;
	return sinew__fail(EBADMSG,
		"send to %s: a reader breaks the rules of the ring; nothing can be sent any more",
		ring->channel->spec.text);
}

static int too_large(struct sinew__ring *ring, size_t size)
{
	return sinew__fail(EMSGSIZE,
		"send to %s: the message has %zu bytes, the limit is %u (max=, and half of size=)",
		ring->channel->spec.text, size, ring->most);
}

/* What forbids sending at all. */
static int check(struct sinew__ring *ring)
{
	if (ring->w.broken)
		return corrupt(ring);
	if (ring->w.loaned)
		return sinew__fail(EBUSY,
			"send to %s: a loan is out; sinew_commit() or sinew_abandon() it first",
			ring->channel->spec.text);
	return ends(ring) ? no_reader(ring) : 0;
}

static int check_peer(struct sinew__ring *ring, uint64_t peer)
{
	if (peer == SINEW_ANY_PEER)
		return 0;
	if (ring->pattern == SINEW__RING_PAIR && peer == sinew__owner_id(atomic_load(&ring->peer)))
		return 0;
	return sinew__fail(ESTALE, "send to %s: that peer has left", ring->channel->spec.text);
}

/* There is none: 1 look again, 0 the message was dropped, or -errno. */
static int without_room(
	struct sinew__ring *ring, struct sinew__wanted wanted, unsigned tries, int64_t until)
{
	int r;

	/* Whoever does not wait does not look for the dead, either, who take no message any more. */
	if (ring->histories && (ring->full != SINEW__RING_BLOCK || until == SINEW_NOW))
		sinew__ring_look_after(ring, SINEW_OUT, LOOK_EACH);
	if (ring->full == SINEW__RING_DROP_NEW && !waits_for_peer(ring)) {
		ring->w.out.lost++;
		ring->w.out.number++; /* who is overtaken learns of it, too */
		sinew__count(&ring->w.out.lane.shared->dropped, 1);
		return 0;
	}
	ring->w.wanted = wanted;
	if (ring->full == SINEW__RING_FAIL && !waits_for_peer(ring))
		r = sinew__answer(EAGAIN, "the ring is full");
	else
		r = sinew__ring_wait(ring, SINEW_OUT, sinew__ring_writable, tries, until);
	if (r == 0) {
		ring->w.wanted = (struct sinew__wanted){.inside = true};
		r = check(ring);
	} else {
		sinew__ring_fd_update(ring, SINEW_OUT);
	}
	return r < 0 ? r : 1;
}

/* Publishes what was reserved. */
static inline void commit(struct sinew__ring *ring, const struct sinew__lane_slot *slot)
{
	const struct sinew__ring_at at = ring->w.out.at;

	sinew__lane_commit(&ring->w.out, slot);
	if (__builtin_expect(ring->w.latest, 0))
		sinew__history_tell(&ring->w.out, at);
}

/* Holds back what was reserved for a message until the rest of the batch has come. */
static inline void fill(struct sinew__lane_out *out, const struct sinew_msg *msg,
	const struct sinew__lane_slot *slot)
{
	sinew__copy_shared(slot->data, msg->data, msg->size);
	sinew__lane_hold(out, slot);
	if (msg->size > HELD_BACK)
		sinew__lane_show(out);
}

/* Puts one message in: 1, 0 it was dropped, -errno. */
static int put(struct sinew__ring *ring, const struct sinew_msg *msg, bool more, int64_t until)
{
	const uint64_t *tag = msg->flags & SINEW_MSG_TAGGED ? &msg->tag : NULL;
	struct sinew__lane_slot slot;
	unsigned tries = 0;

	if (msg->size > ring->most)
		return too_large(ring, msg->size);
	if (msg->peer) {
		int r = check_peer(ring, msg->peer);
		if (r < 0)
			return r;
	}
	for (;;) {
		int r = waits_for_peer(ring) ? SINEW__LANE_NONE
					     : sinew__lane_reserve(&ring->w.out,
						       (uint32_t)msg->size, tag, false, &slot);
		if (r == 1)
			break;
		sinew__lane_show(&ring->w.out);
		if (r == SINEW__LANE_CORRUPT)
			return corrupt(ring);
		r = without_room(ring, (struct sinew__wanted){(uint32_t)msg->size, tag, false},
			tries++, until);
		if (r <= 0)
			return r;
	}
	if (more) {
		fill(&ring->w.out, msg, &slot);
	} else {
		sinew__copy_shared(slot.data, msg->data, msg->size);
		commit(ring, &slot);
	}
	return 1;
}

static void count(struct sinew__ring *ring, uint64_t messages, uint64_t bytes)
{
	struct sinew__ring_lane *shared = ring->w.out.lane.shared;

	sinew__count(&shared->sent, messages);
	sinew__count(&shared->sent_bytes, bytes);
	sinew__add(&ring->channel->count.sent, messages);
	sinew__add(&ring->channel->count.bytes_sent, bytes);
	ring->w.waiting.linger.since += (unsigned)messages;
	sinew__ring_tell(ring, SINEW_OUT, readers(ring));
	if (__builtin_expect(ring->histories && ring->guests, 0))
		sinew__topic_mind(ring);
}

/* What is in of a batch. */
struct progress {
	unsigned done; /* with those dropped */
	uint64_t in, bytes;
};

static __attribute__((noinline)) int put_rest(struct sinew__ring *ring,
	const struct sinew_msg *msgs, unsigned n, struct progress *p, int64_t until)
{
	const bool more = n > 1 && !ring->w.latest; /* the newest are shown one by one */
	int r = check(ring);

	for (; r >= 0 && p->done < n; p->done++) {
		const struct sinew_msg *msg = &msgs[p->done];
		/* What is in already must not wait with us for room. */
		r = put(ring, msg, more, p->in ? SINEW_NOW : until);
		if (r == -EAGAIN && p->in && until != SINEW_NOW &&
			ring->full == SINEW__RING_BLOCK) {
			count(ring, p->in, p->bytes);
			p->in = p->bytes = 0;
			r = put(ring, msg, more, until);
		}
		if (r < 0)
			break;
		p->in += (unsigned)r;
		p->bytes += r ? msg->size : 0;
	}
	return r;
}

/* Whether all that can keep a message out is its shape and a lack of room. */
static inline bool is_plain(struct sinew__ring *ring)
{
	if (ring->w.broken || ring->w.loaned ||
		atomic_load_explicit(&ring->peer_gone, memory_order_relaxed))
		return false;
	if (ring->pattern != SINEW__RING_PAIR)
		return !ring->w.latest;
	const uint64_t peer = atomic_load_explicit(&ring->peer, memory_order_relaxed);
	return sinew__owner_state(peer) == SINEW__OWNER_LIVE &&
	       sinew__see(&ring->members[1 - ring->slot].owner) == peer;
}

/* The way of most messages: whether it is in. */
static inline bool put_plain(struct sinew__ring *ring, const struct sinew_msg *msg)
{
	struct sinew__lane_slot slot;

	if (msg->size > ring->most || msg->flags || msg->peer ||
		!sinew__lane_reserve_plain(&ring->w.out, (uint32_t)msg->size, &slot))
		return false;
	sinew__copy_shared(slot.data, msg->data, msg->size);
	commit(ring, &slot);
	return true;
}

/* The same of a batch: how many are in. Our place is in registers meanwhile, which stores to the ring would
 * otherwise make the compiler read anew each time. */
static __attribute__((noinline)) HOT unsigned put_many_plain(
	struct sinew__ring *ring, const struct sinew_msg *msgs, unsigned n, uint64_t *bytes)
{
	struct sinew__lane_out out = ring->w.out;
	const uint32_t most = ring->most;
	uint64_t sum = 0;
	unsigned done = 0;

	for (; done < n; done++) {
		const struct sinew_msg *msg = &msgs[done];
		struct sinew__lane_slot slot;
		if (msg->size > most || msg->flags || msg->peer ||
			!sinew__lane_reserve_plain(&out, (uint32_t)msg->size, &slot))
			break;
		sinew__lane_fetch_ahead(&out);
		fill(&out, msg, &slot);
		sum += msg->size;
	}
	ring->w.out = out;
	*bytes = sum;
	return done;
}

HOT int sinew__ring_send(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned n, int64_t until)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	unsigned done = 0;
	uint64_t bytes = 0, in;
	int r = 0;

	if (__builtin_expect(is_plain(ring), 1)) {
		if (n > 1) {
			done = put_many_plain(ring, msgs, n, &bytes);
		} else if (n == 1 && put_plain(ring, msgs)) {
			done = 1;
			bytes = msgs->size;
		}
	}
	in = done;
	if (__builtin_expect(done < n, 0)) {
		struct progress p = {done, in, bytes};
		r = put_rest(ring, msgs, n, &p, until);
		done = p.done;
		in = p.in;
		bytes = p.bytes;
	}
	sinew__lane_show(&ring->w.out);
	if (in)
		count(ring, in, bytes);
	if (__builtin_expect(ring->w.waiting.set >= 0, 0))
		sinew__ring_fd_update(ring, SINEW_OUT);
	return done ? (int)done : r;
}

int sinew__ring_finish(struct sinew_channel *channel)
{
	struct sinew__ring *ring = sinew__ring_of(channel);

	if (ring->pattern != SINEW__RING_PAIR)
		return sinew__fail(
			EOPNOTSUPP, "%s: has no end: others may write, too", channel->spec.text);
	sinew__publish(&ring->w.out.lane.shared->finished, 1);
	sinew__ring_rouse(readers(ring));
	sinew__ring_ring(ring, SINEW_IN);
	return 0;
}

/* ---- in place ---- */

int sinew__ring_loan(
	struct sinew_channel *channel, size_t size, struct sinew_msg *msg, int64_t until)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	unsigned tries = 0;
	int r = check(ring);

	if (r == 0 && size > ring->most)
		r = too_large(ring, size);
	while (r == 0) {
		int found = waits_for_peer(ring) ? SINEW__LANE_NONE
						 : sinew__lane_reserve(&ring->w.out, (uint32_t)size,
							   NULL, true, &ring->w.slot);
		if (found == 1)
			break;
		if (found == SINEW__LANE_CORRUPT)
			return corrupt(ring);
		r = without_room(
			ring, (struct sinew__wanted){(uint32_t)size, false, true}, tries++, until);
		if (r == 0)
			return sinew__answer(EAGAIN, "the ring is full");
		r = r < 0 ? r : 0;
	}
	if (r < 0)
		return r;
	sinew__lane_fetch(&ring->w.out.lane, &ring->w.slot, (uint32_t)size);
	ring->w.loaned = true;
	*msg = (struct sinew_msg){.data = ring->w.slot.data, .size = size};
	return 0;
}

int sinew__ring_commit(struct sinew_channel *channel, struct sinew_msg *msg)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	struct sinew__lane_slot *slot = &ring->w.slot;

	if (!ring->w.loaned || msg->data != slot->data || msg->size > (uint32_t)slot->value)
		return sinew__fail(EINVAL, "commit on %s: that message was not lent, or has grown",
			channel->spec.text);
	ring->w.loaned = false;
	slot->value = (slot->value & ~(uint64_t)UINT32_MAX) | msg->size;
	slot->after.units = ring->w.out.at.units + sinew__lane_units((uint32_t)msg->size);
	commit(ring, slot);
	count(ring, 1, msg->size);
	msg->data = NULL;
	return 0;
}

void sinew__ring_abandon(struct sinew_channel *channel, struct sinew_msg *msg)
{
	sinew__ring_of(channel)->w.loaned = false;
	msg->data = NULL;
}
