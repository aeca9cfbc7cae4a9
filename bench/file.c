/* SPDX-License-Identifier: MIT
 *
 * file.c - sinew-bench-file: a file through each mechanism to another program, its SHA-256 compared.
 *
 * Exit: 0 everything arrived whole; 1 something did not; 2 usage; 3 the system refused; 128 and the
 * signal.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crew.h"
#include "directory.h"
#include "progress.h"
#include "transfer.h"

enum { REPEATS = 3 };

static int usage(void)
{
	fputs("Usage: sinew-bench-file FILE\n"
	      "Sends FILE through each mechanism to another program, and compares the SHA-256 of "
	      "what\n"
	      "arrives.\n",
		stderr);
	return 2;
}

static bool print(const struct carriage *carriage)
{
	printf("%-18s", carriage->row->name);
	if (carriage->error[0]) {
		printf(" FAILED: %s\n", carriage->error);
		return false;
	}
	printf("%9llu %9zu %8.0f   sha256 %s\n", (unsigned long long)carriage->messages,
		carriage->chunk, bench_figure(carriage->rates, carriage->repeats).median / 1e6,
		carriage->same ? "ok" : "DIFFERS");
	if (carriage->row->lossy)
		printf("%-18s%9llu were lost on the way, counted, and sent again until it was "
		       "whole\n",
			"", (unsigned long long)carriage->lost);
	return carriage->same;
}

static bool carry(const char *file, const char *sum, const char *directory)
{
	static struct carriage carriages[64];
	unsigned count = 0;
	bool good = true;

	for (unsigned i = 0; i < bench_row_count && !crew_interrupted(); i++) {
		if (!bench_rows[i].bulk)
			continue;
		progress_step(bench_rows[i].name, (double)i / bench_row_count, -1);
		carriages[count].row = &bench_rows[i];
		transfer_file(&carriages[count++], file, sum, REPEATS, directory);
	}
	progress_end();
	printf("%-18s%9s %9s %8s\n", "", "messages", "of bytes", "MB/s");
	for (unsigned i = 0; i < count; i++)
		good = print(&carriages[i]) && good;
	return good;
}

int main(int argc, char **argv)
{
	char sum[65], directory[DIRECTORY];
	struct stat status;

	if (argc == 4 && strcmp(argv[1], "--receive") == 0)
		return transfer_receive(argv[2], argv[3]);
	if (argc != 2 || argv[1][0] == '-')
		return usage();
	if (stat(argv[1], &status) || !S_ISREG(status.st_mode) || status.st_size == 0) {
		fprintf(stderr, "sinew-bench-file: %s: not a file with anything in it\n", argv[1]);
		return 2;
	}
	crew_init();
	(void)!unshare(CLONE_NEWIPC); /* where we may, queues that are left behind vanish with us */
	if (transfer_sum(argv[1], sum) || directory_make(directory)) {
		fprintf(stderr, "sinew-bench-file: cannot sum %s, or make a directory\n", argv[1]);
		return 3;
	}
	bool good = carry(argv[1], sum, directory);
	directory_remove(directory);
	return crew_interrupted() ? 128 + crew_interrupted() : good ? 0 : 1;
}
