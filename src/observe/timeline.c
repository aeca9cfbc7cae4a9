/* SPDX-License-Identifier: MIT
 *
 * timeline.c - keeps spans in the order in which they were told, which is nearly that of their ends. Without
 * memory, or when it is full, it is cut there: what was told by then is good.
 */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"
#include "states.h"

int sinew__timeline_keep(struct sinew__states *states)
{
	states->timeline = calloc(1, sizeof *states->timeline);
	if (!states->timeline)
		return sinew__observe_fail(ENOMEM, "no memory for a timeline");
	states->timeline->span_most = SINEW__TIMELINE_MOST;
	return 0;
}

void sinew__timeline_fini(struct sinew__timeline *timeline)
{
	if (!timeline)
		return;
	free(timeline->spans);
	free(timeline->lanes);
	free(timeline->by_tid);
	free(timeline);
}

static void cut(struct sinew__timeline *timeline, uint64_t time)
{
	timeline->cut_at = time;
	timeline->cut = true;
}

/* Room for one more element. False: there is none. */
static bool has_room(void **array, size_t size, uint32_t count, uint32_t *room, uint32_t most)
{
	uint32_t more = *room ? 2 * *room : 64;

	if (count < *room)
		return true;
	void *moved = count < most ? realloc(*array, more * size) : NULL;
	if (!moved)
		return false;
	*array = moved;
	*room = more;
	return true;
}

static struct sinew__lane *lane_of(struct sinew__timeline *timeline, struct sinew__task *task)
{
	if (task->lane)
		return &timeline->lanes[task->lane - 1];
	if (!has_room((void **)&timeline->lanes, sizeof *timeline->lanes, timeline->lane_count,
		    &timeline->lane_room, SINEW__LANES_MOST))
		return NULL;
	struct sinew__lane *lane = &timeline->lanes[timeline->lane_count++];
	*lane = (struct sinew__lane){.begin = task->at};
	task->lane = timeline->lane_count;
	return lane;
}

/* What a ready thread came from, as long as nobody says more. */
static unsigned why_ready(const struct sinew__span *before)
{
	if (before && before->state == SINEW__NEW)
		return SINEW__WHY_NEW;
	return before && before->state == SINEW__BLOCKED ? SINEW__WHY_BLOCKED : SINEW__WHY_UNKNOWN;
}

/* A new span, or the last one if nothing can tell the two apart. NULL: there is no room. */
static struct sinew__span *span_after(
	struct sinew__timeline *timeline, struct sinew__lane *lane, unsigned state)
{
	struct sinew__span *last = lane->last ? &timeline->spans[lane->last - 1] : NULL;
	unsigned why = state == SINEW__READY ? why_ready(last) : 0;

	if (last && last->state == state && (state == SINEW__UNSEEN || state == SINEW__TERMINATED))
		return last;
	if (!has_room((void **)&timeline->spans, sizeof *timeline->spans, timeline->span_count,
		    &timeline->span_room, timeline->span_most))
		return NULL;
	struct sinew__span *span = &timeline->spans[timeline->span_count++];
	*span = (struct sinew__span){.from = lane->end,
		.lane = (uint32_t)(lane - timeline->lanes),
		.cause = SINEW__NO_CAUSE,
		.state = (uint8_t)state,
		.why = (uint8_t)why};
	lane->last = timeline->span_count;
	return span;
}

/* Its names may have changed since its last span, not its identity. */
static void name(struct sinew__lane *lane, const struct sinew__task *task)
{
	lane->tid = task->who.tid;
	lane->tgid = task->who.tgid;
	lane->process = task->process->id;
	memcpy(lane->comm, task->comm, SINEW__COMM);
}

/* Which span the next cause is of. */
static void expect_cause(struct sinew__lane *lane, unsigned state)
{
	if (state == SINEW__RUNNING)
		lane->waited = lane->ready = 0;
	else if (state == SINEW__BLOCKED || state == SINEW__ASLEEP)
		lane->waited = lane->last;
	else if (state == SINEW__READY)
		lane->ready = lane->last;
}

