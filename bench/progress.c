/* SPDX-License-Identifier: MIT
 *
 * progress.c - what is going on, on standard error: one moving line on a terminal, else one a step.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static bool moving;

void progress_step(const char *what, double share)
{
	static struct timespec start;
	struct timespec now;
	double spent;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (start.tv_sec == 0)
		start = now;
	spent = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
	if (!isatty(STDERR_FILENO)) {
		fprintf(stderr, "[%3.0f %%] %s\n", share * 100, what);
		return;
	}
	fprintf(stderr, "\r\033[K[%3.0f %%] %s", share * 100, what);
	if (spent > 2 && share > 0)
		fprintf(stderr, ", %.0f s left", spent * (1 - share) / share);
	fflush(stderr);
	moving = true;
}

void progress_end(void)
{
	if (moving)
		fputs("\r\033[K", stderr);
	moving = false;
}
