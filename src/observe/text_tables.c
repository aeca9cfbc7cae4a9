/* SPDX-License-Identifier: MIT
 *
 * text_tables.c - time in each state, transitions, run-queue delay, births and ends, as tables of text.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "pick.h"
#include "text.h"

enum { MOST_PROCESSES = 20, MOST_TASKS = 8 };

/* Columns of the name. */
enum { STATES_NAME = 22, MOVES_NAME = 18 };

static char *task_text(const struct sinew__task *task, sinew__long text)
{
	char comm[4 * SINEW__COMM + 1];

	sinew__plain(task->comm, SINEW__COMM, comm, sizeof comm);
	snprintf(text, sizeof(sinew__long), "  %u %s", task->who.tid, comm[0] ? comm : "?");
	return text;
}

/* ---- a table with one row for each process, and for its threads if it has more than one ---- */

typedef void cells(const struct sinew__account *account, const struct sinew__page *page);

struct form {
	cells *write;
	unsigned name;
};

static void row(const struct sinew__page *page, const char *name,
	const struct sinew__account *account, const struct form *form)
{
	fputs("  ", page->stream);
	sinew__cell(page, name, form->name);
	form->write(account, page);
	fputc('\n', page->stream);
}

static void task_rows(const struct sinew__process *process, const struct sinew__page *page,
	const struct form *form)
{
	unsigned shown = 0;
	sinew__long text;

	if (process->tasks < 2)
		return;
	for (const struct sinew__task *task = process->first; task && shown < MOST_TASKS;
		task = task->sibling, shown++)
		row(page, task_text(task, text), &task->account, form);
	if (process->tasks > shown)
		fprintf(page->stream, "    and %u more thread%s\n", process->tasks - shown,
			sinew__plural(process->tasks - shown));
}

static void table(
	const struct sinew__states *states, const struct sinew__page *page, const struct form *form)
{
	uint32_t count;
	const struct sinew__process **picked = sinew__pick_processes(states, &count);
	sinew__long text;

	for (uint32_t i = 0; i < count && i < MOST_PROCESSES; i++) {
		row(page, sinew__process_text(states, picked[i]->id, text), &picked[i]->account,
			form);
		task_rows(picked[i], page, form);
	}
	if (count > MOST_PROCESSES)
		fprintf(page->stream, "  and %u more process%s\n", count - MOST_PROCESSES,
			count - MOST_PROCESSES == 1 ? "" : "es");
	row(page, "all", &states->total, form);
	free(picked);
}

static void state_cells(const struct sinew__account *account, const struct sinew__page *page)
{
	const uint64_t *time = account->time;
	uint64_t shown[] = {time[SINEW__NEW], time[SINEW__READY], time[SINEW__RUNNING],
		time[SINEW__BLOCKED], time[SINEW__TERMINATED],
		time[SINEW__ASLEEP] + time[SINEW__UNSEEN]};
	sinew__short text;

	for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++)
		fprintf(page->stream, "%*s", i == SINEW__TERMINATED ? 11 : 9,
			sinew__duration(shown[i], text));
}

void sinew__text_states(const struct sinew__states *states, const struct sinew__page *page)
{
	sinew__heading(page, "Time in each state");
	fprintf(page->stream, "  %-22s%9s%9s%9s%9s%11s%9s\n", "process, thread", "new", "ready",
		"running", "blocked", "terminated", "unseen");
	table(states, page, &(const struct form){state_cells, STATES_NAME});
}

static void move_cells(const struct sinew__account *account, const struct sinew__page *page)
{
	sinew__short text;

	for (unsigned i = SINEW__ADMITTED; i <= SINEW__ENDED; i++)
		fprintf(page->stream, "%6s", sinew__brief(account->moves[i], 5, text));
}

void sinew__text_moves(const struct sinew__states *states, const struct sinew__page *page)
{
	sinew__heading(
		page, "Transitions: new>ready, ready>run, run>ready (why), blocked, woken, ended");
	fprintf(page->stream, "  %-18s%6s%6s%6s%6s%6s%6s%6s%6s%6s%6s\n", "process, thread", "admit",
		"run", "slice", "woken", "class", "yield", "other", "block", "wake", "end");
	table(states, page, &(const struct form){move_cells, MOVES_NAME});
}

/* ---- run-queue delay ---- */

static void bar(const struct sinew__page *page, unsigned bin, uint64_t n, uint64_t most)
{
	static const char full[] = "########################################";
	sinew__short below, number;
	bool last = bin == SINEW__BINS - 1;

	fprintf(page->stream, "  %s %9s |%-40.*s| %s\n", last ? "over " : "under",
		sinew__duration(UINT64_C(1) << (bin + !last), below),
		(int)((n * 40 + most - 1) / most), full, sinew__brief(n, 20, number));
}

