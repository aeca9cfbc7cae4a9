/* SPDX-License-Identifier: MIT
 *
 * histogram.h - durations counted in log-linear buckets, three significant digits.
 *
 * Values below 2048 ns are exact; above, a bucket is at most 1/1024 of its value wide. Every sample
 * is kept as a count, so percentiles of many rounds can be added without loss.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_HALF = 1024,
	HISTOGRAM_SHIFTS = 26, /* up to 2^37 ns, two minutes; what is above counts as that */
	HISTOGRAM_BUCKETS = (HISTOGRAM_SHIFTS + 2) * HISTOGRAM_HALF,
};

struct histogram {
	uint64_t total;
	uint64_t largest;
	uint32_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that `share` (0 to 1) of the samples do not exceed; 0 when there are none. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
