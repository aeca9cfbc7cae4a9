/* SPDX-License-Identifier: MIT
 *
 * follow_look.c - what is not heard of threads and has to be asked: what they sleep in, and whether the dead
 * were reaped.
 */
#include <stdlib.h>
#include <string.h>

#include "follow_inside.h"
#include "look/facts.h"
#include "tell.h"

#include "../banned.h"

enum {
	LOOKS = 256,        /* in one step: each takes some microseconds */
	ROUNDED = 20000000, /* ns: two ticks */
};

static bool is_asleep(const struct sinew__followed *thread)
{
	return !thread->dead && !thread->kernel && thread->open.wait.state &&
	       thread->open.woken <= thread->open.left;
}

/* Once in each sleep. */
static bool was_looked_at(const struct sinew__followed *thread)
{
	uint64_t from = thread->open.left ? thread->open.left : thread->since;

	return thread->asleep.from && thread->asleep.from >= from;
}

static void look_at_wait(struct sinew__follow *follow, struct sinew__followed *thread)
{
	struct sinew__asleep asleep = {.from = sinew__observe_now()};

	asleep.seen = sinew__wait_look(thread->who.tgid, thread->who.tid, &asleep.wait);
	asleep.to = sinew__observe_now();
	if (asleep.seen == SINEW__WAIT_AWAKE)
		return;
	asleep.wait.state = thread->open.wait.state;
	if (follow->source->sink.meet)
		follow->source->sink.meet(follow->source->sink.arg, &thread->who, &asleep.wait);
	thread->asleep = asleep;
}

/* One that is heard to end is a zombie a moment later. A number may be another process by now: then it
 * started later than ours, by more than /proc rounds. */
static void look_at_zombie(struct sinew__followed *thread)
{
	struct sinew__facts facts;
	uint64_t now = sinew__observe_now();

	if (sinew__read_stat(thread->who.tgid, thread->who.tid, &facts) &&
		sinew__start_ns(facts.started) <= thread->who.start + ROUNDED) {
		thread->seen = now;
		thread->parent = facts.ppid;
	} else {
		thread->gone = now;
	}
}

static void look_at(struct sinew__follow *follow, struct sinew__followed *thread, unsigned *looks)
{
	bool first = thread->who.tid == thread->who.tgid;

	if (thread->dead && first && !thread->gone) {
		look_at_zombie(thread);
	} else if (*looks < LOOKS && is_asleep(thread) && !was_looked_at(thread)) {
		look_at_wait(follow, thread);
		++*looks;
	}
}

void sinew__follow_look(struct sinew__follow *follow)
{
	unsigned looks = 0;

	for (unsigned i = 0; i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed *at = follow->buckets[i]; at; at = at->next)
			look_at(follow, at, &looks);
}

/* Whether there is nothing more to tell of it. Who is not the first of its process is nobody's to reap. */
static bool is_over(
	struct sinew__follow *follow, const struct sinew__followed *thread, uint64_t horizon)
{
	bool first = thread->who.tid == thread->who.tgid;

	if (thread->replaced)
		return true;
	if (!thread->dead || (first && (!thread->gone || thread->gone > horizon)))
		return false;
	sinew__tell_gone(follow->source, &thread->who, first ? thread->parent : 0, thread->exited,
		thread->seen, first ? thread->gone : thread->seen);
	return true;
}

void sinew__follow_bury(struct sinew__follow *follow, uint64_t horizon)
{
	for (unsigned i = 0; i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed **at = &follow->buckets[i]; *at;) {
			struct sinew__followed *thread = *at;
			if (!is_over(follow, thread, horizon)) {
				at = &thread->next;
				continue;
			}
			*at = thread->next;
			free(thread);
			follow->count--;
		}
}