void sinew__text_delay(const struct sinew__states *states, const struct sinew__page *page)
{
	const struct sinew__spans *delay = &states->total.delay;
	uint64_t most = 1;
	unsigned first = SINEW__BINS, last = 0;
	sinew__short half, longest;

	for (unsigned i = 0; i < SINEW__BINS; i++)
		if (delay->bins[i]) {
			first = i < first ? i : first;
			last = i;
			most = delay->bins[i] > most ? delay->bins[i] : most;
		}
	if (!delay->count)
		return;
	sinew__heading(page, "Run-queue delay: how long threads were ready before they ran");
	for (unsigned i = first; i <= last; i++)
		bar(page, i, delay->bins[i], most);
	fprintf(page->stream, "  half under %s, longest %s\n",
		sinew__duration(sinew__spans_half(delay), half),
		sinew__duration(delay->longest, longest));
}

/* ---- births and ends ---- */

/* Adds to the sentence in `text`. */
static void more(sinew__long text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void more(sinew__long text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, sizeof(sinew__long) - used, format, args);
	va_end(args);
}

static const char *after(uint64_t from, uint64_t to, sinew__short text)
{
	return sinew__duration(to > from ? to - from : 0, text);
}

static void tell_birth(
	const struct sinew__states *states, const struct sinew__task *task, sinew__long text)
{
	sinew__long who;
	sinew__short t;

	if (!task->born) {
		more(text, "was there before");
	} else {
		more(text, "forked by %.100s at %s",
			sinew__process_text(states, task->maker_id, who),
			after(states->begin, task->made, t));
		if (task->admitted)
			more(text, ", ready %s later", after(task->made, task->admitted, t));
		if (task->first_run)
			more(text, ", first ran %s after the fork",
				after(task->made, task->first_run, t));
	}
	if (task->execs) {
		more(text, task->execs > 1 ? ", %" PRIu32 " execs, the first" : ", exec",
			task->execs);
		more(text, " at %s", after(states->begin, task->exec, t));
	}
}

static void tell_terminated(
	const struct sinew__states *states, const struct sinew__task *task, sinew__long text)
{
	uint64_t from = task->dead ? task->dead : task->exited;
	sinew__long who;
	sinew__short t, u;

	if (!task->reap_seen) {
		more(text, "; terminated, and %.100s has not reaped it",
			sinew__process_text(states, task->parent_id, who));
		return;
	}
	if (!from)
		more(text, "; terminated since before");
	if (!task->reaper)
		more(text, "; reaped by nobody, it had not to be");
	else if (!from)
		more(text, ", reaped by %.100s", sinew__process_text(states, task->reaper_id, who));
	else if (task->certain)
		more(text, "; terminated for %s, reaped by %.100s", after(from, task->reaped, t),
			sinew__process_text(states, task->reaper_id, who));
	else
		more(text, "; terminated for %s to %s, reaped by %.100s",
			after(from, task->reaped, t), after(from, task->reaped_before, u),
			sinew__process_text(states, task->reaper_id, who));
	more(text, "; released by %s", after(states->begin, task->released, t));
}

static void tell_end(
	const struct sinew__states *states, const struct sinew__task *task, sinew__long text)
{
	sinew__long words;
	sinew__short t;
	uint32_t code;

	if (!task->exit_seen && !task->dead && !task->reap_seen)
		return;
	if (task->exit_seen)
		more(text, "; %s at %s",
			sinew__code_of(states, task, &code) ? sinew__code_text(code, words)
							    : "exited",
			after(states->begin, task->exited, t));
	if (task->exit_seen && task->dead)
		more(text, ", off its CPU %s later", after(task->exited, task->dead, t));
	if (task->dead || task->reap_seen)
		tell_terminated(states, task, text);
}

/* The first thread stands for its process. */
static const struct sinew__task *first_of(const struct sinew__process *process)
{
	const struct sinew__task *task = process->first;

	while (task && (task->who.tid != task->who.tgid || task->retired))
		task = task->sibling;
	return task;
}

static bool has_story(const struct sinew__task *task)
{
	return task && (task->born || task->execs || task->exit_seen || task->reap_seen);
}

void sinew__text_lives(const struct sinew__states *states, const struct sinew__page *page)
{
	uint32_t count, shown = 0, left = 0;
	const struct sinew__process **picked = sinew__pick_processes(states, &count);
	sinew__long who;

	for (uint32_t i = 0; i < count; i++) {
		const struct sinew__task *task = first_of(picked[i]);
		if (!has_story(task) || shown == MOST_PROCESSES) {
			left += has_story(task);
			continue;
		}
		if (shown++ == 0)
			sinew__heading(page, "Births and ends, by time since the recording began");
		sinew__long text = "";
		more(text, "%.80s: ", sinew__process_text(states, picked[i]->id, who));
		tell_birth(states, task, text);
		tell_end(states, task, text);
		sinew__entry(page, text);
	}
	if (left)
		fprintf(page->stream, "  and %u more\n", left);
	free(picked);
}
