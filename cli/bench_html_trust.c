/* SPDX-License-Identifier: MIT
 *
 * bench_html_trust.c - how it was measured, what was not, and what the words mean.
 */
#include <stdio.h>
#include <string.h>

#include "bench_html.h"

/* Those that are known. */
static void put_limits(const struct machine *m, struct out *out)
{
	out_text(out, "<p>Limits of this system:");
	if (m->pipe_max >= 0)
		out_format(out, " a pipe can be made to hold %ld bytes;", m->pipe_max);
	if (m->mq_depth >= 0 && m->mq_size >= 0)
		out_format(
			out, " a POSIX queue %ld messages of %ld bytes;", m->mq_depth, m->mq_size);
	if (m->socket_buffer >= 0)
		out_format(out, " a socket holds %ld bytes, unless more are asked for.",
			m->socket_buffer);
	out_text(out, "</p>\n");
}

static const char *why_missing(const struct record *record)
{
	return record->error[0] ? record->error : record->skipped;
}

static bool is_told(const struct bench_run *run, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(why_missing(&run->records[k]), why_missing(&run->records[i])) == 0)
			return true;
	return false;
}

/* Once for each reason. */
static void put_missing(const struct bench_run *run, struct out *out)
{
	for (unsigned i = 0; i < run->count; i++) {
		const char *why = why_missing(&run->records[i]);
		if (!*why || is_told(run, i))
			continue;
		out_format(out, run->records[i].error[0] ? "<p class=\"bad\">Failed, "
							 : "<p>Not measured, ");
		html_text(out, why);
		for (unsigned k = i; k < run->count; k++)
			if (strcmp(why_missing(&run->records[k]), why) == 0) {
				out_text(out, k == i ? ": " : "; ");
				html_step(out, &run->records[k]);
			}
		out_text(out, ".</p>\n");
	}
}

void html_trust(const struct bench_run *run, struct out *out)
{
	double steal = 0;

	for (unsigned i = 0; i < run->count; i++)
		steal = run->records[i].steal > steal ? run->records[i].steal : steal;
	out_text(out,
		"<h2>How far this can be trusted</h2>\n"
		"<p>Two processes, sinew and its bare twin in turns of milliseconds, every "
		"message numbered and checked; ratios within one repeat, then their median. "
		"Spread is how far the repeats are apart. A cache line there and back says how "
		"the two CPUs stood to each other; rows in which that differs are not to be "
		"compared.</p>\n");
	out_format(out, "<p>The host took away up to %.1f %% of a row's time.</p>\n", steal * 100);
	put_limits(&run->machine, out);
	out_text(out,
		"<p>Other programs, or a timeline of sinew trace, show other times: here both "
		"processes are bound to a CPU, nobody traces them, and a server has one peer "
		"unless the row says how many.</p>\n");
	put_missing(run, out);
}

static const struct {
	const char *word, *meaning;
} glossary[] = {
	{"round trip (latency)", "A message there and one back, the next when that has come."},
	{"stream, batched", "Messages one way: a call for each, or 64 in an array at once."},
	{"paced", "Messages one way at set times, a thousand a second; the time counts from when "
		  "one was due."},
	{"p50, the median",
		"Half of all messages took no longer. The figure of a time, but under Why."},
	{"p99, p99.9", "99 of 100, or 999 of 1000, took no longer: what the unlucky ones wait."},
	{"bare", "The same mechanism used by plain system calls, of a ring one written by hand in "
		 "a few lines, in the same two processes, in turns."},
	{"sinew", "The library that was measured: one call for every mechanism, beside which the "
		  "mechanism itself is measured bare."},
	{"ratio", "What a message costs through sinew over that of its bare twin; below 1 sinew "
		  "takes less."},
	{"spread", "How far the repeats lie apart: highest less lowest cost, over the median. Rows "
		   "that differ by less than that do not differ."},
	{"running, ready, blocked",
		"Computing; able to compute, but without a CPU; asleep until somebody wakes it."},
	{"wake-up", "The kernel makes a sleeper run again: on another CPU that often costs more "
		    "than all the rest."},
	{"cache line", "64 bytes, what CPUs hand each other at once. Its way there and back is the "
		       "least that two CPUs need to talk, and says how near they are."},
	{"ring-shm, ring-memfd",
		"Messages in shared memory, from one writer to one reader, without system calls "
		"while both are awake; the memory has a name (shm), or is handed over through a "
		"socket (memfd)."},
	{"ring-queue", "The same for many writers and many readers, each message to one of them."},
	{"ring-topic, ring-latest",
		"Each message to every reader: all of them, or only the newest."},
	{"fan-in, fan-out",
		"Several writers and one reader, or one writer and several readers; how many "
		"stands behind it. Over a socket the writer sends to each reader one by one; a "
		"message counts once."},
	{"echo", "A server that sends back what many connections send it."},
	{"futex", "A word in shared memory on which a process can sleep; here as an event that "
		  "counts."},
	{"mq, msgq", "Message queues of POSIX and of System V, kept by the kernel."},
};

void html_glossary(struct out *out)
{
	out_text(out, "<h2>Words</h2>\n<dl>\n");
	for (unsigned i = 0; i < sizeof glossary / sizeof *glossary; i++)
		out_format(out, "<dt>%s</dt><dd>%s</dd>\n", glossary[i].word, glossary[i].meaning);
	out_text(out, "</dl>\n");
}
