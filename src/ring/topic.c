/* SPDX-License-Identifier: MIT
 *
 * topic.c - readers that get every message, each in its own time (topic), or the newest when they look
 * (latest). history.h has why a reader never believes what was overwritten under it.
 *
 * A reader's place on each lane is its own; it shows it in its cursors, where writers that wait for it look,
 * after it is done with what lies before. What it loses is told to it, and to no other, by the next message.
 */
#include <linux/membarrier.h>
#include <string.h>
#include <time.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

enum {
	TRIES = 16,            /* times that a writer may overtake us in one call */
	MIND_EACH = 100000000, /* ns */
};

static struct sinew__ring_mark *cursor_of(struct sinew__ring *ring, unsigned lane)
{
	return &ring->cursors[ring->slot * ring->cursors_each + lane];
}

static bool is_kept(const struct sinew__ring *ring, unsigned lane, struct sinew__history_at at)
{
	return sinew__history_keeps(&ring->lanes[lane], &ring->histories[lane], at);
}

/* Everything before our place may go; whoever waits for that is told. */
static void show(struct sinew__ring *ring, unsigned lane)
{
	struct sinew__ring_mark *cursor = cursor_of(ring, lane);
	const struct sinew__history_mark *next = &ring->topic.next[lane];

	sinew__put(&cursor->number, next->number);
	sinew__publish(&cursor->at.words, next->at.words);
	sinew__publish(&cursor->at.units, next->at.units);
	if (sinew__look(&ring->histories[lane].waits) || !ring->may_be_eager)
		sinew__ring_tell(ring, SINEW_IN, &ring->shared[lane].room);
}

/* ---- what we lose ---- */

static void miss(struct sinew__ring *ring, uint64_t count)
{
	if (count == 0)
		return;
	sinew__count(&ring->members[ring->slot].missed, count);
	if (ring->pattern == SINEW__RING_TOPIC) /* an old value is no loss */
		sinew__lose(ring->channel, count);
}

/* From where we are to a later message: 1, or CORRUPT: it is not later. */
static int pass_over(struct sinew__ring *ring, unsigned lane, const struct sinew__history_mark *to)
{
	struct sinew__history_mark *next = &ring->topic.next[lane];

	if (to->number < next->number)
		return SINEW__LANE_CORRUPT;
	miss(ring, to->number - next->number);
	*next = *to;
	return 1;
}

/* Our place is gone: 1 we are at the oldest message that is kept, or have to look for the newest; NONE: look again. */
static int catch_up(struct sinew__ring *ring, unsigned lane)
{
	struct sinew__history_mark oldest;

	if (ring->pattern == SINEW__RING_LATEST) /* there is a newer one */
		return 1;
	if (!sinew__history_oldest(&ring->lanes[lane], &ring->histories[lane], 1, &oldest))
		return SINEW__LANE_NONE;
	return pass_over(ring, lane, &oldest);
}

/* ---- the next message ---- */

/* The newest that we have not had, or if we want more of them the first of those: 1; NONE; CORRUPT. */
static int go_to_newest(struct sinew__ring *ring)
{
	const struct sinew__ring_history *shared = &ring->histories[0];
	const uint64_t head = sinew__see(&shared->head), had = ring->topic.next[0].number;
	uint64_t number = head - had > ring->history ? head - ring->history : had;

	if (head == had)
		return SINEW__LANE_NONE;
	for (; (int64_t)(head - number) > 0; number++) {
		const struct sinew__history_mark found = {
			sinew__history_look(&shared->recent[number % SINEW__RING_RECENT]), number};
		sinew__fence_after_reading();
		if (sinew__see(&shared->head) - number < SINEW__RING_RECENT &&
			is_kept(ring, 0, found.at))
			return pass_over(ring, 0, &found);
	}
	return (int64_t)(head - had) < 0 ? SINEW__LANE_CORRUPT : SINEW__LANE_NONE;
}

/* 1: *message is the next on that lane, if its place is kept when it has been copied, too. NONE; CORRUPT. */
static int find(struct sinew__ring *ring, unsigned lane, struct sinew__lane_message *message)
{
	const struct sinew__history_mark *next = &ring->topic.next[lane];

	for (unsigned i = 0; i < TRIES; i++) {
		int r = ring->pattern == SINEW__RING_LATEST ? go_to_newest(ring) : 1;
		if (r != 1)
			return r;
		r = sinew__lane_read(&ring->lanes[lane], sinew__history_low(next->at), message);
		if (is_kept(ring, lane, next->at))
			return r;
		r = catch_up(ring, lane);
		if (r != 1)
			return r;
	}
	return SINEW__LANE_NONE;
}

static void go_on(
	struct sinew__ring *ring, unsigned lane, const struct sinew__lane_message *message)
{
	struct sinew__history_mark *next = &ring->topic.next[lane];

