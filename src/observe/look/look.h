/* SPDX-License-Identifier: MIT
 *
 * look.h - one look at the processes of this PID namespace: all threads, or those of some processes.
 * Nothing is stopped or changed, no right is needed; what is seen less without one is "unknown". The threads are those of slightly different moments.
 */
#ifndef SINEW_LOOK_LOOK_H
#define SINEW_LOOK_LOOK_H

#include <stddef.h>

#include "facts.h"

struct sinew__look;

enum {
	SINEW__LOOK_OTHERS_TOO = 1, /* who is at the other side: looks at all descriptors of all */
	SINEW__LOOK_WCHAN = 2,      /* facts->wchan of all */
};

struct sinew__look_request {
	const uint32_t
		*pids; /* processes (a thread's number stands for its process), or NULL: all */
	size_t count;
	unsigned flags;
	char tier; /* 'A' by BPF, 'D' by /proc; 0: the best that can be had */
};

/* 0 or -errno, in words by sinew__observe_error(). To be closed. */
int sinew__look_open(struct sinew__look **look, const struct sinew__look_request *request);
void sinew__look_close(struct sinew__look *look);

/* All that there are, by process and thread number; those that were asked for are marked as shown. They
 * stay until it is closed. */
const struct sinew__facts *sinew__look_threads(const struct sinew__look *look, size_t *count);
/* Why it was not by a better way, a sentence without its full stop; NULL: it was by the best, or by that which
 * was asked for. */
const char *sinew__look_lacks(const struct sinew__look *look);
/* The thread with that number, or NULL. */
const struct sinew__facts *sinew__look_thread(const struct sinew__look *look, uint32_t tid);

#endif
