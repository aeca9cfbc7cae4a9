/* SPDX-License-Identifier: MIT
 *
 * grid_smartcols.c - tables by libsmartcols, as those of lsipc and lslocks.
 */
#include <libsmartcols.h>
#include <stdlib.h>

#include "grid.h"

struct grid {
	struct libscols_table *table;
	unsigned count;
};

static bool add_columns(struct grid *grid, const struct grid_column *columns)
{
	for (unsigned i = 0; i < grid->count; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].gives ? SCOLS_FL_TRUNC : 0) |
			    (columns[i].tree ? SCOLS_FL_TREE : 0);
		if (!scols_table_new_column(grid->table, columns[i].name, 0, flags))
			return false;
	}
	return true;
}

struct grid *grid_open(const struct grid_column *columns, unsigned count)
{
	struct grid *grid = calloc(1, sizeof *grid);

	if (!grid)
		return NULL;
	grid->count = count;
	grid->table = scols_new_table();
	if (grid->table && add_columns(grid, columns))
		return grid;
	grid_close(grid);
	return NULL;
}

int grid_row(struct grid *grid, const char *const *cells, int parent)
{
	struct libscols_line *above =
		parent < 0 ? NULL : scols_table_get_line(grid->table, (size_t)parent);
	struct libscols_line *line = scols_table_new_line(grid->table, above);

	for (unsigned i = 0; line && i < grid->count; i++)
		if (scols_line_set_data(line, i, cells[i]) != 0)
			return -1;
	return line ? (int)scols_table_get_nlines(grid->table) - 1 : -1;
}

void grid_print(struct grid *grid, struct out *out)
{
	char *text = NULL;

	if (scols_table_get_nlines(grid->table) == 0 ||
		scols_print_table_to_string(grid->table, &text) != 0)
		return;
	out_text(out, text);
	out_byte(out, '\n');
	free(text);
}

void grid_close(struct grid *grid)
{
	if (!grid)
		return;
	scols_unref_table(grid->table);
	free(grid);
}
