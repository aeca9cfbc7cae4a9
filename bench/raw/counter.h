/* SPDX-License-Identifier: MIT
 *
 * counter.h - units on a bare futex, for the twins of a tally.
 */
#ifndef BENCH_RAW_COUNTER_H
#define BENCH_RAW_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

struct counter {
	uint32_t units, sleepers;
};

/* Whether there was a unit to take. */
static inline bool counter_take(struct counter *c)
{
	uint32_t units = __atomic_load_n(&c->units, __ATOMIC_SEQ_CST);

	while (units)
		if (__atomic_compare_exchange_n(&c->units, &units, units - 1, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

#endif
