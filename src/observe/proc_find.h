/* SPDX-License-Identifier: MIT
 *
 * proc_find.h - the threads that are there and asked for, for sources that have only /proc to find them.
 */
#ifndef SINEW_OBSERVE_PROC_FIND_H
#define SINEW_OBSERVE_PROC_FIND_H

#include "source.h"

struct sinew__find {
	/* Each thread that is found, perhaps more than once. */
	void (*meet)(void *arg, uint32_t tgid, uint32_t tid);
	/* Whether its children are still to be looked at: true once in each search. */
	bool (*is_new)(void *arg, uint32_t tgid);
	void *arg;
	uint32_t self; /* who looks is left out */
};

/* Whether the processes or the cgroup are there: 0 or -errno in words. */
int sinew__find_check(const struct sinew__request *request);

/* What was asked for, except a command. */
void sinew__find(struct sinew__find *find, const struct sinew__request *request);
/* A process, its children, and theirs. */
void sinew__find_from(struct sinew__find *find, uint32_t tgid);

#endif
