/* SPDX-License-Identifier: MIT
 *
 * ring_work.c - what the works of sinew-bench-ring share.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "crew.h"
#include "place.h"
#include "ring.h"

double ring_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

_Noreturn void ring_fail(const char *what)
{
	crew_fail("%s: %s", what, sinew_error_text());
}

sinew_channel *ring_end(const struct job *job, unsigned flags)
{
	sinew_channel *channel;

	if (sinew_open(&channel, job->uri, flags, sinew_after(5000000000)) < 0)
		ring_fail("open");
	return channel;
}

struct other {
	void (*side)(void *);
	struct job *job;
};

static void run_side(void *arg)
{
	struct other *other = arg;

	place_pin(other->job->cpu[1]);
	other->side(other->job);
}

pid_t ring_start(struct job *job, void (*side)(void *))
{
	struct other other = {side, job};

	return crew_fork(run_side, &other);
}

void ring_expect(const void *data, uint64_t number)
{
	uint64_t got;

	memcpy(&got, data, sizeof got);
	if (got != number)
		crew_fail("message %llu came instead of %llu", (unsigned long long)got,
			(unsigned long long)number);
}

/* ---- many readers ---- */

void ring_come(struct job *job)
{
	atomic_fetch_add(&job->common->come, 1);
}

void ring_readers(struct job *job, void (*read)(void *), pid_t *pids, unsigned count)
{
	const uint64_t before = atomic_load(&job->common->come);

	for (unsigned i = 0; i < count; i++)
		pids[i] = ring_start(job, read);
	while (atomic_load(&job->common->come) < before + count) {
		siginfo_t ended = {0};
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid)
			crew_fail("a reader ended before all had come");
		sched_yield();
	}
}

void ring_has_all(struct job *job)
{
	const uint64_t now = (uint64_t)ring_now();
	uint64_t last = atomic_load(&job->common->last);

	while (last < now && !atomic_compare_exchange_weak(&job->common->last, &last, now))
		;
}

void ring_until_last(struct job *job, double begun, const pid_t *pids)
{
	crew_wait(pids, job->writers);
	job->common->outcome.ns = ((double)atomic_load(&job->common->last) - begun) / job->count;
}

/* ---- CPU time, percentiles ---- */

static double cpu_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

double ring_cpu(void)
{
	return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void ring_percentiles(struct outcome *outcome, double *samples, unsigned count)
{
	qsort(samples, count, sizeof *samples, compare);
	outcome->ns = samples[count / 2];
	outcome->p99 = samples[count - 1 - count / 100];
}
