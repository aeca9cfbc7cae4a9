/* SPDX-License-Identifier: MIT
 *
 * verdicts.c - each sentence is a row: its claim and the function that looks at the figures. Nothing is
 * taken for granted, not even that a CPU runs one thread at a time.
 */
#include "verdicts.h"

#include <inttypes.h>
#include <string.h>

#include "../banned.h"

#define FIGURES(verdict, ...) snprintf((verdict)->figures, sizeof(verdict)->figures, __VA_ARGS__)

/* ---- at most one on a CPU ---- */

static void one_per_cpu(const struct sinew__states *states, struct sinew__verdict *verdict)
{
	uint64_t told = 0, switches = 0;
	sinew__short a, b;

	for (uint32_t i = 0; i < states->cpu_count; i++) {
		told += states->cpus[i].overlaps;
		switches += states->cpus[i].switches;
	}
	/* Two at a time is less likely than a switch that the recorder missed. */
	if (states->checked && !states->overlaps && !told)
		verdict->answer = SINEW__TRUE_HERE;
	FIGURES(verdict,
		"%s runs were held against who came to their CPU next: %" PRIu64
		" overlap. Of %s switches the recorder saw, %" PRIu64
		" found somebody still there.%s%s",
		sinew__number(states->checked, a), states->overlaps, sinew__number(switches, b),
		told,
		states->overlaps || told ? " Either a switch was not seen, or it is not so." : "",
		states->lost ? " Records were lost: that holds for the others only." : "");
}

/* ---- ready often, blocked rarely ---- */

static uint64_t pushed(const struct sinew__account *total)
{
	uint64_t n = 0;

	for (unsigned i = SINEW__BY_SLICE; i <= SINEW__BY_OTHER; i++)
		n += total->moves[i];
	return n;
}

static void often(const struct sinew__states *states, struct sinew__verdict *verdict)
{
	uint64_t ready = pushed(&states->total), blocked = states->total.moves[SINEW__TO_BLOCKED];
	sinew__short a, b;

	if (ready + blocked)
		verdict->answer = ready > blocked ? SINEW__TRUE_HERE : SINEW__NOT_HERE;
	FIGURES(verdict, "A running thread became ready %s time%s, blocked %s time%s.",
		sinew__number(ready, a), sinew__plural(ready), sinew__number(blocked, b),
		sinew__plural(blocked));
}

static void briefly(const struct sinew__states *states, struct sinew__verdict *verdict)
{
	const struct sinew__spans *ready = &states->total.delay, *blocked = &states->total.blocked;
	uint64_t r = sinew__spans_half(ready), b = sinew__spans_half(blocked);
	sinew__short t[4];

	if (ready->count && blocked->count)
		verdict->answer = r < b ? SINEW__TRUE_HERE : SINEW__NOT_HERE;
	FIGURES(verdict,
		"Half of the times of being ready were shorter than %s (longest %s), half of those "
		"of being blocked shorter than %s (longest %s).",
		sinew__duration(r, t[0]), sinew__duration(ready->longest, t[1]),
		sinew__duration(b, t[2]), sinew__duration(blocked->longest, t[3]));
}

/* ---- the recording agrees with itself ---- */

static uint64_t broken_lives(const struct sinew__states *states, uint64_t *lives)
{
	uint64_t broken = 0;

	for (uint32_t i = 0; i < states->process_count; i++)
		for (const struct sinew__task *task = states->processes[i]->first; task;
			task = task->sibling, ++*lives)
			broken += sinew__account_sum(&task->account) != task->at - task->begin;
	return broken;
}

static void lives_add_up(const struct sinew__states *states, struct sinew__verdict *verdict)
{
	uint64_t lives = 0, broken = broken_lives(states, &lives);
	uint64_t unseen = states->total.time[SINEW__UNSEEN], all;
	sinew__short a, b, c;

	all = sinew__account_sum(&states->total);
	if (broken || states->torn)
		verdict->answer = SINEW__NOT_HERE;
	else if (states->joined && !states->lost && !states->contradictions && !states->overlaps)
		verdict->answer = SINEW__TRUE_HERE;
	FIGURES(verdict,
		"%s of %s intervals begin at the very nanosecond at which the one before ended; %u "
		"%% of all %" PRIu64 " lives is unseen (%s).",
		sinew__number(states->joined, a), sinew__number(states->joined + states->torn, b),
		sinew__percent(unseen, all), lives, sinew__duration(unseen, c));
}

/* What is neither idle nor the recorder's nor of a thread that was told. */
static void cpus_are_full(const struct sinew__states *states, struct sinew__verdict *verdict)
{
	uint64_t all = 0, known = 0, unknown = 0;
	unsigned cpus = 0;
	sinew__short a, b;

	for (uint32_t i = 0; i < states->cpu_count; i++) {
		const struct sinew__cpu_state *cpu = &states->cpus[i];
		if (!cpu->told || cpu->until < states->begin)
			continue;
		cpus++;
		all += cpu->until - states->begin;
		known += cpu->idle + cpu->recorder + cpu->running;
		unknown += cpu->unknown;
	}
	uint64_t differ = all > known ? all - known : known - all;
	if (!(states->header.has & SINEW__HAS_EVERYTHING) || !all) {
		FIGURES(verdict, "Not everything that ran was recorded.");
		return;
	}
	/* What ran before it was looked at is nobody's. */
	uint64_t open = all / 50 + cpus * states->end_record.seeding;
	verdict->answer = differ <= open ? SINEW__TRUE_HERE : SINEW__NOT_HERE;
	FIGURES(verdict, "On %u CPU%s running and idle time leave %s open, %u %% of it%s%s.", cpus,
		sinew__plural(cpus), sinew__duration(differ, a), sinew__percent(differ, all),
		unknown ? "; switches that were not seen explain " : "",
		unknown ? sinew__duration(unknown, b) : "");
}

static const struct row {
	const char *name, *claim;
	void (*judge)(const struct sinew__states *states, struct sinew__verdict *verdict);
} rows[SINEW__VERDICTS] = {
	{"one_per_cpu", "On each CPU at most one process runs at a time.", one_per_cpu},
	{"ready_often", "Processes become ready often, blocked rarely.", often},
	{"ready_briefly", "They are ready briefly, blocked long.", briefly},
	{"lives_add_up", "Every life is the sum of its states.", lives_add_up},
	{"cpus_are_full", "Running and idle time fill each CPU.", cpus_are_full},
};

void sinew__judge(const struct sinew__states *states, unsigned i, struct sinew__verdict *verdict)
{
	*verdict = (struct sinew__verdict){
		.name = rows[i].name, .claim = rows[i].claim, .answer = SINEW__CANNOT_TELL};
	rows[i].judge(states, verdict);
}

const char *sinew__answer_text(enum sinew__answer answer)
{
	static const char *const texts[] = {"true here", "not so here", "cannot be told"};

	return texts[answer];
}

const char *sinew__answer_name(enum sinew__answer answer)
{
	static const char *const names[] = {"true", "false", "unknown"};

	return names[answer];
}
