/* SPDX-License-Identifier: MIT
 *
 * bench_chart_sizes.c - round trips by size: a small picture for each family of channels, with its lines named at
 * their ends, before the pale lines of all others. Lines are told apart by colour and by marks, so that neither a
 * printer without colours nor an eye without them is at a loss.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_html.h"

enum { COLOURS = 8, MARKS = 4, MOST_LINES = 32, TOP = 12, WIDTH = 500 };

enum { PLOT_HEIGHT = 232, PLOT_LEFT = 56, PLOT_RIGHT = 350, PLOT_BOTTOM = 206 };

static const struct family {
	const char *name, *groups[2];
} families[] = {
	{"pipes and queues", {"pipes", "queues"}},
	{"sockets", {"sockets"}},
	{"rings", {"rings"}},
	{"regions with an event", {"regions"}},
};

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
		svg_text(out, "soft", PLOT_LEFT - 10, y + 4, "end",
			chart_round_ns(pow(10, decade), text));
	}
	for (double x = plot->x_low; x <= plot->x_high + 0.01; x += 2) {
		double size = exp2(x);
		svg_text(out, "soft", plot_x(plot, size), PLOT_BOTTOM + 16, "middle",
			say_size(size, text));
	}
}

struct label {
	const char *name;
	double y;
	unsigned line; /* which of them */
};

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return (x->y > y->y) - (x->y < y->y);
}

/* Lower ones first move up, so that all fit in; then each below the one before. */
static void spread_labels(struct label *labels, unsigned count)
{
	enum { LINE = 14 };

	qsort(labels, count, sizeof *labels, compare_labels);
	for (unsigned i = count; i-- > 0;)
		labels[i].y = fmin(labels[i].y, PLOT_HEIGHT - 4 - LINE * (double)(count - 1 - i));
	for (unsigned i = 1; i < count; i++)
		labels[i].y = fmax(labels[i].y, labels[i - 1].y + LINE);
}

static void draw_mark(struct out *out, unsigned line, double x, double y)
{
	static const char *const shapes[MARKS] = {"M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0",
		"M-4,-4h8v8h-8z", "M0,-5L5,4H-5z", "M0,-5L5,0L0,5L-5,0z"};

	out_format(out, "<path class=\"mark s%u\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>\n",
		line % COLOURS, x, y, shapes[line % MARKS]);
}

/* Names at the right end, each with its mark and joined to its line. */
static void draw_labels(struct out *out, struct label *labels, unsigned count)
{
	double ends[MOST_LINES];

	for (unsigned i = 0; i < count; i++)
		ends[labels[i].line] = labels[i].y;
	spread_labels(labels, count);
	for (unsigned i = 0; i < count; i++) {
		char class[8];
		snprintf(class, sizeof class, "s%u", labels[i].line % COLOURS);
		svg_line(out, class, PLOT_RIGHT + 6, ends[labels[i].line], PLOT_RIGHT + 20,
			labels[i].y);
		draw_mark(out, labels[i].line, PLOT_RIGHT + 20, labels[i].y);
		svg_text(out, "", PLOT_RIGHT + 30, labels[i].y + 4, "start", labels[i].name);
	}
}

static bool is_of(const struct record *record, const struct family *family)
{
	for (unsigned i = 0; i < 2 && family->groups[i]; i++)
		if (is_in_group(record, family->groups[i]))
			return true;
	return false;
}

static bool is_point(const struct bench_run *run, unsigned first, unsigned i)
{
	return run->records[i].row == run->records[first].row && is_plotted(&run->records[i]);
}

/* The first point of a line that has more. */
static bool is_first(const struct bench_run *run, unsigned i)
{
	unsigned points = 0;

	for (unsigned k = 0; k < run->count; k++) {
		points += is_point(run, i, k);
		if (k < i && points)
			return false;
	}
	return is_plotted(&run->records[i]) && points > 1;
}

/* One mechanism's line; its last height. */
static double draw_path(struct out *out, const struct bench_run *run, const struct plot *plot,
	unsigned first, const char *class)
{
	double y = NAN;

	out_format(out, "<polyline class=\"path %s\" points=\"", class);
	for (unsigned i = first; i < run->count; i++)
		if (is_point(run, first, i)) {
			y = plot_y(plot, run->records[i].outcomes[0].p50_all);
			out_format(
				out, "%.1f,%.1f ", plot_x(plot, (double)run->records[i].size), y);
		}
	out_text(out, "\"/>\n");
	return y;
}

static void draw_points(struct out *out, const struct bench_run *run, const struct plot *plot,
	unsigned first, unsigned line)
{
	for (unsigned i = first; i < run->count; i++)
		if (is_point(run, first, i))
			draw_mark(out, line, plot_x(plot, (double)run->records[i].size),
				plot_y(plot, run->records[i].outcomes[0].p50_all));
}

static void draw_others(struct out *out, const struct bench_run *run, const struct plot *plot,
	const struct family *family)
{
	for (unsigned i = 0; i < run->count; i++)
		if (is_first(run, i) && !is_of(&run->records[i], family))
			draw_path(out, run, plot, i, "pale");
}

static unsigned draw_family(struct out *out, const struct bench_run *run, const struct plot *plot,
	const struct family *family, struct label *labels)
{
	unsigned count = 0;

	for (unsigned i = 0; i < run->count && count < MOST_LINES; i++) {
		char class[8];
		if (!is_first(run, i) || !is_of(&run->records[i], family))
			continue;
		snprintf(class, sizeof class, "s%u", count % COLOURS);
		labels[count] = (struct label){
			run->records[i].row->name, draw_path(out, run, plot, i, class), count};
		draw_points(out, run, plot, i, count++);
	}
	return count;
}

static bool has_lines(const struct bench_run *run, const struct family *family)
{
	for (unsigned i = 0; i < run->count; i++)
		if (is_first(run, i) && is_of(&run->records[i], family))
			return true;
	return false;
}

/* Of some there is one size only. */
static bool has_others(const struct bench_run *run, const struct family *family)
{
	for (unsigned i = 0; i < run->count; i++) {
		unsigned points = 0;
		for (unsigned k = 0; k < run->count; k++)
			points += is_point(run, i, k);
		if (points == 1 && is_plotted(&run->records[i]) && is_of(&run->records[i], family))
			return true;
	}
	return false;
}

static void chart_family(const struct bench_run *run, struct out *out, const struct plot *plot,
	const struct family *family)
{
	struct label labels[MOST_LINES];
	char title[96];

	snprintf(title, sizeof title, "Round trip by size, two CPUs: %s", family->name);
	chart_open(out, title);
	svg_open(out, WIDTH, PLOT_HEIGHT, title);
	draw_axes(out, plot);
	draw_others(out, run, plot, family);
	draw_labels(out, labels, draw_family(out, run, plot, family, labels));
	chart_close(out,
		has_others(run, family)
			? "Through sinew, the median; bytes of a message; both scales logarithmic. "
			  "Pale: all others. Who carries only one of these sizes is left out."
			: "Through sinew, the median; bytes of a message; both scales logarithmic. "
			  "Pale: all others.");
}

void chart_sizes(const struct bench_run *run, struct out *out)
{
	struct plot plot = measure_plot(run);

	if (!(plot.x_high > plot.x_low))
		return;
	for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
		if (has_lines(run, &families[i]))
			chart_family(run, out, &plot, &families[i]);
}
