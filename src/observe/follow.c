/* SPDX-License-Identifier: MIT
 *
 * follow.c - whom to follow, and what was heard in the order of time.
 */
#include "follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "follow_inside.h"
#include "look/facts.h"
#include "look/files.h"
#include "look/lines.h"
#include "tell.h"

#include "../banned.h"

struct sinew__follow *sinew__follow_open(struct sinew__source *source)
{
	struct sinew__follow *follow = calloc(1, sizeof *follow);

	if (!follow)
		return NULL;
	follow->source = source;
	follow->self = (uint32_t)getpid();
	return follow;
}

void sinew__follow_close(struct sinew__follow *follow)
{
	struct sinew__followed *next;

	for (unsigned i = 0; follow && i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed *at = follow->buckets[i]; at; at = next) {
			next = at->next;
			free(at);
		}
	if (follow)
		free(follow->heard);
	free(follow);
}

/* ---- whom ---- */

struct sinew__followed *sinew__followed_find(const struct sinew__follow *follow, uint32_t tid)
{
	struct sinew__followed *at = follow->buckets[tid % SINEW__FOLLOWED_BUCKETS];

	while (at && (at->who.tid != tid || at->gone || at->replaced))
		at = at->next;
	return at;
}

struct sinew__followed *sinew__followed_add(
	struct sinew__follow *follow, uint32_t tid, uint32_t tgid, uint64_t start)
{
	struct sinew__followed **head = &follow->buckets[tid % SINEW__FOLLOWED_BUCKETS];
	struct sinew__followed *thread =
		follow->count < SINEW__FOLLOWED_MOST ? calloc(1, sizeof *thread) : NULL;

	if (!thread)
		return NULL;
	thread->who = (struct sinew__who){tid, tgid, start};
	thread->open.wait = SINEW__NO_WAIT;
	thread->next = *head;
	*head = thread;
	follow->count++;
	return thread;
}

void sinew__follow_adopt(struct sinew__follow *follow, uint32_t tid)
{
	follow->adopted = tid;
}

/* How long it has run, as the kernel counts; 0: that is not known. */
static uint64_t ran(uint32_t tgid, uint32_t tid)
{
	struct sinew__facts facts = {0};
	char text[96];

	if (sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/task/%" PRIu32 "/schedstat", tgid,
		    tid) <= 0 ||
		!sinew__parse_schedstat(text, &facts))
		return 0;
	return facts.ran;
}

/* In the state in which it is: of what was heard before nothing counts. */
static void meet(void *arg, uint32_t tgid, uint32_t tid)
{
	struct sinew__follow *follow = arg;
	struct sinew__facts facts;
	bool dead;

	if (sinew__followed_find(follow, tid) || !sinew__read_stat(tgid, tid, &facts))
		return;
	struct sinew__followed *thread =
		sinew__followed_add(follow, tid, tgid, sinew__start_ns(facts.started));
	if (!thread)
		return;
	dead = facts.letter == 'Z';
	thread->since = thread->seen = sinew__observe_now();
	thread->dead = dead;
	thread->kernel = facts.kernel;
	thread->parent = facts.ppid;
	sinew__put_comm(thread->comm, facts.comm);
	thread->open.head.flags = SINEW__INTERVAL_SEEDED;
	thread->open.wait.state = sinew__wait_state(facts.letter);
	if (thread->open.wait.state)
		thread->open.why = SINEW__WHY_BLOCKED;
	else
		thread->ran = ran(tgid, tid);
	sinew__tell_thread(follow->source, &thread->who, &facts, facts.ppid,
		(uint16_t)(SINEW__THREAD_SEEDED | (dead ? SINEW__THREAD_ZOMBIE : 0)),
		thread->since);
	follow->source->seeded++;
}

static bool is_new(void *arg, uint32_t tgid)
{
	struct sinew__followed *thread = sinew__followed_find(arg, tgid);

	if (!thread || thread->visited)
		return false;
	return thread->visited = true;
}

