/* SPDX-License-Identifier: MIT
 *
 * event.c - the contenders that wake through sinew: an event at each side, or a tally in shared memory.
 * A message is a post; it has no bytes.
 */
#include "event.h"

#include <sched.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "event_pids.h"

/* One process: waits at its own event and posts at the other's. */
struct ends {
	sinew_event *own[2], *mine, *others; /* own: made before the fork */
	struct event_pids *pids;
};

static bool is(const struct link *link, const char *scheme)
{
	return strncmp(link->uri, scheme, strlen(scheme)) == 0;
}

static sinew_event *open_event(const char *uri, unsigned flags)
{
	sinew_event *event = NULL;

	if (sinew_event_open(&event, uri, flags, SINEW_NOW) < 0)
		crew_fail("sinew open %s: %s", uri, sinew_error_text());
	return event;
}

static void event_prepare(struct link *link)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		crew_fail("no memory");
	link->state = ends;
	ends->pids = event_pids_share();
	for (int i = 0; is(link, "eventfd:") && i < 2; i++)
		ends->own[i] = open_event(link->uri, 0);
}

static void join_signal(struct link *link, struct ends *ends, enum role role)
{
	const char *query = strchr(link->uri, '?');
	char uri[128];

	ends->mine = open_event(link->uri, SINEW_IN);
	snprintf(uri, sizeof(uri), "signal:%d%s", (int)event_pids_meet(ends->pids, role),
		query ? query : "");
	ends->others = open_event(uri, SINEW_OUT);
}

static void event_join(struct link *link, enum role role)
{
	struct ends *ends = link->state;

	if (is(link, "eventfd:")) {
		ends->mine = ends->own[role];
		ends->others = ends->own[!role];
	} else if (is(link, "signal:")) {
		join_signal(link, ends, role);
	} else {
		ends->mine = open_event(role == SERVER ? link->uri : link->back, SINEW_IN);
		ends->others = open_event(role == SERVER ? link->back : link->uri, SINEW_OUT);
	}
}

static void event_post(struct link *link, const void *data, size_t size)
{
	struct ends *ends = link->state;

	(void)data, (void)size;
	if (sinew_event_post(ends->others, 1, SINEW_FOREVER) < 0)
		crew_fail("sinew post %s: %s", link->uri, sinew_error_text());
}

static void event_wait(struct link *link, void *data, size_t size)
{
	struct ends *ends = link->state;

	(void)data, (void)size;
	if (sinew_event_wait(ends->mine, NULL, SINEW_FOREVER) < 0)
		crew_fail("sinew wait %s: %s", link->uri, sinew_error_text());
}

static uint64_t event_calls(struct link *link)
{
	struct ends *ends = link->state;
	struct sinew_stats mine = {0}, others = {0};

	sinew_event_stats(ends->mine, &mine);
	sinew_event_stats(ends->others, &others);
	return mine.calls + others.calls;
}

const struct contender sinew_event_pair = {
	.name = "sinew",
	.prepare = event_prepare,
	.join = event_join,
	.send = event_post,
	.recv = event_wait,
	.calls = event_calls,
};

/* What the C library calls for a post or a wait, if anything, nobody tells. */
const struct contender sinew_sem_pair = {
	.name = "sinew",
	.prepare = event_prepare,
	.join = event_join,
	.send = event_post,
	.recv = event_wait,
};

/* ---- a tally each way ---- */

struct tallies {
	struct sinew_tally of[2]; /* by the role of who waits */
};

static enum role tally_role; /* of this process */

static void tally_prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct tallies));
}

static void tally_join(struct link *link, enum role role)
{
	(void)link;
	tally_role = role;
}

static void tally_post(struct link *link, const void *data, size_t size)
{
	struct tallies *tallies = link->state;

	(void)data, (void)size;
	sinew_tally_post(&tallies->of[!tally_role], 1);
}

static void tally_wait(struct link *link, void *data, size_t size)
{
	struct tallies *tallies = link->state;

	(void)data, (void)size;
	sinew_tally_wait(&tallies->of[tally_role], SINEW_FOREVER);
}

const struct contender sinew_tally_pair = {
	.name = "sinew",
	.prepare = tally_prepare,
	.join = tally_join,
	.send = tally_post,
	.recv = tally_wait,
};
