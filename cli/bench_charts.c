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
	WIDTH = 480,
	LEFT = 112,  /* names end here */
	RIGHT = 410, /* bars end here, figures stand behind */
	TOP = 24,
	ROW = 26,
	SMALL = 64,
	MOST_ROWS = 128,
};

/* The records of one section that have figures, and the span of what is drawn of them. */
struct section {
	const struct record *of[MOST_ROWS];
	unsigned count;
	double low, high;
};

static struct section collect(const struct bench_run *run, enum mode mode, size_t size, bool two)
{
	struct section section = {.low = INFINITY};

	for (unsigned i = 0; i < run->count && section.count < MOST_ROWS; i++) {
		const struct record *record = &run->records[i];
		if (record->mode == mode && (record->size == size || record->row->wake) &&
			is_on_two(record) == two && bench_sound(record))
			section.of[section.count++] = record;
	}
	return section;
}

static void span(struct section *section, double low, double high)
{
	if (low > 0)
		section->low = fmin(section->low, low);
	section->high = fmax(section->high, high);
}

static void open_figure(struct out *out, const char *title)
{
	out_text(out, "<figure><h3>");
	html_text(out, title);
	out_text(out, "</h3>\n");
}

static void close_figure(struct out *out, const char *caption)
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

static char *say_round_ns(double ns, char *text)
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
	for (unsigned i = 0; i < section.count; i++)
		for (unsigned k = 0; k <= section.of[i]->bare;
			k += section.of[i]->bare ? section.of[i]->bare : 1)
			span(&section, section.of[i]->outcomes[k].p50_all,
				section.of[i]->outcomes[k].p999_all);
	snprintf(title, sizeof title, "Round trip of 64 bytes, %s", two ? "two CPUs" : "one CPU");
	open_figure(out, title);
	svg_open(out, WIDTH, TOP + section.count * ROW + 4, title);
	draw_decades(out, &section, TOP + section.count * ROW, say_round_ns);
	for (unsigned i = 0; i < section.count; i++) {
		const struct record *record = section.of[i];
		double y = TOP + i * ROW + 3;
		svg_text(out, "", LEFT - 8, y + 14, "end", record->row->name);
		draw_outcome(out, &section, "ours", &record->outcomes[0], y, 12);
		if (record->bare)
			draw_outcome(
				out, &section, "bare", &record->outcomes[record->bare], y + 13, 7);
		svg_text(out, "", WIDTH - 2, y + 14, "end",
			say_ns(record->outcomes[0].p50_all, figure));
	}
	close_figure(out,
		"Block: half of the round trips took no longer; thin mark: 99 %; pale: up to 99.9 "
		"%. "
		"<span class=\"key\" style=\"background:var(--ours)\"></span>sinew"
		"<span class=\"key\" style=\"background:var(--bare)\"></span>bare system calls. "
		"The scale is logarithmic.");
}

/* ---- by size ---- */

enum { PLOT_HEIGHT = 300, PLOT_LEFT = 56, PLOT_RIGHT = 370, PLOT_BOTTOM = 270 };

struct plot {
	double x_low, x_high, y_low, y_high; /* logarithms */
};

static double plot_x(const struct plot *plot, double size)
{
	return PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * (log2(size) - plot->x_low) /
				   fmax(plot->x_high - plot->x_low, 1);
}

static double plot_y(const struct plot *plot, double ns)
{
	return PLOT_BOTTOM - (PLOT_BOTTOM - TOP) * (log10(ns) - plot->y_low) /
				     fmax(plot->y_high - plot->y_low, 1);
}

static bool is_plotted(const struct record *record)
{
	return record->mode == LATENCY && is_on_two(record) && bench_sound(record) &&
	       record->size && !record->row->extra;
}

static struct plot measure_plot(const struct bench_run *run)
{
	struct plot plot = {INFINITY, -INFINITY, INFINITY, -INFINITY};

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (!is_plotted(record))
			continue;
		plot.x_low = fmin(plot.x_low, log2((double)record->size));
		plot.x_high = fmax(plot.x_high, log2((double)record->size));
		plot.y_low = fmin(plot.y_low, floor(log10(record->outcomes[0].p50_all)));
		plot.y_high = fmax(plot.y_high, ceil(log10(record->outcomes[0].p50_all)));
	}
	return plot;
}

static void draw_axes(struct out *out, const struct plot *plot)
{
	char text[FIGURE];

	for (double decade = plot->y_low; decade <= plot->y_high; decade++) {
		double y = plot_y(plot, pow(10, decade));
		svg_line(out, "axis", PLOT_LEFT, y, PLOT_RIGHT, y);
		svg_text(out, "soft", PLOT_LEFT - 6, y + 4, "end",
			say_round_ns(pow(10, decade), text));
	}
	for (double x = plot->x_low; x <= plot->x_high + 0.01; x += 2) {
		double size = exp2(x);
		snprintf(text, sizeof text, "%.0f%s", size < 1024 ? size : size / 1024,
			size < 1024 ? "" : "K");
		svg_text(out, "soft", plot_x(plot, size), PLOT_BOTTOM + 16, "middle", text);
	}
}

struct label {
	const char *name;
	double y;
	unsigned hue;
};

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return (x->y > y->y) - (x->y < y->y);
}

