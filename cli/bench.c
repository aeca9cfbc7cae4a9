/* SPDX-License-Identifier: MIT
 *
 * bench.c - sinew bench: what each mechanism costs on this machine.
 *
 * Exit: 0 everything arrived, in order and whole; 1 something did not, or costs more than the baseline; 128
 * and the signal where it was interrupted. A ratio that is not liked is a result, no failure.
 */
#include <crew.h>
#include <directory.h>
#include <errno.h>
#include <progress.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_options.h"
#include "bench_run.h"
#include "exit.h"
#include "say.h"

enum { CLAIMS_MESSAGES = 1000000, CLAIMS_SECONDS = 6, WATCH_SECONDS = 5, QUICK_SECONDS = 85 };

static void plan(struct bench_run *run)
{
	const struct bench_settings *bench = &run->settings->bench;

	run->plan = (struct plan){
		.duration = run->settings->duration ? run->settings->duration
			    : bench->quick          ? 50000000
						    : 200000000,
		.repeats = bench->repeat  ? bench->repeat
			   : bench->quick ? 3
					  : 5,
		.rate = bench->rate ? (double)bench->rate : 1000,
		.wait = bench->wait,
	};
	run->machine = machine_look();
	place_cpus(run->cpu);
}

static double seconds_left(const struct bench_run *run, unsigned from)
{
	double seconds = 0;

	for (unsigned i = from; i < run->count; i++)
		if (!run->records[i].skipped[0])
			seconds += bench_seconds(run, &run->records[i]);
	return seconds;
}

static void tell(const struct bench_run *run, unsigned i, double all)
{
	const struct record *record = &run->records[i];
	double left = seconds_left(run, i);
	char what[96], cpus[32];

	if (run->settings->quiet)
		return;
	snprintf(what, sizeof what, "%s, %s, %zu bytes, CPUs %s", record->row->name,
		bench_modes[record->mode], record->size, bench_cpus(record, cpus, sizeof cpus));
	progress_step(what, 1 - left / all, left);
}

