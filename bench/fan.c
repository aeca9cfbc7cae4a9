/* SPDX-License-Identifier: MIT
 *
 * fan.c - many writers and one reader, or one writer and many readers, for one block.
 *
 * In: each writer numbers its own messages, and the reader knows the next of each; a block lasts until the
 * reader has the last message of every one. Out: each reader gets every message, or each message one reader;
 * behind them come marks of the end, one that all see or one for each. The first of the many sets what a block
 * holds; the others wait for it, and all for the readers, by numbers of blocks. Where messages may be lost, what
 * a reader got and what it missed make all of them.
 */
#include <sched.h>
#include <time.h>

#include "crew.h"
#include "play.h"

enum { WHO = 48 }; /* bits of a number below that of its writer */

static void put_number(struct turn *turn, uint64_t mark)
{
	struct link *link = turn->link;

	turn_number(link->buffer, link->size, (uint64_t)turn->index << WHO | (*turn->next)++, mark);
	link->kind->put(link, link->buffer, 1);
}

/* One message; its number, and whether it is marked. */
static uint64_t get_number(struct turn *turn, bool *marked)
{
	struct link *link = turn->link;
	const unsigned char *data;
	unsigned n = link->kind->get(link, &data, 1);
	const uint64_t number = turn_read(turn, data, marked);

	if (link->kind->done)
		link->kind->done(link, n);
	return number;
}

/* Until the readers have all of this block; what may be lost is said again. */
static void await_readers(struct turn *turn)
{
	const struct timespec moment = {.tv_nsec = 100000};
	struct link *link = turn->link;

	for (unsigned i = 1; atomic_load(&turn->tally->done) <= turn->block; i++) {
		nanosleep(&moment, NULL);
		if (link->lossy && i % 10 == 0)
			link->kind->send(link, link->buffer, link->size);
	}
}

static void end_block(struct turn *turn)
{
	atomic_store(&turn->tally->ended, turn_clock());
	atomic_store(&turn->tally->done, turn->block + 1);
}

/* ---- many writers ---- */

static void write_one_of_many(struct turn *turn)
{
	const uint64_t share = turn->count / turn->duel->fan;

	for (uint64_t i = 1; i <= share; i++)
		put_number(turn, i == share ? TURN_LAST : 0);
	await_readers(turn);
}

/* Counts what was lost; an old one, said again, is none. */
static bool is_news(struct turn *turn, unsigned who, uint64_t number)
{
	uint64_t *next = &turn->nexts[who];

	if (who >= turn->duel->fan)
		crew_fail("%s: a message of nobody", turn->link->kind->name);
	if (turn->link->lossy && number < *next)
		return false;
	turn_expect(turn, number, *next, turn->link->lossy);
	if (turn->counts)
		turn->tally->lost += number - *next;
	*next = number + 1;
	return true;
}

static void read_of_many(struct turn *turn)
{
	unsigned ended = 0;

	while (ended < turn->duel->fan) {
		bool marked;
		const uint64_t value = get_number(turn, &marked);
		const uint64_t number = value & ((UINT64_C(1) << WHO) - 1);

		ended += is_news(turn, (unsigned)(value >> WHO), number) && marked;
	}
	end_block(turn);
}

/* ---- many readers ---- */

static void write_to_many(struct turn *turn)
{
	struct tally *tally = turn->tally;
	const unsigned marks = turn->duel->each ? 1 : turn->duel->fan;

	for (uint64_t i = 0; i < turn->count; i++)
		put_number(turn, 0);
	for (unsigned i = 0; i < marks; i++)
		put_number(turn, TURN_LAST);
	await_readers(turn);
	const uint64_t wanted = turn->count * (turn->duel->each ? turn->duel->fan : 1);
	if (atomic_exchange(&tally->got, 0) != wanted)
		crew_fail("%s: the readers have not got all messages, each once",
			turn->link->kind->name);
}

/* Who is through must not take the marks of the others for its own. */
static void await_others(struct turn *turn)
{
	struct tally *tally = turn->tally;

	if (atomic_fetch_add(&tally->readers, 1) + 1 == turn->duel->fan) {
		atomic_store(&tally->readers, 0);
		end_block(turn);
	}
	while (atomic_load(&tally->done) <= turn->block)
		sched_yield();
}

static void read_with_others(struct turn *turn)
{
	const bool each = turn->duel->each, lossy = turn->link->lossy;
	struct tally *tally = turn->tally;
	uint64_t got = 0, missed = 0;
	bool marked = false;

	while (!marked) {
		const uint64_t number = get_number(turn, &marked), expected = *turn->next;

		if (lossy && number < expected) { /* said again to others */
			marked = false;
			continue;
		}
		turn_expect(turn, number, expected, lossy || !each);
		*turn->next = number + 1;
		missed += each ? number - expected : 0;
		got += !marked;
	}
	atomic_fetch_add(&tally->got, got + missed);
	if (turn->counts)
		atomic_fetch_add(&tally->missed, missed);
	await_others(turn);
}

const struct turns fan_in_turns = {write_one_of_many, read_of_many};
const struct turns fan_out_turns = {write_to_many, read_with_others};
