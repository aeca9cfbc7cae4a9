/* SPDX-License-Identifier: MIT
 *
 * intervals.c - what one interval says: how long its thread ran, why it left, who brought it back. A record
 * that contradicts what is known moves the point without saying more: the time is `unseen`, and the
 * contradiction is counted.
 */
#include "steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "calls.h"
#include "fault.h"

static uint64_t no_earlier(uint64_t time, uint64_t than)
{
	return time > than ? time : than;
}

/* ---- at most one thread runs on a CPU ---- */

struct sinew__cpu_state *sinew__cpu_of(struct sinew__states *states, unsigned cpu)
{
	return cpu < states->cpu_count ? &states->cpus[cpu] : NULL;
}

/* It comes to a CPU: who was there before must turn out to have left it by now. */
static void arrive(
	struct sinew__states *states, struct sinew__task *task, unsigned number, uint64_t time)
{
	struct sinew__cpu_state *cpu = sinew__cpu_of(states, number);

	task->dispatched = task->followed = 0;
	if (!cpu || time < cpu->since)
		return;
	if (cpu->occupant && cpu->occupant != task && !cpu->occupant->followed)
		cpu->occupant->followed = time;
	cpu->occupant = task;
	cpu->since = time;
	task->dispatched = time;
	task->cpu = (uint16_t)number;
}

/* It leaves its CPU, as it says at `left`. Returns until when that can be believed: if somebody else came
 * to the CPU before, a switch was not seen. */
static uint64_t leave(struct sinew__states *states, struct sinew__task *task,
	const struct sinew__interval *in, uint64_t left)
{
	struct sinew__cpu_state *cpu = sinew__cpu_of(states, task->cpu);
	bool same =
		in->left_cpu == task->cpu && (!in->ran_since || in->ran_since == task->dispatched);
	uint64_t until = left;

	if (cpu && cpu->occupant == task)
		cpu->occupant = NULL;
	if (task->dispatched && same && left) {
		states->checked++;
		if (task->followed && left > task->followed) {
			states->overlaps++;
			until = task->followed;
		}
	}
	task->dispatched = task->followed = 0;
	return until;
}

/* ---- what was waited for ---- */

static bool names_a_task(unsigned context)
{
	return context == SINEW__CONTEXT_TASK || context == SINEW__CONTEXT_SOFTIRQ ||
	       context == SINEW__CONTEXT_WORKER;
}

static struct sinew__object object_of(const struct sinew__wait *wait)
{
	if (wait->magic == 0)
		return (struct sinew__object){0};
	return (struct sinew__object){.magic = wait->magic,
		.dev = wait->dev,
		.ino = wait->ino,
		.detail = sinew__object_detail(wait->magic, wait->detail)};
}

/* Who ended it, as far as the recording knows: an interrupt is no deed of the thread that it hit. */
static int find_waker(struct sinew__states *states, const struct sinew__interval *in,
	struct sinew__block_key *key)
{
	key->waker = SINEW__NOBODY;
	if (!in->woken)
		return 0;
	key->context = in->context;
	if (!names_a_task(in->context))
		return 0;
	key->waker_call = in->waker_call;
	return sinew__process_id(states, in->waker_tgid, in->waker_tid, &key->waker);
}

struct sinew__block_row *sinew__block_row_of(struct sinew__states *states,
	const struct sinew__task *task, const struct sinew__interval *in)
{
	bool open = in->head.flags & SINEW__INTERVAL_OPEN;
	struct sinew__block_key key = {
		.object = object_of(&in->wait),
		.process = task->process->id,
		.call = in->wait.call,
		.state = in->wait.state & 0x40e,
		.fault = !!(in->head.flags & SINEW__INTERVAL_FAULT),
		.kernel = !!(in->head.flags & SINEW__INTERVAL_KERNEL),
		.compat = !!(in->head.flags & SINEW__INTERVAL_COMPAT),
		.open = open && !in->woken,
		.asleep = !open && !in->woken,
	};
	if (key.object.magic == 0 && sinew__call_has_address(states->header.machine, key.call))
		key.address = in->wait.arg0;
	return find_waker(states, in, &key) < 0 ? NULL : sinew__tally_block(&states->tally, &key);
}

static int note_block(struct sinew__states *states, const struct sinew__task *task,
	const struct sinew__interval *in, uint64_t ns)
{
	struct sinew__block_row *row = sinew__block_row_of(states, task, in);

	if (!row)
		return -ENOMEM;
	row->count++;
	row->time += ns;
	row->longest = no_earlier(row->longest, ns);
	row->early += !!(in->head.flags & SINEW__INTERVAL_EARLY);
	row->seeded += !!(in->head.flags & SINEW__INTERVAL_SEEDED);
	sinew__timeline_waited(states, task, sinew__tally_block_id(&states->tally, row),
		row->key.waker == SINEW__NOBODY ? 0 : in->waker_tid);
	return 0;
}

