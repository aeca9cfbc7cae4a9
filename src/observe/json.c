/* SPDX-License-Identifier: MIT
 *
 * json.c - a summary as one JSON object. All durations are whole nanoseconds; moments are nanoseconds
 * since the recording began. The keys change by addition only; sinew-report(1) tells them.
 */
#include <stdlib.h>

#include "../banned.h"
#include "outputs.h"
#include "pick.h"
#include "verdicts.h"

static const char *const scopes[] = {"unknown", "command", "pids", "cgroup", "all"};

static const char *const capabilities[] = {"intervals", "preemption", "calls", "objects", "wakers",
	"context", "life", "reaped", "everything", "looks"};

static void bytes(struct sinew__json *json, const char *key, const char *text, size_t size)
{
	char plain[1040];

	sinew__json_text(json, key, sinew__plain(text, size, plain, sizeof plain));
}

/* Null for a moment that was not seen. */
static void moment(struct sinew__json *json, const struct sinew__states *states, const char *key,
	uint64_t time)
{
	if (time)
		sinew__json_number(json, key, time > states->begin ? time - states->begin : 0);
	else
		sinew__json_null(json, key);
}

static void pid_or_null(struct sinew__json *json, const char *key, uint32_t pid)
{
	if (pid)
		sinew__json_number(json, key, pid);
	else
		sinew__json_null(json, key);
}

/* The process behind an id, as two keys. */
static void process_keys(struct sinew__json *json, const struct sinew__states *states,
	const char *pid, const char *comm, uint32_t id)
{
	const struct sinew__process *process =
		id < states->process_count ? states->processes[id] : NULL;

	if (!process || process == states->others) {
		sinew__json_null(json, pid);
		sinew__json_null(json, comm);
		return;
	}
	pid_or_null(json, pid, process->tgid);
	bytes(json, comm, process->comm, SINEW__COMM);
}

/* ---- what was recorded ---- */

