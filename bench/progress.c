/* SPDX-License-Identifier: MIT
 *
 * progress.c - what is going on.
 */
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool moving;

/* A file is not to be filled: a line in it for so much more of the whole. */
static bool is_news(double share)
{
	const double least = 0.02;
	static double told = -1;

	if (share > told && share < told + least)
		return false;
	told = share;
	return true;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_step(const char *what, double share, double left)
{
	static double start;

	if (start == 0)
		start = seconds();
	if (left < 0 && share > 0 && seconds() - start > 2)
		left = (seconds() - start) * (1 - share) / share;
	moving = isatty(STDERR_FILENO);
	if (!moving && !is_news(share))
		return;
	fprintf(stderr, "%s[%3.0f %%] %s", moving ? "\r\033[K" : "", share * 100, what);
	if (left >= 0)
		fprintf(stderr, ", %.0f s left", left);
	fputs(moving ? "" : "\n", stderr);
	fflush(stderr);
}

void progress_end(void)
{
	if (moving)
		fputs("\r\033[K", stderr);
	moving = false;
}
