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
	{"many writers, one reader", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_WRITERS, "channels",
		" It was measured with one writer."},
	{"work shared by many readers", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_READERS, "channels",
		" It was measured with one reader."},
	{"the same to everybody", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_ANSWERS | SINEW_CAP_MANY_WRITERS, "channels",
		" No channel here copies to all: it is one send for each reader."},
	{"it must survive a restart of all", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_SURVIVES, "channels", ""},
	{"the peer must be known for sure", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_KNOWS_PEER, "channels", ""},
	{"it may go to another machine one day", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_NETWORK, "channels", ""},
};

static bool can(const struct record *record, const void *arg)
{
	const struct work *work = arg;

	return is_in_group(record, work->group) && (!work->caps || has_caps(record, work->caps));
}

struct rest {
	const struct work *work;
	const struct record *first;
};

static bool can_too(const struct record *record, const void *arg)
{
	const struct rest *rest = arg;

	return can(record, rest->work) && record != rest->first;
}

static void say(const struct work *work, const struct record *record, char *text, size_t size)
{
	char figure[FIGURE];
	double cost = find_cost(record);

	if (work->mode == LATENCY || work->mode == PACED)
		snprintf(text, size, "%s %s", say_ns(cost, figure),
			work->mode == PACED ? "after it was due" : "there and back");
	else if (work->size >= BIG)
		snprintf(text, size, "%s", say_bytes(record, cost, figure));
	else
		snprintf(text, size, "%s messages a second", say_count(1e9 / cost, figure));
}

static bool advise(const struct bench_run *run, const struct work *work, struct verdict *v)
{
	const struct record *first = find_least(run, work->mode, work->size, work->two, can, work);
	struct rest rest = {work, first};
	char best[96], next[96];

	if (!first)
		return false;
	const struct record *second =
		find_least(run, work->mode, work->size, work->two, can_too, &rest);
	*v = (struct verdict){.about = work->name};
	v->verdict = first->row->name;
	say(work, first, best, sizeof best);
	if (second)
		say(work, second, next, sizeof next);
	snprintf(v->text, sizeof v->text, "%s%s%s%s%s.%s", best, second ? "; next " : "",
		second ? second->row->name : "", second ? " with " : "", second ? next : "",
		work->note);
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
