/* SPDX-License-Identifier: MIT
 *
 * ck_ring.c - Concurrency Kit's ck_ring (one producer, one consumer) in shared memory, each way: an entry is where
 * a message lies, in one of as many places as the ring has entries.
 *
 * ck_ring does not wait. Who finds it full or empty pauses some times and then gives way to others, as it must
 * where both sides have one CPU.
 */
#include <ck_ring.h>
#include <sched.h>
#include <string.h>

#include "../crew.h"
#include "../peers.h"

enum { PAUSES = 50, ENTRIES_MOST = 1024, ENTRIES_LEAST = 8, MEMORY = 4 << 20 };

struct lane {
	ck_ring_t ring;
	struct ck_ring_buffer entries[ENTRIES_MOST];
	unsigned char *places;
	unsigned capacity;
	unsigned next; /* the producer's: which place */
};

/* A power of two. */
static unsigned capacity(size_t size)
{
	unsigned entries = ENTRIES_MOST;

	while (entries > ENTRIES_LEAST && entries * size > MEMORY)
		entries /= 2;
	return entries;
}

static void prepare(struct link *link)
{
	struct lane *lanes = crew_share(2 * sizeof *lanes);

	for (unsigned i = 0; i < 2; i++) {
		lanes[i].capacity = capacity(link->size);
		lanes[i].places = crew_share(lanes[i].capacity * link->size);
		ck_ring_init(&lanes[i].ring, lanes[i].capacity);
	}
	link->state = lanes;
}

static void join(struct link *link, enum role role)
{
	link->in = role == SERVER ? 0 : 1;
	link->out = !link->in;
}

static void give_way(unsigned *tries)
{
	if (++*tries < PAUSES)
		ck_pr_stall();
	else
		sched_yield();
}

/* A ring of n entries holds n - 1 of the n places; the other one is that which the reader still copies from. */
static void send_one(struct link *link, const void *data, size_t size)
{
	struct lane *lane = (struct lane *)link->state + link->out;
	unsigned char *place = lane->places + lane->next * size;
	unsigned tries = 0;

	while (ck_ring_size(&lane->ring) >= lane->capacity - 1)
		give_way(&tries);
	memcpy(place, data, size);
	ck_ring_enqueue_spsc(&lane->ring, lane->entries, place);
	lane->next = (lane->next + 1) % lane->capacity;
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct lane *lane = (struct lane *)link->state + link->in;
	void *place;
	unsigned tries = 0;

	while (!ck_ring_dequeue_spsc(&lane->ring, lane->entries, &place))
		give_way(&tries);
	memcpy(data, place, size);
}

PEER_PREPARED(BY_MEMORY, "ck_ring", prepare, join, send_one, recv_one);
