/* SPDX-License-Identifier: MIT
 *
 * bench_steps.c - which mechanisms, modes, sizes and CPUs are measured, in the order of the table.
 */
#include <limits.h>
#include <sched.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"
#include "exit.h"
#include "say.h"
#include "text.h"

enum { SMALL = 64, BATCH_MOST = 4096, MOST_STEPS = 4096, QUICK_LARGE = 64 << 10 };
enum { HEADER = 4 }; /* of a message on a pipe, sinew_frame(7) */

/* A mechanism that was asked for, with the options of the URI that named it. */
struct choice {
	const struct row *row;
	const char *options;
};

/* ---- operands ---- */

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strncmp(at, word, length) == 0 && strchr(" ", at[length]))
			return true;
	return false;
}

/* The first words of its name, or a group. */
static bool is_of(const struct row *row, const char *name)
{
	size_t length = strlen(name);

	return has_word(row->groups, name) || strcmp(name, "all") == 0 ||
	       (strncmp(row->name, name, length) == 0 && strchr("-", row->name[length]));
}

/* The value of key in the URI's options, or its preset. */
static void value_of(const char *uri, const char *key, const char *preset, char *value, size_t size)
{
	size_t length = strlen(key);

	snprintf(value, size, "%s", preset);
	for (const char *at = strchr(uri, '?'); at; at = strchr(at + 1, '&'))
		if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
			snprintf(value, size, "%.*s", (int)strcspn(at + length + 2, "&"),
				at + length + 2);
}

static bool agrees(const char *a, const char *b, const char *key, const char *preset)
{
	char mine[32], others[32];

	value_of(a, key, preset, mine, sizeof mine);
	value_of(b, key, preset, others, sizeof others);
	return strcmp(mine, others) == 0;
}

/* Of the same scheme, and, for a ring, of the same medium, pattern and type. */
static bool is_same_kind(const struct row *row, const char *uri)
{
	size_t length = strcspn(uri, ":") + 1;

	if (strncmp(row->uri, uri, length) != 0)
		return false;
	if (strncmp(uri, "ring:", 5) == 0) {
		const char *medium = uri[5] ? uri + 5 : "shm:";
		if (strncmp(row->uri + 5, medium, strcspn(medium, ":") + 1) != 0)
			return false;
	}
	return agrees(row->uri, uri, "type", "stream") && agrees(row->uri, uri, "pattern", "pair");
}

static unsigned find_uri(const char *uri, struct choice *choices)
{
	const char *query = strchr(uri, '?');

	for (unsigned i = 0; i < bench_row_count; i++)
		if (is_same_kind(&bench_rows[i], uri)) {
			*choices = (struct choice){&bench_rows[i], query ? query + 1 : ""};
			return 1;
		}
	return 0;
}

static unsigned find_named(const char *name, struct choice *choices)
{
	unsigned count = 0;

	for (unsigned i = 0; i < bench_row_count; i++)
		if (strcmp(bench_rows[i].name, name) == 0) {
			choices->row = &bench_rows[i];
			return 1;
		}
	for (unsigned i = 0; i < bench_row_count; i++)
		if (is_of(&bench_rows[i], name))
			choices[count++].row = &bench_rows[i];
	return count;
}

static int unknown(const char *word)
{
	char known[1024] =
		"all, channels, events, regions, locks, processes, pipes, sockets, queues, rings";

	for (unsigned i = 0; i < bench_row_count; i++)
		text_list(known, sizeof known, bench_rows[i].name);
	say_error("bench: %s names no mechanism; it knows %s", word, known);
	return EXIT_USAGE;
}

static unsigned find_usual(bool quick, struct choice *choices)
{
	unsigned count = 0;

	for (unsigned i = 0; i < bench_row_count; i++)
		if (!quick || !bench_rows[i].extra)
			choices[count++].row = &bench_rows[i];
	return count;
}

static int find_all(const struct settings *settings, struct choice *choices, unsigned *count)
{
	if (!settings->operand_count)
		*count = find_usual(settings->bench.quick, choices);
	for (int i = 0; i < settings->operand_count; i++) {
		const char *word = settings->operands[i];
		bool uri = strchr(word, ':');
		unsigned found =
			uri ? find_uri(word, choices + *count) : find_named(word, choices + *count);
		if (!found)
			return unknown(word);
		*count += found;
	}
	return EXIT_DONE;
}

/* ---- steps ---- */

