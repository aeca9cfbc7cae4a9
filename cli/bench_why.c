/* SPDX-License-Identifier: MIT
 *
 * bench_why.c - why a message takes as long as it does: from the time, the CPU time of both sides, their
 * switches and how long they waited for a CPU. What is neither computing nor a wait for a CPU is the kernel
 * waking somebody up who sleeps, and his CPU with him. On what he slept and who woke him, the tracer saw.
 *
 * All of it are means, for parts add up to a whole only in those.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <contender.h>

#include "bench_verdicts.h"
#include "text.h"

const char bench_unwatched[] = "What the processes waited on, and who woke them, is not told: ";

static const double OFTEN = 0.5; /* of a use somebody falls asleep: that is not hardly anybody */

/* Of one use, which is a round trip of two messages, or one message. */
struct use {
	const char *name;
	bool alone; /* there is one process */
	double messages, whole, client, server, ready, wakes, away, calls;
};

static const char *name_of(enum mode mode)
{
	switch (mode) {
	case LATENCY:
		return "trip";
	case ALONE:
	case CONTENDED:
		return "use";
	case ECHO:
		return "request";
	case STREAM:
	case BATCHED:
	case PACED:
	case FAN_IN:
	case FAN_OUT:
	case MODES:
		break;
	}
	return "message";
}

static struct use use_of(const struct record *record)
{
	const struct outcome *ours = &record->outcomes[0];
	const struct spent *c = &ours->spent[CLIENT], *s = &ours->spent[SERVER];
	double messages = record->mode == LATENCY ? 2 : 1;
	double count = (double)ours->messages / messages;

	return (struct use){
		.name = name_of(record->mode),
		.alone = record->mode == ALONE,
		.messages = messages,
		.whole = (double)c->wall / count,
		.client = (double)c->cpu / count,
		.server = (double)s->cpu / count,
		.ready = (double)(c->ready + s->ready) / count,
		.wakes = (double)(c->voluntary + s->voluntary) / count,
		.away = (double)(c->involuntary + s->involuntary) / count,
		.calls = ours->calls_known ? (double)(c->calls + s->calls) / count : NAN,
	};
}

/* ---- of what it is made ---- */

/* Two times in one clock, and whether they can lie one after the other. */
static void add_computing(const struct use *use, char *text, size_t size)
{
	char client[FIGURE], server[FIGURE];

	text_add(text, size, " The client computes for %s of that, the server for %s%s.",
		say_ns(use->client, client), say_ns(use->server, server),
		use->client + use->server > use->whole * 1.02 ? ", in part at the same time" : "");
}

static void add_sleep(const struct use *use, char *text, size_t size)
{
	if (use->wakes >= 0.05)
		text_add(text, size, " %.1f times a side falls asleep and is woken.", use->wakes);
	else if (use->away >= 0.5)
		text_add(text, size,
			" Hardly anybody falls asleep: %.1f times a side gives its CPU to the "
			"other, and looks again when it has it back.",
			use->away);
	else
		text_add(text, size, " Hardly anybody falls asleep.");
}

/* Both sides can compute at once, so that nobody does for what is left at least. */
static void add_trip(const struct record *record, const struct use *use, char *text, size_t size)
{
	double idle = use->whole - use->client - use->server - use->ready;
	char whole[FIGURE], rest[FIGURE];

	text_add(text, size, "A trip takes %s on average.", say_ns(use->whole, whole));
	if (is_on_two(record) && use->wakes < OFTEN) {
		text_add(text, size,
			" Hardly anybody sleeps: each side, on a CPU of its own, looks until the "
			"message is there.");
		return;
	}
	add_computing(use, text, size);
	if (is_on_two(record) && idle > use->whole / 20)
		text_add(text, size,
			" For at least %s nobody computes: %.1f times somebody who sleeps has to "
			"be woken.",
			say_ns(idle, rest), use->wakes);
	else
		add_sleep(use, text, size);
}

/* In a stream both sides wait for each other only now and then. */
static void add_message(const struct use *use, char *text, size_t size)
{
	char whole[FIGURE];

	text_add(text, size, "A message takes %s on average.", say_ns(use->whole, whole));
	add_computing(use, text, size);
	if (use->wakes >= 0.005)
		text_add(
			text, size, " %.2f times somebody who sleeps has to be woken.", use->wakes);
}

static void add_paced(const struct record *record, const struct use *use, char *text, size_t size)
{
	char client[FIGURE], server[FIGURE];

	text_add(text, size, "For a message the client computes for %s%s, the server for %s.",
		say_ns(use->client, client),
		is_on_two(record) ? ", of which it spends up to 150 us awake on purpose until the "
				    "message is due"
				  : "",
		say_ns(use->server, server));
	text_add(text, size, " %.1f times somebody who sleeps has to be woken.", use->wakes);
}

