/* SPDX-License-Identifier: MIT
 *
 * topic.c - a ring by hand for one writer and many readers, each message to all of them.
 *
 * The word of a place is the lap whose message is there, from 1. A reader keeps its place for itself, and says
 * after each quarter of the ring that it is through, for which the writer waits before it overwrites that.
 * It is as short as such things are written: a reader that dies stops the others for ever.
 */
#include <string.h>

#include "../crew.h"
#include "raw.h"
#include "slots.h"

struct reader {
	struct raw_word quarters __attribute__((aligned(RAW_APART))); /* read */
};

struct topic {
	_Atomic uint32_t joined __attribute__((aligned(RAW_APART)));
	struct reader readers[FAN_MOST];
	struct raw_places places __attribute__((aligned(RAW_APART)));
};

/* One process. */
struct side {
	struct topic *topic;
	struct raw_word *quarters; /* a reader's own */
	uint64_t next;
};

static void prepare(struct link *link)
{
	const struct raw_places places = raw_places_for(link->size);
	struct topic *topic = crew_share(sizeof(*topic) + raw_places_room(&places));

	topic->places = places;
	link->state = topic;
}

static void join(struct link *link, enum role role)
{
	static struct side side;
	struct topic *topic = link->state;

	side = (struct side){.topic = topic};
	if (role == SERVER)
		side.quarters = &topic->readers[atomic_fetch_add(&topic->joined, 1)].quarters;
	link->state = &side;
}

static uint32_t lap_of(const struct side *side)
{
	return (uint32_t)(side->next / side->topic->places.count) + 1;
}

/* How many quarters end before this message, at the beginning of one; else 0. */
static uint32_t quarters_of(const struct side *side)
{
	const uint32_t quarter = side->topic->places.count / 4;

	return side->next % quarter == 0 ? (uint32_t)(side->next / quarter) : 0;
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct side *side = link->state;
	struct raw_place *place = raw_place_of(&side->topic->places, side->next);
	const uint32_t quarters = quarters_of(side);

	for (unsigned i = 0; quarters >= 4 && i < link->readers; i++)
		raw_word_await(link, &side->topic->readers[i].quarters, quarters - 3);
	memcpy(place->data, data, size);
	raw_word_set(link, &place->turn, lap_of(side));
	side->next++;
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct side *side = link->state;
	struct raw_place *place = raw_place_of(&side->topic->places, side->next);

	raw_word_await(link, &place->turn, lap_of(side));
	memcpy(data, place->data, size);
	side->next++;
	if (quarters_of(side))
		raw_word_set(link, side->quarters, quarters_of(side));
}

const struct contender bare_topic = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = raw_put,
	.get = raw_get,
	.calls = raw_calls,
};
