/* SPDX-License-Identifier: MIT
 *
 * usage.c - help texts made from the rows of the verbs.
 */
#include "usage.h"

#include <stdio.h>
#include <string.h>

#include "tables.h"
#include "text.h"

static void print_options(struct out *out, const struct cli_option *row)
{
	char left[64];

	tables_heading(out, "Options, anywhere before --");
	for (; row->name; row++) {
		char letter[5] = "    ";
		if (row->letter)
			snprintf(letter, sizeof letter, "-%c, ", row->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name,
			row->argument ? " " : "", row->argument ? row->argument : "");
		tables_row(out, left, 22, row->help);
	}
}

static void print_examples(struct out *out, const char *const *examples, unsigned count)
{
	tables_heading(out, "Examples");
	for (unsigned i = 0; i < count; i++)
		out_format(out, "  %s\n", examples[i]);
}

void usage_verb(struct out *out, const struct cli_verb *verb)
{
	out_format(out, "Usage: sinew %s [OPTION...] %s\n\n", verb->name, verb->synopsis);
	out_format(out, "sinew %s: %s.\n", verb->name, verb->summary);
	if (verb->about) {
		out_byte(out, '\n');
		tables_paragraph(out, verb->about);
	}
	print_options(out, verb->options);
	print_examples(out, verb->examples, 2);
}

void usage_all(struct out *out)
{
	static const char *const examples[] = {
		"sinew recv unix:/tmp/hello & echo hi | sinew send unix:/tmp/hello",
		"sinew info tcp:localhost:7000"};
	char left[64];

	out_text(out, "Usage: sinew VERB [OPTION...] [URI...]\n\n"
		      "sinew carries messages between processes by every Unix mechanism.\n");
	tables_heading(out, "Verbs");
	for (const struct cli_verb *const *verb = cli_verbs; *verb; verb++) {
		snprintf(left, sizeof left, "%s %s", (*verb)->name, (*verb)->synopsis);
		tables_row(out, left, 22, (*verb)->summary);
	}
	tables_heading(out, "Schemes of a URI, scheme:name?key=value&key=value");
	tables_schemes(out);
	tables_heading(out, "More");
	tables_row(out, "sinew help VERB", 22, "the options of a verb, with examples");
	tables_row(out, "sinew help SCHEME", 22, "the options of a URI, and this system's limits");
	tables_row(out, "sinew --version", 22, "the version");
	tables_heading(out, "Exit codes");
	tables_paragraph(out,
		"0 done, 1 a negative answer or a lost peer, 2 wrong usage, 3 a fault "
		"of the system, 124 time is up, 130 and 143 after Ctrl-C and SIGTERM, "
		"141 when the reader of the output has gone.");
	print_examples(out, examples, 2);
}

char *usage_names(char *text, size_t size)
{
	*text = '\0';
	for (const struct cli_verb *const *verb = cli_verbs; *verb; verb++)
		text_list(text, size, (*verb)->name);
	return text;
}