/* Names at the right end, pushed apart so that none covers another. */
static void draw_labels(struct out *out, struct label *labels, unsigned count)
{
	double least = TOP - 8;

	qsort(labels, count, sizeof *labels, compare_labels);
	for (unsigned i = 0; i < count; i++) {
		double y = fmax(labels[i].y + 4, least);
		out_format(out,
			"<text x=\"%d\" y=\"%.1f\" style=\"fill:hsl(%u 60%% 50%%)\">%s</text>\n",
			PLOT_RIGHT + 8, y, labels[i].hue, labels[i].name);
		least = y + 14;
	}
}

/* One mechanism's line. Its last height, or NAN if it has only one size. */
static double draw_path(struct out *out, const struct bench_run *run, const struct plot *plot,
	unsigned first, unsigned hue)
{
	unsigned points = 0;
	double y = NAN;

	for (unsigned i = first; i < run->count; i++)
		points += run->records[i].row == run->records[first].row &&
			  is_plotted(&run->records[i]);
	if (points < 2)
		return NAN;
	out_format(
		out, "<polyline class=\"path\" style=\"stroke:hsl(%u 60%% 50%%)\" points=\"", hue);
	for (unsigned i = first; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (record->row != run->records[first].row || !is_plotted(record))
			continue;
		y = plot_y(plot, record->outcomes[0].p50_all);
		out_format(out, "%.1f,%.1f ", plot_x(plot, (double)record->size), y);
	}
	out_text(out, "\"/>\n");
	return y;
}

static bool is_first(const struct bench_run *run, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (run->records[k].row == run->records[i].row && is_plotted(&run->records[k]))
			return false;
	return is_plotted(&run->records[i]);
}

void chart_sizes(const struct bench_run *run, struct out *out)
{
	struct plot plot = measure_plot(run);
	struct label labels[MOST_ROWS];
	unsigned count = 0;

	if (!(plot.x_high > plot.x_low))
		return;
	open_figure(out, "Round trip by size, two CPUs");
	svg_open(out, WIDTH, PLOT_HEIGHT, "median round trip by size of message");
	draw_axes(out, &plot);
	for (unsigned i = 0; i < run->count && count < MOST_ROWS; i++) {
		unsigned hue = count * 137 % 360;
		double y = is_first(run, i) ? draw_path(out, run, &plot, i, hue) : NAN;
		if (!isnan(y))
			labels[count++] = (struct label){run->records[i].row->name, y, hue};
	}
	draw_labels(out, labels, count);
	close_figure(out, "Median, both scales logarithmic; bytes of a message.");
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
	const struct record *record = section->of[i];
	double y = TOP + i * ROW + 3, full = RIGHT - LEFT;
	char figure[FIGURE], title[96];

	svg_text(out, "", LEFT - 8, y + 14, "end", record->row->name);
	snprintf(title, sizeof title, "sinew: %s", say_rate(record, rate_of(record, 0), figure));
	svg_rect(out, "ours", LEFT, y, full * rate_of(record, 0) / section->high, 12, title);
	svg_text(out, "", WIDTH - 2, y + 14, "end", figure);
	if (!record->bare)
		return;
	snprintf(title, sizeof title, "bare: %s",
		say_rate(record, rate_of(record, record->bare), figure));
	svg_rect(out, "bare", LEFT, y + 13, full * rate_of(record, record->bare) / section->high, 7,
		title);
}

void chart_rates(const struct bench_run *run, struct out *out, enum mode mode, size_t size)
{
	struct section section = collect(run, mode, size, true);
	char title[96];

	if (!section.count)
		return;
	for (unsigned i = 0; i < section.count; i++)
		span(&section, rate_of(section.of[i], 0),
			fmax(rate_of(section.of[i], 0),
				rate_of(section.of[i], section.of[i]->bare)));
	snprintf(title, sizeof title, "One way, %zu%s bytes%s", size < LARGE ? size : size >> 10,
		size < LARGE ? "" : "K",
		mode == BATCHED ? " in arrays of 64" : ", a call for each");
	open_figure(out, title);
	svg_open(out, WIDTH, TOP + section.count * ROW + 4, title);
	svg_line(out, "axis", LEFT, TOP - 6, LEFT, TOP + section.count * ROW);
	for (unsigned i = 0; i < section.count; i++)
		draw_rates(out, &section, i);
	close_figure(out,
		size < LARGE
			? "Messages a second; thin bars: bare system calls, one for each message."
			: "Bytes a second; thin bars: bare system calls, tuned as best they can.");
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
	open_figure(out, "What both processes did meanwhile");
	svg_open(out, WIDTH, TOP + section.count * ROW + 4,
		"running, ready and blocked shares of time");
	for (unsigned i = 0; i < section.count; i++) {
		const struct record *record = section.of[i];
		const struct spent *client = &record->outcomes[0].spent[CLIENT];
		double y = TOP + i * ROW + 3;
		svg_text(out, "", LEFT - 8, y + 14, "end", record->row->name);
		draw_states(out, client, y);
		draw_states(out, &record->outcomes[0].spent[SERVER], y + 11);
		snprintf(text, sizeof text, "%.0f %%",
			100.0 * (double)client->running / (double)client->wall);
		svg_text(out, "", WIDTH - 2, y + 14, "end", text);
	}
	close_figure(out, "Round trips of 64 bytes, two CPUs: above the client, below the server."
			  "<span class=\"key\" style=\"background:var(--running)\"></span>running"
			  "<span class=\"key\" style=\"background:var(--ready)\"></span>ready: "
			  "could run, had no CPU"
			  "<span class=\"key\" style=\"background:var(--blocked)\"></span>blocked. "
			  "The figure is the client's running share.");
}
