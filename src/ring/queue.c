/* SPDX-License-Identifier: MIT
 *
 * queue.c - many readers of the lanes of a queue, each message to one of them.
 *
 * Whoever changes `next` and `taken` of a lane holds its claim, for a few stores. A reader that borrows
 * messages says so before they are its own: hold {lane, from, to}, then next = to, then the claim is
 * given up; when it is done the hold goes, and `taken` follows the oldest message in hand. A reader
 * that copies needs no hold: a message is its own when next has passed it.
 *
 *   died with        what its heir finds            what becomes of the messages
 *   the claim        hold with from == next         they are in the lane as before
 *   the claim        taken behind next, no hold     taken follows
 *   a hold           hold with from != next         the heir's, marked as delivered again; or counted
 *
 * The heir works under the dead reader's claim, so an heir that dies leaves what it found. Two holds
 * of the same messages are one that moved to an heir who died in between: either may go.
 */
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

enum { PATIENCE = 64 };   /* looks at a claim that somebody holds */
enum { COUNTED = 0x100 }; /* in a hold: `counted` is valid */

static struct sinew__ring_member *self(struct sinew__ring *ring)
{
	return &ring->members[ring->slot];
}

/* ---- the claim ---- */

static bool claim_as(struct sinew__ring_lane *shared, uint64_t owner)
{
	return sinew__look(&shared->claim) == 0 && sinew__swap64(&shared->claim, 0, owner);
}

bool sinew__queue_claim(struct sinew__ring *ring, unsigned lane)
{
	return claim_as(&ring->shared[lane], ring->owner);
}

void sinew__queue_let_go(struct sinew__ring *ring, unsigned lane)
{
	sinew__publish(&ring->shared[lane].claim, 0);
}

/* Where a member's hold on this lane begins, if that is before *at. Its `from` belongs to this hold if the
 * hold is the same afterwards, for it cannot hold this lane anew while we have the claim. One that begins
 * before `taken` is a lie. */
static void heed(struct sinew__ring_member *member, unsigned lane, struct sinew__ring_at taken,
	struct sinew__ring_at *at)
{
	const uint64_t hold = sinew__see(&member->hold);

	if ((hold & 0xff) != lane + 1)
		return;
	const struct sinew__ring_at from = sinew__ring_unpack(sinew__see(&member->from));
	if ((sinew__see(&member->hold) & 0xff) == lane + 1 &&
		from.words - taken.words < at->words - taken.words &&
		from.units - taken.units <= at->units - taken.units)
		*at = from;
}

void sinew__queue_settle(struct sinew__ring *ring, unsigned lane)
{
	struct sinew__ring_lane *shared = &ring->shared[lane];
	const uint64_t taken = sinew__look(&shared->taken), next = sinew__look(&shared->next);
	struct sinew__ring_at oldest = sinew__ring_unpack(next);

	if (taken == next)
		return;
	for (unsigned i = 0; i < ring->slots; i++)
		heed(&ring->members[i], lane, sinew__ring_unpack(taken), &oldest);
	if ((int32_t)(oldest.words - (uint32_t)taken) <= 0)
		return;
	sinew__publish(&shared->taken, sinew__ring_pack(oldest));
}

/* ---- taking ---- */

/* Whether there is something in a lane that nobody has: a message, or a lie. The word that sends us on to
 * the next line is neither: it stays where it is until there is a message behind it. */
static bool has_something(const struct sinew__lane *lane)
{
	struct sinew__lane_message message;

	return sinew__lane_read(lane, sinew__ring_unpack(sinew__see(&lane->shared->next)),
		       &message) != SINEW__LANE_NONE;
}

/* A lane with a message, claimed; *at is where that begins. */
static bool enter(struct sinew__ring *ring, unsigned lane, struct sinew__ring_at *at)
{
	const struct sinew__lane *private = &ring->lanes[lane];

	if (ring->r.broken >> lane & 1 || !has_something(private) ||
		!sinew__queue_claim(ring, lane))
		return false;
	*at = sinew__ring_unpack(sinew__look(&private->shared->next));
	return true;
}

static void leave(struct sinew__ring *ring, unsigned lane)
{
	sinew__queue_settle(ring, lane);
	sinew__queue_let_go(ring, lane);
	sinew__ring_tell(ring, SINEW_IN, &ring->shared[lane].room);
}

