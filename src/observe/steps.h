/* SPDX-License-Identifier: MIT
 *
 * steps.h - what the files that take records share. Each take_ function takes one record, in the order of
 * time, and returns 0 or -ENOMEM.
 */
#ifndef SINEW_OBSERVE_STEPS_H
#define SINEW_OBSERVE_STEPS_H

#include "states.h"

/* From its point on the thread was in this state, until then. The point never goes back. */
void sinew__spend(struct sinew__states *states, struct sinew__task *task, enum sinew__state state,
	uint64_t until);
void sinew__count_move(
	struct sinew__states *states, struct sinew__task *task, enum sinew__move move);
void sinew__count_moves(struct sinew__states *states, struct sinew__task *task,
	enum sinew__move move, uint64_t times);
/* A whole time of being ready, of being blocked. */
void sinew__delayed(struct sinew__states *states, struct sinew__task *task, uint64_t ns);
void sinew__waited(struct sinew__states *states, struct sinew__task *task, uint64_t ns);
void sinew__contradict(struct sinew__states *states, struct sinew__task *task);

/* NULL: there is no such CPU. */
struct sinew__cpu_state *sinew__cpu_of(struct sinew__states *states, unsigned cpu);

/* The row of what this interval waits for, and who ended that. NULL without memory. */
struct sinew__block_row *sinew__block_row_of(struct sinew__states *states,
	const struct sinew__task *task, const struct sinew__interval *in);

int sinew__take_interval(struct sinew__states *states, const struct sinew__interval *in);
int sinew__take_name(struct sinew__states *states, const struct sinew__name *in);
int sinew__take_thread(struct sinew__states *states, const struct sinew__thread *in);
int sinew__take_admit(struct sinew__states *states, const struct sinew__admit *in);
int sinew__take_exec(struct sinew__states *states, const struct sinew__exec *in);
int sinew__take_exit(struct sinew__states *states, const struct sinew__exit *in);
int sinew__take_reaped(struct sinew__states *states, const struct sinew__reaped *in);
int sinew__take_sample(struct sinew__states *states, const struct sinew__sample *in);

#endif
