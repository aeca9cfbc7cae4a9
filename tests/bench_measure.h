/* SPDX-License-Identifier: MIT
 *
 * bench_measure.h - one measurement of a row by the benchmark, in a directory of its own.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include "bench.h"
#include "crew.h"
#include "directory.h"
#include "runner.h"

/* On whatever CPUs, paced at so many a second; instead of what is in the record, which begins with nothing. */
static inline void measure_paced(struct record *record, const struct row *row, enum mode mode,
	size_t size, unsigned fan, int64_t duration, unsigned repeats, double rate)
{
	char directory[DIRECTORY];
	struct plan plan = {.duration = duration, .repeats = repeats, .directory = directory};

	bench_forget_record(record);
	*record = (struct record){
		.row = row, .mode = mode, .size = size, .rate = rate, .fan = fan, .cpu = {-1, -1}};
	CHECK_EQ(directory_make(directory), 0);
	crew_init();
	bench_measure(record, &plan, NULL);
	directory_remove(directory);
}

static inline void measure_sized(struct record *record, const struct row *row, enum mode mode,
	size_t size, unsigned fan, int64_t duration, unsigned repeats)
{
	measure_paced(record, row, mode, size, fan, duration, repeats, 1000);
}

#endif
