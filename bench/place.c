/* SPDX-License-Identifier: MIT
 *
 * place.c - which CPUs are used, and how far apart they are just now.
 *
 * The host of a virtual machine moves its CPUs about, and figures of one placement say nothing
 * about another. Two pinned processes hand a cache line to and fro: below 70 ns they share a core,
 * below 200 ns a last-level cache, above that neither.
 */
#include "place.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

enum {
	WINDOWS = 1000,
	TRIPS = 50,          /* in one window */
	PATIENCE = 30000000, /* ns: on a busy machine there are fewer */
};

enum { ABSURD = 5000 }; /* ns: somebody else ran on one of them all the time */

enum { NEAR, FAR, OVER }; /* whose turn it is */

struct probe {
	_Alignas(128) atomic_uint turn;
	_Alignas(128) double best;
	int cpu[2];
};

void place_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
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

static void far_side(void *arg)
{
	struct probe *probe = arg;
	unsigned turn;

	place_pin(probe->cpu[1]);
	for (;;) {
		while ((turn = atomic_load_explicit(&probe->turn, memory_order_acquire)) == NEAR)
			; /* no pause: it would be measured too */
		if (turn == OVER)
			return;
		atomic_store_explicit(&probe->turn, NEAR, memory_order_release);
	}
}

static void hand_over(struct probe *probe)
{
	atomic_store_explicit(&probe->turn, FAR, memory_order_release);
	while (atomic_load_explicit(&probe->turn, memory_order_acquire) != NEAR)
		;
}

static double clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void near_side(void *arg)
{
	struct probe *probe = arg;
	double begun, start, end;

	place_pin(probe->cpu[0]);
	hand_over(probe);
	begun = start = clock_ns();
	for (unsigned i = 0; i < WINDOWS && start - begun < PATIENCE; i++, start = end) {
		for (unsigned k = 0; k < TRIPS; k++)
			hand_over(probe);
		end = clock_ns();
		if (probe->best == 0 || (end - start) / TRIPS < probe->best)
			probe->best = (end - start) / TRIPS;
	}
	atomic_store_explicit(&probe->turn, OVER, memory_order_release);
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
	struct place place = {.name = cpu[0] < 0 ? "not pinned" : "one CPU"};

	if (cpu[0] < 0 || cpu[1] < 0 || cpu[0] == cpu[1])
		return place;
	if (!probe)
		probe = crew_share(sizeof(*probe));
	memset(probe, 0, sizeof(*probe));
	memcpy(probe->cpu, cpu, sizeof(probe->cpu));
	if (crew_run(lead, probe, 20) || probe->best > ABSURD)
		return (struct place){.name = "unknown"};
	place.ns = probe->best;
	place.name = place.ns < 70 ? "smt" : place.ns < 200 ? "ccx" : "far";
	return place;
}

/* The eighth figure of the first line, in ticks; 0 where no host says so. */
double place_steal(void)
{
	unsigned long long ticks = 0;
	FILE *in = fopen("/proc/stat", "re");

	if (in && fscanf(in, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		ticks = 0;
	if (in)
		fclose(in);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}
