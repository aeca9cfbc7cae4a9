/* SPDX-License-Identifier: MIT
 *
 * figure.c - repeats to medians and spreads. Never a mean alone, never a ratio across repeats.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct figure bench_figure(const double *values, unsigned count)
{
	double sorted[REPEATS_MAX];

	if (count == 0)
		return (struct figure){0};
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	return (struct figure){
		.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
		.low = sorted[0],
		.high = sorted[count - 1],
	};
}

double bench_cost(const struct record *record, unsigned contender, unsigned repeat)
{
	const struct outcome *outcome = &record->outcomes[contender];
	bool timed = record->mode == LATENCY || record->mode == PACED;

	return timed ? outcome->p50[repeat] : 1e9 / outcome->rate[repeat];
}

struct figure bench_costs(const struct record *record, unsigned contender)
{
	double values[REPEATS_MAX];

	for (unsigned i = 0; i < record->repeats; i++)
		values[i] = bench_cost(record, contender, i);
	return bench_figure(values, record->repeats);
}

struct figure bench_ratio(const struct record *record, unsigned contender)
{
	double values[REPEATS_MAX];

	for (unsigned i = 0; i < record->repeats; i++)
		values[i] = bench_cost(record, contender, i) / bench_cost(record, record->bare, i);
	return bench_figure(values, record->repeats);
}

bool bench_sound(const struct record *record)
{
	return record->repeats > 0 && !record->error[0] && !record->skipped[0];
}
