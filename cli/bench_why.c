/* SPDX-License-Identifier: MIT
 *
 * bench_why.c - why a round trip takes as long as it does: from the time, the CPU time of both sides, their
 * switches and how long they waited for a CPU. What is neither computing nor a wait for a CPU is the kernel
 * waking somebody up who sleeps, and his CPU with him.
 */
#include <math.h>
#include <stdio.h>

#include "bench_verdicts.h"

/* Of one round trip, which is two messages. */
struct trip {
	double whole, computing, ready, wakes, calls;
};

static struct trip trip_of(const struct record *record)
{
	const struct outcome *ours = &record->outcomes[0];
	const struct spent *c = &ours->spent[CLIENT], *s = &ours->spent[SERVER];
	double trips = (double)ours->messages / 2;

	return (struct trip){
		.whole = (double)c->wall / trips,
		.computing = (double)(c->cpu + s->cpu) / trips,
		.ready = (double)(c->ready + s->ready) / trips,
		.wakes = (double)(c->voluntary + s->voluntary) / trips,
		.calls = ours->calls_known ? (double)(c->calls + s->calls) / trips : NAN,
	};
}

static int say_awake(const struct trip *trip, char *text, size_t size)
{
	char whole[FIGURE];

	return snprintf(text, size,
		"In %s hardly anybody sleeps (%.2f wake-ups a trip): each side looks until the "
		"message "
		"is there",
		say_ns(trip->whole, whole), trip->wakes);
}

static int say_asleep(const struct trip *trip, bool two, char *text, size_t size)
{
	double idle = fmax(0, trip->whole - trip->computing - trip->ready);
	char whole[FIGURE], computing[FIGURE], rest[FIGURE];

	if (!two || idle < trip->whole / 20)
		return snprintf(text, size,
			"Of %s both sides together compute for %s; %.1f times a side falls asleep "
			"and is woken",
			say_ns(trip->whole, whole), say_ns(trip->computing, computing),
			trip->wakes);
	return snprintf(text, size,
		"Of %s both sides together compute for %s; for %s nobody does: %.1f wake-ups",
		say_ns(trip->whole, whole), say_ns(trip->computing, computing), say_ns(idle, rest),
		trip->wakes);
}

char *bench_why(const struct record *record, char *text, size_t size)
{
	struct trip trip;
	char ready[FIGURE];
	size_t used;

	*text = '\0';
	if (record->mode != LATENCY || !bench_sound(record))
		return text;
	trip = trip_of(record);
	used = (size_t)(trip.wakes < 0.5 && is_on_two(record)
				? say_awake(&trip, text, size)
				: say_asleep(&trip, is_on_two(record), text, size));
	if (used < size && !isnan(trip.calls))
		used += (size_t)snprintf(
			text + used, size - used, ", %.1f system calls", trip.calls);
	if (used < size && trip.ready > trip.whole / 20)
		used += (size_t)snprintf(text + used, size - used, ", and %s in line for a CPU",
			say_ns(trip.ready, ready));
	if (used < size)
		snprintf(text + used, size - used, ".");
	return text;
}
