/* SPDX-License-Identifier: MIT
 *
 * perfetto.c - puts what happened to all threads into the order of time, and counts how many run and are
 * ready.
 *
 * An arrow leads from who woke a thread to the thread's time of being ready, and from who made one to
 * its time of being new. Where that took no time, there is nothing that the arrow could lead to.
 */
#include "perfetto.h"

#include <errno.h>
#include <stdlib.h>

#include "../banned.h"
#include "outputs.h"

struct event {
	uint64_t time;
	uint32_t span, kind;
};

struct events {
	struct event *rows;
	size_t count;
};

/* How many threads are in which state, and what of that was told. */
struct counts {
	uint8_t *of_lane; /* its state now, plus one; 0: none */
	uint64_t now[SINEW__STATES], told[SINEW__STATES];
};

static int by_time(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->span < b->span ? -1 : a->span > b->span;
}

static void add(struct events *events, uint64_t time, enum sinew__perfetto_kind kind, uint32_t span)
{
	events->rows[events->count++] = (struct event){time, span, kind};
}

/* ---- arrows ---- */

/* To be freed; NULL without memory. */
static uint32_t *find_arrows(const struct sinew__states *states)
{
	const struct sinew__timeline *timeline = states->timeline;
	uint32_t *arrows = calloc((size_t)timeline->span_count + 1, sizeof *arrows);
	uint32_t *last = calloc((size_t)timeline->lane_count + 1, sizeof *last);

	for (uint32_t i = 0; arrows && last && i < timeline->span_count; i++) {
		const struct sinew__span *span = &timeline->spans[i];
		uint32_t before = last[span->lane];
		bool waited = before && timeline->spans[before - 1].state == SINEW__BLOCKED &&
			      timeline->spans[before - 1].to == span->from;
		uint32_t cause = span->state == SINEW__NEW               ? i + 1
				 : span->state == SINEW__READY && waited ? before
									 : 0;
		if (cause && sinew__perfetto_source(states, &timeline->spans[cause - 1]) !=
				     SINEW__NO_LANE)
			arrows[i] = cause;
		last[span->lane] = i + 1;
	}
	if (!last) {
		free(arrows);
		arrows = NULL;
	}
	free(last);
	return arrows;
}

/* ---- events ---- */

static void add_end(struct events *events, const struct sinew__states *states, uint32_t last)
{
	const struct sinew__span *span = &states->timeline->spans[last];

	if (span->to < states->end)
		add(events, span->to, SINEW__LANE_ENDS, last);
}

static bool events_init(
	struct events *events, const struct sinew__states *states, const uint32_t *arrows)
{
	const struct sinew__timeline *timeline = states->timeline;

	events->count = 0;
	events->rows = calloc(
		4 * (size_t)timeline->span_count + timeline->lane_count + 1, sizeof *events->rows);
	if (!events->rows)
		return false;
	for (uint32_t i = 0; i < timeline->span_count; i++) {
		const struct sinew__span *span = &timeline->spans[i];
		add(events, span->from, SINEW__STATE_CHANGES, i);
		if (arrows[i])
			add(events, span->from, SINEW__THREAD_WAKES, i);
		if (span->state == SINEW__RUNNING && sinew__perfetto_is_exact(states))
			continue;
		add(events, span->from, SINEW__SLICE_BEGINS, i);
		add(events, span->to, SINEW__SLICE_ENDS, i);
	}
	for (uint32_t i = 0; i < timeline->lane_count; i++)
		if (timeline->lanes[i].last)
			add_end(events, states, timeline->lanes[i].last - 1);
	qsort(events->rows, events->count, sizeof *events->rows, by_time);
	return true;
}

/* ---- counters ---- */

static void count(struct counts *counts, const struct sinew__span *span)
{
	uint8_t *state = &counts->of_lane[span->lane];

	if (*state)
		counts->now[*state - 1]--;
	*state = span->state + 1;
	counts->now[span->state]++;
}

static void uncount(struct counts *counts, const struct sinew__span *span)
{
	counts->now[span->state]--;
	counts->of_lane[span->lane] = 0;
}

static void tell_counts(struct sinew__perfetto *perfetto, struct counts *counts, uint64_t time)
{
	static const enum sinew__state told[] = {SINEW__RUNNING, SINEW__READY};

	for (unsigned i = 0; i < 2; i++) {
		enum sinew__state state = told[i];
		if (counts->now[state] != counts->told[state])
			sinew__perfetto_count(perfetto, time, state, counts->now[state]);
		counts->told[state] = counts->now[state];
	}
}

/* ---- all together ---- */

static void write_events(
	struct sinew__perfetto *perfetto, const struct events *events, struct counts *counts)
{
	const struct sinew__span *spans = perfetto->states->timeline->spans;

	for (size_t i = 0; i < events->count; i++) {
		const struct event *event = &events->rows[i];
		if (event->kind == SINEW__STATE_CHANGES)
			count(counts, &spans[event->span]);
		if (event->kind == SINEW__LANE_ENDS)
			uncount(counts, &spans[event->span]);
		sinew__perfetto_event(perfetto, event->kind, event->span);
		if (i + 1 == events->count || events->rows[i + 1].time != event->time)
			tell_counts(perfetto, counts, event->time);
	}
}

int sinew__perfetto_write(const struct sinew__states *states, FILE *stream)
{
	struct events events = {0};
	uint32_t *arrows = find_arrows(states);
	struct counts counts = {calloc((size_t)states->timeline->lane_count + 1, 1), {0}, {0}};
	struct sinew__perfetto *perfetto = calloc(1, sizeof *perfetto);
	uint8_t *sent = calloc(sinew__perfetto_texts(states) / 8 + 1, 1);
	struct sinew__perfetto_lane *lanes =
		calloc((size_t)states->timeline->lane_count + 1, sizeof *lanes);
	bool good = arrows && counts.of_lane && perfetto && sent && lanes &&
		    events_init(&events, states, arrows);

	if (good) {
		perfetto->states = states;
		perfetto->stream = stream;
		perfetto->arrows = arrows;
		perfetto->sent = sent;
		perfetto->lanes = lanes;
		sinew__perfetto_begin(perfetto);
		write_events(perfetto, &events, &counts);
	}
	free(events.rows);
	free(lanes);
	free(sent);
	free(perfetto);
	free(counts.of_lane);
	free(arrows);
	return good ? 0 : -ENOMEM;
}
