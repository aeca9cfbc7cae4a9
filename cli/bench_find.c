/* SPDX-License-Identifier: MIT
 *
 * bench_find.c - figures of a run, looked up by those who make sentences of them.
 */
#include <inttypes.h>
#include <math.h>
#include <sinew/sinew.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_verdicts.h"

bool is_on_two(const struct record *record)
{
	return record->cpu[CLIENT] < 0 || record->cpu[CLIENT] != record->cpu[SERVER];
}

bool is_in_group(const struct record *record, const char *group)
{
	return strstr(record->row->groups, group);
}

bool is_step(const struct record *record, enum mode mode, size_t size, bool two)
{
	return record->mode == mode && (record->size == size || record->row->wake) &&
	       is_on_two(record) == two && bench_sound(record);
}

const struct record *find_record(
	const struct bench_run *run, const char *name, enum mode mode, size_t size, bool two)
{
	for (unsigned i = 0; i < run->count; i++)
		if (is_step(&run->records[i], mode, size, two) &&
			strcmp(run->records[i].row->name, name) == 0)
			return &run->records[i];
	return NULL;
}

static bool is_timed(const struct record *record)
{
	return record->mode == LATENCY || record->mode == PACED;
}

double bench_typical(const struct record *record, unsigned contender)
{
	return is_timed(record) ? record->outcomes[contender].p50_all
				: bench_costs(record, contender).median;
}

double find_rate(const struct record *record)
{
	return bench_figure(record->outcomes[0].rate, record->repeats).median;
}

double find_cost(const struct record *record)
{
	return record ? bench_typical(record, 0) : NAN;
}

double find_bare(const struct record *record)
{
	return record && record->bare ? bench_typical(record, record->bare) : NAN;
}

const struct record *find_least(const struct bench_run *run, enum mode mode, size_t size, bool two,
	bool (*accepts)(const struct record *record, const void *arg), const void *arg)
{
	const struct record *least = NULL;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (is_step(record, mode, size, two) && accepts(record, arg) &&
			(!least || find_cost(record) < find_cost(least)))
			least = record;
	}
	return least;
}

unsigned find_most(const struct bench_run *run, enum mode mode, bool two)
{
	unsigned most = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		if (record->mode == mode && is_on_two(record) == two && bench_sound(record) &&
			record->fan > most)
			most = record->fan;
	}
	return most;
}

/* Takes the bound off that the benchmark gives the URI, and what is behind it. */
static void unbind(char *uri)
{
	static const char *const bounds[] = {"peers=1", "writers=1"};

	for (unsigned i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		char *bound = strstr(uri, bounds[i]);
		if (bound)
			bound[-1] = '\0';
	}
}

bool has_caps(const struct record *record, uint64_t caps)
{
	const struct row *row = record->row;
	const bool many = record->mode == FAN_IN && row->many;
	struct sinew_caps can = {0};
	char *uri = bench_uri(many ? row->many : row->uri, "/tmp/sinew", 1);

	unbind(uri);
	int r = sinew_caps(uri, &can);
	free(uri);
	return r == 0 && (can.bits & caps) == caps;
}

char *say_ns(double ns, char text[FIGURE])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned i = 0;

	for (; ns >= 999.5 && i < 3; i++)
		ns /= 1000;
	snprintf(text, FIGURE, "%.*f %s", ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, ns, units[i]);
	return text;
}

char *say_bytes(const struct record *record, char text[FIGURE])
{
	snprintf(text, FIGURE, "%.2f GB/s", find_rate(record) * (double)record->size / 1e9);
	return text;
}

char *say_count(double count, char text[FIGURE])
{
	static const char *const units[] = {"", " k", " M", " G"};
	unsigned i = 0;

	for (; count >= 999.5 && i < 3; i++)
		count /= 1000;
	snprintf(text, FIGURE, "%.*f%s",
		count < 9.995 && i   ? 2
		: count < 99.95 && i ? 1
				     : 0,
		count, units[i]);
	return text;
}

char *say_whole(uint64_t count, char text[FIGURE])
{
	char digits[24], *at = text;
	int length = snprintf(digits, sizeof digits, "%" PRIu64, count);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return text;
}

char *say_size(double size, char text[FIGURE])
{
	static const char *const units[] = {"", "K", "M"};
	unsigned i = 0;

	for (; size >= 1024 && i < 2; i++)
		size /= 1024;
	snprintf(text, FIGURE, "%.0f%s", size, units[i]);
	return text;
}

static bool has_a_cpu_each(const struct record *record)
{
	return is_on_two(record) && record->fan == 1 && record->mode != ECHO;
}

double bench_busy(const struct bench_run *run)
{
	double ready = 0, wall = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		for (int side = 0; side < 2 && has_a_cpu_each(record); side++) {
			ready += (double)record->outcomes[0].spent[side].ready;
			wall += (double)record->outcomes[0].spent[side].wall;
		}
	}
	return wall > 0 ? ready / wall : 0;
}

static double spread_of(const struct record *record, unsigned contender)
{
	struct figure costs = bench_costs(record, contender);

	return record->repeats > 1 && costs.median > 0 ? (costs.high - costs.low) / costs.median
						       : NAN;
}

double bench_spread(const struct record *record)
{
	return spread_of(record, 0);
}

static void caution(struct verdict *verdict, const struct record *record, unsigned contender)
{
	enum { FAR = 25 };
	double percent = spread_of(record, contender) * 100, before = 0;

	if (record->repeats == 1 && !*verdict->caution)
		snprintf(verdict->caution, sizeof verdict->caution,
			"Measured once (%s): run it again, longer, before you rely on it.",
			record->row->name);
	sscanf(verdict->caution, "The repeats were up to %lf", &before);
	if (percent >= FAR && percent > before)
		snprintf(verdict->caution, sizeof verdict->caution,
			"The repeats were up to %.0f %% apart (%s): run it again, longer, before "
			"you "
			"rely on it.",
			percent, record->row->name);
}

void bench_caution(struct verdict *verdict, const struct record *record)
{
	if (record)
		caution(verdict, record, 0);
}

void bench_caution_bare(struct verdict *verdict, const struct record *record)
{
	if (record && record->bare)
		caution(verdict, record, record->bare);
}

void verdict_add(struct verdict *verdict, const char *format, ...)
{
	size_t used = strlen(verdict->text);
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->text + used, sizeof verdict->text - used, format, args);
	va_end(args);
}
