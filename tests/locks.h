/* SPDX-License-Identifier: MIT
 *
 * locks.h - shared memory, and children that take a lock and die.
 */
#ifndef SINEW_TESTS_LOCKS_H
#define SINEW_TESTS_LOCKS_H

#include <sinew/lock.h>

#include "faults.h"

/* Zeroed, and shared with the children. */
void *shared(size_t size);

/* A child does this and is killed. */
void die_after(void (*fn)(void *), void *arg);

/* A child does this and stays until let_die(). */
struct holder {
	void (*fn)(void *);
	void *arg;
	struct gate gate;
};
pid_t hold(struct holder *h, void (*fn)(void *), void *arg);
void let_die(struct holder *h, pid_t pid);

/* A wait of 30 ms, begun at `since`, ended with r: in time, neither early nor late. */
void check_in_time(int r, int64_t since);

#endif
