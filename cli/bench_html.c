/* SPDX-License-Identifier: MIT
 *
 * bench_html.c - the report: one file that needs no other, in light and dark, on paper and on a telephone.
 *
 * Its policy forbids it to load anything; its script sorts the table, and without it everything is there.
 */
#include "bench_html.h"

#include <bench_page.h>
#include <stdio.h>

enum { SMALL = 64, BIG = 64 << 10 };

static void put_head(const struct bench_run *run, struct out *out)
{
	const struct machine *m = &run->machine;

	out_text(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
		      "<title>What talking costs here</title>\n<style>\n");
	out_text(out, bench_page_css);
	out_text(out, "</style></head><body>\n<h1>What talking costs on this machine</h1>\n<p "
		      "class=\"soft\">");
	html_text(out, m->cpu);
	out_format(out, ", %d CPUs, ", m->cpus);
	html_text(out, m->system);
	out_format(out, "; %s; sinew %s, up to %u repeats of %.0f ms each</p>\n", m->date,
		SINEW_VERSION, run->plan.repeats, (double)run->plan.duration / 1e6);
	if (run->interrupted)
		out_text(out,
			"<p class=\"bad\">Interrupted: this is what was done until then.</p>\n");
}

static void put_verdicts(
	struct out *out, const char *heading, const struct verdict *verdicts, unsigned count)
{
	if (!count)
		return;
	out_format(out, "<h2>%s</h2>\n<div class=\"cards\">\n", heading);
	for (unsigned i = 0; i < count; i++) {
		out_text(out, "<div class=\"card\"><h3>");
		html_text(out, verdicts[i].about);
		out_text(out, "</h3><p class=\"says\">");
		html_text(out, verdicts[i].verdict);
		out_text(out, "</p><p>");
		html_text(out, verdicts[i].text);
		out_text(out, "</p></div>\n");
	}
	out_text(out, "</div>\n");
}

static void put_charts(const struct bench_run *run, struct out *out)
{
	out_text(out, "<h2>Pictures</h2>\n<div class=\"grid\">\n");
	chart_percentiles(run, out, true);
	chart_percentiles(run, out, false);
	chart_states(run, out);
	chart_sizes(run, out);
	chart_rates(run, out, STREAM, SMALL);
	chart_rates(run, out, BATCHED, SMALL);
	chart_rates(run, out, STREAM, BIG);
	out_text(out, "</div>\n");
}

static void put_why(const struct bench_run *run, struct out *out)
{
	char why[WHY], cpus[32];
	bool any = false;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if ((record->size != SMALL && !record->row->wake) ||
			!*bench_why(run, record, why, sizeof why))
			continue;
		if (!any)
			out_text(out, "<h2>Why a round trip of 64 bytes takes so long</h2>\n<div "
				      "class=\"cards\">\n");
		any = true;
		out_format(out, "<div class=\"card\"><h3>%s, CPUs %s</h3><p>", record->row->name,
			bench_cpus(record, cpus, sizeof cpus));
		html_text(out, why);
		out_text(out, "</p></div>\n");
	}
	if (any)
		out_text(out, "</div>\n");
}

static void put_limit(struct out *out, const char *name, long value)
{
	if (value >= 0)
		out_format(out, "<p>%s: %ld.</p>\n", name, value);
}

static void put_missing(const struct bench_run *run, struct out *out)
{
	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		const char *text = record->error[0] ? record->error : record->skipped;
		if (!*text)
			continue;
		out_format(out,
			"<p%s>%s, %s, %zu bytes: ", record->error[0] ? " class=\"bad\"" : "",
			record->row->name, bench_modes[record->mode], record->size);
		html_text(out, text);
		out_text(out, ".</p>\n");
	}
}

static void put_honest(const struct bench_run *run, struct out *out)
{
	double steal = 0;

	for (unsigned i = 0; i < run->count; i++)
		steal = run->records[i].steal > steal ? run->records[i].steal : steal;
	out_text(out,
		"<h2>How far this can be trusted</h2>\n"
		"<p>Two processes, sinew and its bare twin in turns of milliseconds, every message "
		"numbered and checked; ratios within one repeat, then their median. Spread is how "
		"far "
		"the repeats are apart. A cache line there and back says how the two CPUs stood to "
		"each other; rows in which that differs are not to be compared.</p>\n");
	out_format(out, "<p>The host took away up to %.1f %% of a row's time.</p>\n", steal * 100);
	if (bench_busy(run) > 0.05)
		out_format(out,
			"<p class=\"bad\">The machine was busy: %.0f %% of the time a side waited "
			"for a CPU "
			"that others had.</p>\n",
			bench_busy(run) * 100);
	put_limit(out, "Largest pipe", run->machine.pipe_max);
	put_limit(out, "Messages in a POSIX queue", run->machine.mq_depth);
	put_limit(out, "Bytes of a message in a POSIX queue", run->machine.mq_size);
	put_limit(out, "Bytes a socket holds unless asked", run->machine.socket_buffer);
	put_missing(run, out);
}

void bench_write_html(const struct bench_run *run, struct out *out)
{
	static struct verdict verdicts[MOST_VERDICTS];

	put_head(run, out);
	put_verdicts(out, "Choose this, on this machine", verdicts, bench_advice(run, verdicts));
	put_verdicts(out, "What is said of them, and what was measured here", verdicts,
		bench_claims(run, verdicts));
	put_charts(run, out);
	put_why(run, out);
	out_text(out, "<h2>All figures</h2>\n<p class=\"soft\">Times are of a round trip, or from "
		      "when a message "
		      "was due; bare and ratio are costs of a message. A heading sorts.</p>\n");
	html_table(run, out);
	put_honest(run, out);
	out_text(out, "<script>\n");
	out_text(out, bench_page_js);
	out_text(out, "</script></body></html>\n");
}
