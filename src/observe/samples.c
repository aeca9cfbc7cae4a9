/* SPDX-License-Identifier: MIT
 *
 * samples.c - what one look found of a thread since the look before: the kernel's own sums, in no order. A
 * sample whose sums are more than its time is not believed.
 */
#include "steps.h"

#include <errno.h>

#include "../banned.h"

static bool fits(const struct sinew__task *task, const struct sinew__sample *in)
{
	const uint64_t parts[] = {in->running, in->ready, in->blocked, in->terminated};
	uint64_t room = in->head.time - task->at;

	for (unsigned i = 0; i < 4; i++) {
		if (parts[i] > room)
			return false;
		room -= parts[i];
	}
	return true;
}

static void spend(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__sample *in)
{
	sinew__spend(states, task, SINEW__RUNNING, task->at + in->running);
	sinew__spend(states, task, SINEW__READY, task->at + in->ready);
	sinew__spend(states, task, SINEW__BLOCKED, task->at + in->blocked);
	sinew__spend(states, task, SINEW__TERMINATED, task->at + in->terminated);
	sinew__spend(states, task, SINEW__UNSEEN, in->head.time);
}

/* Each block but the one that it is in was ended. */
static void count(struct sinew__states *states, struct sinew__task *task, bool was_blocked,
	const struct sinew__sample *in)
{
	uint64_t blocks = (uint64_t)in->voluntary + was_blocked;
	bool ended = in->head.flags & SINEW__SAMPLE_ENDED;

	if (task->born && in->dispatched && !task->account.moves[SINEW__ADMITTED])
		sinew__count_move(states, task, SINEW__ADMITTED);
	sinew__count_moves(states, task, SINEW__DISPATCHED, in->dispatched);
	sinew__count_moves(states, task, SINEW__TO_BLOCKED, in->voluntary);
	sinew__count_moves(states, task, SINEW__BY_OTHER, in->involuntary);
	if (blocks)
		sinew__count_moves(states, task, SINEW__WOKEN_UP, blocks - (in->wait.state != 0));
	if (ended)
		sinew__count_move(states, task, SINEW__ENDED);
}

/* The time goes to the wait that the look met: over many looks each gets its share. */
static int note_wait(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__sample *in)
{
	struct sinew__interval wait = {
		.head = {.flags = (in->head.flags & SINEW__SAMPLE_KERNEL ? SINEW__INTERVAL_KERNEL
									 : 0) |
				  (in->head.flags & SINEW__SAMPLE_FAULT ? SINEW__INTERVAL_FAULT
									: 0)},
		.woken = in->head.time,
		.wait = in->wait};

	if (!in->blocked)
		return 0;
	if (!in->wait.state)
		wait.wait.call = -1;
	struct sinew__block_row *row = sinew__block_row_of(states, task, &wait);
	if (!row)
		return -ENOMEM;
	bool same = in->head.flags & SINEW__SAMPLE_SAME;
	row->count += same ? 0 : in->voluntary ? in->voluntary : 1;
	row->time += in->blocked;
	if (in->blocked > row->longest)
		row->longest = in->blocked;
	sinew__timeline_waited(states, task, sinew__tally_block_id(&states->tally, row), 0);
	return 0;
}

static enum sinew__state now(const struct sinew__sample *in)
{
	if (in->head.flags & SINEW__SAMPLE_ENDED || in->terminated)
		return SINEW__TERMINATED;
	return in->wait.state ? SINEW__BLOCKED : SINEW__UNSEEN;
}

int sinew__take_sample(struct sinew__states *states, const struct sinew__sample *in)
{
	int error;
	struct sinew__task *task = sinew__task_get(states, &in->who, in->head.time, &error);

	if (!task)
		return error;
	if (task->over || in->head.time < task->at)
		return sinew__contradict(states, task), 0;
	if (!fits(task, in)) {
		sinew__contradict(states, task);
		sinew__spend(states, task, SINEW__UNSEEN, in->head.time);
		return 0;
	}
	spend(states, task, in);
	count(states, task, task->now == SINEW__BLOCKED, in);
	task->now = now(in);
	return note_wait(states, task, in);
}
