/* SPDX-License-Identifier: MIT
 *
 * follow_steps.c - what each event makes of the open interval of its thread. What state.bpf.c does in the
 * kernel this does of what was heard, with less to go by: the rules are the same.
 */
#include <inttypes.h>
#include <string.h>

#include "follow_inside.h"
#include "look/facts.h"
#include "look/files.h"
#include "state.h"
#include "tell.h"

#include "../banned.h"

/* ---- those that are not followed ---- */

/* Who it is, told by name the first time. tgid 0: it is gone already. */
static const struct sinew__stranger *stranger(
	struct sinew__follow *follow, uint32_t tid, uint64_t time)
{
	struct sinew__stranger *slot = &follow->strangers[tid % SINEW__CACHE];
	struct sinew__facts facts;

	if (slot->tid == tid)
		return slot;
	*slot = (struct sinew__stranger){.tid = tid, .tgid = sinew__process_of(tid)};
	if (!slot->tgid || !sinew__read_stat(slot->tgid, tid, &facts))
		return slot;
	slot->kernel = facts.kernel;
	struct sinew__who who = {tid, slot->tgid, sinew__start_ns(facts.started)};
	sinew__tell_name(follow->source, &who, facts.comm, time);
	return slot;
}

static uint32_t tgid_of(struct sinew__follow *follow, uint32_t tid, uint64_t time)
{
	const struct sinew__followed *thread = sinew__followed_find(follow, tid);

	return thread ? thread->who.tgid : stranger(follow, tid, time)->tgid;
}

static bool is_kernel(struct sinew__follow *follow, uint32_t tid, uint64_t time)
{
	const struct sinew__followed *thread = sinew__followed_find(follow, tid);

	return thread ? thread->kernel : stranger(follow, tid, time)->kernel;
}

/* ---- giving out ---- */

/* A look is of this sleep if all of it lies inside. */
static void add_wait(struct sinew__followed *thread, struct sinew__interval *record, uint64_t time)
{
	const struct sinew__asleep *asleep = &thread->asleep;
	uint64_t end = record->woken ? record->woken : time;
	uint64_t from = record->left ? record->left : thread->since;

	if (!record->wait.state || !asleep->from || asleep->from < from || asleep->to > end)
		return;
	uint32_t state = record->wait.state;
	record->wait = asleep->wait;
	record->wait.state = state;
	if (asleep->seen == SINEW__WAIT_NO_CALL)
		record->head.flags |= SINEW__INTERVAL_FAULT;
}

void sinew__follow_give(struct sinew__follow *follow, struct sinew__followed *thread, uint64_t time,
	uint16_t cpu, uint16_t flags)
{
	thread->open.number++;
	struct sinew__interval record = thread->open;
	record.head = (struct sinew__record){SINEW__RECORD_INTERVAL, sizeof record, cpu,
		(uint16_t)(thread->open.head.flags | flags), time};
	record.who = thread->who;
	if (thread->kernel)
		record.head.flags |= SINEW__INTERVAL_KERNEL;
	if (record.woken && record.woken < record.left) {
		record.woken = record.left;
		record.head.flags |= SINEW__INTERVAL_EARLY;
	}
	add_wait(thread, &record, time);
	follow->source->sink.take(follow->source->sink.arg, &record.head);
}

static void forget_waking(struct sinew__interval *open)
{
	open->woken = 0;
	open->waker_tid = open->waker_tgid = open->waker_call = 0;
	open->context = SINEW__CONTEXT_UNKNOWN;
}

static void begin_run(struct sinew__followed *thread, uint64_t now)
{
	thread->open = (struct sinew__interval){.number = thread->open.number,
		.why = SINEW__WHY_RUNNING,
		.ran_since = now,
		.wait = SINEW__NO_WAIT};
}

void sinew__follow_ran(struct sinew__followed *thread)
{
	begin_run(thread, thread->since);
}

/* ---- leaving a CPU ---- */

static uint64_t waked_at(const struct sinew__follow *follow, uint32_t tid)
{
	const struct sinew__followed *thread = sinew__followed_find(follow, tid);
	uint32_t i = tid % SINEW__CACHE;

	if (thread)
		return thread->waked;
	return follow->wakings[i].tid == tid ? follow->wakings[i].when : 0;
}

/* Why one that could go on does not. That it yielded is not heard; that its slice was over, only guessed
 * from how long it had run. */
