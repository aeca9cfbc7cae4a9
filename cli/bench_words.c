/* SPDX-License-Identifier: MIT
 *
 * bench_words.c - the sentences about a run, for people.
 */
#include <stdio.h>
#include <string.h>

#include "bench_goals.h"
#include "tables.h"

enum { SMALL = 64 };

/* Of the slowest to the fastest sort of waiting. */
static void print_why(const struct bench_run *run, struct out *out)
{
	static const char *const names[] = {"tcp", "pipe", "futex", "ring-shm"};
	char why[WHY], text[WHY + 80];
	bool any = false;

	for (unsigned i = 0; i < 2 * sizeof names / sizeof *names; i++) {
		bool two = i % 2 == 0;
		const struct record *record = find_record(run, names[i / 2], LATENCY, SMALL, two);
		if (!record || !*bench_why(run, record, why, sizeof why))
			continue;
		if (!any)
			tables_heading(out, "Why a round trip of 64 bytes takes so long");
		any = true;
		snprintf(text, sizeof text, "%s, %s: %s", names[i / 2],
			two ? "two CPUs" : "one CPU", why);
		tables_paragraph(out, text);
	}
	if (run->unwatched[0]) {
		snprintf(text, sizeof text, "%s%s.", bench_unwatched, run->unwatched);
		tables_paragraph(out, text);
	}
}

static void print_verdicts(
	struct out *out, const char *heading, const struct verdict *verdicts, unsigned count)
{
	char text[1600];

	if (count)
		tables_heading(out, heading);
	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof text, "%s -> %s. %s%s%s", verdicts[i].about,
			verdicts[i].verdict, verdicts[i].text, *verdicts[i].caution ? " " : "",
			verdicts[i].caution);
		tables_paragraph(out, text);
	}
}

/* In short, on a line or two each: who meets it is only counted, and of the repeats there is the median. */
static void print_goal(const struct goal *goal, struct out *out)
{
	char verdict[80], rows[GOAL_TEXT], text[2 * GOAL_TEXT + 400];
	size_t used;

	used = (size_t)snprintf(text, sizeof text, "%s: %s -> %s.", goal->about, goal->wanted,
		goal_verdict(goal, verdict, sizeof verdict));
	for (enum reached r = MISSED; r <= UNSURE; r++)
		if (*goal_rows(goal, r, true, rows, sizeof rows))
			used += (size_t)snprintf(text + used, sizeof text - used, " %s: %s.",
				r == MISSED ? "Missed" : "Cannot be told", rows);
	tables_paragraph(out, text);
}

static void print_goals(const struct bench_run *run, struct out *out)
{
	static struct goal goals[MOST_GOALS];
	unsigned count = bench_goals(run, goals);

	if (!count)
		return;
	tables_heading(out, "Goals, and whether this run meets them");
	for (unsigned i = 0; i < count; i++)
		print_goal(&goals[i], out);
	tables_paragraph(out, "How far the repeats reach, and why one is missed: --html, --json.");
}

void bench_print_words(const struct bench_run *run, struct out *out)
{
	static struct verdict verdicts[MOST_VERDICTS];

	print_goals(run, out);
	print_why(run, out);
	print_verdicts(out, "What is said of them, and what was measured here", verdicts,
		bench_claims(run, verdicts));
	print_verdicts(out, "Choose this, on this machine", verdicts, bench_advice(run, verdicts));
	if (run->evidence.error[0])
		out_format(out, "FAILED: what is said of sockets: %s\n", run->evidence.error);
}