static void find_all(struct sinew__follow *follow)
{
	struct sinew__find find = {meet, is_new, follow, follow->self};

	for (unsigned i = 0; i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed *at = follow->buckets[i]; at; at = at->next)
			at->visited = false;
	sinew__find(&find, follow->source->request);
	if (follow->adopted)
		sinew__find_from(&find, follow->adopted);
	follow->find_again = false;
}

void sinew__follow_seed(struct sinew__follow *follow)
{
	uint64_t from = sinew__observe_now();

	if (follow->source->request->scope != SINEW__SCOPE_COMMAND)
		find_all(follow);
	follow->source->seeding = sinew__observe_now() - from;
}

/* Who goes into a cgroup makes no event that we hear. Of the time so much at most is spent on looking. */
static void find_who_joined(struct sinew__follow *follow)
{
	enum { PERIOD = 50000000, SHARE = 20 };
	uint64_t now = sinew__observe_now(), spent;

	if (follow->source->request->scope != SINEW__SCOPE_CGROUP || now < follow->next_find)
		return;
	find_all(follow);
	spent = sinew__observe_now() - now;
	follow->next_find = now + (spent * SHARE > PERIOD ? spent * SHARE : PERIOD);
}

/* ---- what was heard ---- */

int sinew__follow_hear(struct sinew__follow *follow, const struct sinew__heard *heard)
{
	if (follow->heard_count == follow->heard_room) {
		size_t room = follow->heard_room ? 2 * follow->heard_room : 1024;
		struct sinew__heard *more = realloc(follow->heard, room * sizeof *more);
		if (!more)
			return sinew__observe_fail(ENOMEM, "no memory for %zu events", room);
		follow->heard = more;
		follow->heard_room = room;
	}
	follow->heard[follow->heard_count] = *heard;
	follow->heard[follow->heard_count++].order = follow->order++;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct sinew__heard *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void take_until(struct sinew__follow *follow, uint64_t horizon)
{
	size_t i = 0;

	qsort(follow->heard, follow->heard_count, sizeof *follow->heard, by_time);
	for (; i < follow->heard_count && follow->heard[i].time <= horizon; i++)
		sinew__follow_take(follow, &follow->heard[i]);
	follow->heard_count -= i;
	memmove(follow->heard, follow->heard + i, follow->heard_count * sizeof *follow->heard);
}

void sinew__follow_until(struct sinew__follow *follow, uint64_t horizon)
{
	if (follow->heard_count)
		take_until(follow, horizon);
	sinew__follow_bury(follow, horizon);
	if (follow->find_again)
		find_all(follow);
	find_who_joined(follow);
	sinew__follow_look(follow);
}

/* No switch was heard of it since it was found, so it had a CPU all the time or never. */
static bool could_run_ever_since(const struct sinew__followed *thread)
{
	return thread->open.why == SINEW__WHY_UNKNOWN && !thread->open.wait.state &&
	       thread->open.head.flags & SINEW__INTERVAL_SEEDED;
}

/* What it is left in. After a loss it may have ended unheard. */
static void leave_open(struct sinew__follow *follow, struct sinew__followed *thread, uint64_t time)
{
	struct sinew__facts facts;
	uint64_t end = time > thread->since ? time : thread->since;

	if (could_run_ever_since(thread) && ran(thread->who.tgid, thread->who.tid) > thread->ran)
		sinew__follow_ran(thread);
	if (follow->source->lost && !sinew__read_stat(thread->who.tgid, thread->who.tid, &facts))
		sinew__tell_gone(follow->source, &thread->who, 0, 0, end, end);
	else
		sinew__follow_give(
			follow, thread, end, thread->open.left_cpu, SINEW__INTERVAL_OPEN);
}

void sinew__follow_end(struct sinew__follow *follow, uint64_t time)
{
	if (follow->heard_count)
		take_until(follow, time);
	sinew__follow_look(follow);
	sinew__follow_bury(follow, UINT64_MAX);
	for (unsigned i = 0; i < SINEW__FOLLOWED_BUCKETS; i++)
		for (struct sinew__followed *at = follow->buckets[i]; at; at = at->next)
			if (!at->dead)
				leave_open(follow, at, time);
}
