/* SPDX-License-Identifier: MIT
 *
 * figure.c - rounds to medians and spreads. Never a mean alone, never a ratio across rounds.
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct figure figure_of(const double *values, unsigned count)
{
	double sorted[ROUNDS_MAX];

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

struct figure score_figure(const struct score *score, enum metric metric, unsigned contender)
{
	double values[ROUNDS_MAX];

	for (unsigned i = 0; i < score->rounds; i++)
		values[i] = score->runs[i][contender].of[metric];
	return figure_of(values, score->rounds);
}

struct figure score_ratio(
	const struct score *score, enum metric metric, unsigned over, unsigned under)
{
	double values[ROUNDS_MAX];

	for (unsigned i = 0; i < score->rounds; i++)
		values[i] = score->runs[i][over].of[metric] / score->runs[i][under].of[metric];
	return figure_of(values, score->rounds);
}

int score_find(const struct score *score, const char *name)
{
	for (unsigned i = 0; i < score->contenders; i++)
		if (strcmp(score->names[i], name) == 0)
			return (int)i;
	return -1;
}

bool report_is_sound(const struct report *report)
{
	for (unsigned i = 0; i < report->carriage_count; i++)
		if (report->carriages[i].error[0] || !report->carriages[i].same)
			return false;
	for (unsigned i = 0; i < report->score_count; i++)
		if (report->scores[i].error[0])
			return false;
	return true;
}
