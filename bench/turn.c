/* SPDX-License-Identifier: MIT
 *
 * turn.c - what the two processes do in one block, by mode. Every message carries its number at both ends
 * and is checked; numbers go on from block to block, so that a late or doubled one is seen.
 *
 * A stream lasts until the reader has the message marked as the last, so that what is still buffered is
 * paid for. Where messages may be lost, the mark is sent again until it came. A paced message carries the
 * time at which it was due, and its reader counts from there: a writer that is held up does not hide it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "crew.h"
#include "play.h"

enum { SPIN = 150000 }; /* ns before a message is due for which its writer stays awake */

uint64_t turn_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned turn_batch(enum mode mode)
{
	return mode == BATCHED ? BATCH : 1;
}

void turn_number(unsigned char *message, size_t size, uint64_t value, uint64_t mark)
{
	memcpy(message, &value, sizeof(value));
	value |= mark;
	memcpy(message + size - sizeof(value), &value, sizeof(value));
}

uint64_t turn_read(const struct turn *turn, const unsigned char *message, bool *last)
{
	uint64_t head, tail;

	memcpy(&head, message, sizeof(head));
	memcpy(&tail, message + turn->link->size - sizeof(tail), sizeof(tail));
	if (head != (tail & ~TURN_LAST))
		crew_fail("%s: a message was changed on its way", turn->link->kind->name);
	*last = tail & TURN_LAST;
	return head;
}

void turn_expect(const struct turn *turn, uint64_t number, uint64_t expected, bool gaps)
{
	if (number != expected && !(gaps && number > expected))
		crew_fail("%s: message %llu came where %llu was expected", turn->link->kind->name,
			(unsigned long long)number, (unsigned long long)expected);
}

/* Takes the message for what it is: the next one, or, where some may be lost, a later or an old one. */
static bool is_last(struct turn *turn, const unsigned char *message)
{
	bool last;
	uint64_t number = turn_read(turn, message, &last), expected = *turn->next;

	if (turn->link->lossy && number < expected)
		return false;
	turn_expect(turn, number, expected, turn->link->lossy);
	if (turn->counts)
		turn->tally->lost += number - expected;
	*turn->next = number + 1;
	return last;
}

/* ---- there and back ---- */

static void ask_once(struct turn *turn)
{
	struct link *link = turn->link;
	uint64_t start = turn_clock();

	if (!turn->duel->wake)
		turn_number(link->buffer, link->size, *turn->next, 0);
	link->kind->send(link, link->buffer, link->size);
	link->kind->recv(link, link->buffer, link->size);
	if (turn->counts)
		histogram_add(&turn->tally->times, turn_clock() - start);
	if (!turn->duel->wake)
		is_last(turn, link->buffer);
}

static void ask(struct turn *turn)
{
	for (uint64_t i = 0; i < turn->count; i++)
		ask_once(turn);
	atomic_store(&turn->tally->ended, turn_clock());
}

static void answer(struct turn *turn)
{
	struct link *link = turn->link;
	uint64_t left = 0;

	do {
		link->kind->recv(link, link->buffer, link->size);
		if (left == 0) /* the last answer lets the client set that of its next block */
			left = atomic_load(&turn->tally->count);
		if (!turn->duel->wake)
			is_last(turn, link->buffer);
		link->kind->send(link, link->buffer, link->size);
	} while (--left > 0);
}

/* ---- one way ---- */

/* Until the reader has the last; what may have been lost is sent again. */
static void await_end(struct turn *turn, const unsigned char *last)
{
	const struct timespec moment = {.tv_nsec = 100000};
	struct link *link = turn->link;

	for (unsigned i = 1; atomic_load(&turn->tally->ended) == 0; i++) {
		nanosleep(&moment, NULL);
		if (link->lossy && i % 10 == 0)
			link->kind->send(link, last, link->size);
	}
}

