/* SPDX-License-Identifier: MIT
 *
 * flame.h - blocked time as stacks: thread; call; object; who ended it. For the two outputs made of them.
 */
#ifndef SINEW_OBSERVE_FLAME_H
#define SINEW_OBSERVE_FLAME_H

#include "states.h"

enum { SINEW__FRAMES = 4 };

struct sinew__stack {
	char *frames[SINEW__FRAMES]; /* plain text */
	uint64_t time;               /* ns blocked */
};

struct sinew__stacks {
	struct sinew__stack *rows; /* no two are alike; in the order of their frames */
	uint32_t count;
};

/* Needs the timeline. False without memory. */
bool sinew__stacks_init(struct sinew__stacks *stacks, const struct sinew__states *states);
void sinew__stacks_fini(struct sinew__stacks *stacks);

#endif
