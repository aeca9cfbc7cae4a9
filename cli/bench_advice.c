/* SPDX-License-Identifier: MIT
 *
 * bench_advice.c - what to choose for which work on this machine: of the mechanisms that can do it, the one
 * whose messages cost least.
 */
#include <math.h>
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
	const char *property; /* what all have that can do it, if that is what is asked for */
};

static const struct work works[] = {
	{"small and frequent, an answer each, two CPUs", LATENCY, SMALL, true, SINEW_CAP_RELIABLE,
		"channels", "", NULL},
	{"the same, one CPU for both", LATENCY, SMALL, false, SINEW_CAP_RELIABLE, "channels", "",
		NULL},
	{"very many small ones, one way", BATCHED, SMALL, true, SINEW_CAP_RELIABLE, "channels",
		" Hand them over in arrays.", NULL},
	{"large ones, one way", STREAM, BIG, true, SINEW_CAP_RELIABLE, "channels", "", NULL},
	{"one now and then, at once", PACED, SMALL, true, SINEW_CAP_RELIABLE, "channels", "", NULL},
	{"rare events without bytes", LATENCY, SMALL, true, 0, "events", "", NULL},
	{"many writers, one reader", FAN_IN, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_WRITERS, "channels", "", NULL},
	{"work shared by many readers", FAN_OUT, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_MANY_READERS, "channels", "", NULL},
	{"the same to everybody", FAN_OUT, SMALL, true, SINEW_CAP_EVERY_READER, "channels", "",
		NULL},
	{"it must survive a restart of all", STREAM, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_SURVIVES, "channels", "",
		"What was sent stays, by name, when all have ended, until somebody removes it:"},
	{"the peer must be known for sure", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_KNOWS_PEER, "channels", "",
		"The kernel says which process is at the other end:"},
	{"it may go to another machine one day", LATENCY, SMALL, true,
		SINEW_CAP_RELIABLE | SINEW_CAP_NETWORK, "channels", "",
		"The other end may be on another machine, and nothing is lost:"},
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

/* Who sends to each reader gives every reader all, which its channel alone does not. */
static bool has_all(const struct record *record, uint64_t caps)
{
	if (bench_is_one_by_one(record))
		caps &= ~(uint64_t)SINEW_CAP_EVERY_READER;
	return !caps || has_caps(record, caps);
}

static bool can(const struct record *record, const void *arg)
{
	const struct wanted *wanted = arg;
	const struct work *work = wanted->work;

	return record != wanted->found && record->fan == wanted->fan &&
	       is_in_group(record, work->group) && has_all(record, work->caps);
}

static void say(const struct work *work, const struct record *record, char *text, size_t size)
{
	char figure[FIGURE];

	if (record->mode == LATENCY || record->mode == PACED)
		snprintf(text, size, "%s %s", say_ns(find_cost(record), figure),
			work->mode == PACED ? "after it was due" : "there and back");
	else if (work->size >= BIG)
		snprintf(text, size, "%s", say_bytes(record, figure));
	else
		snprintf(text, size, "%s messages a second", say_count(find_rate(record), figure));
}

/* Whether the repeats of one reach as far as the other is away; of one repeat nobody knows. */
static bool are_alike(const struct record *first, const struct record *second)
{
	double spread = fmax(bench_spread(first), bench_spread(second));

	return first->repeats < 2 || second->repeats < 2 ||
	       find_cost(second) <= find_cost(first) * (1 + spread);
}

/* On how many writers or readers that rests. */
static void add_many(const struct work *work, const struct record *first, struct verdict *v)
{
	bool in = work->mode == FAN_IN, out = work->mode == FAN_OUT;

	if (in || out)
		verdict_add(v, " Measured with %u %s%s.", first->fan, in ? "writer" : "reader",
			first->fan == 1 ? "" : "s");
}

/* Who has what is asked for, which no speed can show. */
static void add_able(
	const struct bench_run *run, const struct wanted *wanted, enum mode mode, struct verdict *v)
{
	const struct work *work = wanted->work;
	unsigned count = 0;

	verdict_add(v, "%s ", work->property);
	for (unsigned i = 0; i < run->count; i++)
		if (is_step(&run->records[i], mode, work->size, work->two) &&
			can(&run->records[i], wanted))
			verdict_add(v, "%s%s", count++ ? ", " : "", run->records[i].row->name);
	verdict_add(v, count > 1 ? ". Of these it costs least: " : ", of all that were measured. ");
}

/* A pipe, of which nobody promises that writers can share it, though they may if they mind each other. */
static void add_relatives(const struct bench_run *run, const struct wanted *wanted,
	const struct record *first, struct verdict *v)
{
	struct work work = *wanted->work;
	struct wanted any = {&work, wanted->fan, NULL};
	char figure[96];

	work.caps &= ~(uint64_t)SINEW_CAP_MANY_WRITERS;
	const struct record *least = find_least(run, FAN_IN, work.size, work.two, can, &any);
	if (first->mode != FAN_IN || !least || find_cost(least) >= find_cost(first) ||
		can(least, wanted))
		return;
	say(&work, least, figure, sizeof figure);
	verdict_add(v,
		" Faster was %s with %s, but only relatives share its end, and stay apart only as "
		"long as each message goes by itself, in one write.",
		least->row->name, figure);
}

static bool advise(const struct bench_run *run, const struct work *work, struct verdict *v)
{
	enum mode mode = mode_of(run, work);
	struct wanted wanted = {work, mode > ALONE ? find_most(run, mode, work->two) : 1, NULL};
	const struct record *first = find_least(run, mode, work->size, work->two, can, &wanted);
	char best[96], next[96];

	if (!first)
		return false;
	*v = (struct verdict){.about = work->name, .verdict = first->row->name};
	if (work->property)
		add_able(run, &wanted, mode, v);
	wanted.found = first;
	const struct record *second = find_least(run, mode, work->size, work->two, can, &wanted);
	say(work, first, best, sizeof best);
	if (second)
		say(work, second, next, sizeof next);
	verdict_add(v, "%s%s%s%s%s.%s", best, second ? "; next " : "",
		second ? second->row->name : "", second ? " with " : "", second ? next : "",
		work->note);
	if (second && are_alike(first, second))
		verdict_add(v, " Which of the two is faster this run cannot tell.");
	wanted.found = NULL;
	if (work->mode == FAN_IN)
		add_relatives(run, &wanted, first, v);
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
