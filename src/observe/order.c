/* SPDX-License-Identifier: MIT
 *
 * order.c - a binary heap by time and arrival. The caller takes out what has to leave after each put,
 * so that there is always room for one.
 */
#include "order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"

enum { FIRST = 64, BYTES = sizeof(struct sinew__interval) };

struct sinew__order_slot {
	uint64_t time, came;
	_Alignas(8) unsigned char bytes[BYTES];
};

static bool before(const struct sinew__order *order, uint32_t a, uint32_t b)
{
	const struct sinew__order_slot *x = &order->slots[a], *y = &order->slots[b];

	return x->time != y->time ? x->time < y->time : x->came < y->came;
}

static void exchange(struct sinew__order *order, uint32_t i, uint32_t j)
{
	uint32_t slot = order->heap[i];

	order->heap[i] = order->heap[j];
	order->heap[j] = slot;
}

static void rise(struct sinew__order *order, uint32_t i)
{
	for (; i && before(order, order->heap[i], order->heap[(i - 1) / 2]); i = (i - 1) / 2)
		exchange(order, i, (i - 1) / 2);
}

static void sink(struct sinew__order *order)
{
	for (uint32_t i = 0, child; (child = 2 * i + 1) < order->count; i = child) {
		if (child + 1 < order->count &&
			before(order, order->heap[child + 1], order->heap[child]))
			child++;
		if (!before(order, order->heap[child], order->heap[i]))
			return;
		exchange(order, i, child);
	}
}

static int grow(struct sinew__order *order)
{
	uint32_t room = order->room ? 2 * order->room : FIRST;
	void *slots = realloc(order->slots, room * sizeof *order->slots);

	if (slots)
		order->slots = slots;
	void *heap = slots ? realloc(order->heap, room * sizeof *order->heap) : NULL;
	if (!heap)
		return sinew__observe_fail(ENOMEM, "no memory to put records into order");
	order->heap = heap;
	for (uint32_t i = order->room; i < room; i++)
		order->heap[i] = i;
	order->room = room;
	return 0;
}

int sinew__order_put(struct sinew__order *order, const union sinew__any *any)
{
	int r = order->count == order->room ? grow(order) : 0;

	if (r < 0)
		return r;
	struct sinew__order_slot *slot = &order->slots[order->heap[order->count]];
	slot->time = any->head.time;
	slot->came = order->came++;
	memcpy(slot->bytes, any, BYTES);
	if (slot->time > order->newest)
		order->newest = slot->time;
	if (slot->time < order->left)
		order->late++;
	rise(order, order->count++);
	return 0;
}

bool sinew__order_take(struct sinew__order *order, bool all, union sinew__any *any)
{
	if (order->count == 0)
		return false;
	const struct sinew__order_slot *first = &order->slots[order->heap[0]];
	if (!all && order->count < SINEW__ORDER_MOST &&
		order->newest - first->time <= SINEW__RECORD_DISORDER)
		return false;
	memcpy(any, first->bytes, BYTES);
	if (first->time > order->left)
		order->left = first->time;
	exchange(order, 0, --order->count);
	sink(order);
	return true;
}

void sinew__order_fini(struct sinew__order *order)
{
	free(order->slots);
	free(order->heap);
	*order = (struct sinew__order){0};
}
