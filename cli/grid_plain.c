/* SPDX-License-Identifier: MIT
 *
 * grid_plain.c - tables without libsmartcols. Below a parent means two columns further in.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <words.h>

#include "grid.h"

enum { INDENT = 2, DEEPEST = 20 };

struct row {
	unsigned depth;
	char *cells[GRID_COLUMNS];
};

struct grid {
	const struct grid_column *columns;
	unsigned count;
	struct row *rows;
	size_t used, room;
};

struct grid *grid_open(const struct grid_column *columns, unsigned count)
{
	struct grid *grid = calloc(1, sizeof *grid);

	if (grid) {
		grid->columns = columns;
		grid->count = count;
	}
	return grid;
}

static struct row *new_row(struct grid *grid)
{
	if (grid->used == grid->room) {
		size_t room = grid->room ? 2 * grid->room : 128;
		struct row *rows = realloc(grid->rows, room * sizeof *rows);
		if (!rows)
			return NULL;
		grid->rows = rows;
		grid->room = room;
	}
	grid->rows[grid->used] = (struct row){0};
	return &grid->rows[grid->used];
}

int grid_row(struct grid *grid, const char *const *cells, int parent)
{
	struct row *row = new_row(grid);

	if (!row)
		return -1;
	if (parent >= 0 && grid->rows[parent].depth < DEEPEST)
		row->depth = grid->rows[parent].depth + 1;
	else if (parent >= 0)
		row->depth = DEEPEST;
	for (unsigned i = 0; i < grid->count; i++)
		row->cells[i] = strdup(cells[i]);
	return (int)grid->used++;
}

static const char *cell(const struct row *row, unsigned i)
{
	return row->cells[i] ? row->cells[i] : "";
}

static size_t indent(const struct grid *grid, const struct row *row, unsigned i)
{
	return grid->columns[i].tree ? (size_t)row->depth * INDENT : 0;
}

static void measure(const struct grid *grid, size_t *widths)
{
	for (unsigned i = 0; i < grid->count; i++) {
		widths[i] = strlen(grid->columns[i].name);
		for (size_t r = 0; r < grid->used; r++) {
			size_t n = sinew__columns(cell(&grid->rows[r], i)) +
				   indent(grid, &grid->rows[r], i);
			if (n > widths[i])
				widths[i] = n;
		}
	}
}

static size_t terminal_width(const struct out *out)
{
	const char *given = getenv("COLUMNS");
	struct winsize size;

	if (!out->terminal)
		return 0;
	if (given && strtoul(given, NULL, 10))
		return strtoul(given, NULL, 10);
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* The widest of those that may be cut gives until all fits, or it would be too narrow to tell. */
static void fit(const struct grid *grid, size_t *widths, size_t room)
{
	size_t sum = grid->count - 1;

	for (unsigned i = 0; i < grid->count; i++)
		sum += widths[i];
	while (room && sum > room) {
		unsigned widest = grid->count;
		for (unsigned i = 0; i < grid->count; i++)
			if (grid->columns[i].gives &&
				(widest == grid->count || widths[i] > widths[widest]))
				widest = i;
		if (widest == grid->count || widths[widest] <= 8)
			return;
		widths[widest]--;
		sum--;
	}
}

static void print_cell(struct out *out, const char *text, size_t in, size_t width, bool right)
{
	char cut[1024];

	snprintf(cut, sizeof cut, "%*s%s", (int)in, "", text);
	sinew__shorten(cut, width);
	int pad = (int)(width - sinew__columns(cut));
	out_format(out, "%*s%s%*s", right ? pad : 0, "", cut, right ? 0 : pad, "");
}

void grid_print(struct grid *grid, struct out *out)
{
	size_t widths[GRID_COLUMNS];

	measure(grid, widths);
	fit(grid, widths, terminal_width(out));
	widths[grid->count - 1] =
		grid->columns[grid->count - 1].right || out->terminal ? widths[grid->count - 1] : 0;
	for (size_t r = 0; r <= grid->used; r++) {
		for (unsigned i = 0; i < grid->count; i++) {
			const struct row *row = r ? &grid->rows[r - 1] : NULL;
			const char *text = row ? cell(row, i) : grid->columns[i].name;
			if (i)
				out_byte(out, ' ');
			if (widths[i])
				print_cell(out, text, row ? indent(grid, row, i) : 0, widths[i],
					grid->columns[i].right);
			else
				out_format(out, "%*s%s", row ? (int)indent(grid, row, i) : 0, "",
					text);
		}
		out_byte(out, '\n');
	}
}

void grid_close(struct grid *grid)
{
	if (!grid)
		return;
	for (size_t r = 0; r < grid->used; r++)
		for (unsigned i = 0; i < grid->count; i++)
			free(grid->rows[r].cells[i]);
	free(grid->rows);
	free(grid);
}
