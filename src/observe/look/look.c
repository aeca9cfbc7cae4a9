/* SPDX-License-Identifier: MIT
 *
 * look.c - a look: a source gives facts, they are decided on, then the other sides are found.
 */
#include "look.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../banned.h"
#include "../fault.h"
#include "files.h"
#include "inside.h"

uint64_t sinew__look_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- who is asked for ---- */

bool sinew__is_asked(const struct sinew__asked *asked, uint32_t pid)
{
	for (size_t i = 0; i < asked->count; i++)
		if (asked->pids[i] == pid)
			return true;
	return !asked->pids;
}

/* A thread's number stands for its process. */
static int find_asked(struct sinew__asked *asked, const uint32_t *pids, size_t count)
{
	asked->pids = calloc(count + 1, sizeof *asked->pids);
	if (!asked->pids)
		return sinew__observe_fail(ENOMEM, "no memory for %zu numbers", count);
	for (size_t i = 0; i < count; i++) {
		asked->pids[i] = sinew__process_of(pids[i]);
		if (!asked->pids[i])
			return sinew__observe_fail(ESRCH, "there is no process %" PRIu32, pids[i]);
		asked->count++;
	}
	return 0;
}

/* ---- all threads, by the best source ---- */

static void forget_threads(struct sinew__look *look)
{
	free(look->threads);
	look->threads = NULL;
	look->count = look->room = 0;
}

static int by_best(struct sinew__look *look, const struct sinew__asked *asked, int here, char tier)
{
	int r = sinew__observe_fail(EINVAL, "there is no tier %c: A or D", tier);

	for (const struct sinew__look_source *row = sinew__look_sources; row->letter; row++) {
		if (tier && row->letter != tier)
			continue;
		forget_threads(look);
		r = row->threads(look, asked, here);
		if (r == 0)
			break;
		if (!look->lacks)
			look->lacks = strdup(sinew__observe_error());
	}
	return r;
}

/* All are seen from one CPU, so that none of them ran there at any time: what is seen from here and from
 * there, at two moments, may be true of three threads on two CPUs. Its number, or 0 if we cannot stay. */
static int stay(cpu_set_t *before)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	CPU_ZERO(before);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof *before, before) < 0)
		return 0;
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	return sched_setaffinity(0, sizeof here, &here) == 0 ? cpu : 0;
}

static int gather(struct sinew__look *look, const struct sinew__look_request *request)
{
	struct sinew__asked asked = {0};
	cpu_set_t before;
	int r = request->pids ? find_asked(&asked, request->pids, request->count) : 0;

	if (r == 0) {
		int here = stay(&before);
		sinew__proc_clock(look);
		r = by_best(look, &asked, here, request->tier);
		if (CPU_COUNT(&before))
			sched_setaffinity(0, sizeof before, &before);
	}
	free(asked.pids);
	return r;
}

/* What is asked for the threads that are shown, where the source has not told it. */
static void look_closer(struct sinew__look *look)
{
	for (size_t i = 0; i < look->count; i++) {
		struct sinew__facts *facts = &look->threads[i];
		if (facts->shown && strchr("SDI", facts->letter) && !*facts->wchan)
			sinew__proc_wchan(facts);
	}
}

static int look_at(struct sinew__look *look, const struct sinew__look_request *request)
{
	look->sockets = sinew__sockets_new();
	if (!look->sockets)
		return sinew__observe_fail(ENOMEM, "no memory for a list of sockets");
	int r = gather(look, request);
	if (r < 0)
		return r;
	if (request->flags & SINEW__LOOK_WCHAN)
		look_closer(look);
	sinew__decide(look);
	sinew__find_others(look);
	return 0;
}

int sinew__look_open(struct sinew__look **look, const struct sinew__look_request *request)
{
	struct sinew__look *made = calloc(1, sizeof *made);

	if (!made)
		return sinew__observe_fail(ENOMEM, "no memory for a look");
	made->others_too = request->flags & SINEW__LOOK_OTHERS_TOO;
	int r = look_at(made, request);
	if (r < 0)
		sinew__look_close(made);
	else
		*look = made;
	return r;
}

void sinew__look_close(struct sinew__look *look)
{
	if (!look)
		return;
	sinew__sockets_free(look->sockets);
	free(look->threads);
	free(look->lacks);
	free(look->maps);
	free(look->locks);
	free(look->sems);
	free(look->queues);
	free(look->wants);
	free(look);
}

const struct sinew__facts *sinew__look_threads(const struct sinew__look *look, size_t *count)
{
	*count = look->count;
	return look->threads;
}

const char *sinew__look_lacks(const struct sinew__look *look)
{
	return look->lacks;
}

static int by_number(const void *a, const void *b)
{
	const struct sinew__facts *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

void sinew__look_sort(struct sinew__look *look)
{
	qsort(look->threads, look->count, sizeof *look->threads, by_number);
}

/* Sorted by process; few threads are not the first of theirs, so those are looked for one by one. */
struct sinew__facts *sinew__look_find(struct sinew__look *look, uint32_t tid)
{
	size_t low = 0, high = look->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sinew__facts *at = &look->threads[middle];
		if (at->pid < tid || (at->pid == tid && at->tid < tid))
			low = middle + 1;
		else
			high = middle;
	}
	if (low < look->count && look->threads[low].tid == tid)
		return &look->threads[low];
	for (size_t i = 0; i < look->count; i++)
		if (look->threads[i].tid == tid)
			return &look->threads[i];
	return NULL;
}

const struct sinew__facts *sinew__look_thread(const struct sinew__look *look, uint32_t tid)
{
	return sinew__look_find((struct sinew__look *)look, tid);
}
