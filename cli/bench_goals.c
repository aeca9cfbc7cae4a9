/* SPDX-License-Identifier: MIT
 *
 * bench_goals.c - each goal is a highest ratio to the bare twin, held against the rows of this run. It is met
 * if all repeats are below, missed if all are above; else, or with one repeat, nobody can tell.
 *
 * A cause is one that was found by other means (docs/measurements.md), and told only where what this run
 * counted, or traced, agrees with it.
 */
#include "bench_goals.h"

#include <math.h>
#include <string.h>

enum { SMALL = 64 };

struct target {
	const char *about, *wanted;
	double most;
	enum mode mode;
	bool two, times;
	bool (*concerns)(const struct record *record);
};

static bool is_ring(const struct record *record)
{
	return is_in_group(record, "rings");
}

static bool is_kernels_channel(const struct record *record)
{
	return is_in_group(record, "channels") && !is_ring(record);
}

static bool is_channel_or_event(const struct record *record)
{
	return is_kernels_channel(record) || is_in_group(record, "events");
}

static bool is_lock(const struct record *record)
{
	return is_in_group(record, "locks");
}

#define NEARLY_BARE "at most 5 % more than bare system calls"
#define NEARLY_BY_HAND "at least three quarters as fast as a ring written by hand"

static const struct target targets[] = {
	{"One message at a time, there and back, two CPUs", NEARLY_BARE, 1.05, LATENCY, true, false,
		is_channel_or_event},
	{"One message at a time, there and back, one CPU", NEARLY_BARE, 1.05, LATENCY, false, false,
		is_channel_or_event},
	{"A call for each message, one way", NEARLY_BARE, 1.05, STREAM, true, false,
		is_kernels_channel},
	{"64 messages in an array, one way", "five times as fast as a bare call for each", 0.2,
		BATCHED, true, true, is_kernels_channel},
	{"Rings, there and back", NEARLY_BY_HAND, 4.0 / 3, LATENCY, true, false, is_ring},
	{"Rings, a call for each message, one way", NEARLY_BY_HAND, 4.0 / 3, STREAM, true, false,
		is_ring},
	{"A lock that nobody else wants", "at most 10 % more than the C library's", 1.10, ALONE,
		false, false, is_lock},
};

static bool is_aimed(const struct record *record, const struct target *target)
{
	return record->mode == target->mode && (record->size == SMALL || record->row->wake) &&
	       (target->mode == ALONE || is_on_two(record) == target->two) && bench_sound(record) &&
	       record->bare && target->concerns(record);
}

static enum reached reach(const struct record *record, const struct figure *ratio, double most)
{
	return record->repeats < 2   ? UNSURE
	       : ratio->high <= most ? MET
	       : ratio->low > most   ? MISSED
				     : UNSURE;
}

/* ---- causes ---- */

/* System calls a message; NAN where they are not counted. */
static double calls_of(const struct record *record, unsigned contender)
{
	const struct outcome *o = &record->outcomes[contender];

	return o->calls_known ? (double)(o->spent[CLIENT].calls + o->spent[SERVER].calls) /
					(double)o->messages
			      : NAN;
}

static bool calls_as_often(const struct record *record)
{
	return fabs(calls_of(record, 0) - calls_of(record, record->bare)) < 0.05;
}

static bool is_woken_by(const struct bench_run *run, const struct record *record, const char *call)
{
	const struct waits *waits = run->waits ? &run->waits[record - run->records] : NULL;

	for (unsigned i = 0; waits && i < waits->count; i++)
		if (strcmp(waits->of[i].waker_call, call) == 0)
			return true;
	return false;
}

#define QUIETLY "writes by pwritev2 with RWF_NOSIGNAL, so that no SIGPIPE comes"

