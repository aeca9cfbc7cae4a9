/* SPDX-License-Identifier: MIT
 *
 * read.c - receiving from a ring: copied once, or borrowed where it lies.
 *
 * pair    what was borrowed is given back by `taken`, once it is released; a reader that dies before has
 *         not acknowledged it, and its successor finds it again
 * queue   see queue.c
 * topic   see topic.c, and for the newest alone, too
 */
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../process.h"
#include "../wait.h"
#include "ring.h"

enum { SERVE_EACH = 1024, LOOK_EACH = 100000000 };

/* ---- what there is to say beside messages ---- */

/* Whether the other side of a pair has said that it will write no more, or has gone. */
static bool has_ended(struct sinew__ring *ring)
{
	if (ring->pattern != SINEW__RING_PAIR || ring->channel->spec.common.keep_open == 1)
		return false;
	return sinew__see(&ring->r.in.lane.shared->finished) || sinew__ring_is_alone(ring);
}

static bool has_news(struct sinew__ring *ring)
{
	if (!(ring->channel->flags & SINEW_EVENTS) || ring->pattern != SINEW__RING_PAIR)
		return false;
	return sinew__ring_is_alone(ring) == ring->r.told_join &&
	       (ring->r.told_join || atomic_load(&ring->peer));
}

bool sinew__ring_readable(struct sinew__ring *ring)
{
	struct sinew__lane_message message;

	if (ring->pattern == SINEW__RING_QUEUE)
		return sinew__queue_has(ring);
	if (ring->histories)
		return sinew__topic_has(ring);
	return sinew__lane_read(&ring->r.in.lane, ring->r.in.at, &message) != SINEW__LANE_NONE ||
	       has_ended(ring) || has_news(ring);
}

/* At the end, with nothing left that was written before. */
static bool is_over(struct sinew__ring *ring)
{
	struct sinew__lane_message message;

	return has_ended(ring) &&
	       sinew__lane_read(&ring->r.in.lane, ring->r.in.at, &message) == SINEW__LANE_NONE;
}

/* An empty message about a peer that has come or gone. */
static int tell_event(struct sinew__ring *ring, struct sinew_msg *msg, uint32_t flag, uint64_t peer)
{
	*msg = (struct sinew_msg){.flags = flag, .peer = sinew__owner_id(peer)};
	msg->lost = ring->channel->lost;
	ring->channel->lost = 0;
	return 1;
}

/* With SINEW_EVENTS: news of the other side of a pair, if there is any. */
static int events(struct sinew__ring *ring, struct sinew_msg *msg)
{
	struct sinew__lane_message message;
	const uint64_t peer = atomic_load(&ring->peer);

	if (!has_news(ring))
		return 0;
	if (!ring->r.told_join) {
		ring->r.told_join = true;
		return tell_event(ring, msg, SINEW_MSG_JOINED, peer);
	}
	if (sinew__lane_read(&ring->r.in.lane, ring->r.in.at, &message) != SINEW__LANE_NONE)
		return 0; /* first what it wrote */
	ring->r.told_join = false;
	if (ring->channel->spec.common.keep_open == 1)
		atomic_store(&ring->peer, 0);
	return tell_event(ring, msg, SINEW_MSG_LEFT, peer);
}

enum { THE_END = -0x10001 }; /* SINEW_END is 0, which here means: look again */

static int nothing(struct sinew__ring *ring, unsigned tries, int64_t until)
{
	if (is_over(ring))
		return THE_END;
	return sinew__ring_wait(ring, SINEW_IN, sinew__ring_readable, tries, until);
}

static int corrupt(struct sinew__ring *ring)
{
	if (ring->pattern == SINEW__RING_PAIR)
		ring->r.broken = 1;
	return sinew__fail(EBADMSG,
		"receive on %s: a writer breaks the rules of the ring; what it wrote is given up",
		ring->channel->spec.text);
}

/* ---- messages ---- */

typedef uint64_t two_words __attribute__((vector_size(16), aligned(8), may_alias));

/* A message with nothing beside its data. By what the compiler makes of an assignment, or of a loop, clearing it
 * takes longer than all else that is done for a small one. */
