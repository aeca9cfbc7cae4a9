/* SPDX-License-Identifier: MIT
 *
 * bench_baseline.c - what was measured before, and what costs more now.
 *
 * Compared are ratios to the bare twin, each taken within one repeat: a machine that is slower today is so
 * for both. Where there is no twin, the cost itself.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"
#include "exit.h"
#include "say.h"

struct baseline {
	json_t *root, *rows;
};

int baseline_read(const char *file, struct baseline **baseline)
{
	json_error_t error;
	json_t *root = json_load_file(file, 0, &error), *rows = json_object_get(root, "rows");

	if (!json_is_array(rows) || json_integer_value(json_object_get(root, "format")) != 1) {
		say_error("bench: --baseline %s is not a result of sinew bench --json%s%s", file,
			root ? "" : ": ", root ? "" : error.text);
		json_decref(root);
		return EXIT_USAGE;
	}
	*baseline = malloc(sizeof **baseline);
	if (!*baseline) {
		say_error("out of memory");
		json_decref(root);
		return EXIT_SYSTEM;
	}
	**baseline = (struct baseline){root, rows};
	return EXIT_DONE;
}

void baseline_close(struct baseline *baseline)
{
	if (baseline)
		json_decref(baseline->root);
	free(baseline);
}

static bool has_text(const json_t *row, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value && strcmp(value, text) == 0;
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : 0;
}

static const json_t *find(const struct baseline *baseline, const struct bench_run *run, unsigned i)
{
	const struct record *record = &run->records[i];
	const char *options = run->options[i] ? run->options[i] : "";
	char cpus[32];
	size_t at;
	json_t *row;

	const char *where = bench_cpus(record, cpus, sizeof cpus);
	json_array_foreach(baseline->rows, at, row)
	{
		if (has_text(row, "mechanism", record->row->name) &&
			has_text(row, "options", options) &&
			has_text(row, "mode", bench_modes[record->mode]) &&
			has_text(row, "cpus", where) &&
			number(row, "size") == (double)record->size &&
			number(row, "rate") == record->rate &&
			(!json_object_get(row, "fan") || number(row, "fan") == record->fan) &&
			json_object_get(row, "costs_ns"))
			return row;
	}
	return NULL;
}

/* What is compared, repeat by repeat. */
struct values {
	double of[REPEATS_MAX];
	unsigned count;
};

static struct values old_values(const json_t *row)
{
	const json_t *ours = json_object_get(row, "costs_ns");
	const json_t *bare = json_object_get(json_object_get(row, "bare"), "costs_ns");
	struct values values = {.count = 0};

	for (size_t i = 0; i < json_array_size(ours) && i < REPEATS_MAX; i++) {
		double twin = bare ? json_number_value(json_array_get(bare, i)) : 1;
		double cost = json_number_value(json_array_get(ours, i));
		if (twin > 0 && cost > 0)
			values.of[values.count++] = cost / twin;
	}
	return values;
}

static struct values new_values(const struct record *record)
{
	struct values values = {.count = record->repeats};

	for (unsigned i = 0; i < record->repeats; i++)
		values.of[i] = bench_cost(record, 0, i) /
			       (record->bare ? bench_cost(record, record->bare, i) : 1);
	return values;
}

static bool has_moved(const json_t *row, const struct record *record)
{
	return !has_text(json_object_get(row, "place_after"), "name", record->after.name) ||
	       !has_text(json_object_get(row, "place_before"), "name", record->before.name);
}

static void print(struct out *out, const struct record *record, double more)
{
	char step[100];

	out_format(out, "%s: costs %.0f %% more than before%s\n",
		bench_step(record, step, sizeof step), more * 100,
		record->bare ? ", beside its bare twin" : "");
}

enum fate { NOT_THERE, MOVED, COMPARED };

/* What became of record `i`; `more`: by how much it costs more, beyond the noise. */
static enum fate look_at(const struct bench_run *run, unsigned i, double *more)
{
	const struct record *record = &run->records[i];
	const json_t *row = bench_sound(record) ? find(run->baseline, run, i) : NULL;

	*more = 0;
	if (!row)
		return NOT_THERE;
	if (has_moved(row, record))
		return MOVED;
	struct values before = old_values(row), now = new_values(record);
	if (before.count)
		*more = bench_worse(before.of, before.count, now.of, now.count);
	return COMPARED;
}

bool baseline_doubts(const struct bench_run *run, unsigned i)
{
	double more;

	return look_at(run, i, &more) == COMPARED && more > 0;
}

unsigned baseline_compare(const struct bench_run *run, struct out *out)
{
	unsigned found = 0, count[COMPARED + 1] = {0};

	for (unsigned i = 0; i < run->count; i++) {
		double more;
		count[look_at(run, i, &more)]++;
		if (more > 0) {
			print(out, &run->records[i], more);
			found++;
		}
	}
	out_format(
		out, "Compared with before: %u rows, %u of them cost more", count[COMPARED], found);
	if (count[MOVED])
		out_format(out, "; %u not compared, their CPUs stand otherwise to each other",
			count[MOVED]);
	out_text(out, "\n");
	return found;
}
