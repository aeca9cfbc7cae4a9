/* SPDX-License-Identifier: MIT
 *
 * twin.c - who contends in a row, by mode.
 */
#include "bench.h"

static bool is_one_by_one(const struct row *row, enum mode mode)
{
	return mode == FAN_OUT && row->one_by_one;
}

bool bench_is_one_by_one(const struct record *record)
{
	return is_one_by_one(record->row, record->mode);
}

const struct contender *bench_ours(const struct row *row, enum mode mode)
{
	if (is_one_by_one(row, mode))
		return &sinew_one_by_one;
	return row->ours ? row->ours : &sinew_contender;
}

const struct contender *bench_twin(const struct row *row, enum mode mode)
{
	const struct contender *of_fan = mode == FAN_IN    ? row->bare_in
					 : mode == FAN_OUT ? row->bare_out
							   : NULL;

	return of_fan ? of_fan : row->bare;
}