static inline void plain_message(
	struct sinew_msg *msg, const void *data, size_t size, uint64_t peer)
{
	const two_words none = {0, 0};
	two_words *words = (two_words *)(void *)msg;

	_Static_assert(sizeof *msg == 8 * sizeof *words && offsetof(struct sinew_msg, peer) == 16,
		"all of it");
	words[0] = (two_words){(uintptr_t)data, size};
	words[1] = (two_words){peer, 0};
	words[2] = none;
	words[3] = none;
	words[4] = none;
	words[5] = none;
	words[6] = none;
	words[7] = none;
}

/* The id of who writes to our end of a pair. */
static inline uint64_t writer_of(const struct sinew__ring *ring)
{
	return sinew__owner_id(sinew__look(&ring->members[1 - ring->slot].owner));
}

static void describe(struct sinew__ring *ring, const struct sinew__lane_message *found,
	const void *data, struct sinew_msg *msg)
{
	*msg = (struct sinew_msg){.data = data,
		.size = found->size,
		.peer = ring->pattern == SINEW__RING_PAIR ? writer_of(ring)
							  : sinew__owner_id(ring->r.from)};
	if (found->tagged) {
		msg->flags |= SINEW_MSG_TAGGED;
		msg->tag = found->tag;
	}
	if (found->again)
		msg->flags |= SINEW_MSG_REDELIVERED;
	if (__builtin_expect(found->lost != 0, 0))
		sinew__lose(ring->channel, found->lost);
	if (__builtin_expect(ring->channel->lost != 0, 0)) {
		msg->lost = ring->channel->lost;
		ring->channel->lost = 0;
	}
}

static void count(struct sinew__ring *ring, uint64_t messages, uint64_t bytes)
{
	sinew__add(&ring->channel->count.received, messages);
	sinew__add(&ring->channel->count.bytes_received, bytes);
	ring->r.reads += (unsigned)messages;
	ring->r.waiting.linger.since += (unsigned)messages;
}

/* Who never has to wait serves the others, too, now and then: those who want to come in, and those whose
 * messages a dead reader holds. Before we hold any ourselves. */
static inline void serve(struct sinew__ring *ring)
{
	if (__builtin_expect(ring->r.reads < SERVE_EACH, 1))
		return;
	ring->r.reads = 0;
	sinew__ring_serve(ring);
	if (ring->pattern == SINEW__RING_QUEUE)
		sinew__ring_look_after(ring, SINEW_IN, LOOK_EACH);
}

/* msgs: the first `count` of those that were borrowed, for marks on those that went bad. */
static void give_back(struct sinew__ring *ring, struct sinew_msg *msgs, unsigned count)
{
	struct sinew__lane_in *in = &ring->r.in;

	if (ring->r.borrowed == 0)
		return;
	if (ring->histories)
		sinew__topic_done(ring, msgs, count);
	ring->r.borrowed = 0;
	if (ring->histories)
		return;
	if (ring->pattern == SINEW__RING_QUEUE) {
		sinew__queue_done(ring);
		return;
	}
	sinew__lane_give_back(&in->lane, in->at);
	sinew__ring_tell(ring, SINEW_IN, &in->lane.shared->room);
}

/* Who wrote this was there, even if we never saw it live. */
static void meet(struct sinew__ring *ring)
{
	if (__builtin_expect(!atomic_load_explicit(&ring->peer, memory_order_relaxed), 0))
		atomic_store(&ring->peer, sinew__see(&ring->members[1 - ring->slot].owner));
}

/* A message was copied: what lies before `after` may be overwritten. */
static inline void hand_over(struct sinew__ring *ring, struct sinew__ring_at after)
{
	struct sinew__lane_in *in = &ring->r.in;

	in->at = after;
	sinew__lane_give_back(&in->lane, after);
	sinew__ring_tell(ring, SINEW_IN, &in->lane.shared->room);
	sinew__count(&in->lane.shared->received, 1);
}

