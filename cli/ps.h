/* SPDX-License-Identifier: MIT
 *
 * ps.h - what `sinew ps` is made of: which columns there are, and how a thread fills them.
 */
#ifndef CLI_PS_H
#define CLI_PS_H

#include <look.h>

#include "grid.h"
#include "json.h"

enum { PS_CELL = 512 };

struct ps_column {
	struct grid_column shown;
	const char *help;
	void (*write)(const struct sinew__look *look, const struct sinew__facts *facts, char *text);
};

/* The columns that a list names, "PID,comm" or "+WCHAN" for these after the usual ones, or the usual ones
 * for NULL. How many, 0 if a name is not known. */
unsigned ps_columns(const char *list, bool others, const struct ps_column **chosen);
/* What these columns need beside what is always looked at: SINEW__LOOK_… */
unsigned ps_looks(const struct ps_column *const *chosen, unsigned count);

void ps_json(struct out *out, const struct sinew__look *look, const struct sinew__facts *facts);

#endif
