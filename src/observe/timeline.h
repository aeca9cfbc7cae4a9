/* SPDX-License-Identifier: MIT
 *
 * timeline.h - what each thread did at every moment, for the outputs that show time itself. Sums need no
 * such thing: it is kept only when asked for, and grows with the recording up to a bound, after which
 * sums go on and the timeline says that it is cut.
 *
 * Model: each thread has a lane. A span is a stretch of one lane in one state; the spans of a lane follow
 * each other in time and never overlap (sinew__spend). The cause of a span becomes known just after it.
 */
#ifndef SINEW_OBSERVE_TIMELINE_H
#define SINEW_OBSERVE_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

enum { SINEW__TIMELINE_MOST = 1 << 23, SINEW__LANES_MOST = 1 << 20 };

#define SINEW__NO_LANE UINT32_MAX
#define SINEW__NO_CAUSE UINT32_MAX

struct sinew__span {
	uint64_t from, to; /* ns, CLOCK_MONOTONIC */
	uint32_t lane;
	uint32_t cause; /* blocked, asleep: row of the tally's blocks; else, or not told: none */
	/* tid, 0: not told. Blocked: who woke it, if somebody is to be named; ready: who took over;
	 * new: who made it. */
	uint32_t other;
	uint16_t cpu;  /* running: where */
	uint8_t state; /* enum sinew__state */
	uint8_t why;   /* ready: enum sinew__why, BLOCKED after a wait, NEW at the beginning */
};
_Static_assert(sizeof(struct sinew__span) == 32, "a span is kept by the million");

struct sinew__lane {
	uint32_t tid, tgid, process; /* process: its id */
	char comm[SINEW__COMM];
	uint64_t begin, end;
	/* its latest spans whose cause may still come; plus one, 0: none */
	uint32_t waited, ready;
	uint32_t last; /* plus one: its latest span */
};

struct sinew__timeline {
	struct sinew__span *spans;
	struct sinew__lane *lanes;
	uint32_t span_count, span_room, span_most, lane_count, lane_room;
	uint32_t *by_tid; /* all lanes, by tid and then by begin; once it is settled */
	bool cut;         /* there was no room for all: */
	uint64_t cut_at;  /* nothing of this time or later can be relied on */
};

struct sinew__states;
struct sinew__task;

/* From now on every span is kept. 0 or -ENOMEM. */
int sinew__timeline_keep(struct sinew__states *states);
void sinew__timeline_fini(struct sinew__timeline *timeline);

/* The thread was in this state from its point on, until then. */
void sinew__timeline_spend(
	struct sinew__states *states, struct sinew__task *task, unsigned state, uint64_t until);
/* The causes of what was just spent; nothing if there was no time in it. */
void sinew__timeline_ran(
	struct sinew__states *states, const struct sinew__task *task, unsigned cpu);
void sinew__timeline_waited(struct sinew__states *states, const struct sinew__task *task,
	uint32_t cause, uint32_t waker_tid);
void sinew__timeline_pushed(struct sinew__states *states, const struct sinew__task *task,
	unsigned why, uint32_t next_tid);

/* When no more spans come for now: makes it ready to be asked. 0 or -ENOMEM. */
int sinew__timeline_settle(struct sinew__timeline *timeline);
/* The lane that had this tid then, or SINEW__NO_LANE. */
uint32_t sinew__timeline_find(const struct sinew__timeline *timeline, uint32_t tid, uint64_t time);

#endif
