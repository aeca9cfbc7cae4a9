/* SPDX-License-Identifier: MIT
 *
 * compare.c - whether something costs more than it did. It does when no repeat of now is as good as any of
 * before, and the medians are further apart than LEAST and than the noise of both.
 */
#include <math.h>

#include "bench.h"

#define LEAST 0.05
#define SIGMAS 3

/* Relative to the median. */
static double deviation(const double *values, unsigned count)
{
	double median = bench_figure(values, count).median, sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += pow(values[i] / median - 1, 2);
	return count > 1 ? sqrt(sum / (count - 1)) : 0;
}

double bench_worse(const double *before, unsigned before_count, const double *now, unsigned count)
{
	struct figure a = bench_figure(before, before_count), b = bench_figure(now, count);
	double noise = SIGMAS * hypot(deviation(before, before_count), deviation(now, count));
	double more = a.median > 0 ? b.median / a.median - 1 : 0;

	return b.low > a.high && more > LEAST && more > noise ? more : 0;
}
