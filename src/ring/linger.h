/* SPDX-License-Identifier: MIT
 *
 * linger.h - a pause before a look that would find but one message, so that several gather.
 *
 * Right behind the other side each look takes a line from it that it is about to write, and what the CPU
 * fetches ahead of that takes the next ones: both are slow, and stay where they are. Whoever lets messages gather
 * goes through them undisturbed, and so does the other side meanwhile.
 *
 * A brief pause is made by whoever has found something at each first look, and not again for long where it lets
 * nothing gather. A long one holds messages up by microseconds. So where several come between two waits it is tried out now
 * and then, for a few waits, and kept while clearly more messages come in the same time: which is so if
 * the two hinder each other, and not if the other side sends at a pace of its own, or waits for answers.
 */
#ifndef SINEW_RING_LINGER_H
#define SINEW_RING_LINGER_H

#include <stdbool.h>
#include <stdint.h>

enum sinew__linger_way { SINEW__LINGER_BRIEF, SINEW__LINGER_LONG, SINEW__LINGER_WAYS };

struct sinew__linger {
	unsigned since;                    /* messages since we last waited */
	int short_waits;                   /* one after another that ended as soon as we looked */
	enum sinew__linger_way usual, now; /* not the same: a trial */
	uint64_t pace[SINEW__LINGER_WAYS]; /* messages in a time, as last seen */
	uint64_t messages;                 /* since `begun` */
	int64_t begun;                     /* 0: just begins */
	unsigned waits;                    /* since then */
	unsigned left;                     /* spells until the next trial */
	unsigned in_vain;                  /* trials one after another that changed nothing */
};

/* Before the first look of a wait. may_be_long: there is room for what comes meanwhile. */
void sinew__linger(struct sinew__linger *, bool may_be_long);
/* A wait has ended after so many looks in vain. */
void sinew__linger_waited(struct sinew__linger *, unsigned looks);
/* We slept: what comes now says nothing of how fast it could. */
void sinew__linger_slept(struct sinew__linger *);
/* So many waits as make a spell have passed by `now`: what to do in the next. */
void sinew__linger_judge(struct sinew__linger *, int64_t now);

#endif
