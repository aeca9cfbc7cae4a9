/* SPDX-License-Identifier: MIT
 *
 * bench_table.c - a run as tables of 80 columns: one for each mode, size and pair of CPUs.
 *
 * A ratio is the cost of a message through sinew over that of its bare twin: below 1 sinew takes less. It is
 * the median of the repeats; the figure behind it says how far they are apart.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_verdicts.h"
#include "grid.h"
#include "say.h"
#include "tables.h"

enum { BAR = 9, CELL = 48 };

static bool is_timed(enum mode mode)
{
	return mode == LATENCY || mode == PACED;
}

static bool same_section(const struct record *a, const struct record *b)
{
	return a->mode == b->mode && a->fan == b->fan &&
	       memcmp(a->cpu, b->cpu, sizeof a->cpu) == 0 &&
	       (a->size == b->size || !a->size || !b->size);
}

/* ---- cells ---- */

/* Three digits are enough. */
static void put_short(char *cell, double value, const char *const units[])
{
	unsigned i = 0;

	for (; value >= 999.5 && units[i + 1]; i++)
		value /= 1000;
	snprintf(cell, CELL, "%.*f%s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[i]);
}

static void put_time(char *cell, double ns)
{
	if (isnan(ns)) {
		snprintf(cell, CELL, "-");
		return;
	}
	put_short(cell, ns, (const char *const[]){"ns", "us", "ms", "s", NULL});
}

static void put_rate(char *cell, double rate)
{
	put_short(cell, rate, (const char *const[]){"", "k", "M", "G", NULL});
}

static void put_ratio(char *cell, const struct record *record, unsigned contender)
{
	struct figure ratio = bench_ratio(record, contender);
	double stray = (ratio.high - ratio.low) / ratio.median / 2 * 100;

	if (record->bare == 0)
		snprintf(cell, CELL, "-");
	else
		snprintf(cell, CELL, record->repeats > 1 ? "%.2f ~%.0f%%" : "%.2f", ratio.median,
			stray);
}

static double calls_of(const struct outcome *outcome)
{
	return (double)(outcome->spent[CLIENT].calls + outcome->spent[SERVER].calls) /
	       (double)outcome->messages;
}

static void put_calls(char *cell, const struct outcome *outcome)
{
	if (outcome->calls_known && outcome->messages)
		snprintf(cell, CELL, "%.2f", calls_of(outcome));
	else
		snprintf(cell, CELL, "-");
}

/* What both sides did, as a strip: # running, + ready, . blocked. */
static void put_states(char *cell, const struct outcome *outcome)
{
	const struct spent *c = &outcome->spent[CLIENT], *s = &outcome->spent[SERVER];
	double wall = (double)(c->wall + s->wall);
	long running = lround(BAR * (double)(c->running + s->running) / wall);
	long ready = lround(BAR * (double)(c->ready + s->ready) / wall);

	for (long i = 0; i < BAR; i++)
		cell[i] = i < running ? '#' : i < running + ready ? '+' : '.';
	cell[BAR] = '\0';
}

static void put_bar(char *cell, double value, double most)
{
	long length = most > 0 ? lround(BAR * value / most) : 0;

	memset(cell, '=', BAR);
	cell[length < 0 ? 0 : length > BAR ? BAR : length] = '\0';
}

/* ---- a section ---- */

static const struct grid_column timed_columns[] = {{.name = "MECHANISM", .gives = true},
	{"P50", .right = true}, {"P99", .right = true}, {"BARE", .right = true},
	{"RATIO", .right = true}, {"CALLS", .right = true}, {.name = "STATES"}, {.name = "P50"}};
static const struct grid_column rate_columns[] = {{.name = "MECHANISM", .gives = true},
	{"MSG/S", .right = true}, {"B/S", .right = true}, {"BARE", .right = true},
	{"RATIO", .right = true}, {"CALLS", .right = true}, {.name = "STATES"}, {.name = "MSG/S"}};
enum { COLUMNS = sizeof timed_columns / sizeof *timed_columns };

/* What has no messages, and is timed as a whole. */
static bool is_use(enum mode mode)
{
	return mode == ALONE || mode == CONTENDED;
}

/* What the bar of a row stands for; by the logarithm, where times are a thousand times apart. */
static double bar_value(const struct record *record, unsigned contender)
{
	const struct outcome *outcome = &record->outcomes[contender];

	if (is_use(record->mode))
		return log10(1 + bench_costs(record, contender).median);
	return is_timed(record->mode) ? log10(1 + outcome->p50_all / 100)
				      : bench_figure(outcome->rate, record->repeats).median;
}

static bool is_several_sends(const struct record *record)
{
	return bench_is_one_by_one(record) && record->fan > 1;
}

/* contender: 0, sinew, or another library. */
static void put_row(struct grid *grid, const struct record *record, unsigned contender, double most)
{
	char cells[COLUMNS][CELL];
	const char *texts[COLUMNS];
	const struct outcome *ours = &record->outcomes[contender],
			     *bare = &record->outcomes[record->bare];

	snprintf(cells[0], CELL, "%s%s", contender ? "  " : "",
		contender ? ours->name : record->row->name);
	if (!contender && is_several_sends(record))
		snprintf(cells[0], CELL, "%s x%u", record->row->name, record->fan);
	if (is_use(record->mode)) {
		put_time(cells[1], bench_costs(record, contender).median);
		snprintf(cells[2], CELL, "-");
		put_time(cells[3], find_bare(record));
	} else if (is_timed(record->mode)) {
		put_time(cells[1], ours->p50_all);
		put_time(cells[2], ours->p99_all);
		put_time(cells[3], bare->p50_all);
	} else {
		double rate = bench_figure(ours->rate, record->repeats).median;
		put_rate(cells[1], rate);
		put_rate(cells[2], rate * (double)record->size);
		put_rate(cells[3], bench_figure(bare->rate, record->repeats).median);
	}
	if (record->bare == 0)
		snprintf(cells[3], CELL, "-");
	put_ratio(cells[4], record, contender);
	put_calls(cells[5], ours);
	put_states(cells[6], ours);
	put_bar(cells[7], bar_value(record, contender), most);
	for (unsigned i = 0; i < COLUMNS; i++)
		texts[i] = cells[i];
	grid_row(grid, texts, GRID_NO_PARENT);
}

/* Of sinew, and below it of other libraries over the same. */
static void put_rows(struct grid *grid, const struct record *record, double most)
{
	put_row(grid, record, 0, most);
	for (unsigned i = record->peers; i < record->contenders; i++)
		put_row(grid, record, i, most);
}

static void print_heading(struct out *out, const struct record *record, size_t size)
{
	static const char *const names[MODES] = {"Round trip", "One way, a call each",
		"One way, in arrays of 64", "One way, at set times", "Alone, one use",
		"Many writers, one reader", "One writer, many readers", "A server that answers",
		"A lock that two want, one use"};
	char text[160], bytes[32] = "", cpus[32];

	if (size)
		snprintf(bytes, sizeof bytes, ", %zu bytes", size);
	int n = snprintf(text, sizeof text, "%s%s, CPUs %s", names[record->mode], bytes,
		bench_cpus(record, cpus, sizeof cpus));
	if (record->mode == FAN_IN || record->mode == FAN_OUT)
		snprintf(text + n, sizeof text - (size_t)n, ", %u of them", record->fan);
	if (record->mode == ECHO)
		snprintf(text + n, sizeof text - (size_t)n, ", %u connections", record->fan);
	if (record->mode == PACED)
		snprintf(text + n, sizeof text - (size_t)n, ", %.0f messages a second",
			record->rate);
	tables_heading(out, text);
}

/* The rows from `first` up to `end`, which make one section. */
static void print_section(
	const struct bench_run *run, unsigned first, unsigned end, struct out *out)
{
	bool timed = is_timed(run->records[first].mode) || is_use(run->records[first].mode);
	struct grid *grid = grid_open(timed ? timed_columns : rate_columns, COLUMNS);
	double most = 0;
	size_t size = 0;
	bool any = false;

	for (unsigned i = first; i < end; i++)
		if (bench_sound(&run->records[i])) {
			most = fmax(most, bar_value(&run->records[i], 0));
			size = run->records[i].size > size ? run->records[i].size : size;
			any = true;
		}
	for (unsigned i = first; grid && i < end; i++)
		if (bench_sound(&run->records[i]))
			put_rows(grid, &run->records[i], most);
	if (any && grid) {
		print_heading(out, &run->records[first], size);
		grid_print(grid, out);
	}
	grid_close(grid);
}

/* ---- what there is to say beside ---- */

static void print_failures(const struct bench_run *run, struct out *out)
{
	char step[100];

	for (unsigned i = 0; i < run->count; i++)
		if (run->records[i].error[0])
			out_format(out, "FAILED: %s: %s\n",
				bench_step(&run->records[i], step, sizeof step),
				run->records[i].error);
}

static void print_lost(const struct bench_run *run, struct out *out)
{
	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		const struct outcome *ours = &record->outcomes[0];
		if (bench_sound(record) && ours->lost)
			out_format(out, "Lost on the way: %s, %s, %zu bytes: %.2f %% of %llu.\n",
				record->row->name, bench_modes[record->mode], record->size,
				(double)ours->lost * 100 / (double)ours->messages,
				(unsigned long long)ours->messages);
	}
}