void sinew__timeline_spend(
	struct sinew__states *states, struct sinew__task *task, unsigned state, uint64_t until)
{
	struct sinew__timeline *timeline = states->timeline;

	if (!timeline || timeline->cut)
		return;
	struct sinew__lane *lane = lane_of(timeline, task);
	if (lane) {
		name(lane, task);
		lane->end = task->at;
	}
	struct sinew__span *span = lane ? span_after(timeline, lane, state) : NULL;
	if (!span) {
		cut(timeline, task->at);
		return;
	}
	span->to = lane->end = until;
	span->other = state == SINEW__NEW ? task->maker : 0;
	expect_cause(lane, state);
}

static struct sinew__lane *lane_known(struct sinew__states *states, const struct sinew__task *task)
{
	return states->timeline && task->lane ? &states->timeline->lanes[task->lane - 1] : NULL;
}

void sinew__timeline_ran(struct sinew__states *states, const struct sinew__task *task, unsigned cpu)
{
	struct sinew__lane *lane = lane_known(states, task);
	struct sinew__span *span =
		lane && lane->last ? &states->timeline->spans[lane->last - 1] : NULL;

	if (span && span->state == SINEW__RUNNING)
		span->cpu = (uint16_t)cpu;
}

void sinew__timeline_waited(struct sinew__states *states, const struct sinew__task *task,
	uint32_t cause, uint32_t waker_tid)
{
	struct sinew__lane *lane = lane_known(states, task);

	if (!lane)
		return;
	if (lane->waited) {
		states->timeline->spans[lane->waited - 1].cause = cause;
		states->timeline->spans[lane->waited - 1].other = waker_tid;
	}
	lane->waited = lane->ready = 0;
}

void sinew__timeline_pushed(struct sinew__states *states, const struct sinew__task *task,
	unsigned why, uint32_t next_tid)
{
	struct sinew__lane *lane = lane_known(states, task);

	if (!lane)
		return;
	if (lane->ready) {
		states->timeline->spans[lane->ready - 1].why = (uint8_t)why;
		states->timeline->spans[lane->ready - 1].other = next_tid;
	}
	lane->waited = lane->ready = 0;
}

/* ---- who had a number when ---- */

static int by_tid(const void *left, const void *right, void *arg)
{
	const struct sinew__lane *lanes = arg;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	const struct sinew__lane *a = &lanes[i], *b = &lanes[j];

	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	return i < j ? -1 : i > j;
}

int sinew__timeline_settle(struct sinew__timeline *timeline)
{
	free(timeline->by_tid);
	timeline->by_tid = calloc(timeline->lane_count + 1, sizeof *timeline->by_tid);
	if (!timeline->by_tid)
		return sinew__observe_fail(ENOMEM, "no memory for the lanes of a timeline");
	for (uint32_t i = 0; i < timeline->lane_count; i++)
		timeline->by_tid[i] = i;
	qsort_r(timeline->by_tid, timeline->lane_count, sizeof *timeline->by_tid, by_tid,
		timeline->lanes);
	return 0;
}

/* How many lanes stand before those of this tid that begin after this time. */
static uint32_t behind(const struct sinew__timeline *timeline, uint32_t tid, uint64_t time)
{
	uint32_t low = 0, high = timeline->lane_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct sinew__lane *lane = &timeline->lanes[timeline->by_tid[middle]];
		if (lane->tid < tid || (lane->tid == tid && lane->begin <= time))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t sinew__timeline_find(const struct sinew__timeline *timeline, uint32_t tid, uint64_t time)
{
	uint32_t i = tid ? behind(timeline, tid, time) : 0;
	uint32_t found = i ? timeline->by_tid[i - 1] : SINEW__NO_LANE;

	if (i == 0 || timeline->lanes[found].tid != tid)
		return SINEW__NO_LANE;
	return timeline->lanes[found].end >= time ? found : SINEW__NO_LANE;
}