static const char *uri_of(const struct row *row, enum mode mode, size_t size)
{
	if (mode == STREAM && size >= LARGE && row->bulk)
		return row->bulk;
	return mode == FAN_IN && row->many ? row->many : row->uri;
}

/* The largest message of the mechanism. */
static size_t most(const struct choice *choice, enum mode mode, size_t size)
{
	const struct row *row = choice->row;
	struct sinew_caps caps = {.max_message = SIZE_MOST};

	if (row->most)
		return row->most;
	char *uri = bench_uri_with(uri_of(row, mode, size), choice->options ? choice->options : "");
	char *named = bench_uri(uri, "/tmp/sinew", 1);
	sinew_caps(named, &caps);
	free(named);
	free(uri);
	return caps.max_message < SIZE_MOST ? caps.max_message : SIZE_MOST;
}

static void add(struct bench_run *run, const struct choice *choice, enum mode mode, size_t size,
	unsigned fan, const int cpu[2])
{
	struct record *record = &run->records[run->count];
	size_t largest = choice->row->wake ? size : most(choice, mode, size);

	if (run->count == MOST_STEPS)
		return;
	run->options[run->count++] = (char *)choice->options;
	record->row = choice->row;
	record->mode = mode;
	record->fan = fan;
	record->size = choice->row->wake ? 0 : mode == ECHO ? SMALL : size;
	record->rate = mode == PACED ? run->plan.rate : 0;
	record->cpu[CLIENT] = cpu[0];
	record->cpu[SERVER] = cpu[1];
	if (mode == FAN_IN && size > PIPE_BUF - HEADER && has_word(choice->row->groups, "pipes"))
		snprintf(record->skipped, sizeof record->skipped,
			"writes of several processes stay apart up to %d bytes, of which sinew "
			"needs %d",
			PIPE_BUF, HEADER);
	else if (size > largest)
		snprintf(record->skipped, sizeof record->skipped,
			"its largest message has %zu bytes", largest);
}

/* Whether a mode is measured with this, the nth size. */
static bool has_size(
	const struct bench_run *run, enum mode mode, size_t size, unsigned nth, bool two)
{
	bool asked = run->settings->bench.size_count;

	if (mode == BATCHED)
		return size <= BATCH_MOST && (nth == 0 || asked || !run->settings->bench.quick);
	if (mode == ECHO)
		return nth == 0;
	if (mode >= PACED)
		return nth == 0 || asked;
	return nth == 0 || two || asked || !run->settings->bench.quick;
}

/* How many take part; a quick look begins with one of the last. */
static const struct crowd {
	unsigned sizes[5], quick;
} crowds[MODES] = {
	[LATENCY] = {{1}, 0},
	[STREAM] = {{1}, 0},
	[BATCHED] = {{1}, 0},
	[PACED] = {{1}, 0},
	[ALONE] = {{1}, 0},
	[FAN_IN] = {{1, 2, 4, 8}, 3},
	[FAN_OUT] = {{1, 2, 4, 8}, 3},
	[ECHO] = {{10, 100, 1000, 10000}, 3},
	[CONTENDED] = {{1}, 0},
};

/* A mechanism that has no fan is in the list once, with the reason. Whether it has none. */
static bool leave_out(struct bench_run *run, const struct choice *choice, enum mode mode,
	size_t size, unsigned fan, bool first, const int cpu[2])
{
	const char *why = mode == FAN_IN    ? choice->row->no_fan_in
			  : mode == FAN_OUT ? choice->row->no_fan_out
					    : NULL;

	if (!why || !first || run->count == MOST_STEPS)
		return why;
	add(run, choice, mode, size, fan, cpu);
	snprintf(run->records[run->count - 1].skipped, sizeof run->records->skipped, "%s", why);
	return true;
}

static void add_section(struct bench_run *run, const struct choice *choices, unsigned count,
	enum mode mode, size_t size, unsigned nth, const int cpu[2])
{
	const struct crowd *crowd = &crowds[mode];

	const unsigned first = run->settings->bench.quick ? crowd->quick : 0;

	for (unsigned k = first; crowd->sizes[k]; k++)
		for (unsigned i = 0; i < count; i++)
			if (!leave_out(run, &choices[i], mode, size, crowd->sizes[k], k == first,
				    cpu) &&
				choices[i].row->modes >> mode & 1 &&
				(nth == 0 || !choices[i].row->wake))
				add(run, &choices[i], mode, size, crowd->sizes[k], cpu);
}

