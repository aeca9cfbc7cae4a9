/* SPDX-License-Identifier: MIT
 *
 * alone.h - what one process does by itself: it takes locks and gives them back, which another may want at the
 * same time, and makes processes. A message is one use.
 */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "contender.h"

/* Under a lock: two steps, which nobody may come between. */
static inline void count_up(void *data)
{
	volatile uint64_t *number = data;
	const uint64_t before = *number;

	*number = before + 1;
}

extern const struct contender sinew_mutex_use, sinew_rwlock_use, sinew_semaphore_use;
/* A child that ends at once, from the call of fork() until it is reaped; and parts of that. */
extern const struct contender fork_use, fork_return, fork_first_run, fork_reap;
/* One that first becomes another program; and the part until posix_spawn() has returned: it runs that then. */
extern const struct contender exec_use, exec_return;

#endif
