/* SPDX-License-Identifier: MIT
 *
 * grid.h - a table for people: columns as wide as their cells, cut to the terminal's width. Made by
 * libsmartcols where it is (grid_smartcols.c), else by ourselves (grid_plain.c).
 */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include "out.h"

struct grid_column {
	const char *name;
	bool right; /* numbers */
	bool gives; /* may be cut where a line would be too long */
	bool tree;  /* shows who hangs below whom */
};

enum { GRID_COLUMNS = 32, GRID_NO_PARENT = -1 };

struct grid;

/* The columns stay the caller's. NULL without memory. */
struct grid *grid_open(const struct grid_column *columns, unsigned count);
/* The cells are copied; they are harmless already. parent: a row that was added before, or
 * GRID_NO_PARENT. The number of the row, or -1 without memory. */
int grid_row(struct grid *grid, const char *const *cells, int parent);
void grid_print(struct grid *grid, struct out *out);
void grid_close(struct grid *grid);

#endif
