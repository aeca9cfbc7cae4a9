/* SPDX-License-Identifier: MIT
 *
 * follow_inside.h - between the files that follow threads.
 */
#ifndef SINEW_OBSERVE_FOLLOW_INSIDE_H
#define SINEW_OBSERVE_FOLLOW_INSIDE_H

#include "follow.h"
#include "wait_look.h"

/* What /proc said while it slept. */
struct sinew__asleep {
	uint64_t from, to; /* the look: before and after; 0: none */
	enum sinew__wait_seen seen;
	struct sinew__wait wait;
};

struct sinew__followed {
	struct sinew__followed *next; /* with the same hash */
	struct sinew__who who;
	struct sinew__interval open; /* what is known of the interval so far */
	struct sinew__asleep asleep;
	uint64_t since; /* what was heard of the time before is older than what is known */
	uint64_t ran;   /* how long when it was found able to run, as the kernel counts */
	uint64_t waked;
	uint64_t exited; /* began to end */
	uint64_t seen;   /* as a zombie */
	uint64_t gone;   /* seen to be gone, to be told when it is time */
	uint32_t parent;
	char comm[SINEW__COMM];
	bool kernel, dead, visited;
	bool replaced; /* it goes on under the name of another */
};

enum { SINEW__FOLLOWED_BUCKETS = 4096, SINEW__FOLLOWED_MOST = 32768, SINEW__CACHE = 1024 };

struct sinew__follow {
	struct sinew__source *source;
	struct sinew__followed *buckets[SINEW__FOLLOWED_BUCKETS];
	uint32_t count;
	uint32_t self, adopted;
	bool find_again;    /* births may have been lost */
	uint64_t next_find; /* of who joined the cgroup */
	/* heard, not taken yet */
	struct sinew__heard *heard;
	size_t heard_count, heard_room;
	uint64_t order;
	/* of threads that are not followed; colliding ones forget */
	struct {
		uint32_t tid;
		uint64_t when;
	} wakings[SINEW__CACHE];
	struct sinew__stranger {
		uint32_t tid, tgid;
		bool kernel;
	} strangers[SINEW__CACHE];
};

/* ---- follow.c ---- */

struct sinew__followed *sinew__followed_find(const struct sinew__follow *follow, uint32_t tid);
/* NULL: no room. */
struct sinew__followed *sinew__followed_add(
	struct sinew__follow *follow, uint32_t tid, uint32_t tgid, uint64_t start);

/* ---- follow_steps.c ---- */

/* One event, in the order of time. */
void sinew__follow_take(struct sinew__follow *follow, const struct sinew__heard *in);
/* It has run since it was found. */
void sinew__follow_ran(struct sinew__followed *);
/* Gives out the open interval as of `time`. */
void sinew__follow_give(struct sinew__follow *follow, struct sinew__followed *thread, uint64_t time,
	uint16_t cpu, uint16_t flags);

/* ---- follow_look.c ---- */

/* Looks at those that sleep and at zombies. */
void sinew__follow_look(struct sinew__follow *follow);
/* Tells of those that are gone by the horizon, and forgets them. */
void sinew__follow_bury(struct sinew__follow *follow, uint64_t horizon);

#endif
