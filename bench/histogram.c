/* SPDX-License-Identifier: MIT
 *
 * histogram.c - log-linear buckets: 1024 of them for each power of two.
 *
 * A value v of 2048 and more is shifted right until 1024 <= v < 2048; the shift chooses the group
 * and what remains the bucket in it. Nothing is allocated and nothing is rounded but the value.
 */
#include "histogram.h"

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
