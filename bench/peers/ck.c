/* SPDX-License-Identifier: MIT
 *
 * ck.c - the round trip of 64 bytes over two ck_ring (one producer, one consumer) in shared memory.
 */
#include "ck.h"

#include <ck_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct message {
	char bytes[64];
};

enum { ENTRIES = 1024, TURNS_MOST = 31 };

struct area {
	ck_ring_t ring[2] __attribute__((aligned(128)));
	struct message slots[2][ENTRIES] __attribute__((aligned(128)));
};

CK_RING_PROTOTYPE(message, message)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void put(struct area *a, int which, struct message *m)
{
	while (!ck_ring_enqueue_spsc_message(&a->ring[which], a->slots[which], m))
		ck_pr_stall();
}

static void get(struct area *a, int which, struct message *m)
{
	while (!ck_ring_dequeue_spsc_message(&a->ring[which], a->slots[which], m))
		ck_pr_stall();
}

static double turn(struct area *a, unsigned count)
{
	struct message m = {{0}};
	double begun = 0;

	ck_ring_init(&a->ring[0], ENTRIES);
	ck_ring_init(&a->ring[1], ENTRIES);
	pid_t pid = fork();
	if (pid == 0) {
		pin(1);
		for (unsigned i = 0; i < count; i++) {
			get(a, 0, &m);
			put(a, 1, &m);
		}
		_exit(0);
	}
	pin(0);
	for (unsigned i = 0; i < count; i++) {
		if (i == 100)
			begun = now();
		put(a, 0, &m);
		get(a, 1, &m);
	}
	double each = (now() - begun) / (count - 100);
	waitpid(pid, NULL, 0);
	return each;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void bench_ck_round_trip(unsigned count, int turns)
{
	struct area *a =
		mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double each[TURNS_MOST];

	if (a == MAP_FAILED)
		return;
	for (int i = 0; i < turns; i++)
		each[i] = turn(a, count);
	qsort(each, (size_t)turns, sizeof *each, compare);
	printf("%-34s %8.0f ns   (%.0f-%.0f)\n", "round trip 64 B, ck_ring", each[turns / 2],
		each[0], each[turns - 1]);
	munmap(a, sizeof *a);
}
