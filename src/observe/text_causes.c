/* SPDX-License-Identifier: MIT
 *
 * text_causes.c - what threads waited for and who ended it, who woke whom, who displaced whom, in plain
 * words.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "../banned.h"
#include "pick.h"
#include "text.h"

enum { MOST_PROCESSES = 15, MOST_ROWS = 6, MOST_PAIRS = 20 };

static const char *times(uint64_t n, sinew__short text)
{
	sinew__number(n, text);
	return text;
}

/* ---- blocked ---- */

static void block_line(const struct sinew__states *states, const struct sinew__page *page,
	const struct sinew__block_row *row, uint64_t all)
{
	sinew__long wait, ender, line;
	sinew__short count, longest;
	char first[16];

	snprintf(first, sizeof first, "    %3u %% ", sinew__percent(row->time, all));
	snprintf(line, sizeof line, "%.300s, %.120s, %s time%s%s%s%s",
		sinew__wait_text(states, &row->key, wait),
		sinew__ender_text(states, &row->key, ender), times(row->count, count),
		sinew__plural(row->count), row->count > 1 ? ", longest " : "",
		row->count > 1 ? sinew__duration(row->longest, longest) : "",
		row->seeded ? " (begun before the recording)" : "");
	sinew__paragraph(page, first, line);
}

static void block_lines(const struct sinew__states *states, const struct sinew__page *page,
	const struct sinew__block_row **rows, uint32_t count)
{
	uint64_t all = 0, rest = 0, blocks = 0;
	sinew__long who, line;
	sinew__short time, number;

	for (uint32_t i = 0; i < count; i++) {
		all += rows[i]->time;
		blocks += rows[i]->count;
		rest += i < MOST_ROWS ? 0 : rows[i]->time;
	}
	snprintf(line, sizeof line, "%.200s: %s in %s block%s",
		sinew__process_text(states, rows[0]->key.process, who), sinew__duration(all, time),
		times(blocks, number), sinew__plural(blocks));
	sinew__entry(page, line);
	for (uint32_t i = 0; i < count && i < MOST_ROWS; i++)
		block_line(states, page, rows[i], all);
	if (count > MOST_ROWS)
		fprintf(page->stream, "    %3u %% %u more kinds\n", sinew__percent(rest, all),
			count - MOST_ROWS);
}

void sinew__text_blocked(const struct sinew__states *states, const struct sinew__page *page)
{
	uint32_t count, processes = 0, next;
	const struct sinew__block_row **rows = sinew__pick_blocks(states, SINEW__NOBODY, &count);

	for (uint32_t i = 0; i < count; i = next) {
		for (next = i; next < count && rows[next]->key.process == rows[i]->key.process;)
			next++;
		if (processes == 0)
			sinew__heading(page, "Blocked: in which call, on what, ended by whom");
		if (processes++ < MOST_PROCESSES)
			block_lines(states, page, rows + i, next - i);
	}
	if (processes > MOST_PROCESSES)
		fprintf(page->stream, "  and %u more process%s\n", processes - MOST_PROCESSES,
			processes - MOST_PROCESSES == 1 ? "" : "es");
	free(rows);
}

/* ---- who woke whom ---- */

static bool is_task(const struct sinew__wakeup *wakeup)
{
	return wakeup->context == SINEW__CONTEXT_TASK ||
	       (wakeup->context == SINEW__CONTEXT_SOFTIRQ && wakeup->waker != SINEW__NOBODY);
}

static const char *waker_text(
	const struct sinew__states *states, const struct sinew__wakeup *wakeup, sinew__long text)
{
	switch (wakeup->context) {
	case SINEW__CONTEXT_HARDIRQ:
	case SINEW__CONTEXT_NMI:
		return "an interrupt";
	case SINEW__CONTEXT_TIMER:
		return "a timer";
	case SINEW__CONTEXT_SOFTIRQ:
		return is_task(wakeup) ? sinew__process_text(states, wakeup->waker, text)
				       : "a soft interrupt";
	case SINEW__CONTEXT_UNKNOWN:
		return "somebody unknown";
	default:
		return sinew__process_text(states, wakeup->waker, text);
	}
}

static void wake_lines(const struct sinew__states *states, const struct sinew__page *page,
	const struct sinew__wakeup *rows, uint32_t count, bool tasks)
{
	sinew__long waker, who, line;
	sinew__short number;
	unsigned shown = 0, left = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (is_task(&rows[i]) != tasks)
			continue;
		if (shown == MOST_PAIRS) {
			left++;
			continue;
		}
		if (shown++ == 0)
			sinew__heading(page, tasks ? "Who woke whom" : "Woken by no task");
		snprintf(line, sizeof line, "%.200s %swoke %.200s %s time%s",
			waker_text(states, &rows[i], waker),
			tasks && rows[i].context == SINEW__CONTEXT_SOFTIRQ ? "probably " : "",
			sinew__process_text(states, rows[i].process, who),
			times(rows[i].count, number), sinew__plural(rows[i].count));
		sinew__entry(page, line);
	}
	if (left)
		fprintf(page->stream, "  and %u more pairs\n", left);
}

void sinew__text_wakers(const struct sinew__states *states, const struct sinew__page *page)
{
	uint32_t count;

	if (!(states->header.has & SINEW__HAS_WAKERS))
		return;
	struct sinew__wakeup *rows = sinew__pick_wakeups(states, &count);
	wake_lines(states, page, rows, count, true);
	wake_lines(states, page, rows, count, false);
	free(rows);
}

/* ---- who displaced whom ---- */

static char *push_text(
	const struct sinew__states *states, const struct sinew__push_row *row, sinew__long text)
{
	sinew__long next, victim;
	sinew__short time, number;
	bool known = row->key.next != SINEW__NOBODY;

	snprintf(text, sizeof(sinew__long),
		"%.150s took over from %.150s %s time%s: %s; ready for %s",
		known ? sinew__process_text(states, row->key.next, next) : "somebody unknown",
		sinew__process_text(states, row->key.victim, victim), times(row->count, number),
		sinew__plural(row->count), sinew__why_text(row->key.why),
		sinew__duration(row->time, time));
	return text;
}

void sinew__text_pushes(const struct sinew__states *states, const struct sinew__page *page)
{
	uint32_t count;
	const struct sinew__push_row **rows = sinew__pick_pushes(states, &count);
	sinew__long text;

	if (count)
		sinew__heading(page, "Who took over from whom, and why");
	for (uint32_t i = 0; i < count && i < MOST_PAIRS; i++)
		sinew__entry(page, push_text(states, rows[i], text));
	if (count > MOST_PAIRS)
		fprintf(page->stream, "  and %u more pairs\n", count - MOST_PAIRS);
	free(rows);
}
