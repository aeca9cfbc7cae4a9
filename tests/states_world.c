/* SPDX-License-Identifier: MIT
 *
 * states_world.c - the scheduler that knows the truth, and what is made of its records.
 */
#include "states_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* ---- random numbers, the same ones each time (xorshift) ---- */

uint64_t states_dice;

uint64_t states_roll(uint64_t sides)
{
	states_dice ^= states_dice << 13;
	states_dice ^= states_dice >> 7;
	states_dice ^= states_dice << 17;
	return states_dice % sides;
}

/* ---- a scheduler that knows the truth ---- */

struct sinew__record_header states_header(void)
{
	return (struct sinew__record_header){.magic = SINEW__RECORD_MAGIC,
		.version = SINEW__RECORD_VERSION,
		.order = SINEW__RECORD_ORDER,
		.size = SINEW__RECORD_HEADER,
		.tier = SINEW__TIER_BPF,
		.has = 0x1ff,
		.started = states_base,
		.machine = 62,
		.cpus = STATES_CPUS};
}

static union sinew__any *emit(struct world *world, unsigned type, size_t size, uint64_t time)
{
	CHECK(world->count < STATES_MOST);
	union sinew__any *any = &world->records[world->count++];
	memset(any, 0, sizeof *any);
	any->head = (struct sinew__record){
		.type = (uint16_t)type, .size = (uint16_t)size, .time = time};
	return any;
}

static void enter(struct world *world, struct thread *thread, enum sinew__state state)
{
	thread->time[thread->state] += world->now - thread->since;
	thread->state = state;
	thread->since = world->now;
}

static void make(struct world *world, struct thread *thread)
{
	static uint32_t number;

	*thread = (struct thread){.state = SINEW__NEW, .since = world->now, .made = world->now};
	thread->who = (struct sinew__who){100 + number % 7, 100 + number % 7, world->now};
	number++;
	union sinew__any *any =
		emit(world, SINEW__RECORD_THREAD, sizeof(struct sinew__thread), world->now);
	any->thread.who = thread->who;
	any->thread.maker_tid = any->thread.maker_tgid = 1;
}

static void admit(struct world *world, struct thread *thread)
{
	enter(world, thread, SINEW__READY);
	thread->admitted = thread->woken = world->now;
	thread->why = SINEW__WHY_NEW;
	thread->moves[SINEW__ADMITTED]++;
	emit(world, SINEW__RECORD_ADMIT, sizeof(struct sinew__admit), world->now)->admit.who =
		thread->who;
}

static struct sinew__interval *interval(struct world *world, struct thread *thread)
{
	struct sinew__interval *in =
		&emit(world, SINEW__RECORD_INTERVAL, sizeof *in, world->now)->interval;

	in->who = thread->who;
	in->number = ++thread->number;
	in->why = (uint8_t)thread->why;
	in->ran_since = thread->ran_since;
	in->left = thread->left;
	in->woken = thread->woken;
	in->left_cpu = (uint16_t)thread->left_cpu;
	in->wait.call = in->wait.fd = -1;
	if (thread->why == SINEW__WHY_BLOCKED) {
		in->wait.state = 1;
		in->wait.call = (int32_t)states_roll(3);
		in->context = thread->woken ? SINEW__CONTEXT_TASK : 0;
		in->waker_tid = in->waker_tgid = 100 + (uint32_t)states_roll(7);
	}
	return in;
}

static void run(struct world *world, struct thread *thread, unsigned cpu)
{
	enter(world, thread, SINEW__RUNNING);
	thread->moves[SINEW__DISPATCHED]++;
	interval(world, thread)->head.cpu = (uint16_t)cpu;
	world->on[cpu] = thread;
	thread->ran_since = world->now;
	thread->left = thread->woken = 0;
	thread->cpu = thread->left_cpu = cpu;
}

static void push(struct world *world, struct thread *thread)
{
	thread->why = SINEW__WHY_SLICE + (unsigned)states_roll(5);
	thread->moves[SINEW__BY_SLICE + thread->why - SINEW__WHY_SLICE]++;
	thread->left = world->now;
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__READY);
}

static void block(struct world *world, struct thread *thread)
{
	thread->why = SINEW__WHY_BLOCKED;
	thread->moves[SINEW__TO_BLOCKED]++;
	thread->left = world->now;
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__BLOCKED);
}

static void wake(struct world *world, struct thread *thread)
{
	thread->woken = world->now;
	thread->moves[SINEW__WOKEN_UP]++;
	enter(world, thread, SINEW__READY);
}

