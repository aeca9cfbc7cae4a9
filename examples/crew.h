/* SPDX-License-Identifier: MIT
 *
 * crew.h - processes that work at something together, and a storm that kills them: each that dies is
 * replaced, until all have come to their end.
 */
#ifndef EXAMPLES_CREW_H
#define EXAMPLES_CREW_H

#include <sinew/lock.h>
#include <sinew/sinew.h>
#include <stdbool.h>
#include <sys/types.h>

enum { CREW_MOST = 16 };

struct crew {
	const char *uri;                       /* of the region they share */
	void (*work)(unsigned me, void *data); /* what each does; data: the region's bytes */
	unsigned count;
	pid_t pids[CREW_MOST];
};

/* "shm:/example-NAME-PID?temp=yes": a region that goes with its last user. */
const char *crew_uri(const char *name);

/* Makes the region, for the caller. Ends the program if it cannot. */
sinew_region *crew_region(const char *uri, size_t size, sinew_region_init init);

/* Starts all, kills one of them at random so many times, waits for all. False: one of them failed. */
bool crew_run(struct crew *crew, unsigned kills);

/* Ends the program with words if what a call returned is a failure. */
void crew_check(int result, const char *what);

#endif
