/* SPDX-License-Identifier: MIT
 *
 * event_pids.h - how two processes that signal each other learn each other's number.
 */
#ifndef BENCH_EVENT_PIDS_H
#define BENCH_EVENT_PIDS_H

#include <sched.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

#include "contender.h"
#include "crew.h"

struct event_pids {
	_Atomic pid_t of[2]; /* by role */
};

static inline struct event_pids *event_pids_share(void)
{
	return crew_share(sizeof(struct event_pids));
}

/* Call it when signals can be taken. The other's number, once it can take them too. */
static inline pid_t event_pids_meet(struct event_pids *pids, enum role role)
{
	pid_t other;

	atomic_store(&pids->of[role], getpid());
	while ((other = atomic_load(&pids->of[!role])) == 0)
		sched_yield();
	return other;
}

#endif
