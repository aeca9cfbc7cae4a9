/* SPDX-License-Identifier: MIT
 *
 * region.c - a message in a region of sinew: one place each way, written, then told of by a tally. The
 * server makes the region, the client attaches to it.
 */
#include "region.h"

#include <sinew/sinew.h>
#include <string.h>

#include "crew.h"

struct area {
	struct sinew_tally told[2]; /* by the role of who waits */
};

enum { HEAD = 4096 }; /* then a place each, in the same order */

static enum role own; /* of this process */

static size_t apart(const struct link *link)
{
	return (link->size + 4095) & ~(size_t)4095;
}

static void join(struct link *link, enum role role)
{
	size_t size = HEAD + 2 * apart(link);
	int64_t until = sinew_after(INT64_C(10000000000));
	sinew_region *region = NULL;
	int r = role == SERVER ? sinew_region_make(&region, link->uri, size, NULL, NULL, until)
			       : sinew_region_open(&region, link->uri, 0, 0, until);

	if (r < 0)
		crew_fail("sinew region %s: %s", link->uri, sinew_error_text());
	own = role;
	link->state = sinew_region_data(region);
}

static char *place(struct link *link, enum role role)
{
	return (char *)link->state + HEAD + (role ? apart(link) : 0);
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct area *area = link->state;

	memcpy(place(link, !own), data, size);
	sinew_tally_post(&area->told[!own], 1);
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct area *area = link->state;

	sinew_tally_wait(&area->told[own], SINEW_FOREVER);
	memcpy(data, place(link, own), size);
}

const struct contender sinew_region_pair = {
	.name = "sinew",
	.join = join,
	.send = send_one,
	.recv = recv_one,
};
