/* SPDX-License-Identifier: MIT
 *
 * tables.h - the library's tables, printed for people: schemes, options, limits.
 */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include <sinew/sinew.h>

#include "out.h"

/* The scheme whose name is the first `length` bytes of `name`, or NULL. */
const struct sinew_scheme *tables_scheme(const char *name, size_t length);

/* A heading on a line of its own, after an empty line; bold where colour may be used. */
void tables_heading(struct out *out, const char *text);
/* "  left    right", the right side broken into lines that fit. */
void tables_row(struct out *out, const char *left, unsigned width, const char *right);
/* A paragraph broken into lines that fit. */
void tables_paragraph(struct out *out, const char *text);

void tables_schemes(struct out *out);
void tables_options(struct out *out, const char *scheme);
void tables_limits(struct out *out, const char *scheme);

#endif
