/* SPDX-License-Identifier: MIT
 *
 * account.c - where the time of threads goes: every nanosecond that the point of a thread passes is added
 * to exactly one state of the thread, of its process, and of all.
 */
#include "../banned.h"
#include "steps.h"

const char *const sinew__state_names[SINEW__STATES] = {
	"new", "ready", "running", "blocked", "terminated", "asleep", "unseen"};

const char *const sinew__move_names[SINEW__MOVES] = {"admitted", "dispatched", "slice", "woken",
	"class", "yield", "other", "blocked", "woken_up", "terminated", "reaped"};

/* ---- sums ---- */

/* Sums over many threads may be more than 64 bits have room for, in a recording that is not true. */
static void add(uint64_t *sum, uint64_t ns)
{
	if (__builtin_add_overflow(*sum, ns, sum))
		*sum = UINT64_MAX;
}

void sinew__spans_add(struct sinew__spans *spans, uint64_t ns)
{
	unsigned bin = ns ? 63 - (unsigned)__builtin_clzll(ns) : 0;

	spans->count++;
	add(&spans->sum, ns);
	if (ns > spans->longest)
		spans->longest = ns;
	spans->bins[bin < SINEW__BINS ? bin : SINEW__BINS - 1]++;
}

uint64_t sinew__spans_half(const struct sinew__spans *spans)
{
	uint64_t passed = 0;

	for (unsigned i = 0; i < SINEW__BINS; i++) {
		passed += spans->bins[i];
		if (passed && 2 * passed >= spans->count)
			return UINT64_C(2) << i;
	}
	return 0;
}

uint64_t sinew__account_sum(const struct sinew__account *account)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SINEW__STATES; i++)
		sum += account->time[i];
	return sum;
}

/* From the point on it was in this state, until then. */
void sinew__spend(struct sinew__states *states, struct sinew__task *task, enum sinew__state state,
	uint64_t until)
{
	if (until <= task->at)
		return;
	uint64_t ns = until - task->at;
	sinew__timeline_spend(states, task, state, until);
	task->account.time[state] += ns;
	add(&task->process->account.time[state], ns);
	add(&states->total.time[state], ns);
	task->at = until;
}

void sinew__count_moves(struct sinew__states *states, struct sinew__task *task,
	enum sinew__move move, uint64_t times)
{
	task->account.moves[move] += times;
	task->process->account.moves[move] += times;
	states->total.moves[move] += times;
}

void sinew__count_move(
	struct sinew__states *states, struct sinew__task *task, enum sinew__move move)
{
	sinew__count_moves(states, task, move, 1);
}

void sinew__delayed(struct sinew__states *states, struct sinew__task *task, uint64_t ns)
{
	sinew__spans_add(&task->account.delay, ns);
	sinew__spans_add(&task->process->account.delay, ns);
	sinew__spans_add(&states->total.delay, ns);
}

void sinew__waited(struct sinew__states *states, struct sinew__task *task, uint64_t ns)
{
	sinew__spans_add(&task->account.blocked, ns);
	sinew__spans_add(&task->process->account.blocked, ns);
	sinew__spans_add(&states->total.blocked, ns);
}

void sinew__contradict(struct sinew__states *states, struct sinew__task *task)
{
	task->contradictions++;
	states->contradictions++;
}
