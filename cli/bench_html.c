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

static void put_verdicts(struct out *out, const char *heading, const char *lead,
	const struct verdict *verdicts, unsigned count)
{
	if (!count)
		return;
	out_format(out, "<h2>%s</h2>\n<p class=\"soft\">%s</p>\n<div class=\"cards sentences\">\n",
		heading, lead);
	for (unsigned i = 0; i < count; i++) {
		out_text(out, "<div class=\"card\"><h3>");
		html_text(out, verdicts[i].about);
		out_text(out, "</h3><p class=\"says\">");
		html_text(out, verdicts[i].verdict);
		out_text(out, "</p><p>");
		html_text(out, verdicts[i].text);
		out_text(out, "</p>");
		if (*verdicts[i].caution) {
			out_text(out, "<p class=\"caution\">");
			html_text(out, verdicts[i].caution);
			out_text(out, "</p>");
		}
		out_text(out, "</div>\n");
	}
	out_text(out, "</div>\n");
}

static void put_charts(const struct bench_run *run, struct out *out)
{
	out_text(out, "<h2>Pictures</h2>\n<div class=\"grid\">\n");
	chart_percentiles(run, out, true);
	chart_percentiles(run, out, false);
	chart_sizes(run, out);
	chart_states(run, out);
	chart_rates(run, out, STREAM, SMALL);
	chart_rates(run, out, BATCHED, SMALL);
	chart_rates(run, out, STREAM, BIG);
	chart_rates(run, out, FAN_IN, SMALL);
	chart_rates(run, out, FAN_OUT, SMALL);
	out_text(out, "</div>\n");
}

/* What makes the figures worth less, before any of them. */
static void put_warnings(const struct bench_run *run, struct out *out)
{
	unsigned least = REPEATS_MAX;

	for (unsigned i = 0; i < run->count; i++)
		if (bench_sound(&run->records[i]) && run->records[i].repeats < least)
			least = run->records[i].repeats;
	if (run->settings->bench.quick)
		out_format(out,
			"<p>A quick look: each row was repeated %s, in blocks of milliseconds. "
			"Rows that lie close together may change places next time; without "
			"--quick there are more repeats.</p>\n",
			least > 1 ? "two or three times" : "three times at most, some were not");
	if (bench_busy(run) > 0.05)
		out_format(out,
			"<p class=\"bad\">The machine was busy: %.0f %% of the time a side waited "
			"for a CPU that others had.</p>\n",
			bench_busy(run) * 100);
}

void bench_write_html(const struct bench_run *run, struct out *out)
{
	static struct verdict verdicts[MOST_VERDICTS];

	put_head(run, out);
	put_warnings(run, out);
	put_verdicts(out, "Choose this, on this machine",
		"Of the mechanisms that can do the work, the one whose message costs least, all "
		"figures through sinew.",
		verdicts, bench_advice(run, verdicts));
	put_verdicts(out, "What is said of them, and what was measured here",
		"Sentences that are often read, each held against this machine. What is said of "
		"the kernel is judged by bare system calls, without sinew; each text says whose "
		"figures it has.",
		verdicts, bench_claims(run, verdicts));
	html_goals(run, out);
	put_charts(run, out);
	html_why(run, out);
	out_text(out,
		"<h2>All figures</h2>\n<p class=\"soft\">Times are medians of all samples: of a "
		"round trip, or from when a message was due; of streams the time of one message. "
		"A heading sorts, and says what it means when pointed at.</p>\n");
	html_table(run, out);
	html_trust(run, out);
	html_glossary(out);
	out_text(out, "<script>\n");
	out_text(out, bench_page_js);
	out_text(out, "</script></body></html>\n");
}
