/* SPDX-License-Identifier: MIT
 *
 * perfetto.h - packets of a trace as Perfetto reads it. Numbers of fields and values are those of its
 * published schema, protos/perfetto/trace in github.com/google/perfetto at v58.3 (2026-08-27): of
 * TracePacket only what it calls stable for others to write, track events and generic kernel events.
 *
 * Model: one sequence of packets. The first ones say which clock all times are of, and name tracks: one
 * for each process, thread and counter. Then come events in the order of time. Text that is used again is
 * sent with the packet that needs it first, and has a number from then on.
 */
#ifndef SINEW_OBSERVE_PERFETTO_H
#define SINEW_OBSERVE_PERFETTO_H

#include "proto.h"
#include "states.h"

/* What happens to a track: at the same time in this order. */
enum sinew__perfetto_kind {
	SINEW__SLICE_ENDS,
	SINEW__LANE_ENDS,    /* `span` is its last, and the recording goes on */
	SINEW__THREAD_WAKES, /* somebody else: `span` is what that ends, or the new thread's first */
	SINEW__STATE_CHANGES,
	SINEW__SLICE_BEGINS,
};

/* What Perfetto knows of a thread. */
struct sinew__perfetto_lane {
	uint16_t cpu;  /* where it ran last; 0 before */
	uint8_t state; /* the last it was told but unknown, as the schema numbers them; 0: none */
};

struct sinew__perfetto {
	const struct sinew__states *states;
	FILE *stream;
	const uint32_t *arrows; /* of each span, plus one: that which leads to it; 0: none */
	uint8_t *sent;          /* a bit for each text that has a number by now */
	struct sinew__perfetto_lane *lanes;
	struct sinew__proto packet;
	size_t start; /* of the packet in there, behind its size */
};

/* Without intervals neither the order of what a thread did nor its CPUs are known: then running is a slice, and
 * Perfetto is told no states of its own. */
static inline bool sinew__perfetto_is_exact(const struct sinew__states *states)
{
	return states->header.has & SINEW__HAS_INTERVALS;
}

/* How many texts may get a number, for the size of `sent`. */
size_t sinew__perfetto_texts(const struct sinew__states *states);

/* The first packets. */
void sinew__perfetto_begin(struct sinew__perfetto *perfetto);

/* ---- perfetto_events.c ---- */

/* So many threads are in this state, which is running or ready, from now on. */
void sinew__perfetto_count(
	struct sinew__perfetto *perfetto, uint64_t time, enum sinew__state state, uint64_t threads);
void sinew__perfetto_event(
	struct sinew__perfetto *perfetto, enum sinew__perfetto_kind kind, uint32_t span);
/* The lane of who made or woke the thread at this span's turn, if it is traced; else SINEW__NO_LANE. */
uint32_t sinew__perfetto_source(const struct sinew__states *states, const struct sinew__span *span);

#endif
