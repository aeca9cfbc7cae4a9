/* SPDX-License-Identifier: MIT
 *
 * contend.c - both processes take a lock, as often and as fast as they can, for one block.
 *
 * Under it they count a number up in two steps, which nobody else may come between: at the end of a block it is
 * twice what each of them did, or the lock does not lock.
 */
#include <sched.h>

#include "crew.h"
#include "play.h"

static void take_it(struct turn *turn)
{
	struct link *link = turn->link;

	for (uint64_t i = 0; i < turn->count; i++)
		link->kind->recv(link, &turn->tally->counted, sizeof(turn->tally->counted));
}

static void take_and_check(struct turn *turn)
{
	struct tally *tally = turn->tally;

	take_it(turn);
	while (atomic_load(&tally->done) <= turn->block)
		sched_yield();
	atomic_store(&tally->ended, turn_clock());
	*turn->next += 2 * turn->count;
	if (tally->counted != *turn->next)
		crew_fail("%s: under the lock %llu was counted instead of %llu",
			turn->link->kind->name, (unsigned long long)tally->counted,
			(unsigned long long)*turn->next);
}

static void take_too(struct turn *turn)
{
	struct tally *tally = turn->tally;

	while (atomic_load(&tally->begun) <= turn->block)
		sched_yield();
	turn->count = atomic_load(&tally->count);
	take_it(turn);
	atomic_store(&tally->done, turn->block + 1);
}

const struct turns contend_turns = {take_and_check, take_too};
