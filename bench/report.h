/* SPDX-License-Identifier: MIT
 *
 * report.h - scores as words: tables for people, one JSON object for programs.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench.h"

/* Median and spread over the rounds. */
struct figure {
	double median, low, high;
};

struct figure figure_of(const double *values, unsigned count);
struct figure score_figure(const struct score *score, enum metric metric, unsigned contender);

/* One contender's over another's, taken within each round. */
struct figure score_ratio(
	const struct score *score, enum metric metric, unsigned over, unsigned under);

/* The contender of that name, or -1. */
int score_find(const struct score *score, const char *name);

struct report {
	const char *file; /* NULL: no main job */
	uint64_t file_size;
	const char *version;
	struct carriage *carriages;
	unsigned carriage_count;
	struct score *scores;
	unsigned score_count;
	int cpu[2];
	unsigned rounds;
	bool self; /* not sinew: bare calls against themselves */
};

void table_print(const struct report *report, FILE *out);
int json_write(const struct report *report, const char *path);

/* Whether everything arrived, in order and whole. */
bool report_is_sound(const struct report *report);

#endif
