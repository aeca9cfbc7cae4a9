/* SPDX-License-Identifier: MIT
 *
 * bench_charts.c - the pictures of a run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_html.h"

enum {
	WIDTH = 500,
	LEFT = 156,  /* names end here */
	RIGHT = 424, /* bars end here, figures stand behind */
	TOP = 24,
	ROW = 26,
	SMALL = 64,
	MOST_ROWS = 128,
};

/* A bar: of sinew or of another library, with the bare twin below it. */
struct bar {
	const struct record *record;
	unsigned contender;
};

/* What one chart shows, and the span of its values. */
struct section {
	struct bar of[MOST_ROWS];
	unsigned count;
	double low, high;
};

static void enter(struct section *section, const struct record *record, unsigned contender)
{
	if (section->count < MOST_ROWS)
		section->of[section->count++] = (struct bar){record, contender};
}

static struct section collect(const struct bench_run *run, enum mode mode, size_t size, bool two)
{
	struct section section = {.low = INFINITY};
	unsigned most = find_most(run, mode, two);

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (record->mode != mode || record->fan != most ||
			(record->size != size && !record->row->wake) || is_on_two(record) != two ||
			!bench_sound(record))
			continue;
		enter(&section, record, 0);
		for (unsigned k = record->peers; k < record->contenders; k++)
			enter(&section, record, k);
	}
	return section;
}

static const struct outcome *outcome_of(const struct bar *bar)
{
	return &bar->record->outcomes[bar->contender];
}

static const char *class_of(const struct bar *bar)
{
	return bar->contender ? "peer" : "ours";
}

/* The twin, below sinew's bar; NULL: there is none. */
static const struct outcome *twin_of(const struct bar *bar)
{
	return bar->contender || !bar->record->bare ? NULL
						    : &bar->record->outcomes[bar->record->bare];
}

static void draw_name(struct out *out, const struct bar *bar, double y)
{
	svg_text(out, bar->contender ? "other" : "", LEFT - 8, y + 14, "end",
		bar->contender ? outcome_of(bar)->name : bar->record->row->name);
}

static void span(struct section *section, double low, double high)
{
	if (low > 0)
		section->low = fmin(section->low, low);
	section->high = fmax(section->high, high);
}

void chart_open(struct out *out, const char *title)
{
	out_text(out, "<figure><h3>");
	html_text(out, title);
	out_text(out, "</h3>\n");
}

void chart_close(struct out *out, const char *caption)
{
	svg_close(out);
	out_format(out, "<figcaption>%s</figcaption></figure>\n", caption);
}

/* ---- on a logarithmic scale ---- */

static double log_x(const struct section *section, double value)
{
	double low = floor(log10(section->low)), high = ceil(log10(section->high));

	return LEFT +
	       (RIGHT - LEFT) * (log10(fmax(value, section->low)) - low) / fmax(high - low, 1);
}

static void draw_decades(
	struct out *out, const struct section *section, double bottom, char *(*say)(double, char *))
{
	int low = (int)floor(log10(section->low)), high = (int)ceil(log10(section->high));
	char text[FIGURE];

	for (int decade = low; decade <= high; decade++) {
		double value = pow(10, decade), x = log_x(section, fmax(value, section->low));
		if (value < section->low)
			x = LEFT;
		svg_line(out, "axis", x, TOP - 6, x, bottom);
		if ((decade - low) % (high - low > 5 ? 2 : 1) == 0)
			svg_text(out, "soft", x, TOP - 10, "middle", say(value, text));
	}
}

/* ---- percentiles ---- */

char *chart_round_ns(double ns, char *text)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned i = 0;

	for (; ns >= 999.5 && i < 3; i++)
		ns /= 1000;
	snprintf(text, FIGURE, "%.0f %s", ns, units[i]);
	return text;
}

