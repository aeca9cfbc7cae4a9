/* SPDX-License-Identifier: MIT
 *
 * bench_options.c - the options of sinew bench, and how they are read.
 */
#include "bench_options.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "units.h"

enum { LEAST = 24, MOST = 16 << 20, MOST_REPEATS = 31, MOST_RATE = 10000000 };

/* Calls take() with each word of "a,b,c". */
static bool each_word(struct settings *settings, const char *list,
	bool (*take)(struct settings *settings, const char *word))
{
	char word[32];

	for (;; list++) {
		size_t length = strcspn(list, ",");
		if (length >= sizeof word)
			return false;
		memcpy(word, list, length);
		word[length] = '\0';
		if (!take(settings, word))
			return false;
		list += length;
		if (!*list)
			return true;
	}
}

static bool add_size(struct settings *settings, const char *word)
{
	uint64_t size;

	if (settings->bench.size_count == MOST_SIZES || !units_read_size(word, &size) ||
		size < LEAST || size > MOST)
		return false;
	settings->bench.sizes[settings->bench.size_count++] = size;
	return true;
}

static bool set_sizes(struct settings *settings, const char *value)
{
	return each_word(settings, value, add_size);
}

/* In the order of enum mode; a stream is both sorts of it. */
static bool add_mode(struct settings *settings, const char *word)
{
	static const struct {
		const char *name;
		unsigned bits;
	} modes[] = {{"latency", 1}, {"stream", 2 | 4}, {"batched", 4}, {"paced", 8}, {"alone", 16},
		{"fan", 32 | 64}, {"fan-in", 32}, {"fan-out", 64}, {"echo", 128},
		{"contended", 256}};

	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(word, modes[i].name) == 0) {
			settings->bench.modes |= modes[i].bits;
			return true;
		}
	return false;
}

static bool set_modes(struct settings *settings, const char *value)
{
	return each_word(settings, value, add_mode);
}

static bool read_cpu(const char **at, int *cpu)
{
	char *end;
	long value = strtol(*at, &end, 10);

	*cpu = (int)value;
	if (**at < '0' || **at > '9' || value > 4095)
		return false;
	*at = end;
	return true;
}

static bool set_cpus(struct settings *settings, const char *value)
{
	struct bench_settings *bench = &settings->bench;

	bench->cpus_given = true;
	bench->cpus[0] = bench->cpus[1] = -1;
	if (strcmp(value, "none") == 0)
		return true;
	return read_cpu(&value, &bench->cpus[0]) && *value++ == ',' &&
	       read_cpu(&value, &bench->cpus[1]) && !*value;
}

static bool set_rate(struct settings *settings, const char *value)
{
	return units_read_count(value, &settings->bench.rate) && settings->bench.rate > 0 &&
	       settings->bench.rate <= MOST_RATE;
}

static bool set_wait(struct settings *settings, const char *value)
{
	static const char *const ways[] = {"wait=latency", "wait=balanced", "wait=power"};

	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(value, ways[i] + strlen("wait=")) == 0)
			settings->bench.wait = ways[i];
	return settings->bench.wait;
}

static bool set_duration(struct settings *settings, const char *value)
{
	return units_read_time(value, &settings->duration) && settings->duration >= 1000000 &&
	       settings->duration <= INT64_C(60000000000);
}

static bool set_repeat(struct settings *settings, const char *value)
{
	uint64_t count;

	if (!units_read_count(value, &count) || count < 1 || count > MOST_REPEATS)
		return false;
	settings->bench.repeat = (unsigned)count;
	return true;
}

static bool set_quick(struct settings *settings, const char *value)
{
	(void)value;
	return settings->bench.quick = true;
}

static bool set_json_file(struct settings *settings, const char *value)
{
	settings->bench.json = value;
	return *value;
}

static bool set_html_file(struct settings *settings, const char *value)
{
	settings->bench.html = value;
	return *value;
}

static bool set_baseline(struct settings *settings, const char *value)
{
	settings->bench.baseline = value;
	return *value;
}

const struct cli_option bench_options[] = {
	{"quick", 0, NULL, "every mechanism once over, in less than two minutes", set_quick, NULL},
	{"mode", 0, "MODES",
		"latency, stream, batched, paced, alone, fan, echo, contended, or several",
		set_modes,
		"latency, stream (also batched), batched, paced, alone, fan (fan-in, fan-out), "
		"echo or contended, with commas between them"},
	{"sizes", 0, "SIZES", "of messages, as 64,64K", set_sizes,
		"up to 16 sizes from 24 to 16M, with commas between them"},
	{"cpus", 0, "A,B|none", "where the client and the server run", set_cpus,
		"two numbers of CPUs, as 0,1 or 0,0, or none"},
	{"rate", 0, "COUNT", "paced: messages a second (1000)", set_rate,
		"a number up to 10000000"},
	{"wait", 0, "WAY", "how rings wait: latency, balanced, power", set_wait,
		"latency, balanced or power"},
	{"duration", 'd', "TIME", "of each contender in each repeat (200ms, quick: 50ms)",
		set_duration, "a time from 1ms to 60s"},
	{"repeat", 'r', "COUNT", "with fresh processes (5, quick: 3)", set_repeat,
		"a number from 1 to 31"},
	{"json", 0, "FILE", "write everything as JSON; - is standard output, without the table",
		set_json_file, "a file or -"},
	{"html", 0, "FILE", "write a report with pictures, one file that needs no other",
		set_html_file, "a file"},
	{"baseline", 0, "FILE", "compare with the JSON of before; 1 if something costs more",
		set_baseline, "a file"},
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_END,
};