static void print_several_sends(const struct bench_run *run, struct out *out)
{
	bool any = false;

	for (unsigned i = 0; i < run->count; i++)
		any = any || (bench_sound(&run->records[i]) && is_several_sends(&run->records[i]));
	if (any)
		tables_paragraph(out,
			"x2, x4, x8: a message is so many sends, to each reader one by one, and "
			"counts once.");
}

static void print_noise(const struct bench_run *run, struct out *out)
{
	double near = INFINITY, far = 0, steal = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (!bench_sound(record))
			continue;
		steal = fmax(steal, record->steal);
		for (int k = 0; k < 2; k++) {
			double ns = k ? record->after.ns : record->before.ns;
			near = ns > 0 ? fmin(near, ns) : near;
			far = fmax(far, ns);
		}
	}
	if (far > 0)
		out_format(out, "A cache line there and back between the CPUs: %.0f to %.0f ns.\n",
			near, far);
	if (far > 2 * near)
		out_text(out, "They were moved, or others ran on them: compare within a row.\n");
	if (bench_busy(run) > 0.05)
		out_format(out,
			"The machine was busy: %.0f %% of the time a side waited for a CPU that "
			"others "
			"had.\n",
			bench_busy(run) * 100);
	if (steal > 0.01)
		out_format(out, "The host took away up to %.0f %% of a row's time.\n", steal * 100);
}

