/* SPDX-License-Identifier: MIT
 *
 * histogram.c - log-linear buckets: 1024 of them for each power of two.
 *
 * A value v of 2048 and more is shifted right until 1024 <= v < 2048; the shift chooses the group
 * and what remains the bucket in it. Nothing is allocated and nothing is rounded but the value.
 */
#include "histogram.h"

#include <stdlib.h>
#include <string.h>

static unsigned histogram_index(uint64_t value)
{
	unsigned shift = 0;

	if (value >= 2 * HISTOGRAM_HALF)
		shift = 63 - (unsigned)__builtin_clzll(value) - 10;
	if (shift > HISTOGRAM_SHIFTS)
		return HISTOGRAM_BUCKETS - 1;
	return shift * HISTOGRAM_HALF + (unsigned)(value >> shift);
}

/* The middle of a bucket. */
static uint64_t histogram_value(unsigned index)
{
	unsigned shift;

	if (index < 2 * HISTOGRAM_HALF)
		return index;
	shift = index / HISTOGRAM_HALF - 1;
	return ((uint64_t)(index - shift * HISTOGRAM_HALF) << shift) + (UINT64_C(1) << shift) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[histogram_index(value)]++;
	histogram->total++;
	if (value > histogram->largest)
		histogram->largest = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->total += from->total;
	if (from->largest > into->largest)
		into->largest = from->largest;
}

bool histogram_keep(struct histogram_kept *kept, const struct histogram *histogram)
{
	unsigned count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram->counts[i] > 0;
	struct histogram_bucket *buckets = reallocarray(kept->buckets, count + 1, sizeof(*buckets));
	if (!buckets)
		return false;
	*kept = (struct histogram_kept){
		.total = histogram->total, .largest = histogram->largest, .buckets = buckets};
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (histogram->counts[i] > 0)
			buckets[kept->count++] = (struct histogram_bucket){i, histogram->counts[i]};
	return true;
}

void histogram_recall(struct histogram *histogram, const struct histogram_kept *kept)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->total = kept->total;
	histogram->largest = kept->largest;
	for (unsigned i = 0; i < kept->count; i++)
		histogram->counts[kept->buckets[i].index] = kept->buckets[i].count;
}

void histogram_forget(struct histogram_kept *kept)
{
	free(kept->buckets);
	*kept = (struct histogram_kept){0};
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.999999);
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen && seen >= wanted)
			return histogram_value(i) < histogram->largest ? histogram_value(i)
								       : histogram->largest;
	}
	return 0;
}
