/* SPDX-License-Identifier: MIT
 *
 * place.c - which CPUs are used, and how far apart they are just now.
 *
 * The host of a virtual machine moves its CPUs about, and figures of one placement say nothing
 * about another. Two pinned processes hand a cache line to and fro: below 70 ns they share a core,
 * below 200 ns a last-level cache, above that neither.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "crew.h"

enum {
	WINDOWS = 15,
	TRIPS = 4000, /* in one window */
};

struct probe {
	_Alignas(128) atomic_uint turn;
	_Alignas(128) double best;
	int cpu[2];
};

void place_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		crew_fail("cannot run on CPU %d: %s", cpu, strerror(errno));
}

int place_cpus(int cpu[2])
{
	cpu_set_t set;
	int found = 0;

	cpu[0] = 0;
	cpu[1] = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET((size_t)i, &set))
			cpu[found++] = i;
	return found;
}

static void hand_over(struct probe *probe, unsigned mine, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		while (atomic_load_explicit(&probe->turn, memory_order_acquire) != mine)
			; /* no pause: it would be measured too */
		atomic_store_explicit(&probe->turn, !mine, memory_order_release);
	}
}

static void far_side(void *arg)
{
	struct probe *probe = arg;

	place_pin(probe->cpu[1]);
	hand_over(probe, 1, WINDOWS * TRIPS);
}

static void near_side(void *arg)
{
	struct probe *probe = arg;
	struct timespec start, end;

	place_pin(probe->cpu[0]);
	for (unsigned i = 0; i < WINDOWS; i++) {
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &start);
		hand_over(probe, 0, TRIPS);
		clock_gettime(CLOCK_MONOTONIC, &end);
		ns = (double)(end.tv_sec - start.tv_sec) * 1e9 +
		     (double)(end.tv_nsec - start.tv_nsec);
		if (probe->best == 0 || ns / TRIPS < probe->best)
			probe->best = ns / TRIPS;
	}
}

static void lead(void *arg)
{
	pid_t pids[] = {crew_fork(far_side, arg), crew_fork(near_side, arg)};

	crew_wait(pids, 2);
}

/* The best of several windows: a window in which one side was not running says nothing. */
struct place place_probe(const int cpu[2])
{
	static struct probe *probe;
	struct place place = {.name = "one CPU"};

	if (cpu[1] < 0 || cpu[0] == cpu[1])
		return place;
	if (!probe)
		probe = crew_share(sizeof(*probe));
	memset(probe, 0, sizeof(*probe));
	memcpy(probe->cpu, cpu, sizeof(probe->cpu));
	if (crew_run(lead, probe, 20))
		return (struct place){.name = "unknown"};
	place.ns = probe->best;
	place.name = place.ns < 70 ? "smt" : place.ns < 200 ? "ccx" : "far";
	return place;
}
