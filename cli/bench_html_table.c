/* SPDX-License-Identifier: MIT
 *
 * bench_html_table.c - every row of a run with all its figures, to be sorted.
 */
#include <math.h>
#include <stdio.h>

#include "bench_html.h"

static const struct {
	const char *name, *meaning;
	bool more;  /* shown when all are asked for, and on paper */
	bool words; /* not figures */
} heads[] = {
	{"mechanism", "indented: another library", false, true},
	{"mode", "see Words", false, true},
	{"bytes", "of a message", false, false},
	{"CPUs", "of client and server", false, true},
	{"time", "half took no longer; of a stream the time of a message", false, false},
	{"bare", "the same of the bare system calls", false, false},
	{"ratio", "cost over that of the bare twin, the median of the repeats", false, false},
	{"spread", "how far the repeats lie apart", false, false},
	{"p99", "99 of 100 took no longer", false, false},
	{"msg/s", "messages a second, the median of the repeats", false, false},
	{"calls", "system calls a message, both sides", false, false},
	{"p50", "half took no longer", true, false},
	{"p99.9", "999 of 1000 took no longer", true, false},
	{"max", "the longest", true, false},
	{"MB/s", "bytes a second", true, false},
	{"switches", "how often a side went to sleep, a message", true, false},
	{"CPU ns", "computing of both sides, a message", true, false},
	{"running", "share of the time, both sides", true, false},
	{"ready", "could run, had no CPU", true, false},
	{"blocked", "asleep", true, false},
	{"lost", "messages", true, false},
	{"cache line", "there and back between the two CPUs", true, false},
};
enum { HEADS = sizeof heads / sizeof *heads };

static void cell_text(struct out *out, const char *text)
{
	out_text(out, "<td class=\"left\">");
	html_text(out, text);
	out_text(out, "</td>");
}

/* Sorted by the value, shown as text; not a number: empty, and last. */
static void cell(struct out *out, double value, const char *shown)
{
	if (isfinite(value))
		out_format(out, "<td data-v=\"%.6g\">%s</td>", value, shown);
	else
		out_text(out, "<td data-v=\"\">-</td>");
}

static void cell_time(struct out *out, double ns)
{
	char text[FIGURE];

	cell(out, ns, say_ns(ns, text));
}

static void cell_count(struct out *out, double count)
{
	char text[FIGURE];

	cell(out, count, say_count(count, text));
}

static void cell_number(struct out *out, double value, const char *format)
	__attribute__((format(printf, 3, 0)));
static void cell_number(struct out *out, double value, const char *format)
{
	char text[FIGURE];

	snprintf(text, sizeof text, format, value);
	cell(out, value, text);
}

static void put_use(struct out *out, const struct outcome *o)
{
	const struct spent *c = &o->spent[CLIENT], *s = &o->spent[SERVER];
	double n = (double)o->messages, wall = (double)(c->wall + s->wall);
	double running = (double)(c->running + s->running) / wall * 100;
	double ready = (double)(c->ready + s->ready) / wall * 100;

	cell_number(out, (double)(c->voluntary + s->voluntary) / n, "%.2f");
	cell_number(out, (double)(c->cpu + s->cpu) / n, "%.0f");
	cell_number(out, running, "%.0f %%");
	cell_number(out, ready, "%.0f %%");
	cell_number(out, 100 - running - ready, "%.0f %%");
}

static double calls_of(const struct outcome *o)
{
	return o->calls_known ? (double)(o->spent[CLIENT].calls + o->spent[SERVER].calls) /
					(double)o->messages
			      : NAN;
}

/* contender: 0, sinew, or another library. */
static void put_row(struct out *out, const struct record *record, unsigned contender)
{
	const struct outcome *o = &record->outcomes[contender];
	bool timed = record->mode == LATENCY || record->mode == PACED;
	struct figure costs = bench_costs(record, contender),
		      rate = bench_figure(o->rate, record->repeats);
	char cpus[32], mode[48];

	out_text(out, "<tr>");
	if (contender)
		out_format(out, "<td class=\"left other\">%s</td>", o->name);
	else
		cell_text(out, record->row->name);
	snprintf(mode, sizeof mode, record->fan > 1 ? "%s %u" : "%s", bench_modes[record->mode],
		record->fan);
	cell_text(out, mode);
	cell_number(out, (double)record->size, "%.0f");
	cell_text(out, bench_cpus(record, cpus, sizeof cpus));
	cell_time(out, bench_typical(record, contender));
	cell_time(out, find_bare(record));
	cell_number(out, record->bare ? bench_ratio(record, contender).median : NAN, "%.2f");
	cell_number(out, record->repeats > 1 ? (costs.high - costs.low) / costs.median * 100 : NAN,
		"%.0f %%");
	cell_time(out, timed ? o->p99_all : NAN);
	cell_count(out, rate.median);
	cell_number(out, calls_of(o), "%.2f");
	cell_time(out, timed ? o->p50_all : NAN);
	cell_time(out, timed ? o->p999_all : NAN);
	cell_time(out, timed ? o->max_all : NAN);
	cell_number(out, record->size ? rate.median * (double)record->size / 1e6 : NAN, "%.1f");
	put_use(out, o);
	cell_number(out, (double)o->lost, "%.0f");
	cell_time(out, record->after.ns > 0 ? record->after.ns : NAN);
	out_text(out, "</tr>\n");
}

/* What is shown on demand is there all the same, to be sorted by and to be printed. */
static void put_demand(struct out *out)
{
	const char *before = "";

	out_text(out, "<style>@media screen { ");
	for (unsigned i = 0; i < HEADS; i++)
		if (heads[i].more) {
			out_format(out, "%s#all:not(:checked) ~ .scroll :is(th, td):nth-child(%u)",
				before, i + 1);
			before = ", ";
		}
	out_format(out,
		" { display: none } }</style>\n<input type=\"checkbox\" id=\"all\"><label "
		"for=\"all\"> Show all %u columns: also ",
		HEADS);
	for (unsigned i = 0; i < HEADS; i++)
		if (heads[i].more)
			out_format(out, "%s%s", heads[i].name, i + 1 < HEADS ? ", " : "");
	out_text(out,
		"</label>\n<p class=\"soft sideways\">The table is wider than this window: move "
		"it sideways.</p>\n");
}

void html_table(const struct bench_run *run, struct out *out)
{
	put_demand(out);
	out_text(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr>");
	for (unsigned i = 0; i < HEADS; i++)
		out_format(out, "<th scope=\"col\"%s title=\"%s\">%s</th>",
			heads[i].words ? " class=\"left\"" : "", heads[i].meaning, heads[i].name);
	out_text(out, "</tr></thead><tbody>\n");
	for (unsigned i = 0; i < run->count; i++)
		if (bench_sound(&run->records[i])) {
			const struct record *record = &run->records[i];
			put_row(out, record, 0);
			for (unsigned k = record->peers; k < record->contenders; k++)
				put_row(out, record, k);
		}
	out_text(out, "</tbody></table></div>\n");
}
