/* SPDX-License-Identifier: MIT
 *
 * bench_html_table.c - every row of a run with all its figures, to be sorted.
 */
#include <math.h>
#include <stdio.h>

#include "bench_html.h"

static const struct {
	const char *name, *meaning;
} heads[] = {
	{"mechanism", "indented: another library"},
	{"mode", "see Words"},
	{"bytes", "of a message"},
	{"CPUs", "of client and server"},
	{"p50", "half took no longer"},
	{"p99", "99 of 100 took no longer"},
	{"p99.9", "999 of 1000 took no longer"},
	{"max", "the longest"},
	{"msg/s", "messages a second, the median of the repeats"},
	{"MB/s", "bytes a second"},
	{"typical", "p50, or of a stream the time of a message"},
	{"bare", "the same of the bare system calls"},
	{"ratio", "cost over that of the bare twin, the median of the repeats"},
	{"spread", "how far the repeats lie apart"},
	{"calls", "system calls a message, both sides"},
	{"switches", "how often a side went to sleep, a message"},
	{"CPU ns", "computing of both sides, a message"},
	{"running", "share of the time, both sides"},
	{"ready", "could run, had no CPU"},
	{"blocked", "asleep"},
	{"lost", "messages"},
	{"cache line", "there and back between the two CPUs"},
};

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

	cell_number(out, o->calls_known ? (double)(c->calls + s->calls) / n : NAN, "%.2f");
	cell_number(out, (double)(c->voluntary + s->voluntary) / n, "%.2f");
	cell_number(out, (double)(c->cpu + s->cpu) / n, "%.0f");
	cell_number(out, running, "%.0f %%");
	cell_number(out, ready, "%.0f %%");
	cell_number(out, 100 - running - ready, "%.0f %%");
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
	cell_time(out, timed ? o->p50_all : NAN);
	cell_time(out, timed ? o->p99_all : NAN);
	cell_time(out, timed ? o->p999_all : NAN);
	cell_time(out, timed ? o->max_all : NAN);
	cell_count(out, rate.median);
	cell_number(out, record->size ? rate.median * (double)record->size / 1e6 : NAN, "%.1f");
	cell_time(out, bench_typical(record, contender));
	cell_time(out, find_bare(record));
	cell_number(out, record->bare ? bench_ratio(record, contender).median : NAN, "%.2f");
	cell_number(out, (costs.high - costs.low) / costs.median * 100, "%.0f %%");
	put_use(out, o);
	cell_number(out, (double)o->lost, "%.0f");
	cell_time(out, record->after.ns > 0 ? record->after.ns : NAN);
	out_text(out, "</tr>\n");
}

void html_table(const struct bench_run *run, struct out *out)
{
	out_text(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr>");
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++)
		out_format(out, "<th scope=\"col\" title=\"%s\">%s</th>", heads[i].meaning,
			heads[i].name);
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
