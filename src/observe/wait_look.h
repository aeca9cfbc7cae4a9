/* SPDX-License-Identifier: MIT
 *
 * wait_look.h - in which system call a thread sleeps right now, and on what: what the kernel's side finds
 * from its registers, for those that have only /proc.
 */
#ifndef SINEW_OBSERVE_WAIT_LOOK_H
#define SINEW_OBSERVE_WAIT_LOOK_H

#include <stdbool.h>

#include "record.h"

/* Neither a call nor an object. */
#define SINEW__NO_WAIT ((struct sinew__wait){.call = -1, .fd = -1})

enum sinew__wait_seen {
	SINEW__WAIT_HIDDEN, /* no right to see it, or it is gone */
	SINEW__WAIT_AWAKE,  /* it runs, or could */
	SINEW__WAIT_CALL,
	SINEW__WAIT_NO_CALL, /* it sleeps in none: a page fault */
};

/* Fills all of `wait` but its state. What is found is of one sleep only if the thread did not run
 * meanwhile: the caller has to know. */
enum sinew__wait_seen sinew__wait_look(sinew__u32 tgid, sinew__u32 tid, struct sinew__wait *wait);

/* Bits of a wait's state, from the letter of /proc/PID/stat; 0: it can run. */
sinew__u32 sinew__wait_state(char letter);

#endif
