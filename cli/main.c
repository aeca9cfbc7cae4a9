/* SPDX-License-Identifier: MIT
 *
 * main.c - the command sinew: finds the verb, reads its options, runs it. Everything else stands
 * in the rows of the verbs.
 */
#include <fcntl.h>
#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "usage.h"

static int print(
	void (*print_it)(struct out *out, const struct cli_verb *verb), const struct cli_verb *verb)
{
	struct out out;

	if (!out_open(&out))
		return EXIT_SYSTEM;
	print_it(&out, verb);
	return out_close(&out);
}

static void print_version(struct out *out, const struct cli_verb *verb)
{
	(void)verb;
	out_format(out, "sinew %s\n", sinew_version());
}

static void print_all(struct out *out, const struct cli_verb *verb)
{
	(void)verb;
	usage_all(out);
}

static bool only_word_is(int argc, char **argv, const char *a, const char *b)
{
	return argc == 2 && (strcmp(argv[1], a) == 0 || strcmp(argv[1], b) == 0);
}

static int bad_verb(const char *word)
{
	char names[256];

	usage_names(names, sizeof names);
	if (word)
		say_error("unknown verb %s; it knows %s", word, names);
	else
		say_error("no verb; it knows %s; try: sinew help", names);
	return EXIT_USAGE;
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
	struct settings settings = {.timeout = -1};

	settings.pairs = calloc((size_t)argc, sizeof *settings.pairs);
	if (!settings.pairs) {
		say_error("out of memory");
		return EXIT_SYSTEM;
	}
	int code = options_read(verb, argc, argv, &settings);
	if (code == EXIT_DONE && settings.help)
		code = print(usage_verb, verb);
	else if (code == EXIT_DONE)
		code = verb->run(&settings);
	free(settings.pairs);
	return code;
}

/* A channel must never get the number of a standard descriptor that was closed: what is meant for
 * the user would go to the peer. The placeholders fail as the closed ones did. */
static bool hold_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	if (!hold_standard())
		return EXIT_SYSTEM;
	stop_install();
	if (only_word_is(argc, argv, "--version", "-V"))
		return print(print_version, NULL);
	if (only_word_is(argc, argv, "--help", "-h"))
		return print(print_all, NULL);
	char *word = options_take_verb(&argc, argv);
	const struct cli_verb *verb = word ? cli_verb_find(word) : NULL;
	return verb ? run_verb(verb, argc, argv) : bad_verb(word);
}