static uint8_t verdict(const struct sinew__follow *follow, const struct sinew__followed *thread,
	const struct sinew__heard *in)
{
	uint64_t ran_since = thread->open.ran_since;

	if (!(follow->source->has & SINEW__HAS_PREEMPTION))
		return SINEW__WHY_OTHER;
	if (in->other_priority < in->priority && in->other_priority < 100)
		return SINEW__WHY_CLASS;
	uint64_t waked = waked_at(follow, in->other);
	if (waked < ran_since)
		waked = 0;
	if (waked && in->time - waked < SINEW__STATE_JUST)
		return SINEW__WHY_WOKEN;
	if (ran_since && in->time - ran_since >= follow->source->slice)
		return SINEW__WHY_SLICE;
	return waked ? SINEW__WHY_WOKEN : SINEW__WHY_OTHER;
}

static void preempted(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	thread->open.why = verdict(follow, thread, in);
	thread->open.wait = SINEW__NO_WAIT;
	if (in->other) {
		thread->open.next_tid = in->other;
		thread->open.next_tgid = tgid_of(follow, in->other, in->time);
	}
}

static void died(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	thread->open.why = SINEW__WHY_DEAD;
	forget_waking(&thread->open);
	thread->open.wait = SINEW__NO_WAIT;
	sinew__follow_give(follow, thread, in->time, in->cpu, 0);
	thread->dead = true;
	thread->seen = in->time;
}

static void leave(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	struct sinew__interval *open = &thread->open;

	if (open->why == SINEW__WHY_UNKNOWN && open->head.flags & SINEW__INTERVAL_SEEDED &&
		!open->wait.state) {
		/* It could run when it was looked at, and has not come since: it ran. */
		begin_run(thread, thread->since);
	} else if (open->why != SINEW__WHY_RUNNING) {
		sinew__follow_give(follow, thread, in->time, in->cpu, SINEW__INTERVAL_LATE);
		begin_run(thread, in->time);
	}
	open->left = in->time;
	open->left_cpu = in->cpu;
	if (in->state & SINEW__STATE_DEAD) {
		died(follow, thread, in);
	} else if (!in->state) {
		preempted(follow, thread, in);
	} else {
		open->why = SINEW__WHY_BLOCKED;
		if (open->woken && in->time - open->woken >= SINEW__STATE_LEAVING)
			forget_waking(open);
		open->wait = SINEW__NO_WAIT;
		open->wait.state = in->state;
	}
}

/* ---- coming back ---- */

static void come(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	struct sinew__interval *open = &thread->open;

	if (open->why >= SINEW__WHY_SLICE && open->why <= SINEW__WHY_OTHER)
		forget_waking(open);
	if (open->why == SINEW__WHY_RUNNING) {
		/* That it left was not heard. */
		open->why = SINEW__WHY_UNKNOWN;
		forget_waking(open);
		open->wait = SINEW__NO_WAIT;
	}
	sinew__follow_give(follow, thread, in->time, in->cpu, 0);
	begin_run(thread, in->time);
}

static void there(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	if (thread->open.why == SINEW__WHY_RUNNING)
		return;
	sinew__follow_give(follow, thread, in->time, in->cpu, SINEW__INTERVAL_LATE);
	begin_run(thread, in->time);
}

static void woken(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	struct sinew__interval *open = &thread->open;

	thread->waked = open->woken = in->time;
	open->waker_tid = open->waker_tgid = open->waker_call = 0;
	open->context = in->context;
	/* On top of whom an interrupt came is nobody to be named. */
	if (in->context != SINEW__CONTEXT_TASK || !in->other)
		return;
	open->waker_tid = in->other;
	open->waker_tgid = tgid_of(follow, in->other, in->time);
	if (is_kernel(follow, in->other, in->time))
		open->context = SINEW__CONTEXT_WORKER;
}

static void admitted(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	struct sinew__admit record = {
		.head = {SINEW__RECORD_ADMIT, sizeof record, in->cpu, 0, in->time},
		.who = thread->who};

	woken(follow, thread, in);
	follow->source->sink.take(follow->source->sink.arg, &record.head);
}

/* ---- lives ---- */

static bool is_wanted(const struct sinew__follow *follow, const struct sinew__heard *in)
{
	return sinew__followed_find(follow, in->other) || in->tid == follow->adopted ||
	       (follow->source->request->scope == SINEW__SCOPE_ALL && in->other != follow->self &&
		       in->tgid != follow->self);
}

static void made(struct sinew__follow *follow, const struct sinew__heard *in)
{
	struct sinew__facts facts = {0};

	if (!is_wanted(follow, in) || sinew__followed_find(follow, in->tid))
		return;
	uint32_t maker = tgid_of(follow, in->other, in->time);
	uint32_t tgid = in->tgid ? in->tgid : maker;
	struct sinew__followed *thread = sinew__followed_add(follow, in->tid, tgid, in->time);
	if (!thread)
		return;
	thread->open.why = SINEW__WHY_NEW;
	thread->parent = maker;
	thread->kernel = is_kernel(follow, in->other, in->time);
	facts.kernel = thread->kernel;
	/* It has its maker's name. */
	const struct sinew__followed *parent = sinew__followed_find(follow, in->other);
	memcpy(thread->comm, parent && !in->comm[0] ? parent->comm : in->comm, SINEW__COMM);
	memcpy(facts.comm, thread->comm, SINEW__COMM);
	sinew__tell_thread(follow->source, &thread->who, &facts, maker, 0, in->time);
}