static void print_machine(const struct bench_run *run, struct out *out)
{
	out_format(out, "\n%s, %d CPUs, %s\n%s; up to %u repeat%s of %.0f ms each.\n",
		run->machine.cpu, run->machine.cpus, run->machine.system, run->machine.date,
		run->plan.repeats, say_plural(run->plan.repeats), (double)run->plan.duration / 1e6);
}

void bench_print(const struct bench_run *run, struct out *out)
{
	for (unsigned first = 0, end; first < run->count; first = end) {
		for (end = first + 1;
			end < run->count && same_section(&run->records[first], &run->records[end]);
			end++)
			;
		print_section(run, first, end, out);
	}
	bench_print_words(run, out);
	print_machine(run, out);
	tables_paragraph(out,
		"BARE: plain system calls, in turns. RATIO: what a message costs through sinew, "
		"over that; and how far the repeats are apart, if it was measured more than once. "
		"CALLS: system calls a message, both "
		"sides. STATES, of both sides: # running, + ready, . blocked. The bars of times "
		"are "
		"logarithmic.");
	print_several_sends(run, out);
	print_noise(run, out);
	print_lost(run, out);
	if (!run->interrupted)
		bench_print_missing(run, out);
	print_failures(run, out);
	if (run->interrupted)
		out_text(out, "Interrupted: this is what was done until then.\n");
}
