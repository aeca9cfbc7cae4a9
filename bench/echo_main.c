/* SPDX-License-Identifier: MIT
 *
 * echo_main.c - sinew-bench-echo: servers with 10 to 10,000 peers, beside a bare epoll loop.
 */
#include <stdio.h>
#include <string.h>

#include "crew.h"
#include "directory.h"
#include "echo.h"

enum { ROUNDS = 9, ROUNDS_QUICK = 3 };

static int usage(void)
{
	fputs("Usage: sinew-bench-echo [--quick] [NAME]...\n"
	      "Measures servers with many peers whose line contains a NAME, or all:\n",
		stderr);
	for (unsigned i = 0; i < echo_line_count; i++)
		fprintf(stderr, "  %s\n", echo_line(i));
	return 2;
}

int main(int argc, char **argv)
{
	struct echo_plan plan = {.rounds = ROUNDS, .divide = 1};
	char directory[DIRECTORY];
	int first = 1;

	if (argc > 1 && strcmp(argv[1], "--quick") == 0) {
		plan.rounds = ROUNDS_QUICK;
		plan.divide = 4;
		first++;
	}
	if (first < argc && argv[first][0] == '-')
		return usage();
	crew_init();
	if (place_cpus(plan.cpu) < 2)
		fputs("sinew-bench-echo: only one CPU for servers and clients\n", stderr);
	if (directory_make(directory) < 0) {
		fputs("sinew-bench-echo: cannot make a directory\n", stderr);
		return 3;
	}
	plan.directory = directory;
	int status =
		echo_measure(&plan, (const char *const *)argv + first, (unsigned)(argc - first));
	directory_remove(directory);
	return crew_interrupted() ? 128 + crew_interrupted() : status;
}