static void write_stream(struct turn *turn)
{
	struct link *link = turn->link;
	const unsigned batch = turn_batch(turn->duel->mode);
	const uint64_t end = *turn->next + turn->count;

	while (*turn->next < end) {
		for (unsigned k = 0; k < batch; k++, (*turn->next)++)
			turn_number(link->buffer + k * link->size, link->size, *turn->next,
				*turn->next + 1 == end ? TURN_LAST : 0);
		link->kind->put(link, link->buffer, batch);
	}
	await_end(turn, link->buffer + (batch - 1) * link->size);
}

static void read_stream(struct turn *turn)
{
	const unsigned most = turn->duel->mode == BATCHED ? TAKE : 1;
	const unsigned char *data[TAKE];
	struct link *link = turn->link;
	bool last = false;

	while (!last) {
		unsigned n = link->kind->get(link, data, most);

		for (unsigned i = 0; i < n; i++)
			last = is_last(turn, data[i]) || last;
		if (link->kind->done)
			link->kind->done(link, n);
	}
	atomic_store(&turn->tally->ended, turn_clock());
}

/* ---- at set times ---- */

/* Asleep at first, then awake: what is measured is the message, not the timer. On one CPU the writer must
 * not keep it from the reader, and sleeps until it is due. */
static void wait_until(const struct duel *duel, uint64_t due)
{
	bool alone = duel->cpu[CLIENT] >= 0 && duel->cpu[CLIENT] == duel->cpu[SERVER];
	uint64_t wake = alone ? due : due - SPIN;
	struct timespec at = {(time_t)(wake / 1000000000), (long)(wake % 1000000000)};

	if (turn_clock() < wake)
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
	while (turn_clock() < due)
		;
}

static void pace(struct turn *turn)
{
	struct link *link = turn->link;
	const double apart = 1e9 / turn->duel->rate;

	for (uint64_t i = 0; i < turn->count; i++, (*turn->next)++) {
		uint64_t due = turn->began + (uint64_t)(apart * (double)(i + 1));

		wait_until(turn->duel, due);
		turn_number(link->buffer, link->size, *turn->next,
			i + 1 == turn->count ? TURN_LAST : 0);
		memcpy(link->buffer + sizeof(uint64_t), &due, sizeof(due));
		link->kind->send(link, link->buffer, link->size);
	}
	await_end(turn, link->buffer);
}

static void read_paced(struct turn *turn)
{
	struct link *link = turn->link;
	bool last = false;

	while (!last) {
		uint64_t due, now;

		link->kind->recv(link, link->buffer, link->size);
		now = turn_clock();
		memcpy(&due, link->buffer + sizeof(uint64_t), sizeof(due));
		if (turn->counts)
			histogram_add(&turn->tally->times, now > due ? now - due : 0);
		last = is_last(turn, link->buffer);
	}
	atomic_store(&turn->tally->ended, turn_clock());
}

/* ---- alone ---- */

static void use_it(struct turn *turn)
{
	struct link *link = turn->link;
	uint64_t took = 0;

	for (uint64_t i = 0; i < turn->count; i++) {
		link->kind->send(link, NULL, 0);
		if (link->kind->took)
			took += link->kind->took(link);
	}
	atomic_store(&turn->tally->ended, link->kind->took ? turn->began + took : turn_clock());
}

static void look_on(struct turn *turn)
{
	(void)turn;
}

const struct turns *const turn_modes[MODES] = {
	[LATENCY] = &(const struct turns){ask, answer},
	[STREAM] = &(const struct turns){write_stream, read_stream},
	[BATCHED] = &(const struct turns){write_stream, read_stream},
	[PACED] = &(const struct turns){pace, read_paced},
	[ALONE] = &(const struct turns){use_it, look_on},
	[FAN_IN] = &fan_in_turns,
	[FAN_OUT] = &fan_out_turns,
	[CONTENDED] = &contend_turns,
};
