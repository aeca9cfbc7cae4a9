/* SPDX-License-Identifier: MIT
 *
 * ck.c - round trips of 64 bytes over two of Concurrency Kit's ck_ring (one producer, one consumer) in
 * shared memory.
 */
#include <ck_ring.h>
#include <string.h>

#include "../crew.h"
#include "../ring.h"

struct message {
	char bytes[64];
};

enum { ENTRIES = 1024 };

static struct area {
	ck_ring_t ring[2] __attribute__((aligned(128)));
	struct message slots[2][ENTRIES] __attribute__((aligned(128)));
} * area;

CK_RING_PROTOTYPE(message, message)

static void put(int which, struct message *m)
{
	while (!ck_ring_enqueue_spsc_message(&area->ring[which], area->slots[which], m))
		ck_pr_stall();
}

static void get(int which, struct message *m)
{
	while (!ck_ring_dequeue_spsc_message(&area->ring[which], area->slots[which], m))
		ck_pr_stall();
}

static void answer(void *arg)
{
	struct job *job = arg;
	struct message m;

	for (unsigned i = 1; i <= job->count; i++) {
		get(0, &m);
		put(1, &m);
	}
}

void ring_ck_trips(struct job *job)
{
	struct message m = {{0}};
	double begun = 0;

	area = crew_share(sizeof *area);
	ck_ring_init(&area->ring[0], ENTRIES);
	ck_ring_init(&area->ring[1], ENTRIES);
	pid_t pid = ring_start(job, answer);
	for (uint64_t i = 1; i <= job->count; i++) {
		if (i == RING_WARM)
			begun = ring_now();
		memcpy(m.bytes, &i, sizeof i);
		put(0, &m);
		get(1, &m);
		ring_expect(m.bytes, i);
	}
	job->common->outcome.ns = (ring_now() - begun) / (job->count - RING_WARM + 1);
	crew_wait(&pid, 1);
}
