/* SPDX-License-Identifier: MIT
 *
 * flame_svg.c - blocked time as a picture: threads below, above each the calls it waited in, the objects it
 * waited for, and who ended that; as wide as it took. The colour of a frame says which row it is in.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "flame.h"
#include "outputs.h"
#include "sentences.h"

enum { WIDTH = 1200, ROW = 24, MARGIN = 20, TOP = 76, ROWS = SINEW__FRAMES + 1, LETTER = 7 };

static const char style[] =
	"<style>\n"
	"text{font:12px ui-monospace,monospace;fill:#1b1f24}\n"
	".back{fill:#fff}.title{font:600 18px system-ui,sans-serif}\n"
	".soft{font:14px system-ui,sans-serif;fill:#57606a}rect{stroke:#fff;stroke-width:1}\n"
	".f0{fill:#d0d7de}.f1{fill:#a8d1f0}.f2{fill:#f0c9a0}.f3{fill:#b4dfc4}.f4{fill:#e3c3de}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.back{fill:#0d1117}.soft{fill:#9da7b3}rect{stroke:#0d1117}\n"
	".f0{fill:#30363d}.f1{fill:#1f4f75}.f2{fill:#74481c}.f3{fill:#235c3b}.f4{fill:#65335f}}\n"
	"</style>\n";

/* Frames of one row that read the same, below which the next row stands. */
struct frame {
	uint32_t first, end; /* of the stacks */
	uint64_t time;
};

struct picture {
	const struct sinew__stacks *stacks;
	FILE *stream;
	uint64_t total;
};

static double width_of(const struct picture *picture, uint64_t time)
{
	return (double)time / (double)picture->total * (WIDTH - 2 * MARGIN);
}

static void draw_words(
	const struct picture *picture, double x, int y, double width, const char *name)
{
	size_t columns = width > 8 ? (size_t)((width - 8) / LETTER) : 0;
	sinew__long text;

	if (columns < 4)
		return;
	snprintf(text, sizeof text, "%s", name);
	fprintf(picture->stream, "<text x=\"%.1f\" y=\"%d\">", x + 4, y + 16);
	sinew__xml_text(picture->stream, sinew__shorten(text, columns));
	fputs("</text>", picture->stream);
}

static void draw_frame(
	const struct picture *picture, double x, unsigned row, uint64_t time, const char *name)
{
	double width = width_of(picture, time);
	int y = TOP + (int)(ROWS - 1 - row) * ROW;
	sinew__short took;

	fprintf(picture->stream, "<g><title>%s blocked, %u %%: ", sinew__duration(time, took),
		sinew__percent(time, picture->total));
	sinew__xml_text(picture->stream, name);
	fprintf(picture->stream,
		"</title><rect class=\"f%u\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
		row, x, y, width, ROW - 1);
	draw_words(picture, x, y, width, name);
	fputs("</g>\n", picture->stream);
}

static const char *name_of(const struct picture *picture, uint32_t i, unsigned row)
{
	return picture->stacks->rows[i].frames[row - 1];
}

/* The stacks from `first` on that have the same frame in this row. */
static struct frame frame_at(
	const struct picture *picture, uint32_t first, uint32_t end, unsigned row)
{
	struct frame frame = {.first = first, .end = first};

	for (; frame.end < end; frame.end++) {
		if (strcmp(name_of(picture, first, row), name_of(picture, frame.end, row)) != 0)
			break;
		frame.time += picture->stacks->rows[frame.end].time;
	}
	return frame;
}

/* Frames too narrow to be seen are left out; their room stays. */
static void draw_row(
	const struct picture *picture, double x, uint32_t first, uint32_t end, unsigned row)
{
	while (row < ROWS && first < end) {
		struct frame frame = frame_at(picture, first, end, row);
		double width = width_of(picture, frame.time);
		if (width >= 0.1) {
			draw_frame(picture, x, row, frame.time, name_of(picture, first, row));
			draw_row(picture, x, frame.first, frame.end, row + 1);
		}
		x += width;
		first = frame.end;
	}
}

static void head(const struct sinew__states *states, FILE *stream)
{
	sinew__long line, traced;

	snprintf(line, sizeof line, "Blocked time of %.300s", sinew__traced_text(states, traced));
	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>",
		WIDTH, TOP + ROWS * ROW + MARGIN);
	sinew__xml_text(stream, line);
	fprintf(stream, "</title>\n%s<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", style,
		WIDTH, TOP + ROWS * ROW + MARGIN);
	fprintf(stream, "<text class=\"title\" x=\"%d\" y=\"30\">", MARGIN);
	sinew__xml_text(stream, sinew__shorten(line, 110));
	fprintf(stream,
		"</text>\n<text class=\"soft\" x=\"%d\" y=\"54\">From below: all, thread, call, "
		"object, who ended it. Width is time blocked, not when.</text>\n",
		MARGIN);
}

static uint64_t sum_of(const struct sinew__stacks *stacks)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < stacks->count; i++)
		sum += stacks->rows[i].time;
	return sum;
}

int sinew__flame_svg_write(const struct sinew__states *states, FILE *stream)
{
	struct sinew__stacks stacks;
	sinew__long all;
	sinew__short took;

	if (!sinew__stacks_init(&stacks, states))
		return -ENOMEM;
	struct picture picture = {&stacks, stream, sum_of(&stacks)};
	head(states, stream);
	snprintf(all, sizeof all, "all threads: %s%s", sinew__duration(picture.total, took),
		picture.total ? "" : " blocked");
	picture.total += picture.total == 0;
	draw_frame(&picture, MARGIN, 0, picture.total, all);
	draw_row(&picture, MARGIN, 0, stacks.count, 1);
	fputs("</svg>\n", stream);
	sinew__stacks_fini(&stacks);
	return 0;
}
