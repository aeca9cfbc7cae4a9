/* SPDX-License-Identifier: MIT
 *
 * histogram.h - durations counted in log-linear buckets, three significant digits.
 *
 * Values below 2048 ns are exact; above, a bucket is at most 1/1024 of its value wide. Every sample
 * is kept as a count, so percentiles of many rounds can be added without loss.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdbool.h>
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

/* One that is kept for long: the buckets that hold something, in order. Zero is an empty one. */
struct histogram_kept {
	uint64_t total;
	uint64_t largest;
	unsigned count;
	struct histogram_bucket {
		uint32_t index, count;
	} * buckets;
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* Instead of what was kept; false if there is no memory: then nothing has changed. */
bool histogram_keep(struct histogram_kept *kept, const struct histogram *histogram);
void histogram_recall(struct histogram *histogram, const struct histogram_kept *kept);
void histogram_forget(struct histogram_kept *kept);

/* The value that `share` (0 to 1) of the samples do not exceed; 0 when there are none. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
