/* SPDX-License-Identifier: MIT
 *
 * slots.h - places for messages of one size in shared memory, as many as a ring has; each with a word that says
 * whose turn it is there.
 */
#ifndef BENCH_RAW_SLOTS_H
#define BENCH_RAW_SLOTS_H

#include "word.h"

enum { RAW_RING = 1 << 22, RAW_FEWEST = 8, RAW_LINE = 64 };

struct raw_place {
	struct raw_word turn;
	char data[];
};

/* What else the processes of a ring share lies before this. */
struct raw_places {
	size_t stride;
	uint32_t count; /* a power of two */
	char bytes[] __attribute__((aligned(RAW_APART)));
};

static inline struct raw_places raw_places_for(size_t size)
{
	struct raw_places places = {
		.stride = (sizeof(struct raw_place) + size + RAW_LINE - 1) / RAW_LINE * RAW_LINE,
		.count = RAW_FEWEST};

	while (2 * places.count * places.stride <= RAW_RING)
		places.count *= 2;
	return places;
}

static inline size_t raw_places_room(const struct raw_places *places)
{
	return places->count * places->stride;
}

/* Where the message of this number goes. */
static inline struct raw_place *raw_place_of(struct raw_places *places, uint64_t number)
{
	return (struct raw_place *)(places->bytes + number % places->count * places->stride);
}

#endif
