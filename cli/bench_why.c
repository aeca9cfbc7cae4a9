/* SPDX-License-Identifier: MIT
 *
 * bench_why.c - why a message takes as long as it does: from the time, the CPU time of both sides, their
 * switches and how long they waited for a CPU. What is neither computing nor a wait for a CPU is the kernel
 * waking somebody up who sleeps, and his CPU with him. On what he slept and who woke him, the tracer saw.
 *
 * All of it are means, for parts add up to a whole only in those.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench_verdicts.h"

const char bench_unwatched[] = "What the processes waited on, and who woke them, is not told: ";

/* Of one use, which is a round trip of two messages, or one message. */
struct use {
	const char *name;
	double messages, whole, computing, ready, wakes, calls;
};

static struct use use_of(const struct record *record)
{
	const struct outcome *ours = &record->outcomes[0];
	const struct spent *c = &ours->spent[CLIENT], *s = &ours->spent[SERVER];
	bool trip = record->mode == LATENCY, alone = record->mode == ALONE;
	double messages = trip ? 2 : 1, count = (double)ours->messages / messages;

	return (struct use){
		.name = trip    ? "trip"
			: alone ? "use"
				: "message",
		.messages = messages,
		.whole = (double)c->wall / count,
		.computing = (double)(c->cpu + s->cpu) / count,
		.ready = (double)(c->ready + s->ready) / count,
		.wakes = (double)(c->voluntary + s->voluntary) / count,
		.calls = ours->calls_known ? (double)(c->calls + s->calls) / count : NAN,
	};
}

/* ---- of what it is made ---- */

__attribute__((format(printf, 3, 4))) static void add(
	char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* "45.2 us of the 51.0 us of a trip are 2.0 wake-ups": while somebody is woken nobody computes. */
static void add_trip(const struct record *record, const struct use *use, char *text, size_t size)
{
	double idle = fmax(0, use->whole - use->computing - use->ready);
	char whole[FIGURE], computing[FIGURE], rest[FIGURE];

	say_ns(use->whole, whole);
	say_ns(use->computing, computing);
	if (is_on_two(record) && use->wakes < 0.5)
		add(text, size,
			"A trip takes %s on average, and hardly anybody sleeps (%.2f wake-ups a "
			"trip): "
			"each side looks until the message is there",
			whole, use->wakes);
	else if (is_on_two(record) && idle > use->whole / 20)
		add(text, size,
			"%s of the %s that a trip takes on average are %.1f wake-ups, in which "
			"nobody "
			"computes; both sides together compute for %s",
			say_ns(idle, rest), whole, use->wakes, computing);
	else
		add(text, size,
			"Of the %s that a trip takes on average both sides together compute for "
			"%s; "
			"%.1f times a side falls asleep and is woken",
			whole, computing, use->wakes);
}

static void add_message(const struct record *record, const struct use *use, char *text, size_t size)
{
	char whole[FIGURE], computing[FIGURE];

	if (record->mode == PACED)
		add(text, size, "Both sides together compute for %s a message",
			say_ns(use->computing, computing));
	else
		add(text, size, "A %s takes %s on average, for which %s %s", use->name,
			say_ns(use->whole, whole),
			record->mode == ALONE ? "the process computes for"
					      : "both sides together compute for",
			say_ns(use->computing, computing));
	add(text, size, "; %.2f wake-ups a %s", use->wakes, use->name);
}

static void add_parts(const struct record *record, const struct use *use, char *text, size_t size)
{
	char ready[FIGURE];

	if (record->mode == LATENCY)
		add_trip(record, use, text, size);
	else
		add_message(record, use, text, size);
	if (!isnan(use->calls))
		add(text, size, ", %.*f system calls", use->calls < 0.95 ? 2 : 1, use->calls);
	if (use->ready > use->whole / 20 && record->mode != PACED)
		add(text, size, ", and %s in line for a CPU", say_ns(use->ready, ready));
	add(text, size, ".");
}

/* ---- what was traced ---- */

static void add_wait(const struct wait *wait, const struct use *use, char *text, size_t size)
{
	add(text, size, " the %s blocks in %s%s%s, %swoken by %s%s%s, %.2f times a %s;",
		wait->side == CLIENT ? "client" : "server", wait->call, *wait->object ? " on " : "",
		wait->object, wait->probable ? "probably " : "", wait->waker,
		*wait->waker_call ? " in " : "", wait->waker_call, wait->times * use->messages,
		use->name);
}

/* What comes less often than once in twenty explains nothing. */
static void add_waits(const struct waits *waits, const struct use *use, char *text, size_t size)
{
	size_t before = strlen(text);
	bool any = false;

	add(text, size, " Traced:");
	for (unsigned i = 0; i < waits->count; i++)
		if (waits->of[i].times * use->messages >= 0.05) {
			add_wait(&waits->of[i], use, text, size);
			any = true;
		}
	if (!any)
		snprintf(text + before, size - before, " Traced, hardly anybody blocked.");
	else
		text[strlen(text) - 1] = '.';
}

char *bench_why(const struct bench_run *run, const struct record *record, char *text, size_t size)
{
	const struct waits *waits = run->waits ? &run->waits[record - run->records] : NULL;

	*text = '\0';
	if (!bench_sound(record) || record->mode > ALONE) /* of more than two no mean tells */
		return text;
	struct use use = use_of(record);
	add_parts(record, &use, text, size);
	if (waits && waits->seen)
		add_waits(waits, &use, text, size);
	return text;
}
