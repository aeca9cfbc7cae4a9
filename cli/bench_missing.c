/* SPDX-License-Identifier: MIT
 *
 * bench_missing.c - which rows were left out, and why: once for each mechanism and reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"
#include "tables.h"
#include "text.h"

const char bench_late[] = "the time of --quick was over: this machine is slow, or busy";

static bool is_same_size(const struct record *a, const struct record *b)
{
	return a->mode == b->mode && a->size == b->size && a->fan == b->fan;
}

static void mark_said(const struct bench_run *run, const struct record *record, bool *said)
{
	for (unsigned i = 0; i < run->count; i++)
		if (run->records[i].row == record->row &&
			strcmp(run->records[i].skipped, record->skipped) == 0)
			said[i] = true;
}

/* Together with all mechanisms of which the same is to be said. */
static void print_reason(const struct bench_run *run, unsigned first, bool *said, struct out *out)
{
	const struct record *record = &run->records[first];
	char names[1024] = "", size[40] = "", text[1400];

	for (unsigned i = first; i < run->count; i++) {
		const struct record *other = &run->records[i];
		if (said[i] || !is_same_size(other, record) ||
			strcmp(other->skipped, record->skipped) != 0)
			continue;
		text_list(names, sizeof names, other->row->name);
		mark_said(run, other, said);
	}
	if (record->size)
		snprintf(size, sizeof size, ", %zu bytes", record->size);
	snprintf(text, sizeof text, "Not measured: %s, %s%s: %s.", names, bench_modes[record->mode],
		size, record->skipped);
	tables_paragraph(out, text);
}

/* Rows of all modes, sizes and CPUs, for no reason of their own. */
static void print_late(const struct bench_run *run, bool *said, struct out *out)
{
	unsigned late = 0;
	char text[160];

	for (unsigned i = 0; i < run->count; i++)
		if (strcmp(run->records[i].skipped, bench_late) == 0) {
			said[i] = true;
			late++;
		}
	snprintf(text, sizeof text, "Not measured: %u of %u rows, which --json names: %s.", late,
		run->count, bench_late);
	if (late)
		tables_paragraph(out, text);
}

void bench_print_missing(const struct bench_run *run, struct out *out)
{
	bool *said = calloc(run->count, sizeof *said);

	if (said)
		print_late(run, said, out);
	for (unsigned i = 0; said && i < run->count; i++)
		if (run->records[i].skipped[0] && !said[i])
			print_reason(run, i, said, out);
	free(said);
}
