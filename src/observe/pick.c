/* SPDX-License-Identifier: MIT
 *
 * pick.c - rows sorted for people.
 */
#include "pick.h"

#include <stdlib.h>

#include "../banned.h"

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static uint64_t weight(const struct sinew__process *process)
{
	return process->account.time[SINEW__RUNNING];
}

static int compare_processes(const void *a, const void *b)
{
	const struct sinew__process *x = *(void *const *)a, *y = *(void *const *)b;
	int order = by_number(weight(y), weight(x));

	return order ? order : by_number(x->id, y->id);
}

const struct sinew__process **sinew__pick_processes(
	const struct sinew__states *states, uint32_t *count)
{
	const struct sinew__process **picked = calloc(states->process_count + 1, sizeof *picked);

	*count = 0;
	for (uint32_t i = 0; picked && i < states->process_count; i++)
		if (states->processes[i]->tasks)
			picked[(*count)++] = states->processes[i];
	if (picked)
		qsort(picked, *count, sizeof *picked, compare_processes);
	return picked;
}

/* Rows stand in one array, in the order in which they were made. */
static int compare_blocks(const void *a, const void *b)
{
	const struct sinew__block_row *x = *(void *const *)a, *y = *(void *const *)b;
	int order = by_number(x->key.process, y->key.process);

	order = order ? order : by_number(y->time, x->time);
	return order ? order : by_number((uintptr_t)x, (uintptr_t)y);
}

const struct sinew__block_row **sinew__pick_blocks(
	const struct sinew__states *states, uint32_t process, uint32_t *count)
{
	const struct sinew__table *table = &states->tally.blocks;
	const struct sinew__block_row *rows = table->rows, **picked;

	picked = calloc(table->count + 1, sizeof *picked);
	*count = 0;
	for (uint32_t i = 0; picked && i < table->count; i++)
		if (process == SINEW__NOBODY || rows[i].key.process == process)
			picked[(*count)++] = &rows[i];
	if (picked)
		qsort(picked, *count, sizeof *picked, compare_blocks);
	return picked;
}

static int compare_pushes(const void *a, const void *b)
{
	const struct sinew__push_row *x = *(void *const *)a, *y = *(void *const *)b;
	int order = by_number(y->time, x->time);

	return order ? order : by_number((uintptr_t)x, (uintptr_t)y);
}

const struct sinew__push_row **sinew__pick_pushes(
	const struct sinew__states *states, uint32_t *count)
{
	const struct sinew__table *table = &states->tally.pushes;
	const struct sinew__push_row *rows = table->rows, **picked;

	picked = calloc(table->count + 1, sizeof *picked);
	*count = 0;
	for (uint32_t i = 0; picked && i < table->count; i++)
		picked[(*count)++] = &rows[i];
	if (picked)
		qsort(picked, *count, sizeof *picked, compare_pushes);
	return picked;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct sinew__wakeup *x = a, *y = b;
	int order = by_number(x->waker, y->waker);

	order = order ? order : by_number(x->context, y->context);
	order = order ? order : by_number(x->process, y->process);
	return order ? order : by_number(x->order, y->order);
}

static int compare_wakeups(const void *a, const void *b)
{
	const struct sinew__wakeup *x = a, *y = b;
	int order = by_number(y->count, x->count);

	return order ? order : by_number(x->order, y->order);
}

/* Those of the same pair stand next to each other; the first one stays. */
static uint32_t merge(struct sinew__wakeup *rows, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct sinew__wakeup *last = n ? &rows[n - 1] : NULL;
		if (last && last->waker == rows[i].waker && last->context == rows[i].context &&
			last->process == rows[i].process) {
			last->count += rows[i].count;
			last->time += rows[i].time;
		} else {
			rows[n++] = rows[i];
		}
	}
	return n;
}

struct sinew__wakeup *sinew__pick_wakeups(const struct sinew__states *states, uint32_t *count)
{
	const struct sinew__table *table = &states->tally.blocks;
	const struct sinew__block_row *rows = table->rows;
	struct sinew__wakeup *picked = calloc(table->count + 1, sizeof *picked);

	*count = 0;
	for (uint32_t i = 0; picked && i < table->count; i++)
		if (!rows[i].key.open && !rows[i].key.asleep)
			picked[(*count)++] =
				(struct sinew__wakeup){rows[i].key.waker, rows[i].key.process,
					rows[i].key.context, i, rows[i].count, rows[i].time};
	if (!picked)
		return NULL;
	qsort(picked, *count, sizeof *picked, compare_pairs);
	*count = merge(picked, *count);
	qsort(picked, *count, sizeof *picked, compare_wakeups);
	return picked;
}
