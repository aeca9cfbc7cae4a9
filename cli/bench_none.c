/* SPDX-License-Identifier: MIT
 *
 * bench_none.c - sinew bench where it was not built.
 */
#include "bench_options.h"
#include "exit.h"
#include "say.h"

static int run(const struct settings *settings)
{
	(void)settings;
	say_error("this sinew was built without its benchmark; build it with -Dbench=enabled "
		  "(it needs libjansson-dev)");
	return EXIT_SYSTEM;
}

const struct cli_verb verb_bench = {BENCH_VERB, .run = run};
