/* SPDX-License-Identifier: MIT
 *
 * look.c - what is going on in a ring, seen from outside: nobody is stopped, nothing is written, and
 * nothing that stands there is believed but as a number to show. Walks are bounded by the size of the
 * lane; figures of different moments may not add up.
 */
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

/* How far a reader is behind the writers, by the numbers of the messages. */
static uint64_t behind(struct sinew__ring *ring, unsigned slot)
{
	const struct sinew__ring_mark *cursors = &ring->cursors[slot * ring->cursors_each];
	uint64_t n = 0;

	for (unsigned i = 0; i < ring->lane_count; i++) {
		const uint64_t sent =
			sinew__look(&ring->shared[i].sent) + sinew__look(&ring->shared[i].dropped);
		const uint64_t number = sinew__look(&cursors[i].number);
		n += sent > number ? sent - number : 0;
	}
	return n;
}

static void look_at_member(
	struct sinew__ring *ring, unsigned slot, struct sinew_ring_member *member)
{
	const struct sinew__ring_member *there = &ring->members[slot];
	const uint64_t owner = sinew__see(&there->owner);
	const uint32_t does = sinew__look(&there->does);

	*member = (struct sinew_ring_member){.id = sinew__owner_id(owner),
		.pid = (pid_t)sinew__look(&there->pid),
		.uid = (uid_t)sinew__look(&there->uid),
		.slept = {sinew__look(&there->slept[0]), sinew__look(&there->slept[1])}};
	if (sinew__owner_state(owner) == SINEW__OWNER_LIVE)
		member->flags |= SINEW_RING_JOINED;
	if (sinew__ring_lives(ring, slot))
		member->flags |= SINEW_RING_LIVES;
	if (does & SINEW__RING_READS)
		member->flags |= SINEW_RING_READS;
	if (does & SINEW__RING_WRITES)
		member->flags |= SINEW_RING_WRITES;
	if (ring->histories && does & SINEW__RING_READS) {
		member->behind = behind(ring, slot);
		member->lost = sinew__look(&there->missed);
	}
	if (sinew__look(&there->hold))
		member->flags |= SINEW_RING_HOLDS;
	if (sinew__look(&there->sleeps[0]) || sinew__look(&there->armed[0]))
		member->flags |= SINEW_RING_AWAITS_MESSAGES;
	if (sinew__look(&there->sleeps[1]) || sinew__look(&there->armed[1]))
		member->flags |= SINEW_RING_AWAITS_ROOM;
}

/* The first message of a lane that is still wanted, or kept. */
static struct sinew__ring_at first_of(struct sinew__ring *ring, unsigned index)
{
	const struct sinew__ring_lane *there = &ring->shared[index];
	struct sinew__history_mark oldest = {0};

	if (!ring->histories)
		return sinew__ring_unpack(sinew__see(
			ring->pattern == SINEW__RING_PAIR ? &there->taken : &there->next));
	sinew__history_oldest(&ring->lanes[index], &ring->histories[index], 0, &oldest);
	return sinew__history_low(oldest.at);
}

static void measure(struct sinew__ring *ring, unsigned index, struct sinew_ring_lane *lane)
{
	const struct sinew__lane *there = &ring->lanes[index];
	struct sinew__lane_message message;
	struct sinew__ring_at at = first_of(ring, index);

	while (lane->depth < there->word_count && sinew__lane_read(there, at, &message) == 1) {
		lane->depth++;
		lane->depth_bytes += message.size;
		at = message.after;
	}
}

static void look_at_lane(struct sinew__ring *ring, unsigned index, struct sinew_ring_lane *lane)
{
	const struct sinew__ring_lane *there = &ring->shared[index];
	const uint64_t owner = sinew__see(&there->owner);

	*lane = (struct sinew_ring_lane){.writer = sinew__owner_id(owner),
		.has_writer = sinew__owner_state(owner) == SINEW__OWNER_LIVE,
		.sent = sinew__look(&there->sent),
		.sent_bytes = sinew__look(&there->sent_bytes),
		.dropped = sinew__look(&there->dropped),
		.received = sinew__look(&there->received),
		.forgotten = sinew__look(&there->forgotten)};
	measure(ring, index, lane);
}

void sinew__ring_look_around(struct sinew__ring *ring, struct sinew_ring_look *look)
{
	memset(look, 0, sizeof *look);
	look->pattern = ring->pattern;
	look->drops = ring->deaths == SINEW__RING_DROP;
	look->lane_size = ring->lanes[0].size;
	look->members = ring->slots;
	look->lanes = ring->lane_count;
	for (unsigned i = 0; i < ring->slots; i++)
		look_at_member(ring, i, &look->member[i]);
	for (unsigned i = 0; i < ring->lane_count; i++)
		look_at_lane(ring, i, &look->lane[i]);
}