static void die(struct world *world, struct thread *thread)
{
	union sinew__any *any =
		emit(world, SINEW__RECORD_EXIT, sizeof(struct sinew__exit), world->now);

	any->exit.who = thread->who;
	any->head.flags = SINEW__EXIT_PROCESS;
	thread->why = SINEW__WHY_DEAD;
	thread->left = world->now;
	thread->moves[SINEW__ENDED]++;
	interval(world, thread);
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__TERMINATED);
}

struct sinew__account states_truth;

static void bury(struct thread *thread)
{
	for (unsigned i = 0; i < SINEW__STATES; i++)
		states_truth.time[i] += thread->time[i];
	for (unsigned i = 0; i < SINEW__MOVES; i++)
		states_truth.moves[i] += thread->moves[i];
}

static void reap(struct world *world, struct thread *thread)
{
	struct sinew__reaped *in =
		&emit(world, SINEW__RECORD_REAPED, sizeof *in, world->now + 1000)->reaped;

	in->who = thread->who;
	in->exited = thread->since;
	in->reaped = world->now;
	in->reaper_tid = in->reaper_tgid = 1;
	in->certain = 1;
	thread->moves[SINEW__REAPED]++;
	enter(world, thread, SINEW__TERMINATED);
	bury(thread);
	make(world, thread);
}

static void step(struct world *world)
{
	struct thread *thread = &world->threads[states_roll(STATES_THREADS)];
	unsigned cpu = (unsigned)states_roll(STATES_CPUS);

	world->now += 1 + states_roll(200000);
	if (thread->state == SINEW__NEW)
		admit(world, thread);
	else if (thread->state == SINEW__READY && !world->on[cpu])
		run(world, thread, cpu);
	else if (thread->state == SINEW__RUNNING && states_roll(20) == 0)
		die(world, thread);
	else if (thread->state == SINEW__RUNNING)
		(states_roll(2) ? push : block)(world, thread);
	else if (thread->state == SINEW__BLOCKED)
		wake(world, thread);
	else if (thread->state == SINEW__TERMINATED)
		reap(world, thread);
}

/* What each living thread is left in. */
static void finish(struct world *world)
{
	world->now += 50000;
	for (unsigned i = 0; i < STATES_THREADS; i++) {
		struct thread *thread = &world->threads[i];
		enter(world, thread, thread->state);
		bury(thread);
		if (thread->state == SINEW__TERMINATED)
			continue;
		if (thread->state == SINEW__NEW)
			thread->why = SINEW__WHY_NEW;
		if (thread->state == SINEW__RUNNING)
			thread->why = SINEW__WHY_RUNNING;
		interval(world, thread)->head.flags = SINEW__INTERVAL_OPEN;
	}
	emit(world, SINEW__RECORD_END, sizeof(struct sinew__end), world->now);
}

struct world *states_simulate(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);

	CHECK(world);
	states_dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	states_truth = (struct sinew__account){0};
	world->now = states_base;
	for (unsigned i = 0; i < STATES_THREADS; i++) {
		world->now++;
		make(world, &world->threads[i]);
	}
	for (unsigned i = 0; i < STATES_STEPS; i++)
		step(world);
	finish(world);
	return world;
}

/* ---- what is made of it ---- */

void states_start(struct sinew__states *states)
{
	struct sinew__record_header head = states_header();

	CHECK_EQ(sinew__states_init(states, &head), 0);
}

void states_feed(struct sinew__states *states, const struct world *world)
{
	for (unsigned i = 0; i < world->count; i++)
		CHECK_EQ(sinew__states_add(states, &world->records[i].head), 0);
	CHECK_EQ(sinew__states_settle(states), 0);
}

void states_check_law(const struct sinew__states *states)
{
	struct sinew__account all = {0};

	for (uint32_t i = 0; i < states->process_count; i++)
		for (const struct sinew__task *task = states->processes[i]->first; task;
			task = task->sibling) {
			CHECK_EQ(sinew__account_sum(&task->account), task->at - task->begin);
			for (unsigned k = 0; k < SINEW__STATES; k++)
				all.time[k] += task->account.time[k];
		}
	for (unsigned k = 0; k < SINEW__STATES && !states->folded; k++)
		CHECK_EQ(all.time[k], states->total.time[k]);
}

void states_check_truth(const struct sinew__states *states)
{
	for (unsigned k = 0; k < SINEW__STATES; k++)
		CHECK_EQ(states->total.time[k], states_truth.time[k]);
	for (unsigned k = 0; k < SINEW__MOVES; k++)
		CHECK_EQ(states->total.moves[k], states_truth.moves[k]);
	CHECK_EQ(states->overlaps, 0);
	CHECK_EQ(states->torn + states->gaps + states->contradictions + states->missing, 0);
	CHECK(states->checked > 100 && states->joined > 100);
}
