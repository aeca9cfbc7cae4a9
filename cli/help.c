/* SPDX-License-Identifier: MIT
 *
 * help.c - sinew help: everything the tables of the command and of the library say.
 */
#include <sinew/sinew.h>
#include <string.h>

#include "exit.h"
#include "options.h"
#include "say.h"
#include "tables.h"
#include "text.h"
#include "usage.h"

static void print_scheme(struct out *out, const struct sinew_scheme *scheme)
{
	out_format(out, "%s\n\n", scheme->syntax);
	tables_paragraph(out, scheme->summary);
	tables_options(out, scheme->name);
	tables_limits(out, scheme->name);
	tables_heading(out, "Writing a URI");
	tables_paragraph(out,
		"Options follow a question mark and are separated by &; %XX is a byte. "
		"In a shell quote the URI, or give the options as -o key=value. Sizes "
		"take K M G, times take ns us ms s.");
}

static int unknown(const char *word)
{
	char verbs[256], schemes[256] = "";
	const struct sinew_scheme *scheme;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		text_list(schemes, sizeof schemes, scheme->name);
	say_error("help: %s is neither a verb (%s) nor a scheme (%s)", word,
		usage_names(verbs, sizeof verbs), schemes);
	return EXIT_USAGE;
}

static int list_options(struct out *out, const char *word)
{
	const struct cli_verb *verb = cli_verb_find(word);
	const struct sinew_scheme *scheme = tables_scheme(word, strcspn(word, ":"));
	const struct sinew_option *option;

	if (!verb && !scheme)
		return unknown(word);
	for (const struct cli_option *row = verb ? verb->options : NULL; row && row->name; row++)
		out_format(out, "--%s\t%s\t%s\n", row->name, row->argument ? row->argument : "-",
			row->help);
	for (unsigned i = 0; !verb && (option = sinew_option(scheme->name, i)); i++)
		out_format(out, "%s\t%s\t%s\n", option->key, option->values, option->summary);
	return EXIT_DONE;
}

static int print_list(struct out *out, const struct settings *settings)
{
	const struct sinew_scheme *scheme;

	if (strcmp(settings->list, "options") == 0) {
		if (settings->operand_count)
			return list_options(out, settings->operands[0]);
		say_error("help: --list options needs a verb or a scheme");
		return EXIT_USAGE;
	}
	if (strcmp(settings->list, "verbs") == 0)
		for (const struct cli_verb *const *verb = cli_verbs; *verb; verb++)
			out_format(out, "%s\t%s\n", (*verb)->name, (*verb)->summary);
	else
		for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
			out_format(out, "%s\t%s\n", scheme->name, scheme->summary);
	return EXIT_DONE;
}

static int print_help(struct out *out, const struct settings *settings)
{
	if (settings->list)
		return print_list(out, settings);
	if (settings->operand_count == 0) {
		usage_all(out);
		return EXIT_DONE;
	}
	const char *word = settings->operands[0];
	const struct cli_verb *verb = cli_verb_find(word);
	const struct sinew_scheme *scheme = tables_scheme(word, strcspn(word, ":"));
	if (!verb && !scheme)
		return unknown(word);
	if (verb)
		usage_verb(out, verb);
	else
		print_scheme(out, scheme);
	return EXIT_DONE;
}

static int run(const struct settings *settings)
{
	struct out out;

	if (!out_open(&out))
		return EXIT_SYSTEM;
	int code = print_help(&out, settings);
	return exit_worse(code, out_close(&out));
}

static const struct cli_option options[] = {
	{"list", 0, "WHAT",
		"for programs: schemes, verbs, or options of a SCHEME or VERB, one a "
		"line, columns separated by tabs",
		set_list, "schemes, verbs or options"},
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_help = {
	.name = "help",
	.synopsis = "[SCHEME|VERB]",
	.summary = "explain a verb or a scheme, or list them",
	.options = options,
	.examples = {"sinew help unix", "sinew help --list options fifo"},
	.least = 0,
	.most = 1,
	.run = run,
};
