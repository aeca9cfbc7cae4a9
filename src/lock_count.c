/* SPDX-License-Identifier: MIT
 *
 * lock_count.c - semaphore, pool and barrier: locks that count.
 *
 * Whatever counts the living counts seats, robust mutexes that their holders' deaths give back, so
 * there is no number that a death could make wrong. A semaphore's number has no owners: it is one
 * word, whole at every step. Whoever sleeps looks again every 100 ms, so a wake-up that died with
 * its waker costs that time and nothing else.
 */
#include "lock.h"

#include "banned.h"

static int bad_count(const char *what, unsigned most)
{
	return sinew__fail(EINVAL, "there are from 1 to %u %s", most, what);
}

static int init_seats(struct sinew_mutex *seats, unsigned count)
{
	int r = 0;

	for (unsigned i = 0; i < count && r == 0; i++)
		r = sinew_mutex_init(&seats[i]);
	return r;
}

static void fini_seats(struct sinew_mutex *seats, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		sinew_mutex_fini(&seats[i]);
}

/* ---- semaphore ---- */

int sinew_semaphore_init(struct sinew_semaphore *semaphore, uint32_t value)
{
	semaphore->value = value;
	sinew_condition_init(&semaphore->changed);
	return sinew_mutex_init(&semaphore->mutex);
}

void sinew_semaphore_fini(struct sinew_semaphore *semaphore)
{
	sinew_mutex_fini(&semaphore->mutex);
}

/* Waits for a change with the mutex given back; afterwards it is held again, unless that failed. */
static int wait_for_change(struct sinew_semaphore *semaphore, int64_t until, bool *held)
{
	int r = sinew_condition_wait(&semaphore->changed, &semaphore->mutex, until);

	if (r == -EOWNERDEAD)
		r = sinew_mutex_repaired(&semaphore->mutex);
	*held = r != -ENOTRECOVERABLE;
	return r;
}

int sinew_semaphore_take(struct sinew_semaphore *semaphore, int64_t until)
{
	_Atomic uint32_t *value = sinew__word(&semaphore->value);
	bool held = true;

	int r = sinew__mutex_enter(&semaphore->mutex, until);
	if (r < 0)
		return r;
	while (r == 0 && atomic_load(value) == 0)
		r = wait_for_change(semaphore, until, &held);
	if (held && atomic_load(value) > 0) { /* at the deadline, too */
		atomic_fetch_sub(value, 1);
		r = 0;
	}
	if (held)
		sinew__mutex_leave(&semaphore->mutex);
	return r;
}

int sinew_semaphore_give(struct sinew_semaphore *semaphore)
{
	_Atomic uint32_t *value = sinew__word(&semaphore->value);

	int r = sinew__mutex_enter(&semaphore->mutex, SINEW_FOREVER);
	if (r < 0)
		return r;
	if (atomic_load(value) == UINT32_MAX)
		r = sinew__answer(EOVERFLOW, "the semaphore is at its maximum");
	else
		atomic_fetch_add(value, 1);
	sinew__mutex_leave(&semaphore->mutex);
	if (r == 0)
		sinew_condition_wake(&semaphore->changed);
	return r;
}

uint32_t sinew_semaphore_value(const struct sinew_semaphore *semaphore)
{
	return atomic_load(sinew__word((uint32_t *)&semaphore->value));
}

/* ---- pool ---- */

int sinew_pool_init(struct sinew_pool *pool, uint32_t units)
{
	if (units == 0 || units > SINEW_POOL_UNITS)
		return bad_count("units", SINEW_POOL_UNITS);
	pool->count = units;
	sinew_condition_init(&pool->changed);
	return init_seats(pool->seats, units);
}

void sinew_pool_fini(struct sinew_pool *pool)
{
	fini_seats(pool->seats, pool->count);
}

/* A unit that can be had at once; -EAGAIN: there is none. */
static int take_any(struct sinew_pool *pool, uint32_t *unit)
{
	unsigned lost = 0;

	for (uint32_t i = 0; i < pool->count; i++) {
		int r = sinew_mutex_lock(&pool->seats[i], SINEW_NOW);
		if (r == 0 || r == -EOWNERDEAD) {
			*unit = i;
			return r;
		}
		lost += r == -ENOTRECOVERABLE;
		if (r == -EINVAL)
			return r;
	}
	return lost == pool->count
		       ? sinew__answer(ENOTRECOVERABLE, "no unit is left that was repaired")
		       : -EAGAIN;
}