/* A thread that was not the first goes on under the name of the first, which is gone. */
static void replace(struct sinew__follow *follow, const struct sinew__heard *in)
{
	struct sinew__followed *first = sinew__followed_find(follow, in->tid);
	struct sinew__followed *other = sinew__followed_find(follow, in->other);

	if (!first || !other || first == other)
		return;
	first->open = other->open;
	first->asleep = other->asleep;
	first->dead = false;
	first->exited = first->gone = 0;
	memcpy(first->comm, other->comm, SINEW__COMM);
	other->replaced = true;
}

static void execed(struct sinew__follow *follow, const struct sinew__heard *in)
{
	const struct sinew__followed *old = sinew__followed_find(follow, in->other);
	struct sinew__exec record = {
		.head = {SINEW__RECORD_EXEC, sizeof record, in->cpu, 0, in->time}};

	if (old) {
		record.old_tid = old->who.tid;
		record.old_start = old->who.start;
	}
	replace(follow, in);
	struct sinew__followed *thread = sinew__followed_find(follow, in->tid);
	if (!thread)
		return;
	if (thread->dead) {
		/* Another thread took its place; which one was not heard. */
		thread->dead = false;
		thread->exited = thread->gone = 0;
		thread->open = (struct sinew__interval){
			.number = thread->open.number + 1, .wait = SINEW__NO_WAIT};
	}
	record.who = thread->who;
	memcpy(record.comm, thread->comm, SINEW__COMM);
	follow->source->sink.take(follow->source->sink.arg, &record.head);
}

static void exited(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	if (thread->exited)
		return;
	thread->exited = in->time;
	sinew__tell_exit(follow->source, &thread->who, thread->parent,
		thread->who.tid == thread->who.tgid, in->time);
}

/* Whatever was known of now may be different: each has a gap. */
static void lost(struct sinew__follow *follow, const struct sinew__heard *in)
{
	struct sinew__loss record = {
		.head = {SINEW__RECORD_LOSS, sizeof record, in->cpu, 0, in->time},
		.lost = in->lost,
		.since = follow->source->started};

	follow->source->lost += in->lost;
	follow->find_again = true;
	follow->source->sink.take(follow->source->sink.arg, &record.head);
	for (unsigned i = 0; i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed *at = follow->buckets[i]; at; at = at->next)
			if (!at->dead)
				at->open = (struct sinew__interval){
					.number = at->open.number + 1, .wait = SINEW__NO_WAIT};
}

static void take_of(
	struct sinew__follow *follow, struct sinew__followed *thread, const struct sinew__heard *in)
{
	switch ((enum sinew__heard_kind)in->kind) {
	case SINEW__HEARD_LEAVE:
		leave(follow, thread, in);
		break;
	case SINEW__HEARD_COME:
		come(follow, thread, in);
		break;
	case SINEW__HEARD_THERE:
		there(follow, thread, in);
		break;
	case SINEW__HEARD_WAKING:
		woken(follow, thread, in);
		break;
	case SINEW__HEARD_ADMIT:
		admitted(follow, thread, in);
		break;
	case SINEW__HEARD_NAME:
		memcpy(thread->comm, in->comm, SINEW__COMM);
		sinew__tell_name(follow->source, &thread->who, in->comm, in->time);
		break;
	case SINEW__HEARD_EXIT:
		exited(follow, thread, in);
		break;
	case SINEW__HEARD_MADE:
	case SINEW__HEARD_EXEC:
	case SINEW__HEARD_LOST:
		break;
	}
}

void sinew__follow_take(struct sinew__follow *follow, const struct sinew__heard *in)
{
	struct sinew__followed *thread = sinew__followed_find(follow, in->tid);

	if (in->kind == SINEW__HEARD_LOST) {
		lost(follow, in);
	} else if (in->kind == SINEW__HEARD_MADE) {
		made(follow, in);
	} else if (in->kind == SINEW__HEARD_EXEC) {
		execed(follow, in);
	} else if (thread && !thread->dead) {
		if (in->time >= thread->since)
			take_of(follow, thread, in);
	} else if (in->kind == SINEW__HEARD_WAKING) {
		follow->wakings[in->tid % SINEW__CACHE].tid = in->tid;
		follow->wakings[in->tid % SINEW__CACHE].when = in->time;
	}
}
