/* SPDX-License-Identifier: MIT
 *
 * stepping.h - a process that is led through an operation on a lock, an instruction at a time, and dies at
 * any of them.
 */
#ifndef SINEW_TESTS_STEPPING_H
#define SINEW_TESTS_STEPPING_H

#include <signal.h>
#include <sinew/lock.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

struct shared {
	struct sinew_mutex mutex;
	struct sinew_condition condition;
	struct sinew_rwlock rwlock, other;
	struct sinew_semaphore semaphore;
	struct sinew_pool pool;
	struct sinew_barrier barrier;
	struct sinew_once once;
	int a, b, flag;
};

extern struct shared *s;

struct row {
	const char *name;
	void (*before)(void); /* what we have done before, or NULL */
	void (*ready)(void);  /* what the process has done before its steps, or NULL */
	void (*act)(void);    /* its steps */
	void (*sleep)(void);  /* what another one sleeps in meanwhile, or NULL */
	void (*check)(pid_t sleeper);
};

int64_t in_ms(int64_t ms);

/* All of it made anew. */
void make_shared(void);

/* The process, before its first step, and the one that sleeps, or 0. */
pid_t start(const struct row *row, pid_t *sleeper);

/* One more, before its first step. */
pid_t start_beside(const struct row *row);

/* Whether the operation goes on. */
bool step(pid_t pid);

/* A process dies at each step after which something is another than before. warm_up: symbols are bound, pages
 * are there. */
void die_at_every_step(const struct row *row, void (*warm_up)(void));

#endif