/* The sequence is read before the look, so a unit that is given back after the look ends the sleep. */
int sinew_pool_take(struct sinew_pool *pool, uint32_t *unit, int64_t until)
{
	for (;;) {
		uint32_t sequence = sinew__condition_prepare(&pool->changed);
		int r = take_any(pool, unit);
		if (r != -EAGAIN)
			return r;
		r = sinew__condition_wait(&pool->changed, sequence, until);
		if (r < 0) {
			int last = take_any(pool, unit);
			return last == -EAGAIN ? r : last;
		}
	}
}

int sinew_pool_repaired(struct sinew_pool *pool, uint32_t unit)
{
	if (unit >= pool->count)
		return bad_count("units in this pool", pool->count);
	return sinew_mutex_repaired(&pool->seats[unit]);
}

int sinew_pool_give(struct sinew_pool *pool, uint32_t unit)
{
	if (unit >= pool->count)
		return bad_count("units in this pool", pool->count);
	int r = sinew_mutex_unlock(&pool->seats[unit]);
	if (r == 0)
		sinew_condition_wake(&pool->changed);
	return r;
}

/* ---- barrier ---- */

enum { SEATS = 2 * SINEW_BARRIER_PARTIES }; /* those of a round may still sit while others come */

int sinew_barrier_init(struct sinew_barrier *barrier, uint32_t parties)
{
	if (parties == 0 || parties > SINEW_BARRIER_PARTIES)
		return bad_count("parties", SINEW_BARRIER_PARTIES);
	barrier->round = 1; /* no fresh seat's note */
	barrier->parties = parties;
	int r = sinew_mutex_init(&barrier->mutex);
	return r < 0 ? r : init_seats(barrier->seats, SEATS);
}

void sinew_barrier_fini(struct sinew_barrier *barrier)
{
	sinew_mutex_fini(&barrier->mutex);
	fini_seats(barrier->seats, SEATS);
}

/* With the mutex: takes a seat for this round and counts who sits in it alive, ourselves included.
 * A seat whose mutex can be had is free, or its holder's death gave it back; what the note of such a
 * seat says is old. */
static unsigned sit_and_count(
	struct sinew_barrier *barrier, uint32_t round, struct sinew_mutex **mine)
{
	unsigned count = 0;
	bool own;

	*mine = NULL;
	for (unsigned i = 0; i < SEATS; i++) {
		struct sinew_mutex *seat = &barrier->seats[i];
		_Atomic uint32_t *note = &sinew__mutex(seat)->note;
		bool this_round = atomic_load(note) == round;
		if (*mine && !this_round)
			continue;
		if (!sinew__mutex_try(seat, &own)) {
			count += this_round;
		} else if (!*mine) {
			atomic_store(note, round);
			*mine = seat;
			count++;
		} else {
			sinew__mutex_leave(seat);
		}
	}
	return count;
}

/* Sleeps until the round is over, or the deadline. */
static int sleep_for(struct sinew_barrier *barrier, uint32_t round, int64_t until)
{
	_Atomic uint32_t *now = sinew__word(&barrier->round);
	int r = 0;

	while (r == 0 && atomic_load(now) == round)
		r = sinew__futex_wait(now, round, until);
	return r;
}

/* At the deadline we get up, unless the round is over after all. Whoever counts and ends a round holds
 * the mutex: with it we are counted and 0 is returned, or neither. */
static int leave_in_time(
	struct sinew_barrier *barrier, uint32_t round, struct sinew_mutex *mine, int waited)
{
	if (waited == 0)
		return 0;
	int r = sinew__mutex_enter(&barrier->mutex, SINEW_FOREVER);
	if (r < 0) {
		sinew__mutex_leave(mine);
		return r;
	}
	bool over = atomic_load(sinew__word(&barrier->round)) != round;
	if (!over)
		sinew__mutex_leave(mine);
	sinew__mutex_leave(&barrier->mutex);
	return over ? 0 : waited;
}

int sinew_barrier_wait(struct sinew_barrier *barrier, int64_t until)
{
	_Atomic uint32_t *now = sinew__word(&barrier->round);
	struct sinew_mutex *mine;

	int r = sinew__mutex_enter(&barrier->mutex, until);
	if (r < 0)
		return r;
	uint32_t round = atomic_load(now);
	bool last = sit_and_count(barrier, round, &mine) >= barrier->parties;
	if (last)
		atomic_store(now, round + 1);
	sinew__mutex_leave(&barrier->mutex);
	if (!mine)
		return sinew__answer(EBUSY, "more wait at the barrier than it has parties");
	if (last)
		sinew__futex_wake_all(now);
	else
		r = leave_in_time(barrier, round, mine, sleep_for(barrier, round, until));
	if (r == 0)
		sinew__mutex_leave(mine);
	return r < 0 ? r : last;
}
