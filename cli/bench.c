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
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench_options.h"
#include "bench_run.h"
#include "exit.h"
#include "say.h"

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
};

/* Before anything is measured: a file that cannot be written is known at once. */
static int open_outputs(const struct settings *settings, struct outputs *outputs)
{
	const struct bench_settings *bench = &settings->bench;
	int r = 0;

	outputs->to_stdout = bench->json && strcmp(bench->json, "-") == 0;
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
	if (run->baseline) {
		struct out quiet, *out = &outputs->table;
		if (outputs->to_stdout && out_open(&quiet))
			out = &quiet;
		if (baseline_compare(run, out))
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
	return code;
}

/* ---- all of it ---- */

/* Where we may: queues that are left behind vanish with us, and all queues of this user, who is root, do not take
 * away what ours need. */
static void stand_apart(void)
{
	const struct rlimit enough = {RLIM_INFINITY, RLIM_INFINITY};

	(void)!unshare(CLONE_NEWIPC);
	(void)!setrlimit(RLIMIT_MSGQUEUE, &enough);
}

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
	stand_apart();
	bench_measure_all(run);
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
	if (code == EXIT_DONE && settings->bench.baseline)
		code = baseline_read(settings->bench.baseline, &run.baseline);
	if (code == EXIT_DONE)
		code = open_outputs(settings, &outputs);
	if (code == EXIT_DONE)
		code = measure(&run, &outputs);
	bench_forget(&run);
	baseline_close(run.baseline);
	int closed = close_outputs(&outputs);
	return code > closed ? code : closed;
}

const struct cli_verb verb_bench = {BENCH_VERB, .run = run_bench};