/* What an interrupt leaves without a figure was not measured. */
static void leave_out(struct bench_run *run, unsigned from)
{
	for (unsigned i = from; i < run->count; i++) {
		struct record *record = &run->records[i];
		record->error[0] = '\0';
		if (record->repeats == 0 && !record->skipped[0])
			snprintf(record->skipped, sizeof record->skipped, "interrupted");
	}
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

static double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What was measured so far: how long that took, and how long it was thought to take. */
struct pace {
	double began, thought;
};

/* A quick look keeps its time also on a busy machine: first with fewer repeats, then with fewer rows. Whether
 * the next row is measured. */
static bool keep_time(struct bench_run *run, unsigned i, struct pace *pace, struct plan *plan)
{
	const double spent = clock_seconds() - pace->began, left = seconds_left(run, i);
	const double slower = pace->thought > 2 ? spent / pace->thought : 1;
	const unsigned most = run->plan.repeats;

	if (!run->settings->bench.quick)
		return true;
	plan->repeats = most;
	while (plan->repeats > 1 && !run->settings->bench.repeat &&
		spent + left * slower * plan->repeats / most > QUICK_SECONDS)
		plan->repeats--;
	pace->thought += bench_seconds(run, &run->records[i]) * plan->repeats / most;
	if (spent < QUICK_SECONDS)
		return true;
	snprintf(run->records[i].skipped, sizeof run->records[i].skipped,
		"the time of --quick was over: this machine is slow, or busy");
	return false;
}

/* Last, for nothing is measured any more. */
static void watch(struct bench_run *run)
{
	if (!run->settings->quiet)
		progress_step("who waits for what", 1, WATCH_SECONDS);
	bench_watch(run);
}

static void measure_all(struct bench_run *run)
{
	double all = seconds_left(run, 0);
	struct pace pace = {.began = clock_seconds()};
	struct plan plan = run->plan;

	for (unsigned i = 0; i < run->count && !crew_interrupted(); i++) {
		struct record *record = &run->records[i];
		if (record->skipped[0] || !keep_time(run, i, &pace, &plan))
			continue;
		tell(run, i, all);
		bench_measure(record, &plan, run->options[i]);
		if (crew_interrupted())
			leave_out(run, i);
	}
	if (is_whole(run) && !crew_interrupted())
		try_claims(run);
	if (!crew_interrupted())
		watch(run);
	progress_end();
	run->interrupted = crew_interrupted();
}

static int sound(const struct bench_run *run)
{
	for (unsigned i = 0; i < run->count; i++)
		if (run->records[i].error[0])
			return EXIT_NEGATIVE;
	return run->evidence.error[0] ? EXIT_NEGATIVE : EXIT_DONE;
}

/* ---- what is written ---- */

struct outputs {
	struct out table, json, html;
	bool to_stdout; /* JSON, and no table */
	struct baseline *baseline;
};

/* Before anything is measured: a file that cannot be written is known at once. */
static int open_outputs(const struct settings *settings, struct outputs *outputs)
{
	const struct bench_settings *bench = &settings->bench;
	int r = 0;

	outputs->to_stdout = bench->json && strcmp(bench->json, "-") == 0;
	if (bench->baseline && (r = baseline_read(bench->baseline, &outputs->baseline)))
		return r;
	if (!out_open(&outputs->table)) {
		say_error("out of memory");
		return EXIT_SYSTEM;
	}
	if (bench->json && !outputs->to_stdout)
		r = out_create(&outputs->json, bench->json);
	if (r < 0) {
		say_error("bench: --json %s: %s", bench->json, strerror(-r));
		return exit_code(r);
	}
	if (bench->html)
		r = out_create(&outputs->html, bench->html);
	if (r < 0) {
		say_error("bench: --html %s: %s", bench->html, strerror(-r));
		return exit_code(r);
	}
	return EXIT_DONE;
}

static int write_outputs(const struct bench_run *run, struct outputs *outputs)
{
	int code = EXIT_DONE;

	if (outputs->to_stdout)
		bench_write_json(run, &outputs->table);
	else
		bench_print(run, &outputs->table);
	if (outputs->json.file)
		bench_write_json(run, &outputs->json);
	if (outputs->html.file)
		bench_write_html(run, &outputs->html);
	if (outputs->baseline) {
		struct out quiet, *out = &outputs->table;
		if (outputs->to_stdout && out_open(&quiet))
			out = &quiet;
		if (baseline_compare(outputs->baseline, run, out))
			code = EXIT_NEGATIVE;
	}
	return code;
}

static int close_outputs(struct outputs *outputs)
{
	int code = outputs->table.buffer ? out_close(&outputs->table) : EXIT_DONE;

	if (outputs->json.file)
		code = exit_worse(code, out_close(&outputs->json));
	if (outputs->html.file)
		code = exit_worse(code, out_close(&outputs->html));
	baseline_close(outputs->baseline);
	return code;
}

/* ---- all of it ---- */

static int measure(struct bench_run *run, struct outputs *outputs)
{
	char directory[DIRECTORY];
	int r = directory_make(directory);

	if (r < 0) {
		say_error("bench: cannot make a directory for names: %s", strerror(-r));
		return exit_code(r);
	}
	run->plan.directory = directory;
	crew_init();
	(void)!unshare(CLONE_NEWIPC); /* where we may, queues that are left behind vanish with us */
	measure_all(run);
	directory_remove(directory);
	int code = exit_worse(sound(run), write_outputs(run, outputs));
	return run->interrupted ? EXIT_SIGNAL + run->interrupted : code;
}

static int run_bench(const struct settings *settings)
{
	struct bench_run run = {.settings = settings};
	struct outputs outputs = {0};

	plan(&run);
	int code = bench_choose(&run);
	if (code == EXIT_DONE && run.count == 0) {
		say_error("bench: none of these is measured in this way; leave out --mode or "
			  "--sizes");
		code = EXIT_USAGE;
	}
	if (code == EXIT_DONE)
		code = open_outputs(settings, &outputs);
	if (code == EXIT_DONE)
		code = measure(&run, &outputs);
	bench_forget(&run);
	int closed = close_outputs(&outputs);
	return code > closed ? code : closed;
}

const struct cli_verb verb_bench = {BENCH_VERB, .run = run_bench};
