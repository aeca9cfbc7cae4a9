/* SPDX-License-Identifier: MIT
 *
 * bench_advice.c - what to choose for which work on this machine: of the mechanisms that can do it, the one
 * whose messages cost least.
 */
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>

#include "bench_verdicts.h"

enum { SMALL = 64, BIG = 64 << 10 };

struct work {
	const char *name;
	enum mode mode;
	size_t size;
	bool two;
	uint64_t caps;     /* that it needs */
	const char *group; /* of mechanisms that come into question */
	const char *note;
};

static const struct work works[] = {
	{"small and frequent, an answer each, two CPUs", LATENCY, SMALL, true, SINEW_CAP_RELIABLE,
		"channels", ""},
	{"the same, one CPU for both", LATENCY, SMALL, false, SINEW_CAP_RELIABLE, "channels", ""},
	{"very many small ones, one way", BATCHED, SMALL, true, SINEW_CAP_RELIABLE, "channels",
		" Hand them over in arrays."},
	{"large ones, one way", STREAM, BIG, true, SINEW_CAP_RELIABLE, "channels", ""},
	{"one now and then, at once", PACED, SMALL, true, SINEW_CAP_RELIABLE, "channels", ""},
	{"rare events without bytes", LATENCY, SMALL, true, 0, "events", ""},
	{"many writers, one reader", FAN_IN, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_WRITERS, "channels", ""},
	{"work shared by many readers", FAN_OUT, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_READERS, "channels", ""},
	{"the same to everybody", FAN_OUT, SMALL, true, SINEW_CAP_EVERY_READER, "channels", ""},
	{"it must survive a restart of all", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_SURVIVES, "channels", ""},
	{"the peer must be known for sure", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_KNOWS_PEER, "channels", ""},
	{"it may go to another machine one day", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_NETWORK, "channels", ""},
};

/* Where many were not measured, a stream of one tells what it can. */
static enum mode mode_of(const struct bench_run *run, const struct work *work)
{
	bool fan = work->mode == FAN_IN || work->mode == FAN_OUT;

	return fan && !find_most(run, work->mode, work->two) ? STREAM : work->mode;
}

/* What is looked for: rows that can do it, of so many writers or readers, but not the one found before. */
struct wanted {
	const struct work *work;
	unsigned fan;
	const struct record *found;
};

static bool can(const struct record *record, const void *arg)
{
	const struct wanted *wanted = arg;
	const struct work *work = wanted->work;

	return record != wanted->found && record->fan == wanted->fan &&
	       is_in_group(record, work->group) && (!work->caps || has_caps(record, work->caps));
}

static void say(const struct work *work, const struct record *record, char *text, size_t size)
{
	char figure[FIGURE];
	double cost = find_cost(record);

	if (record->mode == LATENCY || record->mode == PACED)
		snprintf(text, size, "%s %s", say_ns(cost, figure),
			work->mode == PACED ? "after it was due" : "there and back");
	else if (work->size >= BIG)
		snprintf(text, size, "%s", say_bytes(record, cost, figure));
	else
		snprintf(text, size, "%s messages a second", say_count(1e9 / cost, figure));
}

/* On how many writers or readers that rests. */
static void add_many(const struct work *work, const struct record *first, struct verdict *v)
{
	bool in = work->mode == FAN_IN, out = work->mode == FAN_OUT;

	if (in || out)
		verdict_add(v, " Measured with %u %s%s.", first->fan, in ? "writer" : "reader",
			first->fan == 1 ? "" : "s");
}

static bool advise(const struct bench_run *run, const struct work *work, struct verdict *v)
{
	enum mode mode = mode_of(run, work);
	struct wanted wanted = {work, mode > ALONE ? find_most(run, mode, work->two) : 1, NULL};
	const struct record *first = find_least(run, mode, work->size, work->two, can, &wanted);
	char best[96], next[96];

	if (!first)
		return false;
	wanted.found = first;
	const struct record *second = find_least(run, mode, work->size, work->two, can, &wanted);
	*v = (struct verdict){.about = work->name, .verdict = first->row->name};
	say(work, first, best, sizeof best);
	if (second)
		say(work, second, next, sizeof next);
	verdict_add(v, "%s%s%s%s%s.%s", best, second ? "; next " : "",
		second ? second->row->name : "", second ? " with " : "", second ? next : "",
		work->note);
	add_many(work, first, v);
	bench_caution(v, first);
	return true;
}

unsigned bench_advice(const struct bench_run *run, struct verdict verdicts[MOST_VERDICTS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof works / sizeof *works; i++)
		count += advise(run, &works[i], &verdicts[count]);
	return count;
}
