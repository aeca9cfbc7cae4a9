/* SPDX-License-Identifier: MIT
 *
 * order.h - a small window in which records that came slightly out of order are put into order again.
 * A record leaves it when one has come that is newer by more than SINEW__RECORD_DISORDER, or when the
 * window is full. What comes after its time left in the order it came; equal times too.
 */
#ifndef SINEW_OBSERVE_ORDER_H
#define SINEW_OBSERVE_ORDER_H

#include <stdbool.h>

#include "replay.h"

enum { SINEW__ORDER_MOST = 32768 };

struct sinew__order {
	struct sinew__order_slot *slots;
	uint32_t *heap; /* slots by time; behind `count` those that are free */
	uint32_t count, room;
	uint64_t newest, came;
	uint64_t left; /* time of the last that left */
	uint64_t late; /* how many came after their time */
};

/* Room for one more, which may mean that one has to leave first. 0 or -ENOMEM. */
int sinew__order_put(struct sinew__order *order, const union sinew__any *any);

/* The next that has to leave; with `all`, the next. False: none. */
bool sinew__order_take(struct sinew__order *order, bool all, union sinew__any *any);

void sinew__order_fini(struct sinew__order *order);

#endif