static void source(struct sinew__json *json, const struct sinew__states *states)
{
	const struct sinew__record_header *header = &states->header;
	char tier[2] = {(char)(header->tier >= 'A' && header->tier <= 'D' ? header->tier : '?')};

	sinew__json_text(json, "tier", tier);
	sinew__json_text(json, "source", sinew__tier_text(header->tier));
	sinew__json_open(json, "has", '[');
	for (unsigned i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
		if (header->has >> i & 1)
			sinew__json_text(json, NULL, capabilities[i]);
	sinew__json_close(json, ']');
	sinew__json_text(json, "scope", scopes[header->scope <= 4 ? header->scope : 0]);
	bytes(json, "command", header->command, sizeof header->command);
	bytes(json, "release", header->release, sizeof header->release);
	sinew__json_number(json, "machine", header->machine);
	sinew__json_number(json, "cpu_count", header->cpus);
	pid_or_null(json, "recorder", header->recorder);
	pid_or_null(json, "target", header->target);
	sinew__json_number(json, "began_ns", header->day);
	sinew__json_number(json, "duration_ns", states->end - states->begin);
	sinew__json_number(json, "slice_ns", header->slice);
}

static void ending(struct sinew__json *json, const struct sinew__states *states)
{
	const struct sinew__end *end = &states->end_record;

	sinew__json_bool(json, "complete", states->ended && !states->lost && !states->fault[0]);
	sinew__json_number(json, "startup_ns", end->startup);
	sinew__json_number(json, "seeding_ns", end->seeding);
	sinew__json_number(json, "seeded", end->seeded);
	if (states->ended && end->exit_code >= 0)
		sinew__json_number(json, "exit_code", (uint64_t)end->exit_code);
	else
		sinew__json_null(json, "exit_code");
}

static void evidence(struct sinew__json *json, const struct sinew__states *states)
{
	sinew__long text;

	sinew__json_open(json, "evidence", '{');
	sinew__json_number(json, "records", states->records);
	sinew__json_number(json, "intervals", states->intervals);
	sinew__json_number(json, "lost", states->lost);
	sinew__json_number(json, "gaps", states->gaps);
	sinew__json_number(json, "contradictions", states->contradictions);
	sinew__json_number(json, "strange", states->strange);
	sinew__json_number(json, "late", states->order.late);
	sinew__json_number(json, "missing", states->missing);
	sinew__json_number(json, "joined", states->joined);
	sinew__json_number(json, "torn", states->torn);
	sinew__json_number(json, "checked", states->checked);
	sinew__json_number(json, "overlaps", states->overlaps);
	sinew__json_number(json, "folded", states->folded);
	sinew__json_number(json, "unlisted", states->unlisted);
	sinew__json_close(json, '}');
	sinew__json_open(json, "doubts", '[');
	for (unsigned i = 0; sinew__doubt(states, i, text); i++)
		sinew__json_text(json, NULL, text);
	sinew__json_close(json, ']');
	sinew__json_open(json, "notes", '[');
	for (unsigned i = 0; sinew__note_text_at(states, i, text); i++)
		sinew__json_text(json, NULL, text);
	sinew__json_close(json, ']');
}

/* ---- accounts ---- */

static void spans(struct sinew__json *json, const char *key, const struct sinew__spans *spans)
{
	unsigned last = SINEW__BINS;

	while (last && !spans->bins[last - 1])
		last--;
	sinew__json_open(json, key, '{');
	sinew__json_number(json, "count", spans->count);
	sinew__json_number(json, "sum_ns", spans->sum);
	sinew__json_number(json, "longest_ns", spans->longest);
	sinew__json_number(json, "half_under_ns", sinew__spans_half(spans));
	sinew__json_open(json, "bins", '[');
	for (unsigned i = 0; i < last; i++)
		sinew__json_number(json, NULL, spans->bins[i]);
	sinew__json_close(json, ']');
	sinew__json_close(json, '}');
}

static void account(struct sinew__json *json, const struct sinew__account *account)
{
	sinew__json_open(json, "time_ns", '{');
	for (unsigned i = 0; i < SINEW__STATES; i++)
		sinew__json_number(json, sinew__state_names[i], account->time[i]);
	sinew__json_close(json, '}');
	sinew__json_open(json, "transitions", '{');
	for (unsigned i = 0; i < SINEW__MOVES; i++)
		sinew__json_number(json, sinew__move_names[i], account->moves[i]);
	sinew__json_close(json, '}');
	spans(json, "delay", &account->delay);
	spans(json, "blocked", &account->blocked);
}

static void birth(struct sinew__json *json, const struct sinew__states *states,
	const struct sinew__task *task)
{
	sinew__json_open(json, "birth", '{');
	sinew__json_bool(json, "seen", task->born);
	pid_or_null(json, "maker", task->maker);
	moment(json, states, "forked_at_ns", task->made);
	moment(json, states, "admitted_at_ns", task->admitted);
	moment(json, states, "first_run_at_ns", task->first_run);
	moment(json, states, "exec_at_ns", task->exec);
	sinew__json_number(json, "execs", task->execs);
	sinew__json_close(json, '}');
}

static void end(struct sinew__json *json, const struct sinew__states *states,
	const struct sinew__task *task)
{
	uint32_t code;

	if (!task->exit_seen && !task->dead && !task->reap_seen) {
		sinew__json_null(json, "end");
		return;
	}
	sinew__json_open(json, "end", '{');
	moment(json, states, "exited_at_ns", task->exited);
	if (sinew__code_of(states, task, &code))
		sinew__json_number(json, "code", code);
	else
		sinew__json_null(json, "code");
	moment(json, states, "off_cpu_at_ns", task->dead);
	moment(json, states, "reaped_at_ns", task->reaped);
	moment(json, states, "reaped_before_ns", task->reaped_before);
	sinew__json_bool(json, "reaped_certain", task->certain);
	pid_or_null(json, "reaper", task->reaper);
	pid_or_null(json, "parent", task->parent);
	sinew__json_close(json, '}');
}

static void task(struct sinew__json *json, const struct sinew__states *states,
	const struct sinew__task *task)
{
	sinew__json_open(json, NULL, '{');
	sinew__json_number(json, "pid", task->who.tgid);
	sinew__json_number(json, "tid", task->who.tid);
	sinew__json_number(json, "start_ns", task->who.start);
	bytes(json, "comm", task->comm, SINEW__COMM);
	sinew__json_text(json, "state", task->over ? "gone" : sinew__state_names[task->now]);
	sinew__json_number(json, "seen_from_ns",
		task->begin > states->begin ? task->begin - states->begin : 0);
	sinew__json_number(json, "lifetime_ns", task->at - task->begin);
	account(json, &task->account);
	sinew__json_number(json, "gaps", task->gaps);
	sinew__json_number(json, "contradictions", task->contradictions);
	birth(json, states, task);
	end(json, states, task);
	sinew__json_close(json, '}');
}

static void processes(struct sinew__json *json, const struct sinew__states *states)
{
	uint32_t count;
	const struct sinew__process **picked = sinew__pick_processes(states, &count);

	sinew__json_open(json, "processes", '[');
	for (uint32_t i = 0; i < count; i++) {
		sinew__json_open(json, NULL, '{');
		process_keys(json, states, "pid", "comm", picked[i]->id);
		sinew__json_number(json, "thread_count", picked[i]->tasks);
		sinew__json_bool(json, "kernel", picked[i]->kernel);
		account(json, &picked[i]->account);
		sinew__json_open(json, "threads", '[');
		for (const struct sinew__task *at = picked[i]->first; at; at = at->sibling)
			task(json, states, at);
		sinew__json_close(json, ']');
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
	free(picked);
}

/* ---- causes ---- */

static void block(struct sinew__json *json, const struct sinew__states *states,
	const struct sinew__block_row *row)
{
	const struct sinew__block_key *key = &row->key;
	sinew__long text;
	const char *object = sinew__object_text(states, key, text);

	sinew__json_open(json, NULL, '{');
	process_keys(json, states, "pid", "comm", key->process);
	if (object)
		sinew__json_text(json, "object", object);
	else
		sinew__json_null(json, "object");
	sinew__json_text(json, "call", sinew__call_text(states, key, text));
	sinew__json_text(json, "context", sinew__context_name(key->context));
	process_keys(json, states, "waker", "waker_comm", key->waker);
	sinew__json_text(json, "ended", sinew__ender_text(states, key, text));
	sinew__json_bool(json, "open", key->open);
	sinew__json_bool(json, "wakeup_unseen", key->asleep);
	sinew__json_number(json, "count", row->count);
	sinew__json_number(json, "time_ns", row->time);
	sinew__json_number(json, "longest_ns", row->longest);
	sinew__json_number(json, "seeded", row->seeded);
	sinew__json_close(json, '}');
}

static void blocks(struct sinew__json *json, const struct sinew__states *states)
{
	uint32_t count;
	const struct sinew__block_row **rows = sinew__pick_blocks(states, SINEW__NOBODY, &count);

	sinew__json_open(json, "blocked", '[');
	for (uint32_t i = 0; i < count; i++)
		block(json, states, rows[i]);
	sinew__json_close(json, ']');
	free(rows);
}

static void wakeups(struct sinew__json *json, const struct sinew__states *states)
{
	uint32_t count;
	struct sinew__wakeup *rows = sinew__pick_wakeups(states, &count);

	sinew__json_open(json, "wakeups", '[');
	for (uint32_t i = 0; i < count; i++) {
		sinew__json_open(json, NULL, '{');
		sinew__json_text(json, "context", sinew__context_name(rows[i].context));
		process_keys(json, states, "waker", "waker_comm", rows[i].waker);
		process_keys(json, states, "pid", "comm", rows[i].process);
		sinew__json_number(json, "count", rows[i].count);
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
	free(rows);
}

static void pushes(struct sinew__json *json, const struct sinew__states *states)
{
	uint32_t count;
	const struct sinew__push_row **rows = sinew__pick_pushes(states, &count);

	sinew__json_open(json, "preemptions", '[');
	for (uint32_t i = 0; i < count; i++) {
		sinew__json_open(json, NULL, '{');
		process_keys(json, states, "pid", "comm", rows[i]->key.victim);
		process_keys(json, states, "next", "next_comm", rows[i]->key.next);
		sinew__json_text(json, "why", sinew__why_name(rows[i]->key.why));
		sinew__json_number(json, "count", rows[i]->count);
		sinew__json_number(json, "ready_ns", rows[i]->time);
		sinew__json_number(json, "longest_ns", rows[i]->longest);
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
	free(rows);
}

static void cpus(struct sinew__json *json, const struct sinew__states *states)
{
	sinew__json_open(json, "cpus", '[');
	for (uint32_t i = 0; i < states->cpu_count; i++) {
		const struct sinew__cpu_state *cpu = &states->cpus[i];
		if (!cpu->told && !cpu->running)
			continue;
		sinew__json_open(json, NULL, '{');
		sinew__json_number(json, "cpu", i);
		sinew__json_number(json, "running_ns", cpu->running);
		sinew__json_bool(json, "totals", cpu->told);
		sinew__json_number(json, "idle_ns", cpu->idle);
		sinew__json_number(json, "recorder_ns", cpu->recorder);
		sinew__json_number(json, "switches", cpu->switches);
		sinew__json_number(json, "overlaps", cpu->overlaps);
		sinew__json_number(json, "unknown_ns", cpu->unknown);
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
}

static void verdicts(struct sinew__json *json, const struct sinew__states *states)
{
	struct sinew__verdict verdict;

	sinew__json_open(json, "verdicts", '[');
	for (unsigned i = 0; i < SINEW__VERDICTS; i++) {
		sinew__judge(states, i, &verdict);
		sinew__json_open(json, NULL, '{');
		sinew__json_text(json, "name", verdict.name);
		sinew__json_text(json, "claim", verdict.claim);
		sinew__json_text(json, "answer", sinew__answer_name(verdict.answer));
		sinew__json_text(json, "figures", verdict.figures);
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
}

void sinew__json_report(
	struct sinew__json *json, const char *key, const struct sinew__states *states)
{
	sinew__json_open(json, key, '{');
	sinew__json_number(json, "version", 1);
	source(json, states);
	ending(json, states);
	evidence(json, states);
	sinew__json_open(json, "total", '{');
	account(json, &states->total);
	sinew__json_close(json, '}');
	processes(json, states);
	blocks(json, states);
	wakeups(json, states);
	pushes(json, states);
	cpus(json, states);
	verdicts(json, states);
	sinew__json_close(json, '}');
}

int sinew__json_write(const struct sinew__states *states, FILE *stream)
{
	struct sinew__json json = {.stream = stream};

	sinew__json_report(&json, NULL, states);
	fputc('\n', stream);
	return 0;
}
