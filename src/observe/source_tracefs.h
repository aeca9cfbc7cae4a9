/* SPDX-License-Identifier: MIT
 *
 * source_tracefs.h - what the two parts of tier B share: the source (source_tracefs.c) and what its events
 * mean (source_tracefs_events.c).
 */
#ifndef SINEW_OBSERVE_SOURCE_TRACEFS_H
#define SINEW_OBSERVE_SOURCE_TRACEFS_H

#include "follow.h"
#include "source.h"
#include "tracefs.h"

enum { SINEW__TRACE_EVENTS = 11, SINEW__TRACE_FIELDS = 7 };

/* What the kernel says of an event. */
struct sinew__trace_shape {
	unsigned id;
	size_t least; /* bytes of a record that has all fields */
	struct sinew__trace_field fields[SINEW__TRACE_FIELDS], type, flags, pid;
};

struct sinew__trace_cpu {
	int fd;
	uint16_t number;
	uint32_t occupant;           /* who runs there, as far as switches tell */
	bool hard_timer, soft_timer; /* a function of a timer runs */
	uint64_t last;
};

struct sinew__tracefs_source {
	struct sinew__source source;
	struct sinew__tracefs fs;
	struct sinew__follow *follow;
	struct sinew__trace_shape shapes[SINEW__TRACE_EVENTS];
	struct sinew__trace_cpu *cpus, *reading;
	unsigned cpu_count;
	bool seeded;
	int error;
	char page[65536]; /* no page of a buffer is longer */
};

/* Which events are asked for; where their fields lie is read from the kernel. 0 or -errno in words. */
int sinew__trace_events_set(struct sinew__tracefs_source *this);
/* An event of the CPU that is read: false to stop, with this->error set. As sinew__trace_page() wants it. */
bool sinew__trace_event(void *this, uint64_t time, const char *data, size_t size);
/* Something that this CPU tells of that thread. */
struct sinew__heard sinew__trace_heard(const struct sinew__trace_cpu *cpu,
	enum sinew__heard_kind kind, uint64_t time, uint64_t tid);

#endif