	next->at = sinew__history_place(next->at, message->after);
	next->number += 1 + message->lost;
}

static bool has(struct sinew__ring *ring, unsigned lane)
{
	const struct sinew__history_mark *next = &ring->topic.next[lane];
	struct sinew__lane_message message;

	if (ring->r.broken >> lane & 1)
		return false;
	if (ring->pattern == SINEW__RING_LATEST)
		return sinew__see(&ring->histories[lane].head) != next->number;
	return sinew__lane_read(&ring->lanes[lane], sinew__history_low(next->at), &message) !=
		       SINEW__LANE_NONE ||
	       !is_kept(ring, lane, next->at);
}

bool sinew__topic_has(struct sinew__ring *ring)
{
	for (unsigned i = 0; i < ring->lane_count; i++)
		if (has(ring, i))
			return true;
	return false;
}

/* ---- copied ---- */

static int copy_out(struct sinew__ring *ring, unsigned lane, void *buf, size_t cap,
	struct sinew__lane_message *message)
{
	const struct sinew__history_mark *next = &ring->topic.next[lane];
	int r;

	for (unsigned i = 0; i < TRIES; i++) {
		r = find(ring, lane, message);
		if (r != 1)
			return r;
		const bool fits = message->size <= cap;
		if (fits)
			sinew__copy_shared(buf, message->data, message->size);
		if (is_kept(ring, lane, next->at))
			return fits ? 1 : -EMSGSIZE;
		r = catch_up(ring, lane);
		if (r != 1)
			return r;
	}
	return SINEW__LANE_NONE;
}

HOT bool sinew__topic_copy_plain(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *message)
{
	const struct sinew__history_mark *next = &ring->topic.next[0];

	if (ring->pattern == SINEW__RING_LATEST && go_to_newest(ring) != 1)
		return false;
	if (!sinew__lane_read_plain(&ring->lanes[0], sinew__history_low(next->at), message) ||
		message->size > cap)
		return false;
	sinew__copy_shared(buf, message->data, message->size);
	if (!is_kept(ring, 0, next->at))
		return false;
	go_on(ring, 0, message);
	show(ring, 0);
	ring->r.from = sinew__look(&ring->shared[0].owner);
	return true;
}

/* After a look at a lane: whether it answers the call. */
static bool answers(struct sinew__ring *ring, unsigned lane, int r)
{
	if (r == SINEW__LANE_NONE)
		return false;
	if (r == SINEW__LANE_CORRUPT)
		ring->r.broken |= UINT64_C(1) << lane;
	else
		ring->r.from = sinew__look(&ring->shared[lane].owner);
	return true;
}

int sinew__topic_copy(
	struct sinew__ring *ring, void *buf, size_t cap, struct sinew__lane_message *message)
{
	for (unsigned i = 0; i < ring->lane_count; i++) {
		const unsigned lane = (ring->r.turn + i) % ring->lane_count;
		int r = ring->r.broken >> lane & 1 ? SINEW__LANE_NONE
						   : copy_out(ring, lane, buf, cap, message);
		if (!answers(ring, lane, r))
			continue;
		if (r == 1) {
			go_on(ring, lane, message);
			show(ring, lane);
			ring->r.turn = (lane + 1) % ring->lane_count;
		}
		return r;
	}
	return SINEW__LANE_NONE;
}

/* ---- borrowed ---- */

static int take_from(struct sinew__ring *ring, unsigned lane, struct sinew__lane_message *messages,
	unsigned count)
{
	const struct sinew__history_mark *next = &ring->topic.next[lane];
	unsigned n = 0;
	int r = SINEW__LANE_NONE;

	while (n < count) {
		r = n && ring->pattern == SINEW__RING_TOPIC
			    ? sinew__lane_read(&ring->lanes[lane], sinew__history_low(next->at),
				      &messages[n])
			    : find(ring, lane, &messages[n]);
		/* What it says of itself has to be true; what it says, when it is given back. */
		if (r != 1 || !is_kept(ring, lane, next->at))
			break;
		ring->topic.lent[n] = next->at;
		go_on(ring, lane, &messages[n++]);
	}
	return n || r == 1 ? (int)n : r;
}

int sinew__topic_take(
	struct sinew__ring *ring, struct sinew__lane_message *messages, unsigned count)
{
	for (unsigned i = 0; i < ring->lane_count; i++) {
		const unsigned lane = (ring->r.turn + i) % ring->lane_count;
		int r = ring->r.broken >> lane & 1 ? SINEW__LANE_NONE
						   : take_from(ring, lane, messages, count);
		if (!answers(ring, lane, r))
			continue;
		if (r > 0) {
			ring->r.holds = lane + 1;
			ring->r.turn = (lane + 1) % ring->lane_count;
		}
		return r;
	}
	return SINEW__LANE_NONE;
}

