/* SPDX-License-Identifier: MIT
 *
 * look.c - a look: a source gives facts, they are decided on, then the other sides are found.
 */
#include "look.h"

#include <errno.h>
#include <stdlib.h>

#include "../../banned.h"
#include "../fault.h"
#include "inside.h"

static int look_at(struct sinew__look *look, const uint32_t *pids, size_t count)
{
	look->sockets = sinew__sockets_new();
	if (!look->sockets)
		return sinew__observe_fail(ENOMEM, "no memory for a list of sockets");
	sinew__proc_clock(look);
	int r = sinew__proc_threads(look, pids, count);
	if (r < 0)
		return r;
	sinew__decide(look);
	sinew__find_others(look);
	return 0;
}

int sinew__look_open(struct sinew__look **look, const uint32_t *pids, size_t count, unsigned flags)
{
	struct sinew__look *made = calloc(1, sizeof *made);

	if (!made)
		return sinew__observe_fail(ENOMEM, "no memory for a look");
	made->others_too = flags & SINEW__LOOK_OTHERS_TOO;
	int r = look_at(made, pids, count);
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

/* Sorted by process; few threads are not the first of theirs, so those are looked for one by one. */
const struct sinew__facts *sinew__look_thread(const struct sinew__look *look, uint32_t tid)
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
