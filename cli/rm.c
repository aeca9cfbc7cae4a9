/* SPDX-License-Identifier: MIT
 *
 * rm.c - sinew rm: removes what outlived its processes.
 */
#include <sinew/sinew.h>
#include <stdlib.h>

#include "endpoint.h"
#include "exit.h"
#include "options.h"
#include "say.h"

static int remove_one(const struct settings *settings, const char *operand)
{
	char *uri = endpoint_uri(settings, operand);

	if (!uri)
		return EXIT_SYSTEM;
	int r = sinew_remove(uri);
	if (r < 0)
		say_failure(NULL);
	else if (settings->verbose)
		say("removed %s", uri);
	free(uri);
	return exit_code(r);
}

static int run(const struct settings *settings)
{
	int worst = EXIT_DONE;

	for (int i = 0; i < settings->operand_count; i++)
		worst = exit_worse(worst, remove_one(settings, settings->operands[i]));
	return worst;
}

static const struct cli_option options[] = {
	OPTION_PAIR, OPTION_QUIET, OPTION_VERBOSE, OPTION_HELP, OPTION_END};

const struct cli_verb verb_rm = {
	.name = "rm",
	.synopsis = "URI...",
	.summary = "remove what outlived its processes: queues, socket paths, fifos",
	.about = "Removes nothing that is in use and nothing that is of another kind than the URI "
		 "says. Goes on after a failure; the exit code is that of the worst.",
	.options = options,
	.examples = {"mkfifo /tmp/old.fifo; sinew rm -v fifo:/tmp/old.fifo",
		"sinew recv --timeout 10ms 'unix:/tmp/old.sock?keep=yes'; sinew rm -v "
		"unix:/tmp/old.sock"},
	.least = 1,
	.most = -1,
	.run = run,
};