/* Under the claim: what died with other readers is told by whoever reads next. */
static void tell_forgotten(struct sinew__ring *ring, struct sinew__ring_lane *shared)
{
	const uint64_t forgotten = sinew__look(&shared->forgotten);
	const uint64_t told = sinew__look(&shared->told);

	if (__builtin_expect(forgotten == told, 1))
		return;
	sinew__put(&shared->told, forgotten);
	sinew__lose(ring->channel, forgotten - told);
}

static int read_some(struct sinew__ring *ring, unsigned lane, struct sinew__ring_at *at,
	struct sinew__lane_message *messages, unsigned count)
{
	unsigned n = 0;

	while (n < count) {
		int r = sinew__lane_read(&ring->lanes[lane], *at, &messages[n]);
		if (r == SINEW__LANE_CORRUPT && n == 0) {
			ring->r.broken |= UINT64_C(1) << lane;
			return r;
		}
		if (r != 1)
			break;
		*at = messages[n++].after;
	}
	return (int)n;
}

static void announce(struct sinew__ring *ring, unsigned lane, struct sinew__ring_at from,
	struct sinew__ring_at to)
{
	struct sinew__ring_member *member = self(ring);

	sinew__publish(&member->from, sinew__ring_pack(from));
	sinew__publish(&member->to, sinew__ring_pack(to));
	sinew__publish(&member->hold, lane + 1);
	ring->r.holds = lane + 1;
	ring->r.in.lane = ring->lanes[lane];
	ring->r.in.at = ring->r.end = to;
}

static int take_from(struct sinew__ring *ring, unsigned lane, struct sinew__lane_message *messages,
	unsigned count)
{
	struct sinew__ring_lane *shared = &ring->shared[lane];
	struct sinew__ring_at from, to;

	if (!enter(ring, lane, &from))
		return SINEW__LANE_NONE;
	to = from;
	int n = read_some(ring, lane, &to, messages, count);
	if (n > 0) {
		ring->r.from = sinew__look(&shared->owner);
		tell_forgotten(ring, shared);
		announce(ring, lane, from, to);
		sinew__publish(&shared->next, sinew__ring_pack(to));
		sinew__count(&shared->received, (uint64_t)n);
	}
	sinew__queue_let_go(ring, lane);
	return n;
}

/* What we took over from a dead reader and have not delivered yet. */
static bool has_left_over(const struct sinew__ring *ring)
{
	return ring->r.again && ring->r.in.at.words != ring->r.end.words;
}

static int take_left_over(
	struct sinew__ring *ring, struct sinew__lane_message *messages, unsigned count)
{
	unsigned n = 0;

	while (n < count && has_left_over(ring) &&
		sinew__lane_read(&ring->r.in.lane, ring->r.in.at, &messages[n]) == 1) {
		messages[n].again = true;
		ring->r.in.at = messages[n++].after;
	}
	if (n)
		return (int)n;
	ring->r.in.at = ring->r.end; /* its words are not what they were: it is given up */
	sinew__queue_done(ring);
	return SINEW__LANE_CORRUPT;
}

int sinew__queue_take(
	struct sinew__ring *ring, struct sinew__lane_message *messages, unsigned count)
{
	if (has_left_over(ring))
		return take_left_over(ring, messages, count);
	for (unsigned i = 0; i < ring->lane_count; i++) {
		unsigned lane = (ring->r.turn + i) % ring->lane_count;
		int n = take_from(ring, lane, messages, count);
		if (n == SINEW__LANE_NONE)
			continue;
		ring->r.turn = (lane + 1) % ring->lane_count;
		return n;
	}
	return SINEW__LANE_NONE;
}

/* Under the claim: one message out of the lane. */
static int copy_out(struct sinew__ring *ring, unsigned lane, struct sinew__ring_at from, void *buf,
	size_t cap, struct sinew__lane_message *message)
{
	struct sinew__ring_lane *shared = &ring->shared[lane];
	struct sinew__ring_at to = from;
	int r = read_some(ring, lane, &to, message, 1);

	if (r == 1 && message->size > cap)
		return -EMSGSIZE;
	if (r != 1)
		return r;
	sinew__copy(buf, message->data, message->size);
	ring->r.from = sinew__look(&shared->owner);
	tell_forgotten(ring, shared);
	sinew__publish(&shared->next, sinew__ring_pack(to));
	sinew__count(&shared->received, 1);
	return 1;
}

