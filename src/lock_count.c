/* SPDX-License-Identifier: MIT
 *
 * lock_count.c - semaphore, pool and barrier: locks that count.
 *
 * Whatever counts the living counts seats, robust mutexes that their holders' deaths give back, so
 * there is no number that a death could make wrong. A semaphore's number has no owners: it is one
 * word, changed by one instruction. Whoever sleeps looks again every 100 ms, so a wake-up that died
 * with its waker costs that time and nothing else.
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

/* ---- semaphore ----
 *
 * The lower half of the word is the value, the upper one a mark: somebody may sleep. The mark is set
 * where there is no unit, and every give takes it back as it raises the value, in one exchange: there
 * is never a mark beside a unit. Sleepers sleep on the mark, not on the value, which may be raised and
 * lowered between their look and their sleep: a mark that is still there will be found by the next
 * give, which wakes all, and where it is gone nobody falls asleep. model/semaphore.pml shows that. */

static const uint64_t MARK = UINT64_C(1) << 32;

static _Atomic uint64_t *word_of(const struct sinew_semaphore *semaphore)
{
	return (_Atomic uint64_t *)(uintptr_t)&semaphore->word;
}

static uint32_t value_in(uint64_t word)
{
	return (uint32_t)word;
}

static _Atomic uint32_t *mark_of(struct sinew_semaphore *semaphore)
{
	uint32_t *halves = (uint32_t *)&semaphore->word;

	return sinew__word(&halves[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__]);
}

int sinew_semaphore_init(struct sinew_semaphore *semaphore, uint32_t value)
{
	*semaphore = (struct sinew_semaphore){.magic = SINEW__LOCK_MAGIC, .word = value};
	return 0;
}

void sinew_semaphore_fini(struct sinew_semaphore *semaphore)
{
	semaphore->magic = 0;
}

static bool take_one(struct sinew_semaphore *semaphore)
{
	uint64_t seen = atomic_load_explicit(word_of(semaphore), memory_order_relaxed);

	while (value_in(seen) > 0)
		if (atomic_compare_exchange_weak(word_of(semaphore), &seen, seen - 1))
			return true;
	return false;
}

/* Sleeps, marked, unless there is a unit. */
static int wait_for_one(struct sinew_semaphore *semaphore, int64_t until)
{
	uint64_t seen = 0;

	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	if (atomic_compare_exchange_strong(word_of(semaphore), &seen, MARK))
		seen = MARK;
	if (value_in(seen) > 0)
		return 0;
	return sinew__futex_wait(mark_of(semaphore), (uint32_t)(seen >> 32), until);
}

int sinew_semaphore_take(struct sinew_semaphore *semaphore, int64_t until)
{
	if (semaphore->magic != SINEW__LOCK_MAGIC)
		return sinew__never_made();
	while (!take_one(semaphore)) {
		int r = wait_for_one(semaphore, until);
		if (r < 0)
			return take_one(semaphore) ? 0 : r; /* at the deadline, too */
	}
	return 0;
}

int sinew_semaphore_give(struct sinew_semaphore *semaphore)
{
	uint64_t seen = atomic_load_explicit(word_of(semaphore), memory_order_relaxed);

	if (semaphore->magic != SINEW__LOCK_MAGIC)
		return sinew__never_made();
	do
		if (value_in(seen) == UINT32_MAX)
			return sinew__answer(EOVERFLOW, "the semaphore is at its maximum");
	while (!atomic_compare_exchange_weak(word_of(semaphore), &seen, value_in(seen) + 1));
	if (seen >= MARK)
		sinew__futex_wake_all(mark_of(semaphore));
	return 0;
}

uint32_t sinew_semaphore_value(const struct sinew_semaphore *semaphore)
{
	return value_in(atomic_load(word_of(semaphore)));
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