static void draw_outcome(struct out *out, const struct section *section, const char *class,
	const struct outcome *o, double y, double height)
{
	double p50 = log_x(section, o->p50_all), p99 = log_x(section, o->p99_all),
	       p999 = log_x(section, o->p999_all);
	char a[FIGURE], b[FIGURE], c[FIGURE], title[160];

	snprintf(title, sizeof title, "%s: half within %s, 99 %% within %s, 99.9 %% within %s",
		o->name, say_ns(o->p50_all, a), say_ns(o->p99_all, b), say_ns(o->p999_all, c));
	svg_rect(out, "tail", p50, y + height / 4, p999 - p50, height / 2, title);
	svg_rect(out, class, p99 - 1, y, 2, height, title);
	svg_rect(out, class, p50 - 3, y, 6, height, title);
}

void chart_percentiles(const struct bench_run *run, struct out *out, bool two)
{
	struct section section = collect(run, LATENCY, SMALL, two);
	char title[96], figure[FIGURE];

	if (!section.count)
		return;
	for (unsigned i = 0; i < section.count; i++) {
		const struct outcome *o = outcome_of(&section.of[i]),
				     *twin = twin_of(&section.of[i]);
		span(&section, o->p50_all, o->p999_all);
		if (twin)
			span(&section, twin->p50_all, twin->p999_all);
	}
	snprintf(title, sizeof title, "Round trip of 64 bytes, %s", two ? "two CPUs" : "one CPU");
	chart_open(out, title);
	svg_open(out, WIDTH, TOP + section.count * ROW + 4, title);
	draw_decades(out, &section, TOP + section.count * ROW, chart_round_ns);
	for (unsigned i = 0; i < section.count; i++) {
		const struct bar *bar = &section.of[i];
		double y = TOP + i * ROW + 3;
		draw_name(out, bar, y);
		draw_outcome(out, &section, class_of(bar), outcome_of(bar), y, 12);
		if (twin_of(bar))
			draw_outcome(out, &section, "bare", twin_of(bar), y + 13, 7);
		svg_text(out, "", WIDTH - 2, y + 14, "end",
			say_ns(outcome_of(bar)->p50_all, figure));
	}
	chart_close(out,
		"Block: half of the round trips took no longer; thin mark: 99 %; pale: up to "
		"99.9 %. <span class=\"key\" style=\"background:var(--ours)\"></span>sinew<span "
		"class=\"key\" style=\"background:var(--bare)\"></span>bare: system calls, or a "
		"ring "
		"written by hand<span class=\"key\" "
		"style=\"background:var(--peer)\"></span>another library. The "
		"figure is the median of the upper bar; the scale is logarithmic.");
}

/* ---- rates ---- */

static double rate_of(const struct record *record, unsigned contender)
{
	return bench_figure(record->outcomes[contender].rate, record->repeats).median;
}

static char *say_rate(const struct record *record, double rate, char *text)
{
	if (record->size >= LARGE)
		snprintf(text, FIGURE, "%.2f GB/s", rate * (double)record->size / 1e9);
	else
		say_count(rate, text);
	return text;
}

static void draw_rates(struct out *out, const struct section *section, unsigned i)
{
	const struct bar *bar = &section->of[i];
	const struct record *record = bar->record;
	double y = TOP + i * ROW + 3, full = RIGHT - LEFT, rate = rate_of(record, bar->contender);
	char figure[FIGURE], title[96];

	draw_name(out, bar, y);
	snprintf(title, sizeof title, "%s: %s", outcome_of(bar)->name,
		say_rate(record, rate, figure));
	svg_rect(out, class_of(bar), LEFT, y, full * rate / section->high, 12, title);
	svg_text(out, "", WIDTH - 2, y + 14, "end", figure);
	if (!twin_of(bar))
		return;
	rate = rate_of(record, record->bare);
	snprintf(title, sizeof title, "bare: %s", say_rate(record, rate, figure));
	svg_rect(out, "bare", LEFT, y + 13, full * rate / section->high, 7, title);
}

