/* SPDX-License-Identifier: MIT
 *
 * queue.c - a ring by hand for many writers and many readers, each message to one of them.
 *
 * Who writes or reads takes the next ticket, and waits until it is its turn at that place: ticket t is for
 * place t % places in lap t / places, where the word is twice the lap when it is free for that lap's message
 * and one more when the message is there. A writer that finds the ring full sleeps until a quarter of it is free.
 * It is as short as such things are written: who dies with a ticket stops the others for ever.
 */
#include <string.h>

#include "../crew.h"
#include "raw.h"
#include "slots.h"

struct queue {
	_Atomic uint64_t written __attribute__((aligned(RAW_APART))); /* tickets given out */
	_Atomic uint64_t read __attribute__((aligned(RAW_APART)));
	struct raw_places places __attribute__((aligned(RAW_APART)));
};

static void prepare(struct link *link)
{
	const struct raw_places places = raw_places_for(link->size);
	struct queue *queue = crew_share(sizeof(*queue) + raw_places_room(&places));

	queue->places = places;
	link->state = queue;
}

static void join(struct link *link, enum role role)
{
	(void)link, (void)role;
}

static uint32_t free_for(const struct queue *queue, uint64_t ticket)
{
	return (uint32_t)(ticket / queue->places.count * 2);
}

/* Woken for each place that gets free, a writer would sleep again after one message. */
static void await_room(struct link *link, struct queue *queue, uint64_t ticket)
{
	const uint64_t later = ticket + queue->places.count / 4;

	raw_word_await(link, &raw_place_of(&queue->places, later)->turn, free_for(queue, later));
	raw_word_await(link, &raw_place_of(&queue->places, ticket)->turn, free_for(queue, ticket));
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct queue *queue = link->state;
	const uint64_t ticket = atomic_fetch_add(&queue->written, 1);
	struct raw_place *place = raw_place_of(&queue->places, ticket);
	const uint32_t turn = free_for(queue, ticket);

	if (!raw_word_has(&place->turn, turn))
		await_room(link, queue, ticket);
	memcpy(place->data, data, size);
	raw_word_set(link, &place->turn, turn + 1);
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct queue *queue = link->state;
	const uint64_t ticket = atomic_fetch_add(&queue->read, 1);
	struct raw_place *place = raw_place_of(&queue->places, ticket);
	const uint32_t turn = free_for(queue, ticket) + 1;

	raw_word_await(link, &place->turn, turn);
	memcpy(data, place->data, size);
	raw_word_set(link, &place->turn, turn + 1);
}

const struct contender bare_queue = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = raw_put,
	.get = raw_get,
	.calls = raw_calls,
};