static int copy_from_pair(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *found)
{
	struct sinew__lane_in *in = &ring->r.in;
	int r = ring->r.broken ? SINEW__LANE_CORRUPT : sinew__lane_read(&in->lane, in->at, found);

	if (r != 1)
		return r;
	if (found->size > cap)
		return -EMSGSIZE;
	meet(ring);
	sinew__copy(buf, found->data, found->size);
	hand_over(ring, found->after);
	return 1;
}

static int too_large(struct sinew__ring *ring, const struct sinew__lane_message *found, size_t cap,
	struct sinew_msg *msg)
{
	*msg = (struct sinew_msg){.size = found->size};
	return sinew__fail(EMSGSIZE, "receive on %s: the message has %u bytes, the buffer %zu",
		ring->channel->spec.text, found->size, cap);
}

/* After a look that found no message: 0 look again, else what to return. */
static int without(
	struct sinew__ring *ring, int found, struct sinew_msg *msg, unsigned tries, int64_t until)
{
	int r = events(ring, msg);

	if (r != 0)
		return r;
	if (found == SINEW__LANE_CORRUPT && ring->r.broken != UINT64_MAX) {
		r = corrupt(ring);
		if (ring->pattern == SINEW__RING_PAIR)
			ring->r.broken = UINT64_MAX;
		return r;
	}
	return found == SINEW__LANE_CORRUPT ? THE_END : nothing(ring, tries, until);
}

static int end_or(struct sinew__ring *ring, int r, struct sinew_msg *msg)
{
	sinew__ring_fd_update(ring, SINEW_IN);
	if (r != THE_END)
		return r;
	*msg = (struct sinew_msg){.lost = ring->channel->lost};
	ring->channel->lost = 0;
	return SINEW_END;
}

/* Whether there is nothing to see to but a message that may be there. */
static inline bool is_plain(const struct sinew__ring *ring)
{
	return !ring->r.borrowed && !ring->r.broken && ring->r.reads < SERVE_EACH &&
	       !(ring->channel->flags & SINEW_EVENTS) && !ring->channel->lost &&
	       ring->r.waiting.set < 0;
}

/* The same of a pair whose other end we know. */
static inline bool is_plain_pair(const struct sinew__ring *ring)
{
	return ring->pattern == SINEW__RING_PAIR && is_plain(ring) &&
	       atomic_load_explicit(&ring->peer, memory_order_relaxed);
}

/* The way of most messages: whether there was one. */
static inline bool recv_plain(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew_msg *msg)
{
	struct sinew__lane_in *in = &ring->r.in;
	struct sinew__lane_message found;

	if (!sinew__lane_read_plain(&in->lane, in->at, &found) || found.size > cap)
		return false;
	sinew__copy(buf, found.data, found.size);
	hand_over(ring, found.after);
	plain_message(msg, buf, found.size, writer_of(ring));
	count(ring, 1, found.size);
	return true;
}

/* The same of what every reader reads. */
static inline bool recv_plain_topic(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew_msg *msg)
{
	struct sinew__lane_message found;

	if (!is_plain(ring) || !sinew__topic_copy_plain(ring, buf, cap, &found))
		return false;
	plain_message(msg, buf, found.size, sinew__owner_id(ring->r.from));
	count(ring, 1, found.size);
	return true;
}

/* The next message of a ring, copied: 1; NONE; CORRUPT; -EMSGSIZE. */
static int copy(struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *found)
{
	switch (ring->pattern) {
	case SINEW__RING_PAIR:
		return copy_from_pair(ring, buf, cap, found);
	case SINEW__RING_QUEUE:
		return sinew__queue_copy(ring, buf, cap, found);
	default:
		return sinew__topic_copy(ring, buf, cap, found);
	}
}

static __attribute__((noinline)) int recv_carefully(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	struct sinew__lane_message found;
	unsigned tries = 0;
	int r = 0;

	give_back(ring, NULL, 0);
	serve(ring);
	if (channel->flags & SINEW_EVENTS && (r = events(ring, msg)) != 0)
		return r;
	for (;;) {
		r = copy(ring, buf, cap, &found);
		if (r == 1)
			break;
		if (r == -EMSGSIZE)
			return too_large(ring, &found, cap, msg);
		r = without(ring, r, msg, tries++, until);
		if (r != 0)
			return end_or(ring, r, msg);
	}
	describe(ring, &found, buf, msg);
	count(ring, 1, found.size);
	if (ring->r.waiting.set >= 0)
		sinew__ring_fd_update(ring, SINEW_IN);
	return 1;
}