void chart_rates(const struct bench_run *run, struct out *out, enum mode mode, size_t size)
{
	struct section section = collect(run, mode, size, true);
	char title[96];

	if (!section.count)
		return;
	for (unsigned i = 0; i < section.count; i++)
		span(&section, 0,
			fmax(rate_of(section.of[i].record, section.of[i].contender),
				rate_of(section.of[i].record, section.of[i].record->bare)));
	snprintf(title, sizeof title, "One way, %zu%s bytes%s", size < LARGE ? size : size >> 10,
		size < LARGE ? "" : "K",
		mode == BATCHED ? " in arrays of 64" : ", a call for each");
	if (mode == FAN_IN || mode == FAN_OUT)
		snprintf(title, sizeof title, "One way, %zu bytes, %u %s", size,
			find_most(run, mode, true),
			mode == FAN_IN ? "writers and one reader" : "readers and one writer");
	chart_open(out, title);
	svg_open(out, WIDTH, TOP + section.count * ROW + 4, title);
	svg_line(out, "axis", LEFT, TOP - 6, LEFT, TOP + section.count * ROW);
	for (unsigned i = 0; i < section.count; i++)
		draw_rates(out, &section, i);
	chart_close(out,
		mode == FAN_OUT
			? "Messages a second, each counted once, also where it is a send to each "
			  "of the "
			  "readers; thin bars: bare system calls, or a ring written by hand."
		: size < LARGE
			? "Messages a second, the median of the repeats; thin bars: bare system "
			  "calls, "
			  "one for each message, or a ring written by hand; other colour: other "
			  "libraries."
			: "Bytes a second, the median of the repeats; thin bars: bare system "
			  "calls, "
			  "tuned as best they can, or a ring written by hand; other colour: other "
			  "libraries.");
}

/* ---- states ---- */

static void draw_states(struct out *out, const struct spent *spent, double y)
{
	double wall = spent->wall ? (double)spent->wall : 1, x = LEFT, full = RIGHT - LEFT;
	const struct {
		const char *name;
		double share;
	} parts[] = {{"running", (double)spent->running / wall},
		{"ready", (double)spent->ready / wall},
		{"blocked", 1 - (double)(spent->running + spent->ready) / wall}};

	for (unsigned i = 0; i < 3; i++) {
		char title[64];
		snprintf(title, sizeof title, "%s: %.0f %%", parts[i].name, parts[i].share * 100);
		svg_rect(out, parts[i].name, x, y, full * parts[i].share, 9, title);
		x += full * parts[i].share;
	}
}

void chart_states(const struct bench_run *run, struct out *out)
{
	struct section section = collect(run, LATENCY, SMALL, true);
	char text[FIGURE];

	if (!section.count)
		return;
	chart_open(out, "What both processes did meanwhile");
	svg_open(out, WIDTH, TOP + section.count * ROW + 4,
		"running, ready and blocked shares of time");
	for (unsigned i = 0; i < section.count; i++) {
		const struct bar *bar = &section.of[i];
		const struct spent *client = &outcome_of(bar)->spent[CLIENT];
		double y = TOP + i * ROW + 3;
		draw_name(out, bar, y);
		draw_states(out, client, y);
		draw_states(out, &outcome_of(bar)->spent[SERVER], y + 11);
		snprintf(text, sizeof text, "%.0f %%",
			100.0 * (double)client->running / (double)client->wall);
		svg_text(out, "", WIDTH - 2, y + 14, "end", text);
	}
	chart_close(out, "Round trips of 64 bytes, two CPUs: above the client, below the server."
			 "<span class=\"key\" "
			 "style=\"background:var(--running)\"></span>running<span class=\"key\" "
			 "style=\"background:var(--ready)\"></span>ready: could run, had no "
			 "CPU<span class=\"key\" "
			 "style=\"background:var(--blocked)\"></span>blocked. The figure is the "
			 "client's running share.");
}