static int note_push(struct sinew__states *states, struct sinew__task *task,
	const struct sinew__interval *in, uint64_t ns)
{
	struct sinew__push_key key = {.victim = task->process->id, .why = in->why};

	if (sinew__process_id(states, in->next_tgid, in->next_tid, &key.next) < 0)
		return -ENOMEM;
	struct sinew__push_row *row = sinew__tally_push(&states->tally, &key);
	if (!row)
		return -ENOMEM;
	row->count++;
	row->time += ns;
	row->longest = no_earlier(row->longest, ns);
	sinew__timeline_pushed(states, task, in->why, in->next_tid);
	return 0;
}

/* ---- intervals ---- */

/* Its times, as far as they are told, follow each other, and nothing before what is known. A thread that
 * was only looked at may have begun to run before the look. */
static bool in_order(const struct sinew__task *task, const struct sinew__interval *in)
{
	const uint64_t times[] = {in->ran_since, in->left, in->woken, in->head.time};
	uint64_t last = task->number == 0 && !task->born ? 0 : task->at;

	for (unsigned i = 0; i < 4; i++) {
		if (times[i] && times[i] < last)
			return false;
		last = no_earlier(last, times[i]);
	}
	return true;
}

/* What each reason needs, and what it cannot have. */
static bool fits(const struct sinew__task *task, const struct sinew__interval *in)
{
	bool open = in->head.flags & SINEW__INTERVAL_OPEN;
	bool seeded = in->head.flags & SINEW__INTERVAL_SEEDED;

	if (seeded && (in->left || in->ran_since))
		return false;
	switch (in->why) {
	case SINEW__WHY_UNKNOWN:
		return seeded || in->left || !in->wait.state;
	case SINEW__WHY_BLOCKED:
		return seeded || in->left;
	case SINEW__WHY_DEAD:
		return !seeded && in->left == in->head.time;
	case SINEW__WHY_RUNNING:
		return open && !seeded;
	case SINEW__WHY_NEW:
		return !seeded && !in->left && task->number == 0;
	default:
		return in->why < SINEW__WHY_DEAD && in->left;
	}
}

static uint64_t earliest(const struct sinew__states *states, const struct sinew__interval *in)
{
	uint64_t time = in->ran_since ? in->ran_since
			: in->left    ? in->left
			: in->woken   ? in->woken
				      : in->head.time;

	if ((in->head.flags & SINEW__INTERVAL_SEEDED) && states->begin < time)
		return states->begin;
	return time < in->head.time ? time : in->head.time;
}

/* The run that this interval ends at `left`, and that is believed until `until`. */
static void run(struct sinew__states *states, struct sinew__task *task,
	const struct sinew__interval *in, uint64_t until, uint64_t left)
{
	struct sinew__cpu_state *cpu = sinew__cpu_of(states, in->left_cpu);
	bool first = task->number == 0, ran = task->now == SINEW__RUNNING;

	if (!first && in->ran_since && ran) {
		states->joined += in->ran_since == task->at;
		states->torn += in->ran_since != task->at;
	}
	if (in->ran_since || !ran)
		sinew__spend(states, task, SINEW__UNSEEN, in->ran_since ? in->ran_since : left);
	uint64_t from = task->at;
	sinew__spend(states, task, SINEW__RUNNING, until);
	if (task->at > from)
		sinew__timeline_ran(states, task, in->left_cpu);
	if (cpu)
		cpu->running += task->at - from;
	sinew__spend(states, task, SINEW__UNSEEN, left);
}

/* When it came back was not seen, only that it left again. */
static bool is_late(const struct sinew__interval *in)
{
	return in->head.flags & SINEW__INTERVAL_LATE;
}

static bool is_blocked(const struct sinew__interval *in)
{
	return in->why == SINEW__WHY_BLOCKED ||
	       (in->why == SINEW__WHY_UNKNOWN && in->wait.state != 0);
}

static int block(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	bool open = in->head.flags & SINEW__INTERVAL_OPEN;
	bool seeded = in->head.flags & SINEW__INTERVAL_SEEDED;
	uint64_t from = task->at, until = in->woken ? in->woken : in->head.time;

	sinew__spend(states, task, in->woken || open ? SINEW__BLOCKED : SINEW__ASLEEP, until);
	sinew__spend(states, task, is_late(in) ? SINEW__UNSEEN : SINEW__READY, in->head.time);
	task->now = in->woken ? SINEW__READY : SINEW__BLOCKED;
	if (!seeded)
		sinew__count_move(states, task, SINEW__TO_BLOCKED);
	if (in->woken || !open)
		sinew__count_move(states, task, SINEW__WOKEN_UP);
	if (in->woken && !seeded)
		sinew__waited(states, task, in->woken - in->left);
	if (in->woken && !open && !is_late(in))
		sinew__delayed(states, task, in->head.time - in->woken);
	return note_block(states, task, in, until > from ? until - from : 0);
}