HOT int sinew__ring_recv(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew__ring *ring = sinew__ring_of(channel);

	if (is_plain_pair(ring) && recv_plain(ring, buf, cap, msg))
		return 1;
	if (ring->histories && ring->lane_count == 1 && recv_plain_topic(ring, buf, cap, msg))
		return 1;
	return recv_carefully(channel, buf, cap, msg, until);
}

/* Lends the next message of a pair, whatever its shape: 1; NONE; CORRUPT. */
static int borrow_one(struct sinew__ring *ring, struct sinew_msg *msg)
{
	struct sinew__lane_in *in = &ring->r.in;
	struct sinew__lane_message found;

	int r = sinew__lane_read(&in->lane, in->at, &found);
	if (r == 1) {
		describe(ring, &found, found.data, msg);
		in->at = found.after;
	}
	return r;
}

/* Lends what is there of a pair, up to `most`: how many; NONE; CORRUPT. */
static int borrow_from_pair(struct sinew__ring *ring, struct sinew_msg *msgs, unsigned most)
{
	struct sinew__lane_in *in = &ring->r.in;
	struct sinew__lane_message found;
	const uint64_t writer = writer_of(ring);
	uint64_t bytes = 0;
	unsigned n = 0;
	int r = ring->r.broken ? SINEW__LANE_CORRUPT : 1;

	for (; n < most && r == 1; n++) {
		if (sinew__lane_read_plain(&in->lane, in->at, &found) && !ring->channel->lost) {
			plain_message(&msgs[n], found.data, found.size, writer);
			in->at = found.after;
		} else if ((r = borrow_one(ring, &msgs[n])) != 1) {
			break;
		}
		bytes += msgs[n].size;
	}
	if (n == 0)
		return r;
	meet(ring);
	sinew__count(&in->lane.shared->received, n);
	count(ring, n, bytes);
	return (int)n;
}

static int borrow_from_many(struct sinew__ring *ring, struct sinew_msg *msgs, unsigned most)
{
	struct sinew__lane_message found[SINEW__RING_LENT];
	const unsigned room = most < SINEW__RING_LENT ? most : (unsigned)SINEW__RING_LENT;
	const int n = ring->histories ? sinew__topic_take(ring, found, room)
				      : sinew__queue_take(ring, found, room);
	uint64_t bytes = 0;

	for (int i = 0; i < n; i++) {
		describe(ring, &found[i], found[i].data, &msgs[i]);
		bytes += found[i].size;
	}
	if (n > 0)
		count(ring, (uint64_t)n, bytes);
	return n;
}

int sinew__ring_take(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned wanted, int64_t until)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	unsigned tries = 0;
	int n;

	give_back(ring, NULL, 0);
	serve(ring);
	if (wanted == 0)
		return sinew__fail(EINVAL, "take: room for no message");
	if (channel->flags & SINEW_EVENTS && (n = events(ring, msgs)) != 0)
		return n;
	for (;;) {
		n = ring->pattern == SINEW__RING_PAIR ? borrow_from_pair(ring, msgs, wanted)
						      : borrow_from_many(ring, msgs, wanted);
		if (n > 0)
			break;
		int r = without(ring, n, msgs, tries++, until);
		if (r != 0)
			return end_or(ring, r, msgs);
	}
	ring->r.borrowed = (unsigned)n;
	if (ring->r.waiting.set >= 0)
		sinew__ring_fd_update(ring, SINEW_IN);
	return n;
}

void sinew__ring_release(struct sinew_channel *channel, struct sinew_msg *msgs, unsigned n)
{
	if (!channel->process || sinew__process_is(channel->process))
		give_back(sinew__ring_of(channel), msgs, n);
}

/* What is not read yet lies in the ring, and none of it with us. */
unsigned sinew__ring_buffered(struct sinew_channel *channel, unsigned most)
{
	(void)channel;
	(void)most;
	return 0;
}
