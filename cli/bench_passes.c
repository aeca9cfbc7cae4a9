/* SPDX-License-Identifier: MIT
 *
 * bench_passes.c - all steps are measured, pass by pass: a repeat of each, then the next one of each. What a machine
 * does for seconds or minutes so shows as a spread of the repeats, not in some rows alone; and whenever it ends,
 * all rows have about as many.
 */
#include <crew.h>
#include <progress.h>
#include <stdio.h>
#include <time.h>

#include "bench_run.h"

enum {
	CLAIMS_MESSAGES = 1000000,
	CLAIMS_SECONDS = 6,
	WATCH_SECONDS = 5,
	QUICK_SECONDS = 85,
	AGAIN = 4, /* more repeats, before it is said that something costs more */
};

/* What has been done so far. */
struct pace {
	double began;
	double all; /* s that everything was thought to take */
	const char *pass;
};

static double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_measurable(const struct record *record)
{
	return !record->skipped[0] && !record->error[0];
}

static double seconds_left(const struct bench_run *run)
{
	double seconds = 0;

	for (unsigned i = 0; i < run->count; i++)
		if (is_measurable(&run->records[i]) && run->records[i].repeats < run->plan.repeats)
			seconds += bench_seconds(run, &run->records[i]) *
				   (run->plan.repeats - run->records[i].repeats);
	return seconds;
}

/* s that a quick look may still take; others take what they take. */
static double seconds_allowed(const struct bench_run *run, const struct pace *pace)
{
	return run->settings->bench.quick ? QUICK_SECONDS - (clock_seconds() - pace->began) : 1e9;
}

static void tell(const struct bench_run *run, unsigned i, const struct pace *pace)
{
	const struct record *record = &run->records[i];
	double left = seconds_left(run), allowed = seconds_allowed(run, pace);
	char what[140], step[100];

	if (run->settings->quiet)
		return;
	snprintf(what, sizeof what, "%s%s", pace->pass, bench_step(record, step, sizeof step));
	progress_step(
		what, pace->all > 0 ? 1 - left / pace->all : 1, left < allowed ? left : allowed);
}

/* What an interrupt leaves without a figure was not measured. */
static void leave_out(struct bench_run *run, unsigned at)
{
	run->records[at].error[0] = '\0';
	for (unsigned i = 0; i < run->count; i++) {
		struct record *record = &run->records[i];
		if (record->repeats == 0 && is_measurable(record))
			snprintf(record->skipped, sizeof record->skipped, "interrupted");
	}
}

/* One step, until it has so many repeats. */
static void measure(struct bench_run *run, unsigned i, unsigned repeats, const struct pace *pace)
{
	struct plan plan = run->plan;

	plan.repeats = repeats;
	tell(run, i, pace);
	bench_measure(&run->records[i], &plan, run->options[i]);
	if (crew_interrupted())
		leave_out(run, i);
}

/* A quick look keeps its time also on a busy machine: with fewer repeats, and, where the first pass takes too
 * long, with fewer rows. */
static void measure_pass(struct bench_run *run, unsigned pass, const struct pace *pace)
{
	for (unsigned i = 0; i < run->count && !crew_interrupted(); i++) {
		struct record *record = &run->records[i];
		/* Its many connections are made once. */
		unsigned repeats = record->mode == ECHO ? run->plan.repeats : pass + 1;
		if (!is_measurable(record) || record->repeats >= repeats)
			continue;
		if (seconds_allowed(run, pace) > 0)
			measure(run, i, repeats, pace);
		else if (record->repeats == 0)
			snprintf(record->skipped, sizeof record->skipped, "%s", bench_late);
	}
}

/* What seems to cost more than before is measured again, later: noise does not stay. Whether there is any. */
static bool measure_doubts(struct bench_run *run, const struct pace *pace)
{
	bool found = false;

	for (unsigned i = 0; i < run->count && !crew_interrupted(); i++) {
		struct record *record = &run->records[i];
		if (!is_measurable(record) || record->repeats == REPEATS_MAX ||
			!baseline_doubts(run, i))
			continue;
		measure(run, i, record->repeats + 1, pace);
		found = true;
	}
	return found;
}

/* Whether nothing but the usual was asked for: then what is said of mechanisms is judged, too. */
static bool is_whole(const struct bench_run *run)
{
	const struct bench_settings *bench = &run->settings->bench;

	return !run->settings->operand_count && !bench->modes && !bench->size_count &&
	       !bench->cpus_given;
}

static void try_claims(struct bench_run *run)
{
	if (!run->settings->quiet)
		progress_step("what is said of sockets", 1, CLAIMS_SECONDS);
	judge(&run->evidence, CLAIMS_MESSAGES);
}

/* Last, for nothing is measured any more. */
static void watch(struct bench_run *run)
{
	if (!run->settings->quiet)
		progress_step("who waits for what", 1, WATCH_SECONDS);
	bench_watch(run);
}

void bench_measure_all(struct bench_run *run)
{
	struct pace pace = {.began = clock_seconds(), .all = seconds_left(run)};
	char name[32];

	pace.pass = name;
	for (unsigned pass = 0; pass < run->plan.repeats && !crew_interrupted(); pass++) {
		snprintf(name, sizeof name, "%u of %u: ", pass + 1, run->plan.repeats);
		measure_pass(run, pass, &pace);
	}
	pace.pass = "once more: ";
	for (unsigned pass = 0; run->baseline && pass < AGAIN && !crew_interrupted(); pass++)
		if (!measure_doubts(run, &pace))
			break;
	if (is_whole(run) && !crew_interrupted())
		try_claims(run);
	if (!crew_interrupted())
		watch(run);
	progress_end();
	run->interrupted = crew_interrupted();
}
