/* SPDX-License-Identifier: MIT
 *
 * tables.c - aligned text for people, 80 columns wide.
 */
#include "tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

enum { WIDTH = 80 };

const struct sinew_scheme *tables_scheme(const char *name, size_t length)
{
	const struct sinew_scheme *scheme;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		if (strlen(scheme->name) == length && memcmp(scheme->name, name, length) == 0)
			return scheme;
	return NULL;
}

void tables_heading(struct out *out, const char *text)
{
	bool bold = say_colour(STDOUT_FILENO);

	out_format(out, "\n%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

static void break_lines(struct out *out, const char *text, unsigned indent)
{
	unsigned column = indent;

	for (const char *at = text; *at;) {
		size_t word = strcspn(at, " ");
		if (column > indent && column + 1 + word > WIDTH) {
			out_format(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			out_byte(out, ' ');
			column++;
		}
		out_bytes(out, at, word);
		column += (unsigned)word;
		at += word + (at[word] == ' ');
	}
	out_byte(out, '\n');
}

void tables_row(struct out *out, const char *left, unsigned width, const char *right)
{
	out_format(out, "  %-*s", (int)width, left);
	if (strlen(left) > width)
		out_format(out, "\n%*s", (int)width + 2, "");
	out_text(out, "  ");
	break_lines(out, right, width + 4);
}

void tables_paragraph(struct out *out, const char *text)
{
	break_lines(out, text, 0);
}

void tables_schemes(struct out *out)
{
	const struct sinew_scheme *scheme;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		tables_row(out, scheme->syntax, 26, scheme->summary);
}

void tables_options(struct out *out, const char *scheme)
{
	const struct sinew_option *option;
	char left[128], right[512];

	if (!sinew_option(scheme, 0))
		return;
	tables_heading(out, "Options");
	for (unsigned i = 0; (option = sinew_option(scheme, i)); i++) {
		bool preset = option->preset && *option->preset;
		snprintf(left, sizeof left, "%s=%s", option->key, option->values);
		snprintf(right, sizeof right, "%s%s%s%s", option->summary, preset ? " [" : "",
			preset ? option->preset : "", preset ? "]" : "");
		tables_row(out, left, 30, right);
	}
}

void tables_limits(struct out *out, const char *scheme)
{
	struct sinew_limit limit;
	char value[32];
	size_t width = 0;

	for (unsigned i = 0; sinew_limit(scheme, i, &limit) == 0; i++)
		if (strlen(limit.name) > width)
			width = strlen(limit.name);
	if (width == 0)
		return;
	tables_heading(out, "Limits of this system");
	for (unsigned i = 0; sinew_limit(scheme, i, &limit) == 0; i++) {
		if (limit.value < 0)
			snprintf(value, sizeof value, "unknown");
		else
			snprintf(value, sizeof value, "%" PRId64, limit.value);
		out_format(out, "  %-*s  %-10s  %s\n", (int)width, limit.name, value, limit.source);
	}
}