/* One CPU is enough for who is alone, and says something of round trips beside two. */
static bool is_wanted_on(const struct bench_run *run, enum mode mode, bool two)
{
	if (run->settings->bench.cpus_given || run->cpu[1] < 0)
		return true;
	if (mode == FAN_IN || mode == FAN_OUT)
		return two || !run->settings->bench.quick;
	if (mode == ECHO)
		return two;
	return mode == LATENCY || mode == CONTENDED || two != (mode == ALONE);
}

static void add_sections(
	struct bench_run *run, const struct choice *choices, unsigned count, const int cpu[2])
{
	static const size_t quick[] = {SMALL, QUICK_LARGE};
	static const size_t usual[] = {SMALL, 1 << 10, QUICK_LARGE, 1 << 20};
	const struct bench_settings *bench = &run->settings->bench;
	const size_t *sizes = bench->size_count ? bench->sizes : bench->quick ? quick : usual;
	unsigned sizes_count = bench->size_count ? bench->size_count : bench->quick ? 2 : 4;
	bool two = cpu[0] != cpu[1] || cpu[0] < 0;

	for (unsigned mode = 0; mode < MODES; mode++)
		for (unsigned i = 0; i < sizes_count; i++)
			if ((!bench->modes || bench->modes >> mode & 1) &&
				has_size(run, mode, sizes[i], i, two) &&
				is_wanted_on(run, (enum mode)mode, two))
				add_section(run, choices, count, mode, sizes[i], i, cpu);
}

static bool check_cpus(const int cpu[2])
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof set, &set);
	for (int i = 0; i < 2; i++)
		if (cpu[i] >= 0 && !CPU_ISSET((size_t)cpu[i], &set)) {
			say_error("bench: CPU %d is not there, or not for us; see `taskset -p $$`",
				cpu[i]);
			return false;
		}
	return true;
}

int bench_choose(struct bench_run *run)
{
	const struct bench_settings *bench = &run->settings->bench;
	unsigned room = bench_row_count * (unsigned)(run->settings->operand_count + 1), count = 0;
	struct choice *choices = calloc(room, sizeof *choices);

	run->records = calloc(MOST_STEPS, sizeof *run->records);
	run->options = calloc(MOST_STEPS, sizeof *run->options);
	if (!choices || !run->records || !run->options) {
		say_error("out of memory");
		free(choices);
		return EXIT_SYSTEM;
	}
	int code = find_all(run->settings, choices, &count);
	if (code == EXIT_DONE && !check_cpus(bench->cpus))
		code = EXIT_USAGE;
	if (code == EXIT_DONE && bench->cpus_given)
		add_sections(run, choices, count, bench->cpus);
	if (code == EXIT_DONE && !bench->cpus_given && run->cpu[1] >= 0)
		add_sections(run, choices, count, run->cpu);
	if (code == EXIT_DONE && !bench->cpus_given)
		add_sections(run, choices, count, (const int[]){run->cpu[0], run->cpu[0]});
	free(choices);
	return code;
}

double bench_seconds(const struct bench_run *run, const struct record *record)
{
	const double start = 0.07; /* processes, links, a probe */
	double turns = (double)run->plan.duration / 1e9;
	unsigned contenders = 2;

	for (unsigned i = 1; record->mode == STREAM && record->size >= LARGE && i < 3; i++)
		contenders += record->row->tunings[i].buffer || record->row->tunings[i].write_size;
	return contenders * turns * 1.2 + start;
}

void bench_forget(struct bench_run *run)
{
	for (unsigned i = 0; i < run->count; i++)
		bench_forget_record(&run->records[i]);
	free(run->records);
	free(run->options);
	free(run->waits);
}

const char *bench_cpus(const struct record *record, char *text, size_t size)
{
	if (record->cpu[CLIENT] < 0)
		return "none";
	snprintf(text, size, "%d,%d", record->cpu[CLIENT], record->cpu[SERVER]);
	return text;
}

const char *bench_step(const struct record *record, char *text, size_t size)
{
	char cpus[32], crowd[16] = "";

	if (record->fan > 1)
		snprintf(crowd, sizeof crowd, " %u", record->fan);
	snprintf(text, size, "%s, %s%s, %zu bytes, CPUs %s", record->row->name,
		bench_modes[record->mode], crowd, record->size,
		bench_cpus(record, cpus, sizeof cpus));
	return text;
}
