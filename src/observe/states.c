/* SPDX-License-Identifier: MIT
 *
 * states.c - one record after the other moves the point up to which each thread is accounted for.
 *
 * Invariant: `at` never goes back, and every nanosecond that it passes is added to exactly one state of
 * its thread, of its process, and of all. A record that contradicts what is known moves it without
 * saying more: the time is `unseen`, and the contradiction is counted.
 */
#include "steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"

static const uint64_t far_future = UINT64_C(1) << 60; /* ns, 36 years: no recording is that long */
enum { NOTES_MOST = 64 };

/* ---- what is not of a thread ---- */

static int add_note(struct sinew__states *states, bool of_user, const char *text, size_t length)
{
	if (states->note_count == NOTES_MOST)
		return 0;
	struct sinew__note_text *note = calloc(1, sizeof *note);
	if (!note)
		return sinew__observe_fail(ENOMEM, "no memory for a note");
	note->of_user = of_user;
	memcpy(note->text, text, length < sizeof note->text ? length : sizeof note->text - 1);
	*states->last_note = note;
	states->last_note = &note->next;
	states->note_count++;
	return 0;
}

static int take_note(struct sinew__states *states, const struct sinew__note *in)
{
	return add_note(states, in->head.flags & SINEW__NOTE_OF_USER, in->text, in->length);
}

int sinew__states_note(struct sinew__states *states, const char *text)
{
	return add_note(states, true, text, strlen(text));
}

static int take_object(struct sinew__states *states, struct sinew__object_name *in)
{
	in->detail = sinew__object_detail(in->magic, in->detail);
	return sinew__tally_name(&states->tally, in);
}

static int take_cpu(struct sinew__states *states, const struct sinew__cpu *in)
{
	struct sinew__cpu_state *cpu = sinew__cpu_of(states, in->head.cpu);

	if (!cpu || cpu->told) {
		states->contradictions++;
		return 0;
	}
	cpu->told = true;
	cpu->until = in->head.time;
	cpu->idle = in->idle;
	cpu->recorder = in->recorder;
	cpu->switches = in->switches;
	cpu->overlaps = in->overlaps;
	cpu->unknown = in->unknown;
	return 0;
}

static int take_loss(struct sinew__states *states, const struct sinew__loss *in)
{
	if (__builtin_add_overflow(states->lost, in->lost, &states->lost))
		states->lost = UINT64_MAX;
	states->losses++;
	return 0;
}

static int take_end(struct sinew__states *states, const struct sinew__end *in)
{
	states->ended = true;
	states->end_record = *in;
	return 0;
}

/* ---- all together ---- */

/* In the order of time. */
static int take_ordered(struct sinew__states *states, const union sinew__any *any)
{
	switch (any->head.type) {
	case SINEW__RECORD_INTERVAL:
		return sinew__take_interval(states, &any->interval);
	case SINEW__RECORD_THREAD:
		return sinew__take_thread(states, &any->thread);
	case SINEW__RECORD_ADMIT:
		return sinew__take_admit(states, &any->admit);
	case SINEW__RECORD_EXEC:
		return sinew__take_exec(states, &any->exec);
	case SINEW__RECORD_EXIT:
		return sinew__take_exit(states, &any->exit);
	case SINEW__RECORD_REAPED:
		return sinew__take_reaped(states, &any->reaped);
	case SINEW__RECORD_SAMPLE:
		return sinew__take_sample(states, &any->sample);
	default:
		return sinew__take_name(states, &any->name);
	}
}

static int drain(struct sinew__states *states, bool all)
{
	union sinew__any any;
	int r = 0;

	while (r == 0 && sinew__order_take(&states->order, all, &any))
		r = take_ordered(states, &any);
	return r;
}

static int take(struct sinew__states *states, union sinew__any *any)
{
	switch (any->head.type) {
	case SINEW__RECORD_NOTE:
		return take_note(states, &any->note);
	case SINEW__RECORD_OBJECT:
		return take_object(states, &any->object);
	case SINEW__RECORD_CPU:
		return take_cpu(states, &any->cpu);
	case SINEW__RECORD_LOSS:
		return take_loss(states, &any->loss);
	case SINEW__RECORD_END:
		return take_end(states, &any->end);
	default:
		break;
	}
	int r = sinew__order_put(&states->order, any);
	return r < 0 ? r : drain(states, false);
}

int sinew__states_add(struct sinew__states *states, const struct sinew__record *record)
{
	union sinew__any any;

	states->records++;
	bool known = sinew__record_copy(&any, record);
	bool possible = record->time <= states->begin + far_future;
	states->strange += !known || !possible;
	/* What an object is called may be found out after the end. */
	if (possible && known && record->type != SINEW__RECORD_OBJECT && record->time > states->end)
		states->end = record->time;
	/* The end is one whatever its time. */
	if (known && (possible || record->type == SINEW__RECORD_END))
		return take(states, &any);
	return 0;
}

static void settle_task(struct sinew__states *states, struct sinew__task *task)
{
	if (task->over || task->left_open)
		return;
	sinew__spend(states, task,
		task->now == SINEW__TERMINATED ? SINEW__TERMINATED : SINEW__UNSEEN, states->end);
}

/* Nobody came to it or left: who was there all the time is not told of, or nobody was. */
static void settle_cpu(struct sinew__states *states, struct sinew__cpu_state *cpu)
{
	const bool all = states->header.scope == SINEW__SCOPE_ALL;

	if (all && cpu->told && !cpu->switches && !cpu->running && cpu->until > states->begin)
		cpu->unknown = cpu->until - states->begin;
}

int sinew__states_settle(struct sinew__states *states)
{
	int r = drain(states, states->ended || states->fault[0]);

	states->missing = 0;
	for (uint32_t i = 0; i < states->process_count; i++)
		for (struct sinew__task *task = states->processes[i]->first; task;
			task = task->sibling) {
			states->missing += !task->known;
			if (states->ended)
				settle_task(states, task);
		}
	for (uint32_t i = 0; states->ended && i < states->cpu_count; i++)
		settle_cpu(states, &states->cpus[i]);
	if (r == 0 && states->timeline)
		r = sinew__timeline_settle(states->timeline);
	return r;
}

int sinew__states_init(struct sinew__states *states, const struct sinew__record_header *header)
{
	*states = (struct sinew__states){.header = *header};
	states->begin = states->end = header->started < far_future ? header->started : far_future;
	states->last_note = &states->notes;
	states->cpu_count = header->cpus < SINEW__CPUS_MOST ? header->cpus : SINEW__CPUS_MOST;
	states->cpus = calloc(states->cpu_count + 1, sizeof *states->cpus);
	int r = sinew__people_init(states);
	if (r == 0 && !states->cpus)
		r = sinew__observe_fail(ENOMEM, "no memory for CPUs");
	if (r < 0)
		sinew__states_fini(states);
	return r;
}

void sinew__states_fini(struct sinew__states *states)
{
	struct sinew__note_text *next;

	for (struct sinew__note_text *note = states->notes; note; note = next) {
		next = note->next;
		free(note);
	}
	sinew__people_fini(states);
	sinew__tally_fini(&states->tally);
	sinew__timeline_fini(states->timeline);
	sinew__order_fini(&states->order);
	free(states->cpus);
}
