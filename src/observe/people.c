/* SPDX-License-Identifier: MIT
 *
 * people.c - the threads and processes of a recording. A number is used again, number and start are not;
 * whoever is only spoken of by number (a waker) is the one that had it last.
 *
 * Bounded: when there are too many threads, one that has gone is folded into its process, whose account
 * has its times already. When there are too many processes, the rest is one process without a number.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"
#include "states.h"

/* Records come nearly in order: who had a number long ago is not spoken of any more. */
enum { BUCKETS = 16384, OLDER_MOST = 16 };

static uint32_t bucket(uint32_t number, uint64_t start)
{
	uint64_t h = (number + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);

	h = (h ^ start) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(h >> 40) % BUCKETS;
}

int sinew__people_init(struct sinew__states *states)
{
	states->tasks = calloc(BUCKETS, sizeof(struct sinew__task *));
	states->by_tgid = calloc(BUCKETS, sizeof(struct sinew__process *));
	if (states->tasks && states->by_tgid)
		return 0;
	return sinew__observe_fail(ENOMEM, "no memory for threads");
}

static void process_free(struct sinew__process *process)
{
	struct sinew__task *next;

	for (struct sinew__task *task = process->first; task; task = next) {
		next = task->sibling;
		free(task);
	}
	free(process);
}

void sinew__people_fini(struct sinew__states *states)
{
	for (uint32_t i = 0; i < states->process_count; i++)
		process_free(states->processes[i]);
	free(states->processes);
	free(states->by_tgid);
	free(states->tasks);
}

/* ---- processes ---- */

static int make_room(struct sinew__states *states)
{
	uint32_t room = states->process_room ? 2 * states->process_room : 64;

	if (states->process_count < states->process_room)
		return 0;
	void *moved = realloc(states->processes, room * sizeof(struct sinew__process *));
	if (!moved)
		return -ENOMEM;
	states->processes = moved;
	states->process_room = room;
	return 0;
}

/* Where the latest process with this number stands, or the free place for one. */
static struct sinew__process **place_of(const struct sinew__states *states, uint32_t tgid)
{
	struct sinew__process **at = &states->by_tgid[bucket(tgid, 0)];

	while (*at && (*at)->tgid != tgid)
		at = &(*at)->next;
	return at;
}

/* From now on it is the latest with its number. */
static void lead(struct sinew__states *states, struct sinew__process *process)
{
	struct sinew__process **at = place_of(states, process->tgid);

	process->older = *at;
	process->next = *at ? (*at)->next : NULL;
	*at = process;
}

static struct sinew__process *process_make(
	struct sinew__states *states, uint32_t tgid, uint64_t start)
{
	struct sinew__process *made = NULL;

	if (states->others)
		return states->others;
	if (make_room(states) == 0)
		made = calloc(1, sizeof *made);
	if (!made) {
		sinew__observe_fail(ENOMEM, "no memory for a process");
		return NULL;
	}
	made->id = states->process_count;
	states->processes[states->process_count++] = made;
	if (states->process_count == SINEW__PROCESSES_MOST) {
		states->others = made;
		return made;
	}
	made->tgid = tgid;
	made->start = start;
	lead(states, made);
	return made;
}

/* Whether a thread that was made at `start` can be one of this process, or its first. */
static bool fits(const struct sinew__process *process, uint64_t start, bool first)
{
	if (start == 0 || process->start == 0)
		return true;
	return first ? process->start == start : process->start <= start;
}

struct sinew__process *sinew__process_get(
	struct sinew__states *states, uint32_t tgid, uint64_t start, bool first)
{
	struct sinew__process *found = tgid ? *place_of(states, tgid) : NULL;

	for (unsigned i = 0; found && !fits(found, start, first); i++)
		found = i < OLDER_MOST ? found->older : NULL;
	if (!found)
		found = process_make(states, tgid, first ? start : 0);
	if (found && first && found->start == 0 && found != states->others)
		found->start = start;
	return found;
}

