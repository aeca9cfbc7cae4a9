/* SPDX-License-Identifier: MIT
 *
 * bench_words.c - the sentences about a run, for people.
 */
#include <stdio.h>
#include <string.h>

#include "bench_verdicts.h"
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

void bench_print_words(const struct bench_run *run, struct out *out)
{
	static struct verdict verdicts[MOST_VERDICTS];

	print_why(run, out);
	print_verdicts(out, "What is said of them, and what was measured here", verdicts,
		bench_claims(run, verdicts));
	print_verdicts(out, "Choose this, on this machine", verdicts, bench_advice(run, verdicts));
	if (run->evidence.error[0])
		out_format(out, "FAILED: what is said of sockets: %s\n", run->evidence.error);
}