static int copy_left_over(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *message)
{
	const struct sinew__ring_at before = ring->r.in.at;
	int r = take_left_over(ring, message, 1);

	if (r != 1)
		return r;
	if (message->size > cap) {
		ring->r.in.at = before;
		return -EMSGSIZE;
	}
	sinew__copy(buf, message->data, message->size);
	sinew__queue_done(ring);
	return 1;
}

int sinew__queue_copy(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *message)
{
	struct sinew__ring_at from;

	if (has_left_over(ring))
		return copy_left_over(ring, buf, cap, message);
	for (unsigned i = 0; i < ring->lane_count; i++) {
		unsigned lane = (ring->r.turn + i) % ring->lane_count;
		if (!enter(ring, lane, &from))
			continue;
		int r = copy_out(ring, lane, from, buf, cap, message);
		leave(ring, lane);
		if (r == SINEW__LANE_NONE)
			continue;
		if (r == 1)
			ring->r.turn = (lane + 1) % ring->lane_count;
		return r;
	}
	return SINEW__LANE_NONE;
}

/* ---- done ---- */

void sinew__queue_done(struct sinew__ring *ring)
{
	struct sinew__ring_member *member = self(ring);
	const unsigned lane = ring->r.holds - 1; /* not what others may have written there */

	if (!ring->r.holds)
		return;
	if (has_left_over(ring)) {
		sinew__publish(&member->from, sinew__ring_pack(ring->r.in.at));
	} else {
		sinew__publish(&member->hold, 0);
		ring->r.holds = 0;
		ring->r.again = false;
	}
	/* If another keeps the claim, `taken` follows with the next one who has it, or who waits. */
	for (unsigned i = 0; i < PATIENCE; i++) {
		if (sinew__queue_claim(ring, lane)) {
			leave(ring, lane);
			return;
		}
		sinew__ring_give_way(ring, SINEW_IN);
	}
}

bool sinew__queue_has(struct sinew__ring *ring)
{
	if (has_left_over(ring))
		return true;
	for (unsigned i = 0; i < ring->lane_count; i++)
		if (!(ring->r.broken >> i & 1) && has_something(&ring->lanes[i]))
			return true;
	return false;
}

void sinew__queue_catch_up(struct sinew__ring *ring)
{
	for (unsigned i = 0; i < ring->lane_count; i++) {
		struct sinew__ring_lane *shared = &ring->shared[i];
		if (sinew__look(&shared->taken) != sinew__look(&shared->next) &&
			sinew__queue_claim(ring, i))
			leave(ring, i);
	}
}

/* ---- the dead ---- */

/* Whether it holds what begins there. Between two looks at its hold, for it may give up what it holds of
 * this lane any time, and then hold as much of another. */
static bool has_hold(struct sinew__ring_member *member, unsigned lane, uint64_t from)
{
	return (sinew__see(&member->hold) & 0xff) == lane + 1 &&
	       sinew__see(&member->from) == from && (sinew__see(&member->hold) & 0xff) == lane + 1;
}

static bool is_held_by_another(
	struct sinew__ring *ring, unsigned slot, unsigned lane, uint64_t from)
{
	for (unsigned i = 0; i < ring->slots; i++)
		if (i != slot && has_hold(&ring->members[i], lane, from))
			return true;
	return false;
}

/* Under its claim: the messages of a dead reader are dropped, and counted once. */
static void drop(struct sinew__ring *ring, struct sinew__ring_member *dead, unsigned lane)
{
	struct sinew__ring_lane *shared = &ring->shared[lane];
	const uint32_t end = sinew__ring_unpack(sinew__look(&dead->to)).words;
	struct sinew__ring_at at = sinew__ring_unpack(sinew__look(&dead->from));
	struct sinew__lane_message message;
	uint64_t n = 0;

	if (!(sinew__look(&dead->hold) & COUNTED)) {
		while (at.words != end && n < ring->lanes[lane].word_count &&
			sinew__lane_read(&ring->lanes[lane], at, &message) == 1) {
			at = message.after;
			n++;
		}
		sinew__publish(&dead->counted, sinew__look(&shared->forgotten) + n);
		sinew__publish(&dead->hold, (lane + 1) | COUNTED);
	}
	sinew__publish(&shared->forgotten, sinew__look(&dead->counted));
	sinew__publish(&dead->hold, 0);
}

