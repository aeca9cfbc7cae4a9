/* SPDX-License-Identifier: MIT
 *
 * bench_html_why.c - what a message of each row is made of: one example of each sort of waiting at once, the rest
 * for those who ask.
 */
#include <stdio.h>
#include <string.h>

#include "bench_html.h"

enum { SMALL = 64 };

/* "pipe, 64 bytes, there and back, CPUs 0,1" */
void html_step(struct out *out, const struct record *record)
{
	static const char *const ways[MODES] = {"there and back", "one way",
		"one way in arrays of 64", "at set times", "alone", "writers and one reader",
		"readers and one writer", "connections to a server", "wanted by two"};
	char cpus[32];

	out_format(out, "%s, ", record->row->name);
	if (record->size)
		out_format(out, "%zu bytes, ", record->size);
	if (record->mode >= FAN_IN && record->mode <= ECHO && record->fan > 1)
		out_format(out, "%u ", record->fan);
	out_format(out, "%s, CPUs %s", ways[record->mode], bench_cpus(record, cpus, sizeof cpus));
}

static void put_why_card(struct out *out, const struct record *record, const char *why)
{
	out_text(out, "<div class=\"card\"><h3>");
	html_step(out, record);
	out_text(out, "</h3><p>");
	html_text(out, why);
	out_text(out, "</p></div>\n");
}

/* One of each sort of waiting, and the one that avoids it. */
static bool is_example(const struct record *record)
{
	static const char *const names[] = {"pipe", "unix-stream", "tcp", "sem", "ring-shm"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(record->row->name, names[i]) == 0)
			return record->mode == LATENCY && record->size <= SMALL;
	return false;
}

static unsigned put_why_cards(const struct bench_run *run, struct out *out, bool examples)
{
	char why[WHY];
	unsigned count = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (is_example(record) != examples || !*bench_why(run, record, why, sizeof why))
			continue;
		put_why_card(out, record, why);
		count++;
	}
	return count;
}

void html_why(const struct bench_run *run, struct out *out)
{
	out_text(out,
		"<h2>Why it takes so long</h2>\n<p class=\"soft\">Through sinew. Times here are "
		"means, for parts add up to a whole only in those; all others on this page are "
		"medians, which a few slow messages do not change. Two sides may compute at the "
		"same time, each on its CPU. What is traced was played once more, after all "
		"measuring.</p>\n");
	if (run->unwatched[0]) {
		out_format(out, "<p class=\"bad\">%s", bench_unwatched);
		html_text(out, run->unwatched);
		out_text(out, ".</p>\n");
	}
	out_text(out, "<div class=\"cards\">\n");
	const unsigned examples = put_why_cards(run, out, true);
	out_format(out, "</div>\n<details%s><summary>%s</summary>\n<div class=\"cards\">\n",
		examples ? "" : " open",
		examples ? "The same of all other mechanisms, of large messages and of streams"
			 : "Row by row");
	put_why_cards(run, out, false);
	out_text(out, "</div></details>\n");
}