int sinew__process_id(struct sinew__states *states, uint32_t tgid, uint32_t tid, uint32_t *id)
{
	*id = SINEW__NOBODY;
	if (tgid == 0 && tid == 0)
		return 0;
	const struct sinew__process *process =
		sinew__process_get(states, tgid ? tgid : tid, 0, false);
	if (!process)
		return -ENOMEM;
	*id = process->id;
	return 0;
}

/* ---- threads ---- */

static bool same(const struct sinew__who *a, const struct sinew__who *b)
{
	return a->tid == b->tid && a->start == b->start;
}

struct sinew__task *sinew__task_find(
	const struct sinew__states *states, const struct sinew__who *who)
{
	struct sinew__task *at = states->tasks[bucket(who->tid, who->start)];

	while (at && !same(&at->who, who))
		at = at->next;
	return at;
}

static void hash_in(struct sinew__states *states, struct sinew__task *task)
{
	struct sinew__task **head = &states->tasks[bucket(task->who.tid, task->who.start)];

	task->next = *head;
	*head = task;
}

static void hash_out(struct sinew__states *states, struct sinew__task *task)
{
	struct sinew__task **at = &states->tasks[bucket(task->who.tid, task->who.start)];

	while (*at && *at != task)
		at = &(*at)->next;
	if (*at)
		*at = task->next;
}

static void add_sibling(struct sinew__process *process, struct sinew__task *task)
{
	task->process = process;
	process->tasks++;
	if (process->last)
		process->last->sibling = task;
	else
		process->first = task;
	process->last = task;
}

/* Unlinks *at from its process. */
static void fold(struct sinew__states *states, struct sinew__task **at)
{
	struct sinew__task *task = *at;

	*at = task->sibling;
	if (!task->retired)
		hash_out(states, task);
	task->process->folded++;
	states->task_count--;
	states->folded++;
	free(task);
}

static void fold_process(struct sinew__states *states, struct sinew__process *process)
{
	process->last = NULL;
	for (struct sinew__task **at = &process->first; *at;) {
		if ((*at)->over) {
			fold(states, at);
			continue;
		}
		process->last = *at;
		at = &(*at)->sibling;
	}
}

static void fold_all(struct sinew__states *states)
{
	for (uint32_t i = 0; i < states->cpu_count; i++)
		if (states->cpus[i].occupant && states->cpus[i].occupant->over)
			states->cpus[i].occupant = NULL;
	for (uint32_t i = 0; i < states->process_count; i++)
		fold_process(states, states->processes[i]);
}

/* Looking again is worth it only after half as many have come as there is room for. */
static bool has_room(struct sinew__states *states)
{
	if (states->task_count < SINEW__TASKS_MOST)
		return true;
	if (states->records < states->fold_again)
		return false;
	states->fold_again = states->records + SINEW__TASKS_MOST / 2;
	fold_all(states);
	return states->task_count < SINEW__TASKS_MOST;
}

struct sinew__task *sinew__task_get(
	struct sinew__states *states, const struct sinew__who *who, uint64_t begin, int *error)
{
	struct sinew__task *task = sinew__task_find(states, who);

	*error = 0;
	if (task)
		return task;
	if (!has_room(states)) {
		states->unlisted++;
		return NULL;
	}
	bool first = who->tid == who->tgid;
	struct sinew__process *process = sinew__process_get(states, who->tgid, who->start, first);
	task = process ? calloc(1, sizeof *task) : NULL;
	if (!task) {
		*error = sinew__observe_fail(ENOMEM, "no memory for a thread");
		return NULL;
	}
	task->who = *who;
	task->begin = task->at = begin;
	task->now = SINEW__UNSEEN;
	task->maker_id = task->parent_id = task->reaper_id = SINEW__NOBODY;
	add_sibling(process, task);
	hash_in(states, task);
	states->task_count++;
	return task;
}

void sinew__task_rename(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__who *who)
{
	hash_out(states, task);
	task->who = *who;
	hash_in(states, task);
}

void sinew__task_retire(struct sinew__states *states, struct sinew__task *task)
{
	hash_out(states, task);
	task->next = NULL;
	task->over = task->retired = true;
}
