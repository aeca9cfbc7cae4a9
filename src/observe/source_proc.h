/* SPDX-License-Identifier: MIT
 *
 * source_proc.h - between the files of tier D: the threads that are looked at again and again.
 *
 * A look first finds who is there (proc_find.c), then goes through all that are known and tells what
 * became of each (source_proc_thread.c).
 */
#ifndef SINEW_OBSERVE_SOURCE_PROC_H
#define SINEW_OBSERVE_SOURCE_PROC_H

#include "proc_find.h"

/* What the kernel has counted of a thread since it was made. */
struct sinew__counts {
	uint64_t ran, delay, dispatched, voluntary, involuntary;
};

struct sinew__seen {
	struct sinew__seen *next; /* with the same hash */
	struct sinew__who who;
	uint64_t ticks;                    /* its start, as /proc has it */
	uint64_t at;                       /* told up to here */
	struct sinew__counts last;         /* as of then */
	uint64_t owed_running, owed_ready; /* counted, but there was no time left for it */
	uint64_t ended;                    /* when it was first seen to have ended; 0 */
	uint32_t parent, visit;
	struct sinew__wait wait; /* what it was last seen in */
	char comm[SINEW__COMM];
};

enum { SINEW__SEEN_BUCKETS = 4096, SINEW__SEEN_MOST = 32768 };

struct sinew__proc_source {
	struct sinew__source source;
	struct sinew__seen *buckets[SINEW__SEEN_BUCKETS];
	uint32_t count, visit;
	struct sinew__find find;
	uint32_t command;   /* its pid, or 0 */
	bool ending;        /* this is the last look */
	bool begun;         /* who is found from now on was not there at the beginning */
	uint64_t last_look; /* when it began */
	uint64_t next_look;
};

/* ---- source_proc_thread.c ---- */

void sinew__proc_meet(struct sinew__proc_source *this, uint32_t tgid, uint32_t tid);
struct sinew__seen *sinew__proc_known(struct sinew__proc_source *this, uint32_t tid);
/* Tells what became of it. False: it is gone, which was told, too. */
bool sinew__proc_look(struct sinew__proc_source *this, struct sinew__seen *seen);

#endif
