/* SPDX-License-Identifier: MIT
 *
 * producers.c - producers and consumers around a ring of 16 places: `producers ITEMS KILLS`.
 *
 * Each item is its own number, so a consumer sees at once if one was lost or came twice. Whoever is
 * killed in between leaves `sum` wrong at most: who comes next is told, counts anew and goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crew.h"

enum { PLACES = 16, WORKERS = 6 };

struct ring {
	struct sinew_mutex mutex;
	struct sinew_condition changed;
	uint64_t total, put, taken, sum, repairs;
	uint64_t place[PLACES];
};

static uint64_t items;

static int init(void *data, size_t size, void *arg)
{
	struct ring *ring = data;

	(void)size, (void)arg;
	ring->total = items;
	sinew_condition_init(&ring->changed);
	return sinew_mutex_init(&ring->mutex);
}

static uint64_t sum_below(uint64_t n)
{
	return n % 2 ? n * ((n - 1) / 2) : n / 2 * (n - 1);
}

/* With the ring: what `put` and `taken` say is true, for each is one store. */
static void repair(struct ring *ring)
{
	ring->sum = sum_below(ring->taken);
	ring->repairs++;
	crew_check(sinew_mutex_repaired(&ring->mutex), "repair");
}

/* After a lock, or a wait: we have the ring, perhaps with work to do first. */
static void have(struct ring *ring, int result)
{
	if (result == -EOWNERDEAD)
		repair(ring);
	else
		crew_check(result, "lock");
}

static void wait_for_change(struct ring *ring)
{
	have(ring, sinew_condition_wait(&ring->changed, &ring->mutex, SINEW_FOREVER));
}

static void leave(struct ring *ring)
{
	crew_check(sinew_mutex_unlock(&ring->mutex), "unlock");
	sinew_condition_wake(&ring->changed);
}

static bool produce(struct ring *ring)
{
	have(ring, sinew_mutex_lock(&ring->mutex, SINEW_FOREVER));
	while (ring->put < ring->total && ring->put - ring->taken == PLACES)
		wait_for_change(ring);
	bool more = ring->put < ring->total;
	if (more) {
		ring->place[ring->put % PLACES] = ring->put;
		__atomic_store_n(&ring->put, ring->put + 1, __ATOMIC_RELEASE);
	}
	leave(ring);
	return more;
}

static bool consume(struct ring *ring)
{
	have(ring, sinew_mutex_lock(&ring->mutex, SINEW_FOREVER));
	while (ring->taken < ring->total && ring->put == ring->taken)
		wait_for_change(ring);
	bool more = ring->taken < ring->total;
	if (more) {
		if (ring->place[ring->taken % PLACES] != ring->taken)
			exit(2);
		ring->sum += ring->taken;
		__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	}
	leave(ring);
	return more;
}

static void work(unsigned me, void *ring)
{
	while (me % 2 ? produce(ring) : consume(ring))
		;
}

int main(int argc, char **argv)
{
	items = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct crew crew = {.uri = crew_uri("producers"), .work = work, .count = WORKERS};
	sinew_region *region = crew_region(crew.uri, sizeof(struct ring), init);
	struct ring *ring = sinew_region_data(region);

	bool good = crew_run(&crew, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0);
	good = good && ring->taken == items && ring->put == items && ring->sum == sum_below(items);
	printf("%llu items, %llu repairs: %s\n", (unsigned long long)ring->taken,
		(unsigned long long)ring->repairs, good ? "each came once" : "WRONG");
	sinew_region_close(region);
	return !good;
}
