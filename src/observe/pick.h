/* SPDX-License-Identifier: MIT
 *
 * pick.h - which rows of a summary come first. The order depends on the figures alone, and on what was
 * met first where they are equal, so that the same recording always gives the same output.
 */
#ifndef SINEW_OBSERVE_PICK_H
#define SINEW_OBSERVE_PICK_H

#include "states.h"

/* Who woke whom: rows of blocked time with the same pair, added up. */
struct sinew__wakeup {
	uint32_t waker, process; /* ids; nobody: the context says what it was */
	uint32_t context, order;
	uint64_t count, time;
};

/* Arrays of pointers, to be freed; *count is set. NULL without memory, or for nothing. */

/* Processes that were traced, those that ran longest first. */
const struct sinew__process **sinew__pick_processes(
	const struct sinew__states *states, uint32_t *count);
/* Blocked time of one process, most first; of all of them, process by process, with SINEW__NOBODY. */
const struct sinew__block_row **sinew__pick_blocks(
	const struct sinew__states *states, uint32_t process, uint32_t *count);
/* Most time first. */
const struct sinew__push_row **sinew__pick_pushes(
	const struct sinew__states *states, uint32_t *count);
/* Most often first: the rows themselves. */
struct sinew__wakeup *sinew__pick_wakeups(const struct sinew__states *states, uint32_t *count);

#endif
