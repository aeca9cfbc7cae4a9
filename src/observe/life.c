/* SPDX-License-Identifier: MIT
 *
 * life.c - how threads begin and end, and what they are called.
 */
#include "steps.h"

#include <errno.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"

/* ---- names ---- */

static void call_task(struct sinew__task *task, const char comm[SINEW__COMM])
{
	struct sinew__process *process = task->process;

	memcpy(task->comm, comm, SINEW__COMM);
	if (task->who.tid == task->who.tgid || !process->comm[0])
		memcpy(process->comm, comm, SINEW__COMM);
}

int sinew__take_name(struct sinew__states *states, const struct sinew__name *in)
{
	struct sinew__task *task = sinew__task_find(states, &in->who);
	uint32_t tgid = in->who.tgid ? in->who.tgid : in->who.tid;
	bool first = tgid == in->who.tid;

	if (task) {
		call_task(task, in->comm);
		return 0;
	}
	struct sinew__process *process = sinew__process_get(states, tgid, in->who.start, first);
	if (!process)
		return -ENOMEM;
	if (first || !process->comm[0])
		memcpy(process->comm, in->comm, SINEW__COMM);
	return 0;
}

/* ---- birth ---- */

static enum sinew__state looked_at(const struct sinew__thread *in)
{
	if (in->head.flags & SINEW__THREAD_ZOMBIE)
		return SINEW__TERMINATED;
	if (in->head.flags & SINEW__THREAD_RUNNING)
		return SINEW__RUNNING;
	return in->state ? SINEW__BLOCKED : SINEW__READY;
}

int sinew__take_thread(struct sinew__states *states, const struct sinew__thread *in)
{
	int error;
	bool seeded = in->head.flags & SINEW__THREAD_SEEDED;
	struct sinew__task *task = sinew__task_get(states, &in->who, in->head.time, &error);

	if (!task)
		return error;
	if (task->known || task->over)
		return sinew__contradict(states, task), 0;
	task->known = true;
	task->born = !seeded;
	task->maker = in->maker_tgid ? in->maker_tgid : in->maker_tid;
	if (in->head.flags & SINEW__THREAD_KERNEL)
		task->process->kernel = true;
	call_task(task, in->comm);
	if (!seeded)
		task->made = in->head.time;
	if (task->number == 0 && task->now == SINEW__UNSEEN && task->at == in->head.time)
		task->now = seeded ? looked_at(in) : SINEW__NEW;
	return sinew__process_id(states, in->maker_tgid, in->maker_tid, &task->maker_id);
}

int sinew__take_admit(struct sinew__states *states, const struct sinew__admit *in)
{
	int error;
	struct sinew__task *task = sinew__task_get(states, &in->who, in->head.time, &error);

	if (!task)
		return error;
	if (task->admitted || task->number || task->over || in->head.time < task->at)
		return sinew__contradict(states, task), 0;
	sinew__spend(states, task, task->now, in->head.time);
	task->admitted = in->head.time;
	task->now = SINEW__READY;
	sinew__count_move(states, task, SINEW__ADMITTED);
	return 0;
}

/* Another thread than the first called exec: it goes on under the name of the first, which has ended. */
static int replace(struct sinew__states *states, const struct sinew__exec *in)
{
	struct sinew__who old = {in->old_tid, in->who.tgid, in->old_start};
	struct sinew__task *first = sinew__task_find(states, &in->who);
	struct sinew__task *task = sinew__task_find(states, &old);

	if (first) {
		sinew__spend(states, first, first->dead ? SINEW__TERMINATED : SINEW__UNSEEN,
			in->head.time);
		first->released = in->head.time;
		sinew__task_retire(states, first);
	}
	if (task)
		sinew__task_rename(states, task, &in->who);
	return 0;
}

int sinew__take_exec(struct sinew__states *states, const struct sinew__exec *in)
{
	int error = 0;
	bool other = in->old_tid && (in->old_tid != in->who.tid || in->old_start != in->who.start);

	if (other)
		replace(states, in);
	struct sinew__task *task = sinew__task_get(states, &in->who, in->head.time, &error);
	if (!task)
		return error;
	if (task->over)
		return sinew__contradict(states, task), 0;
	if (task->at == in->head.time && task->now == SINEW__UNSEEN)
		task->now = SINEW__RUNNING; /* it is met here: whoever calls exec runs */
	if (!task->execs++)
		task->exec = in->head.time;
	call_task(task, in->comm);
	return 0;
}

/* ---- end ---- */

int sinew__take_exit(struct sinew__states *states, const struct sinew__exit *in)
{
	int error;
	struct sinew__task *task = sinew__task_get(states, &in->who, in->head.time, &error);

	if (!task)
		return error;
	if (task->exit_seen || task->over)
		return sinew__contradict(states, task), 0;
	if (task->at == in->head.time && task->now == SINEW__UNSEEN)
		task->now = SINEW__RUNNING; /* whoever exits runs */
	task->exit_seen = true;
	task->exit_process = in->head.flags & SINEW__EXIT_PROCESS;
	task->exited = in->head.time;
	task->code = in->code;
	task->code_known = !(in->head.flags & SINEW__EXIT_UNKNOWN);
	states->codes_unknown +=
		!task->code_known && task->exit_process && in->who.tgid != states->header.target;
	task->parent = in->parent_tgid;
	return sinew__process_id(states, in->parent_tgid, 0, &task->parent_id);
}

bool sinew__code_of(
	const struct sinew__states *states, const struct sinew__task *task, uint32_t *code)
{
	bool command = states->header.scope == SINEW__SCOPE_COMMAND && task->exit_process &&
		       task->who.tgid == states->header.target;

	if (!task->exit_seen)
		return false;
	if (task->code_known)
		*code = task->code;
	else if (command && states->ended && states->end_record.exit_code >= 0)
		*code = (uint32_t)states->end_record.exit_code;
	else
		return false;
	return true;
}

static void end_life(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__reaped *in)
{
	if (task->now != SINEW__TERMINATED) {
		/* Its last moment on a CPU was lost. */
		sinew__spend(states, task, SINEW__UNSEEN, in->exited ? in->exited : in->reaped);
		if (in->exited && !task->exited)
			task->exited = in->exited;
	}
	sinew__spend(states, task, SINEW__TERMINATED, in->reaped);
	task->over = true;
	task->reap_seen = true;
	task->certain = in->certain;
	task->reaped = in->reaped;
	task->reaped_before = in->head.time;
	task->released = in->head.time;
	task->reaper = in->reaper_tgid ? in->reaper_tgid : in->reaper_tid;
	if (task->reaper)
		sinew__count_move(states, task, SINEW__REAPED);
}

int sinew__take_reaped(struct sinew__states *states, const struct sinew__reaped *in)
{
	int error;
	uint64_t begin = in->exited ? in->exited : in->reaped;
	struct sinew__task *task = sinew__task_get(
		states, &in->who, begin < in->head.time ? begin : in->head.time, &error);

	if (!task)
		return error;
	if (task->over || in->reaped > in->head.time || in->exited > in->reaped)
		return sinew__contradict(states, task), 0;
	end_life(states, task, in);
	return sinew__process_id(states, in->reaper_tgid, in->reaper_tid, &task->reaper_id);
}