static int pushed(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	static const enum sinew__move moves[] = {
		[SINEW__WHY_UNKNOWN] = SINEW__BY_OTHER,
		[SINEW__WHY_SLICE] = SINEW__BY_SLICE,
		[SINEW__WHY_WOKEN] = SINEW__BY_WOKEN,
		[SINEW__WHY_CLASS] = SINEW__BY_CLASS,
		[SINEW__WHY_YIELD] = SINEW__BY_YIELD,
		[SINEW__WHY_OTHER] = SINEW__BY_OTHER,
	};
	bool told = !is_late(in) && (in->left || (in->head.flags & SINEW__INTERVAL_SEEDED));
	uint64_t from = task->at;

	sinew__spend(states, task, told ? SINEW__READY : SINEW__UNSEEN, in->head.time);
	task->now = SINEW__READY;
	if (!in->left)
		return 0;
	sinew__count_move(states, task, moves[in->why]);
	if (told && !(in->head.flags & SINEW__INTERVAL_OPEN))
		sinew__delayed(states, task, in->head.time - in->left);
	return note_push(states, task, in, told ? task->at - from : 0);
}

/* New, then ready, then, unless the recording ended before, running for the first time. */
static void first_dispatch(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	bool open = in->head.flags & SINEW__INTERVAL_OPEN;

	if (in->woken && !task->admitted) {
		sinew__spend(states, task, task->born ? SINEW__NEW : SINEW__UNSEEN, in->woken);
		sinew__count_move(states, task, SINEW__ADMITTED);
		task->admitted = in->woken;
		task->now = SINEW__READY;
	} else if (!in->woken && !task->admitted && !open) {
		sinew__count_move(states, task, SINEW__ADMITTED); /* when is not known */
	}
	bool ready = task->admitted && task->now == SINEW__READY && !is_late(in);
	sinew__spend(states, task,
		ready  ? SINEW__READY
		: open ? SINEW__NEW
		       : SINEW__UNSEEN,
		in->head.time);
	if (open)
		return;
	if (ready)
		sinew__delayed(states, task, in->head.time - task->admitted);
	task->first_run = in->head.time;
}

static void die(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	task->now = SINEW__TERMINATED;
	task->dead = in->left;
	sinew__count_move(states, task, SINEW__ENDED);
}

/* What came after the run. */
static int go_on(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	if (in->why == SINEW__WHY_DEAD)
		die(states, task, in);
	else if (in->why == SINEW__WHY_RUNNING)
		task->now = SINEW__RUNNING;
	else if (in->why == SINEW__WHY_NEW)
		first_dispatch(states, task, in);
	else
		return is_blocked(in) ? block(states, task, in) : pushed(states, task, in);
	return 0;
}

static void dispatch(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	states->unnoticed += is_late(in);
	if (in->head.flags & SINEW__INTERVAL_OPEN) {
		task->left_open = true;
		return;
	}
	if (in->why == SINEW__WHY_DEAD || in->why == SINEW__WHY_RUNNING)
		return;
	sinew__count_move(states, task, SINEW__DISPATCHED);
	task->now = SINEW__RUNNING;
	arrive(states, task, in->head.cpu, in->head.time);
}

/* The numbers of a thread's intervals: true if this one may follow. */
static bool follows(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	if (in->number == 0)
		return true;
	if (in->number <= task->number)
		return false;
	if (in->number > task->number + 1) {
		states->gaps++;
		task->gaps++;
		task->now = SINEW__UNSEEN;
		task->dispatched = 0;
	}
	return true;
}

/* All that can be believed is that it goes on from here. */
static void mistrust(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	sinew__contradict(states, task);
	sinew__spend(states, task, SINEW__UNSEEN, in->head.time);
	task->now = SINEW__UNSEEN;
	task->dispatched = task->followed = 0;
}

/* The recording's end tells once more of those that had ended before. */
static bool is_known_death(const struct sinew__task *task, const struct sinew__interval *in)
{
	return task->dead && in->why == SINEW__WHY_DEAD && in->left == task->dead &&
	       (in->head.flags & SINEW__INTERVAL_OPEN);
}

static int believe(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__interval *in)
{
	uint64_t left = in->why == SINEW__WHY_RUNNING ? in->head.time : in->left;
	uint64_t until = leave(states, task, in, left);

	if (in->why != SINEW__WHY_NEW && !(in->head.flags & SINEW__INTERVAL_SEEDED))
		run(states, task, in, until, left);
	int r = go_on(states, task, in);
	dispatch(states, task, in);
	return r;
}

int sinew__take_interval(struct sinew__states *states, const struct sinew__interval *in)
{
	int r;
	struct sinew__task *task = sinew__task_get(states, &in->who, earliest(states, in), &r);

	if (!task)
		return r;
	states->intervals++;
	if (is_known_death(task, in))
		return 0;
	if (task->over || task->dead || task->left_open || !follows(states, task, in)) {
		sinew__contradict(states, task);
		return 0;
	}
	if (!in_order(task, in) || !fits(task, in))
		mistrust(states, task, in);
	else
		r = believe(states, task, in);
	task->number = in->number ? in->number : task->number + 1;
	return r;
}