/* Whether we are a thread that receives, and can deliver what another had. */
static bool receives(const struct sinew__ring *ring, unsigned direction)
{
	return ring->owner && ring->does & SINEW__RING_READS && direction == SINEW_IN;
}

static void adopt(struct sinew__ring *ring, struct sinew__ring_member *dead, unsigned lane)
{
	const struct sinew__ring_at from = sinew__ring_unpack(sinew__look(&dead->from));
	const struct sinew__ring_at to = sinew__ring_unpack(sinew__look(&dead->to));

	ring->r.from = sinew__look(&ring->shared[lane].owner);
	announce(ring, lane, from, to);
	ring->r.in.at = from;
	ring->r.again = true;
	sinew__publish(&dead->hold, 0);
}

/* Under the dead reader's claim: what it had in hand on this lane. Whether that is settled. */
static bool settle_hold(struct sinew__ring *ring, unsigned slot, unsigned lane, unsigned direction)
{
	struct sinew__ring_member *dead = &ring->members[slot];
	const uint64_t from = sinew__look(&dead->from);

	if ((sinew__look(&dead->hold) & 0xff) != lane + 1)
		return true;
	if (from == sinew__look(&ring->shared[lane].next) ||
		is_held_by_another(ring, slot, lane, from)) {
		sinew__publish(&dead->hold, 0);
		return true;
	}
	if (ring->deaths == SINEW__RING_DROP) {
		drop(ring, dead, lane);
		return true;
	}
	if (!receives(ring, direction) || ring->r.holds)
		return false;
	adopt(ring, dead, lane);
	return true;
}

bool sinew__queue_bury(struct sinew__ring *ring, unsigned slot, uint64_t owner, unsigned direction)
{
	bool settled = true;

	for (unsigned i = 0; i < ring->lane_count; i++) {
		struct sinew__ring_lane *shared = &ring->shared[i];
		const bool holds = (sinew__see(&ring->members[slot].hold) & 0xff) == i + 1;
		if (sinew__see(&shared->claim) != owner && (!holds || !claim_as(shared, owner))) {
			settled = settled && !holds;
			continue;
		}
		settled = settle_hold(ring, slot, i, direction) && settled;
		sinew__queue_settle(ring, i);
		sinew__swap64(&shared->claim, owner, 0);
		sinew__ring_rouse(&shared->room);
	}
	return settled;
}

/* ---- lanes for writers ---- */

static bool is_drained(struct sinew__ring *ring, unsigned index)
{
	const struct sinew__lane *lane = &ring->lanes[index];

	return sinew__see(&lane->shared->taken) == sinew__see(&lane->shared->next) &&
	       !has_something(lane);
}

/* Ours if its writer is not there and nothing is left of him: 1; 0 he is there; -EAGAIN something is left. */
static int take_lane(struct sinew__ring *ring, unsigned index)
{
	sinew__shared64 *owner = &ring->shared[index].owner;

	for (unsigned i = 0; i < SINEW__RING_LANE_TRIES; i++) {
		const uint64_t before = sinew__see(owner);
		if (sinew__ring_is_there(ring, before))
			break;
		if (!is_drained(ring, index))
			return -EAGAIN;
		if (sinew__swap64(owner, before, ring->owner))
			return 1;
	}
	return 0;
}

int sinew__queue_find_lane(struct sinew__ring *ring)
{
	bool waiting = false;

	for (unsigned i = 0; i < ring->lane_count; i++) {
		const int r = take_lane(ring, i);
		if (r == 1)
			return (int)i;
		waiting = waiting || r == -EAGAIN;
	}
	return sinew__fail(EBUSY,
		waiting ? "open %s: its %u lanes are taken, some by messages of writers that have "
			  "left and that nobody has read yet"
			: "open %s: its %u lanes are taken, each by a writer; lanes= says how many "
			  "a new ring has",
		ring->channel->spec.text, ring->lane_count);
}
