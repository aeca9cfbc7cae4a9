/* SPDX-License-Identifier: MIT
 *
 * follow.h - intervals put together outside of the kernel, from what a source hears of each CPU: the work of
 * state.bpf.c for those that may not load it.
 *
 * Model: what was heard is put into the order of time, and taken up to a moment, the horizon, of which
 * nothing more can come. Each thread carries its open interval. What it waits in is not heard: /proc is
 * asked while it sleeps, and believed if it turns out to have slept from before the question until after
 * the answer.
 */
#ifndef SINEW_OBSERVE_FOLLOW_H
#define SINEW_OBSERVE_FOLLOW_H

#include "proc_find.h"
#include "source.h"

enum sinew__heard_kind {
	SINEW__HEARD_LEAVE, /* left its CPU: `state`, and who came: `other` */
	SINEW__HEARD_COME,
	SINEW__HEARD_THERE,  /* it is on its CPU by now, since when was not heard */
	SINEW__HEARD_WAKING, /* woken by `other` in `context` */
	SINEW__HEARD_ADMIT,  /* the same of a new one */
	SINEW__HEARD_MADE, /* by `other`, as a thread of `tgid` or, if that is 0, of its maker's process */
	SINEW__HEARD_EXEC, /* it was `other` until now */
	SINEW__HEARD_NAME,
	SINEW__HEARD_EXIT,
	SINEW__HEARD_LOST, /* so much of what this CPU told: `lost` */
};

enum { SINEW__STATE_DEAD = 0x30 }; /* bits of `state`: it will not come back */

struct sinew__heard {
	uint64_t time;
	uint64_t order; /* of those of the same time */
	uint8_t kind, context;
	uint16_t cpu;
	uint32_t tid, tgid, other;
	int32_t priority, other_priority; /* as the kernel counts; 0: not told */
	uint32_t state;                   /* as in struct sinew__wait; 0: it could go on */
	uint32_t lost;
	char comm[SINEW__COMM]; /* MADE, NAME */
};

struct sinew__follow;

/* NULL without memory. `source` stays the caller's. */
struct sinew__follow *sinew__follow_open(struct sinew__source *source);
void sinew__follow_close(struct sinew__follow *follow);

/* This child of ours is to be followed, although nobody is who made it. */
void sinew__follow_adopt(struct sinew__follow *follow, uint32_t tid);
/* Those that are there and asked for. */
void sinew__follow_seed(struct sinew__follow *follow);

/* 0 or -ENOMEM. */
int sinew__follow_hear(struct sinew__follow *follow, const struct sinew__heard *heard);
/* All that was heard of the time before is in: gives out what it amounts to, and looks at those that
 * sleep. */
void sinew__follow_until(struct sinew__follow *follow, uint64_t horizon);
/* The last states. */
void sinew__follow_end(struct sinew__follow *follow, uint64_t time);

#endif