void sinew__topic_done(struct sinew__ring *ring, struct sinew_msg *msgs, unsigned count)
{
	const unsigned lane = ring->r.holds - 1;
	unsigned gone = 0;

	if (!ring->r.holds)
		return;
	for (unsigned i = 0; i < ring->r.borrowed && !is_kept(ring, lane, ring->topic.lent[i]);
		i++) {
		if (i < count)
			msgs[i].flags |= SINEW_MSG_OVERWRITTEN;
		gone++;
	}
	miss(ring, gone);
	ring->r.holds = 0;
	show(ring, lane);
}

/* ---- coming ---- */

/* The newest values, as many as we want and as are kept. */
static void begin_with_newest(struct sinew__ring *ring)
{
	const struct sinew__ring_history *shared = &ring->histories[0];
	const uint64_t head = sinew__see(&shared->head);
	uint64_t number = head < ring->history ? 0 : head - ring->history;

	while (number + 1 < head &&
		!is_kept(
			ring, 0, sinew__history_look(&shared->recent[number % SINEW__RING_RECENT])))
		number++;
	ring->topic.next[0].number = number;
}

static void begin(struct sinew__ring *ring, unsigned lane)
{
	const struct sinew__lane *words = &ring->lanes[lane];
	const struct sinew__ring_history *shared = &ring->histories[lane];
	struct sinew__history_mark *next = &ring->topic.next[lane];

	if (ring->pattern == SINEW__RING_LATEST)
		begin_with_newest(ring);
	else if (ring->from_oldest)
		sinew__history_oldest(words, shared, 0, next);
	else
		sinew__history_end(words, shared, next);
	/* A writer that is too fast to tell has overtaken us before we began: the first look finds out. */
}

void sinew__topic_join(struct sinew__ring *ring)
{
	struct sinew__ring_member *me = &ring->members[ring->slot];

	sinew__fence();
	for (unsigned i = 0; i < ring->lane_count; i++) {
		begin(ring, i);
		show(ring, i);
	}
	sinew__publish(&me->does, ring->does);
}

/* Readers that do not see that we wait need not tell us: after this all do. */
static void say_that_we_wait(struct sinew__ring *ring, struct sinew__ring_history *shared)
{
	sinew__put(&shared->waits, ring->topic.history.waits);
	sinew__fence();
	sinew__sys.membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

/* What the last writer dropped at its end nobody has heard of: it goes with our first message. */
static void go_on_counting(struct sinew__lane_out *out)
{
	struct sinew__ring_lane *shared = out->lane.shared;
	const uint64_t dropped = sinew__look(&shared->dropped);
	const uint64_t all = sinew__look(&shared->sent) + dropped;

	if (all > out->number) {
		out->lost = all - out->number;
		out->number = all;
	}
	sinew__put(&shared->sent, out->number - dropped);
}

void sinew__topic_take_lane(struct sinew__ring *ring, unsigned lane)
{
	ring->topic.history = (struct sinew__history_out){.shared = &ring->histories[lane],
		.latest = ring->pattern == SINEW__RING_LATEST,
		.waits = ring->full != SINEW__RING_DROP_OLD,
		.members = ring->members,
		.cursors = &ring->cursors[lane],
		.slots = ring->slots,
		.cursors_each = ring->cursors_each};
	ring->w.out.history = &ring->topic.history;
	ring->w.latest = ring->topic.history.latest;
	sinew__history_take_over(&ring->w.out);
	go_on_counting(&ring->w.out);
	say_that_we_wait(ring, &ring->histories[lane]);
}

void sinew__topic_mind(struct sinew__ring *ring)
{
	struct timespec tick;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &tick);
	const int64_t now = (int64_t)tick.tv_sec * 1000000000 + tick.tv_nsec;
	if (now - ring->topic.minded < MIND_EACH)
		return;
	ring->topic.minded = now;
	sinew__add(&ring->channel->count.calls[1], 1);
	sinew__ring_mind(ring);
}

static bool take_lane(struct sinew__ring *ring, unsigned index)
{
	sinew__shared64 *owner = &ring->shared[index].owner;

	for (unsigned i = 0; i < SINEW__RING_LANE_TRIES; i++) {
		const uint64_t before = sinew__see(owner);
		if (sinew__ring_is_there(ring, before))
			break;
		if (sinew__swap64(owner, before, ring->owner))
			return true;
	}
	return false;
}

int sinew__topic_find_lane(struct sinew__ring *ring)
{
	for (unsigned i = 0; i < ring->lane_count; i++)
		if (take_lane(ring, i))
			return (int)i;
	return sinew__fail(EBUSY,
		ring->pattern == SINEW__RING_LATEST
			? "open %s: another process writes it, and there is one newest value"
			: "open %s: each of its %u lanes has a writer; lanes= says how many a new "
			  "ring has",
		ring->channel->spec.text, ring->lane_count);
}
