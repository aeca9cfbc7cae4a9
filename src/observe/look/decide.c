/* SPDX-License-Identifier: MIT
 *
 * decide.c - from the letters of /proc to the five states.
 *
 *   R -> ready or running   S D I -> blocked   T t -> blocked: stopped, traced   Z X -> terminated
 *
 * Ready and running are one letter, and so is a thread between clone() and its first being enqueued. iter.c
 * tells them apart, and for /proc they are: on each CPU at most one thread runs, and none but we ourselves
 * where we looked from, which is one CPU for the whole look. Of the others that can run on a CPU, the
 * scheduler has accounted for the one that runs last: at least at every tick, at most 10 ms apart. If that was
 * longer ago, nothing that we see runs there; so a second look, once for all, tells. A new one seems ready.
 */
#include <poll.h>
#include <string.h>

#include "../../banned.h"
#include "inside.h"

enum { TICKS = 20000000, SAMPLE_MS = 12 };

const char *const sinew__evidence_names[SINEW__EVIDENCES] = {"proc_stat", "proc_status",
	"proc_sched", "proc_schedstat", "proc_syscall", "wchan", "proc_fd", "proc_fdinfo",
	"proc_net", "sock_diag", "proc_maps", "memory", "proc_locks", "proc_sysvipc", "own_cpu",
	"last_on_cpu", "sampling", "parents", "no_right", "bpf_iter"};

/* ---- since when ---- */

static void tell_since(const struct sinew__look *look, struct sinew__facts *facts)
{
	if (!look->clock_from || !(facts->evidence & SINEW__OF_CLOCK) || !facts->exec_start)
		return;
	uint64_t now = look->clock_from + (facts->looked - look->clock_at);
	facts->has_since = true;
	facts->since = now > facts->exec_start ? now - facts->exec_start : 0;
}

/* ---- ready or running ---- */

static void set_ready(struct sinew__facts *facts, uint32_t evidence)
{
	facts->state = SINEW__READY;
	facts->cause = facts->dispatches || !(facts->evidence & SINEW__OF_DELAY)
			       ? "waits for a CPU"
			       : "waits for its first run";
	facts->evidence |= evidence;
}

static void set_running(struct sinew__facts *facts, uint32_t evidence)
{
	facts->state = SINEW__RUNNING;
	facts->evidence |= evidence;
}

static void set_new(struct sinew__facts *facts)
{
	facts->state = SINEW__NEW;
	facts->cause = "is being made";
}

/* All was seen by a source that knows. */
static void set_known(struct sinew__facts *facts)
{
	if (facts->is_new)
		set_new(facts);
	else if (facts->runs)
		set_running(facts, 0);
	else
		set_ready(facts, 0);
}

static bool can_run(const struct sinew__facts *facts)
{
	return facts->letter == 'R' && !facts->looker &&
	       !(facts->seen_from >= 0 && facts->seen_from == facts->cpu);
}

static uint64_t accounted(const struct sinew__facts *facts)
{
	return facts->evidence & SINEW__BY_SCHED ? facts->exec_start : facts->ran;
}

/* The last one to be accounted for, of those that can run on the same CPU. */
static bool is_last(const struct sinew__look *look, const struct sinew__facts *facts)
{
	for (size_t i = 0; i < look->count; i++) {
		const struct sinew__facts *other = &look->threads[i];
		if (other == facts || !can_run(other) || other->cpu != facts->cpu)
			continue;
		if (accounted(other) > accounted(facts) ||
			(accounted(other) == accounted(facts) && other < facts))
			return false;
	}
	return true;
}

static bool is_recent(const struct sinew__look *look, const struct sinew__facts *facts)
{
	uint64_t now = look->clock_from + (facts->looked - look->clock_at);

	return look->clock_from && (facts->evidence & SINEW__BY_SCHED) &&
	       facts->exec_start + TICKS > now;
}

/* Those that were not accounted for lately are looked at again, once all have had time for a tick. */
static void sample(struct sinew__look *look, const size_t *doubtful, size_t count)
{
	if (count)
		poll(NULL, 0, SAMPLE_MS);
	for (size_t i = 0; i < count; i++) {
		struct sinew__facts *facts = &look->threads[doubtful[i]];
		uint64_t before = accounted(facts);
		sinew__proc_again(facts);
		if (accounted(facts) != before)
			set_running(facts, SINEW__BY_SAMPLING);
		else
			set_ready(facts, SINEW__BY_SAMPLING);
	}
}

enum { DOUBTFUL = 256 };

static void decide_runnable(struct sinew__look *look)
{
	size_t doubtful[DOUBTFUL], count = 0;

	for (size_t i = 0; i < look->count; i++) {
		struct sinew__facts *facts = &look->threads[i];
		if (facts->letter != 'R')
			continue;
		if (look->at_once)
			set_known(facts);
		else if (facts->looker)
			set_running(facts, SINEW__BY_OWN_CPU);
		else if (!can_run(facts))
			set_ready(facts, SINEW__BY_OWN_CPU);
		else if (!is_last(look, facts))
			set_ready(facts, SINEW__BY_ONLY);
		else if (is_recent(look, facts) || count == DOUBTFUL)
			set_running(facts, SINEW__BY_ONLY);
		else
			doubtful[count++] = i;
	}
	sample(look, doubtful, count);
}

/* ---- the rest ---- */

static void decide_terminated(struct sinew__facts *facts)
{
	facts->state = SINEW__TERMINATED;
	if (facts->letter != 'Z') {
		facts->cause = "ended";
	} else if (facts->threads > 1) {
		facts->cause = "ended; other threads of it go on";
	} else if (facts->tid != facts->pid || !facts->ppid) {
		facts->cause = "ended";
	} else {
		facts->cause = "ended, not reaped";
		snprintf(facts->object, sizeof facts->object, "process %u", facts->ppid);
		sinew__add_other(facts, facts->ppid);
		facts->others_known = true;
	}
}

static void decide_blocked(struct sinew__look *look, struct sinew__facts *facts)
{
	facts->state = SINEW__BLOCKED;
	if (facts->letter == 'T') {
		facts->cause = "stopped";
	} else if (facts->letter == 't') {
		facts->cause = "traced";
		if (facts->tracer) {
			snprintf(facts->object, sizeof facts->object, "process %u", facts->tracer);
			sinew__add_other(facts, facts->tracer);
			facts->others_known = true;
		}
	} else if (facts->kernel) {
		facts->cause = "kernel work";
	} else {
		sinew__explain(look, facts);
	}
}

static void decide_one(struct sinew__look *look, struct sinew__facts *facts)
{
	if (facts->letter == 'R' || !facts->shown)
		return;
	tell_since(look, facts);
	if (strchr("ZXx", facts->letter))
		decide_terminated(facts);
	else
		decide_blocked(look, facts);
}

void sinew__decide(struct sinew__look *look)
{
	decide_runnable(look);
	for (size_t i = 0; i < look->count; i++)
		decide_one(look, &look->threads[i]);
}
