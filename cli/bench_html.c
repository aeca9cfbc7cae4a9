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
	chart_states(run, out);
	chart_sizes(run, out);
	chart_rates(run, out, STREAM, SMALL);
	chart_rates(run, out, BATCHED, SMALL);
	chart_rates(run, out, STREAM, BIG);
	chart_rates(run, out, FAN_IN, SMALL);
	chart_rates(run, out, FAN_OUT, SMALL);
	out_text(out, "</div>\n");
}

static void put_why_card(struct out *out, const struct record *record, const char *why)
{
	char cpus[32], size[32] = "";

	if (record->size)
		snprintf(size, sizeof size, ", %zu bytes", record->size);
	out_format(out, "<div class=\"card\"><h3>%s, %s%s, CPUs %s</h3><p>", record->row->name,
		bench_modes[record->mode], size, bench_cpus(record, cpus, sizeof cpus));
	html_text(out, why);
	out_text(out, "</p></div>\n");
}

/* Of round trips of small messages at once, of all others for those who ask. */
static void put_why_cards(const struct bench_run *run, struct out *out, bool first)
{
	char why[WHY];

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		bool small = record->mode == LATENCY && record->size <= SMALL;
		if (small == first && *bench_why(run, record, why, sizeof why))
			put_why_card(out, record, why);
	}
}

static void put_why(const struct bench_run *run, struct out *out)
{
	out_text(out,
		"<h2>Why it takes so long</h2>\n<p class=\"soft\">Times here are means, for parts "
		"add up to a whole only in those; all others on this page are medians. What is "
		"traced was played once more, after all measuring.</p>\n");
	if (run->unwatched[0]) {
		out_format(out, "<p class=\"bad\">%s", bench_unwatched);
		html_text(out, run->unwatched);
		out_text(out, ".</p>\n");
	}
	out_text(out, "<div class=\"cards\">\n");
	put_why_cards(run, out, true);
	out_text(out, "</div>\n<details><summary>The same of large messages, of streams and of the "
		      "rest</summary>\n<div class=\"cards\">\n");
	put_why_cards(run, out, false);
	out_text(out, "</div></details>\n");
}

static const struct {
	const char *word, *meaning;
} glossary[] = {
	{"round trip (latency)", "A message there and one back, the next when that has come."},
	{"stream, batched", "Messages one way: a call for each, or 64 in an array at once."},
	{"paced", "Messages one way at set times, a thousand a second; the time counts from when "
		  "one was "
		  "due."},
	{"p50, the median",
		"Half of all messages took no longer. The figure of a time, everywhere."},
	{"p99, p99.9", "99 of 100, or 999 of 1000, took no longer: what the unlucky ones wait."},
	{"bare", "The same mechanism used by plain system calls, in the same two processes, in "
		 "turns."},
	{"sinew", "The library that was measured: one call for every mechanism, beside which the "
		  "mechanism itself is measured bare."},
	{"ratio", "What a message costs through sinew over that of its bare twin; below 1 sinew "
		  "takes "
		  "less."},
	{"spread", "How far the repeats lie apart: highest less lowest cost, over the median. Rows "
		   "that "
		   "differ by less than that do not differ."},
	{"running, ready, blocked",
		"Computing; able to compute, but without a CPU; asleep until somebody "
		"wakes it."},
	{"wake-up", "The kernel makes a sleeper run again: on another CPU that often costs more "
		    "than all "
		    "the rest."},
	{"cache line",
		"64 bytes, what CPUs hand each other at once. Its way there and back is the least "
		"that two CPUs need to talk, and says how near they are."},
	{"ring-shm, ring-memfd",
		"Messages in shared memory, from one writer to one reader, without system "
		"calls while both are awake; the memory has a name (shm), or is handed over "
		"through a socket (memfd)."},
	{"ring-queue", "The same for many writers and many readers, each message to one of them."},
	{"ring-topic, ring-latest",
		"Each message to every reader: all of them, or only the newest."},
	{"fan-in, fan-out",
		"Several writers and one reader, or one writer and several readers; how many "
		"stands behind it."},
	{"echo", "A server that sends back what many connections send it."},
	{"futex", "A word in shared memory on which a process can sleep; here as an event that "
		  "counts."},
	{"mq, msgq", "Message queues of POSIX and of System V, kept by the kernel."},
};

static void put_glossary(struct out *out)
{
	out_text(out, "<h2>Words</h2>\n<dl>\n");
	for (unsigned i = 0; i < sizeof glossary / sizeof *glossary; i++)
		out_format(out, "<dt>%s</dt><dd>%s</dd>\n", glossary[i].word, glossary[i].meaning);
	out_text(out, "</dl>\n");
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
	put_limit(out, "Largest pipe", run->machine.pipe_max);
	put_limit(out, "Messages in a POSIX queue", run->machine.mq_depth);
	put_limit(out, "Bytes of a message in a POSIX queue", run->machine.mq_size);
	put_limit(out, "Bytes a socket holds unless asked", run->machine.socket_buffer);
	put_missing(run, out);
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
			"Rows "
			"that lie close together may change places next time; without --quick "
			"there "
			"are more repeats.</p>\n",
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
	put_verdicts(out, "Choose this, on this machine", verdicts, bench_advice(run, verdicts));
	put_verdicts(out, "What is said of them, and what was measured here", verdicts,
		bench_claims(run, verdicts));
	put_charts(run, out);
	put_why(run, out);
	out_text(out,
		"<h2>All figures</h2>\n<p class=\"soft\">Times are medians of all samples: of a "
		"round trip, or from when a message was due; of streams the time of one message. "
		"A heading sorts, and says what it means when pointed at.</p>\n"
		"<p class=\"soft sideways\">The table is wider than this window: move it "
		"sideways.</p>\n");
	html_table(run, out);
	put_honest(run, out);
	put_glossary(out);
	out_text(out, "<script>\n");
	out_text(out, bench_page_js);
	out_text(out, "</script></body></html>\n");
}
