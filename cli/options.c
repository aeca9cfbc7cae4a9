/* SPDX-License-Identifier: MIT
 *
 * options.c - getopt_long() driven by the rows of the verbs. Options may stand anywhere before
 * "--", before the verb too.
 */
#include "options.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "say.h"
#include "text.h"
#include "units.h"

enum { MOST_ROWS = 64, LONG_ONLY = 256 };

/* Rows in the form getopt_long() wants. */
struct compiled {
	const struct cli_option *rows[MOST_ROWS];
	unsigned count;
	struct option longs[MOST_ROWS + 1];
	char shorts[2 * MOST_ROWS + 3];
};

static bool compiled_has(const struct compiled *compiled, const char *name)
{
	for (unsigned i = 0; i < compiled->count; i++)
		if (strcmp(compiled->rows[i]->name, name) == 0)
			return true;
	return false;
}

static void compile(struct compiled *compiled, const struct cli_option *row)
{
	size_t length = strlen(compiled->shorts);

	for (; row->name && compiled->count < MOST_ROWS; row++) {
		if (compiled_has(compiled, row->name))
			continue;
		unsigned i = compiled->count++;
		compiled->rows[i] = row;
		compiled->longs[i] =
			(struct option){row->name, row->argument ? required_argument : no_argument,
				NULL, row->letter ? row->letter : LONG_ONLY + (int)i};
		if (row->letter) {
			compiled->shorts[length++] = (char)row->letter;
			if (row->argument)
				compiled->shorts[length++] = ':';
		}
	}
	compiled->shorts[length] = '\0';
}

static const struct cli_option *row_of(const struct compiled *compiled, int value)
{
	for (unsigned i = 0; i < compiled->count; i++)
		if (compiled->longs[i].val == value)
			return compiled->rows[i];
	return NULL;
}

char *options_take_verb(int *argc, char **argv)
{
	struct compiled all = {.shorts = "+:"};

	for (const struct cli_verb *const *verb = cli_verbs; *verb; verb++)
		compile(&all, (*verb)->options);
	optind = 0;
	opterr = 0;
	while (getopt_long(*argc, argv, all.shorts, all.longs, NULL) != -1)
		;
	if (optind >= *argc)
		return NULL;

	char *verb = argv[optind];
	memmove(argv + optind, argv + optind + 1, (size_t)(*argc - optind) * sizeof *argv);
	--*argc;
	return verb;
}

static int unknown(const struct cli_verb *verb, const char *word)
{
	char known[512] = "", name[32];

	for (const struct cli_option *row = verb->options; row->name; row++) {
		snprintf(name, sizeof name, "--%s", row->name);
		text_list(known, sizeof known, name);
	}
	say_error("%s: unknown option %s; it knows %s", verb->name, word, known);
	return EXIT_USAGE;
}

/* getopt says too little: which word it was has to be found out. */
static int complain(
	const struct cli_verb *verb, const struct compiled *compiled, int found, char **argv)
{
	const struct cli_option *row = optopt ? row_of(compiled, optopt) : NULL;
	char letter[3] = {'-', (char)optopt, '\0'};

	if (!row)
		return unknown(verb, optopt ? letter : argv[optind - 1]);
	if (found == ':')
		say_error("%s: --%s needs %s", verb->name, row->name, row->argument);
	else
		say_error("%s: --%s takes no value", verb->name, row->name);
	return EXIT_USAGE;
}

static int check_operands(const struct cli_verb *verb, const struct settings *settings)
{
	if (settings->help)
		return 0;
	if (settings->operand_count < verb->least)
		say_error("%s: too few arguments; usage: sinew %s %s", verb->name, verb->name,
			verb->synopsis);
	else if (verb->most >= 0 && settings->operand_count > verb->most)
		say_error("%s: one argument too many, %s; usage: sinew %s %s", verb->name,
			settings->operands[verb->most], verb->name, verb->synopsis);
	else
		return 0;
	return EXIT_USAGE;
}

int options_read(const struct cli_verb *verb, int argc, char **argv, struct settings *settings)
{
	struct compiled compiled = {.shorts = ":"};
	int found;

	compile(&compiled, verb->options);
	optind = 0;
	while ((found = getopt_long(argc, argv, compiled.shorts, compiled.longs, NULL)) != -1) {
		const struct cli_option *row =
			found == '?' || found == ':' ? NULL : row_of(&compiled, found);
		if (!row)
			return complain(verb, &compiled, found, argv);
		if (!row->set(settings, optarg)) {
			say_error("%s: --%s %s is not possible; it takes %s", verb->name, row->name,
				optarg, row->expects);
			return EXIT_USAGE;
		}
	}
	settings->operands = argv + optind;
	settings->operand_count = argc - optind;
	return check_operands(verb, settings);
}

bool set_split(struct settings *settings, const char *value)
{
	static const char *const names[] = {"line", "nul", "none"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(value, names[i]) == 0) {
			settings->split = (enum split)i;
			return true;
		}
	return false;
}

bool set_split_size(struct settings *settings, const char *value)
{
	if (set_split(settings, value))
		return true;
	settings->split = SPLIT_SIZE;
	return units_read_size(value, &settings->piece) && settings->piece;
}

bool set_data(struct settings *settings, const char *value)
{
	if (settings->data)
		return false;
	settings->data = value;
	return true;
}

/* In the order of enum sinew__format. */
bool set_count(struct settings *settings, const char *value)
{
	settings->counted = true;
	return units_read_count(value, &settings->count);
}

bool set_priority(struct settings *settings, const char *value)
{
	uint64_t priority;

	if (!units_read_count(value, &priority) || priority > UINT32_MAX)
		return false;
	settings->priority = (uint32_t)priority;
	return true;
}

bool set_timeout(struct settings *settings, const char *value)
{
	return units_read_time(value, &settings->timeout);
}

bool set_pair(struct settings *settings, const char *value)
{
	const char *equals = strchr(value, '=');

	settings->pairs[settings->pair_count++] = value;
	return equals && equals != value;
}

bool set_list(struct settings *settings, const char *value)
{
	settings->list = value;
	return strcmp(value, "schemes") == 0 || strcmp(value, "verbs") == 0 ||
	       strcmp(value, "options") == 0;
}

/* It must be open already: nothing of this program stands between it and who started us. */
bool set_fd(struct settings *settings, const char *value)
{
	uint64_t number;

	if (settings->fd_count == MOST_FDS || !units_read_count(value, &number) ||
		number > INT_MAX || fcntl((int)number, F_GETFD) < 0)
		return false;
	settings->fds[settings->fd_count++] = (int)number;
	return true;
}

bool set_take_fds(struct settings *settings, const char *value)
{
	(void)value;
	return settings->take_fds = true;
}

bool set_json(struct settings *settings, const char *value)
{
	(void)value;
	return settings->json = true;
}

bool set_events(struct settings *settings, const char *value)
{
	(void)value;
	return settings->events = true;
}

bool set_quiet(struct settings *settings, const char *value)
{
	(void)value;
	return settings->quiet = true;
}

bool set_verbose(struct settings *settings, const char *value)
{
	(void)value;
	return settings->verbose = true;
}

bool set_help(struct settings *settings, const char *value)
{
	(void)value;
	return settings->help = true;
}