static const char *cause_on_one(const struct bench_run *run, const struct record *record)
{
	if (strcmp(record->row->name, "futex") == 0 && is_woken_by(run, record, "futex"))
		return "who sleeps sets a timer, to look again: who was to wake it may have been "
		       "killed before it did";
	if (!calls_as_often(record))
		return "";
	return is_woken_by(run, record, "pwritev2")
		       ? "as many system calls as bare, but it " QUIETLY
			 "; the rest are instructions of its own, in no cache after each switch"
		       : "as many system calls as bare; what it takes longer are instructions of "
			 "its own, in no cache after each switch";
}

static bool is_pipe(const struct record *record)
{
	return strncmp(record->row->uri, "pipe:", 5) == 0 ||
	       strncmp(record->row->uri, "fifo:", 5) == 0;
}

static const char *cause_of_pipe(const struct bench_run *run, const struct record *record)
{
	const bool reads_all = calls_of(record, 0) < calls_of(record, record->bare);
	const bool quietly = is_woken_by(run, record, "pwritev2");

	if (reads_all && quietly)
		return "it " QUIETLY
		       ", and reads all there is, so that the next write finds the pipe "
		       "empty: both take the kernel longer; bare reads a message a call, and lags "
		       "behind";
	if (reads_all)
		return "it reads all there is, so that the next write finds the pipe empty, which "
		       "takes the kernel longer; bare reads a message a call, and lags behind";
	return quietly ? "it " QUIETLY ", which takes the kernel longer than write" : "";
}

static bool tells_senders(const struct bench_run *run, const struct record *record)
{
	return strcmp(record->row->name, "unix-dgram") == 0 && calls_as_often(record) &&
	       is_woken_by(run, record, "recvmsg");
}

static const char *cause_one_way(const struct bench_run *run, const struct record *record)
{
	if (is_pipe(record))
		return cause_of_pipe(run, record);
	if (strcmp(record->row->name, "msgq") == 0 && calls_as_often(record))
		return "to obey priorities it asks msgrcv for the lowest type, for which the "
		       "kernel looks at every message in the queue; bare takes the first";
	if (record->mode == BATCHED && calls_of(record, 0) > 1.5)
		return "there a message is a system call at each end, in an array or not";
	if (record->mode == STREAM && tells_senders(run, record))
		return "it has the kernel tell of each packet who sent it, for which recvmsg takes "
		       "longer than recvfrom";
	return "";
}

static const char *cause_of(const struct bench_run *run, const struct record *record)
{
	if (is_ring(record))
		return strstr(record->row->uri, "pattern=pair")
			       ? ""
			       : "it has many readers, and what was written by hand one writer "
				 "and one reader";
	if (is_lock(record))
		return strcmp(record->row->name, "mutex") == 0
			       ? ""
			       : "it is had again when its holder is killed; the C library's "
				 "stays taken for ever";
	if (record->mode != LATENCY)
		return cause_one_way(run, record);
	return is_on_two(record) ? "" : cause_on_one(run, record);
}

/* ---- all ---- */

static void hold_against(
	const struct bench_run *run, const struct target *target, struct goal *goal)
{
	*goal = (struct goal){.about = target->about,
		.wanted = target->wanted,
		.most = target->most,
		.times = target->times};
	for (unsigned i = 0; i < run->count && goal->count < MOST_AIMED; i++) {
		const struct record *record = &run->records[i];
		if (!is_aimed(record, target))
			continue;
		struct aimed *aimed = &goal->of[goal->count++];
		*aimed = (struct aimed){record, bench_ratio(record, 0), UNSURE, ""};
		aimed->reached = reach(record, &aimed->ratio, target->most);
		if (aimed->reached == MISSED)
			aimed->cause = cause_of(run, record);
		goal->reached[aimed->reached]++;
	}
}

unsigned bench_goals(const struct bench_run *run, struct goal goals[MOST_GOALS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
		hold_against(run, &targets[i], &goals[count]);
		count += goals[count].count > 0;
	}
	return count;
}
