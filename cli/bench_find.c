/* SPDX-License-Identifier: MIT
 *
 * bench_find.c - figures of a run, looked up by those who make sentences of them.
 */
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

static bool is_what(const struct record *record, enum mode mode, size_t size, bool two)
{
	return record->mode == mode && (record->size == size || record->row->wake) &&
	       is_on_two(record) == two && bench_sound(record);
}

const struct record *find_record(
	const struct bench_run *run, const char *name, enum mode mode, size_t size, bool two)
{
	for (unsigned i = 0; i < run->count; i++)
		if (is_what(&run->records[i], mode, size, two) &&
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

double bench_spread(const struct record *record)
{
	struct figure costs = bench_costs(record, 0);

	return record->repeats > 1 && costs.median > 0 ? (costs.high - costs.low) / costs.median
						       : NAN;
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
		if (is_what(record, mode, size, two) && accepts(record, arg) &&
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

/* Asked of the URI without the bound on peers that the benchmark gives it. */
bool has_caps(const struct record *record, uint64_t caps)
{
	const struct row *row = record->row;
	const bool many = record->mode == FAN_IN && row->many;
	struct sinew_caps can = {0};
	char *uri = bench_uri(many ? row->many : row->uri, "/tmp/sinew", 1);
	char *peers = strstr(uri, "peers=1");

	if (peers)
		peers[-1] = '\0';
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

char *say_bytes(const struct record *record, double cost, char text[FIGURE])
{
	snprintf(text, FIGURE, "%.2f GB/s", (double)record->size / cost);
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

double bench_busy(const struct bench_run *run)
{
	double ready = 0, wall = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		for (int side = 0; side < 2 && is_on_two(record); side++) {
			ready += (double)record->outcomes[0].spent[side].ready;
			wall += (double)record->outcomes[0].spent[side].wall;
		}
	}
	return wall > 0 ? ready / wall : 0;
}

void bench_caution(struct verdict *verdict, const struct record *record)
{
	enum { FAR = 25 };
	double percent = record ? bench_spread(record) * 100 : NAN, before = 0;

	sscanf(verdict->caution, "The repeats were up to %lf", &before);
	if (percent >= FAR && percent > before)
		snprintf(verdict->caution, sizeof verdict->caution,
			"The repeats were up to %.0f %% apart (%s): run it again, longer, before "
			"you "
			"rely on it.",
			percent, record->row->name);
}

void verdict_add(struct verdict *verdict, const char *format, ...)
{
	size_t used = strlen(verdict->text);
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->text + used, sizeof verdict->text - used, format, args);
	va_end(args);
}