/* A part of a child's life has a time of its own; all else was counted for the whole. */
static void add_alone(const struct record *record, const struct use *use, char *text, size_t size)
{
	bool part = record->row->ours && record->row->ours->took;
	char whole[FIGURE], mine[FIGURE], computing[FIGURE];

	say_ns(use->whole, whole);
	if (part)
		text_add(text, size,
			"This part takes %s. The whole, from the call until the child is reaped, "
			"takes %s on average.",
			say_ns(bench_typical(record, 0), mine), whole);
	else
		text_add(text, size, "A use takes %s on average.", whole);
	text_add(text, size, " The process computes for %s of that.",
		say_ns(use->client, computing));
	if (use->wakes >= 0.005)
		text_add(text, size, " %.1f times it falls asleep and is woken.", use->wakes);
}

/* Of many no time adds up to a whole; what they compute does. */
static void add_many(const struct record *record, const struct use *use, char *text, size_t size)
{
	char client[FIGURE], server[FIGURE];

	say_ns(use->client, client);
	say_ns(use->server, server);
	if (record->mode == ECHO)
		text_add(text, size, "With %u connections the server computes for %s a request.",
			record->fan, server);
	else if (record->fan == 1)
		text_add(text, size, "For a message the writer computes for %s, the reader for %s.",
			client, server);
	else if (record->mode == FAN_IN)
		text_add(text, size,
			"For a message one of %u writers computes for %s, the reader for %s.",
			record->fan, client, server);
	else
		text_add(text, size,
			"For a message the writer computes for %s, all %u readers together for %s.",
			client, record->fan, server);
}

static void add_parts(const struct record *record, const struct use *use, char *text, size_t size)
{
	char ready[FIGURE];

	if (record->mode == LATENCY)
		add_trip(record, use, text, size);
	else if (record->mode == PACED)
		add_paced(record, use, text, size);
	else if (record->mode == ALONE)
		add_alone(record, use, text, size);
	else if (record->mode > ALONE)
		add_many(record, use, text, size);
	else
		add_message(use, text, size);
	if (!isnan(use->calls))
		text_add(text, size, " System calls: %.*f%s.", use->calls < 0.95 ? 2 : 1,
			use->calls,
			use->calls + 0.1 < use->away ? ", beside those that give way" : "");
	if (use->ready > use->whole / 20 && record->mode < PACED)
		text_add(text, size, " In line for a CPU: %s, both sides added up.",
			say_ns(use->ready, ready));
}

/* ---- what was traced ---- */

static void add_wait(const struct wait *wait, const struct use *use, char *text, size_t size)
{
	text_add(text, size, " %s blocks in %s%s%s, %swoken by %s%s%s, %.2f times a %s;",
		use->alone ? "it" : wait->who, wait->call, *wait->object ? " on " : "",
		wait->object, wait->probable ? "probably " : "", wait->waker,
		*wait->waker_call ? " in " : "", wait->waker_call, wait->times * use->messages,
		use->name);
}

/* Whether more was waited than when it was measured: how it goes may depend on who is late at first. */
static bool is_otherwise(const struct waits *waits, const struct use *use)
{
	double times = 0;

	for (unsigned i = 0; i < waits->count; i++)
		times += waits->of[i].times * use->messages;
	return times > 2 * use->wakes + 0.2;
}

/* What comes less often than once in twenty explains nothing. */
static void add_waits(const struct waits *waits, const struct use *use, char *text, size_t size)
{
	size_t before = strlen(text);
	const char *gap = before ? " " : "";
	bool any = false;

	text_add(text, size, "%sTraced%s:", gap,
		is_otherwise(waits, use) ? ", when it was played once more, it went otherwise"
					 : "");
	for (unsigned i = 0; i < waits->count; i++)
		if (waits->of[i].times * use->messages >= 0.05) {
			add_wait(&waits->of[i], use, text, size);
			any = true;
		}
	if (!any)
		snprintf(text + before, size - before, "%sTraced, %shardly anybody blocked.", gap,
			use->wakes >= OFTEN ? "it went otherwise when it was played once more: "
					    : "");
	else
		text[strlen(text) - 1] = '.';
}

char *bench_why(const struct bench_run *run, const struct record *record, char *text, size_t size)
{
	const struct waits *waits = run->waits ? &run->waits[record - run->records] : NULL;

	*text = '\0';
	if (!bench_sound(record))
		return text;
	struct use use = use_of(record);
	if (record->mode != CONTENDED) /* there both compute, or wait, for the same thing */
		add_parts(record, &use, text, size);
	if (waits && waits->seen)
		add_waits(waits, &use, text, size);
	return text;
}
