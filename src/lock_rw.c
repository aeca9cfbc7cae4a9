/* SPDX-License-Identifier: MIT
 *
 * lock_rw.c - the read-write lock: a gate and seats, each a robust mutex.
 *
 *   reader   gate; a free seat, its id in the seat's note; gate open | reads | note 0; seat free
 *   writer   gate; each seat with a note: wait until it is free      | writes | gate open
 *
 * A note is written while the gate is held, so a writer inside the gate sees every reader, and it is
 * taken back (release) before the seat is freed, so a note of 0 (acquire) means that its reader has
 * read to the end. A killed reader's seat is had by the next who tries it, writer or reader.
 *
 * The state, written inside the gate alone, tells a death that matters: FREE -> WRITING (writer) ->
 * FREE; who gets the gate and finds WRITING or BROKEN came after a death: BROKEN, -EOWNERDEAD, and it
 * stays inside, as the writer; repaired() makes that WRITING; to leave with BROKEN makes it LOST.
 */
#include "lock.h"

#include "banned.h"

enum { FREE, WRITING, BROKEN, LOST };

static _Atomic uint32_t *note_of(struct sinew_mutex *seat)
{
	return &sinew__mutex(seat)->note;
}

int sinew_rwlock_init(struct sinew_rwlock *lock)
{
	int r = sinew_mutex_init(&lock->gate);

	lock->state = FREE;
	for (unsigned i = 0; i < SINEW_RWLOCK_READERS && r == 0; i++)
		r = sinew_mutex_init(&lock->seats[i]);
	return r;
}

void sinew_rwlock_fini(struct sinew_rwlock *lock)
{
	sinew_mutex_fini(&lock->gate);
	for (unsigned i = 0; i < SINEW_RWLOCK_READERS; i++)
		sinew_mutex_fini(&lock->seats[i]);
}

/* Whether this thread reads. Its id in a note may be a dead thread's that had the same: ask. */
static struct sinew_mutex *my_seat(struct sinew_rwlock *lock, uint32_t id)
{
	bool own;

	for (unsigned i = 0; i < SINEW_RWLOCK_READERS; i++) {
		if (atomic_load_explicit(note_of(&lock->seats[i]), memory_order_relaxed) != id)
			continue;
		if (sinew__mutex_try(&lock->seats[i], &own)) {
			atomic_store(note_of(&lock->seats[i]), 0);
			sinew__mutex_leave(&lock->seats[i]);
		}
		if (own)
			return &lock->seats[i];
	}
	return NULL;
}

/* Through the gate: 0 inside; -EOWNERDEAD inside, as a writer with something to repair. */
static int enter(struct sinew_rwlock *lock, int64_t until)
{
	_Atomic uint32_t *state = sinew__word(&lock->state);

	int r = sinew__mutex_enter(&lock->gate, until);
	if (r < 0)
		return r;
	switch (atomic_load(state)) {
	case WRITING:
	case BROKEN:
		atomic_store(state, BROKEN);
		return sinew__answer(EOWNERDEAD, "locked for writing; a writer was killed: repair");
	case LOST:
		sinew__mutex_leave(&lock->gate);
		return sinew__answer(ENOTRECOVERABLE, "a writer was killed, and nobody repaired");
	default:
		return 0;
	}
}

static bool sit_down(struct sinew_rwlock *lock, uint32_t id, bool any, struct sinew_mutex **seat)
{
	bool own;

	for (unsigned i = 0; i < SINEW_RWLOCK_READERS; i++) {
		*seat = &lock->seats[(id + i) % SINEW_RWLOCK_READERS];
		if ((any || atomic_load_explicit(note_of(*seat), memory_order_relaxed) == 0) &&
			sinew__mutex_try(*seat, &own))
			return true;
	}
	return false;
}

/* A seat that is nobody's, else a dead reader's, else one of the living when its reader leaves. */
static int sit(struct sinew_rwlock *lock, uint32_t id, int64_t until, struct sinew_mutex **seat)
{
	if (sit_down(lock, id, false, seat) || sit_down(lock, id, true, seat))
		return 0;
	*seat = &lock->seats[id % SINEW_RWLOCK_READERS];
	return sinew__mutex_enter(*seat, until);
}

int sinew_rwlock_read(struct sinew_rwlock *lock, int64_t until)
{
	uint32_t id = sinew__thread_id();
	struct sinew_mutex *seat;

	if (my_seat(lock, id))
		return sinew__answer(EDEADLK, "this thread reads already");
	int r = enter(lock, until);
	if (r < 0)
		return r;
	r = sit(lock, id, until, &seat);
	if (r == 0)
		atomic_store_explicit(note_of(seat), id, memory_order_relaxed);
	sinew__mutex_leave(&lock->gate);
	return r;
}

/* Waits, inside the gate, until nobody reads any more. */
static int drain(struct sinew_rwlock *lock, int64_t until)
{
	for (unsigned i = 0; i < SINEW_RWLOCK_READERS; i++) {
		struct sinew_mutex *seat = &lock->seats[i];
		if (atomic_load_explicit(note_of(seat), memory_order_acquire) == 0)
			continue;
		int r = sinew__mutex_enter(seat, until);
		if (r < 0)
			return r;
		atomic_store_explicit(note_of(seat), 0, memory_order_relaxed);
		sinew__mutex_leave(seat);
	}
	return 0;
}

int sinew_rwlock_write(struct sinew_rwlock *lock, int64_t until)
{
	int r = enter(lock, until);

	if (r < 0)
		return r;
	r = drain(lock, until);
	if (r < 0) {
		sinew__mutex_leave(&lock->gate);
		return r;
	}
	atomic_store(sinew__word(&lock->state), WRITING);
	return 0;
}

static bool is_writer(struct sinew_rwlock *lock)
{
	bool own;

	if (sinew__mutex_try(&lock->gate, &own))
		sinew__mutex_leave(&lock->gate);
	return own;
}

int sinew_rwlock_repaired(struct sinew_rwlock *lock)
{
	if (!is_writer(lock) || atomic_load(sinew__word(&lock->state)) != BROKEN)
		return sinew__answer(EINVAL, "nothing to repair: nobody was killed writing");
	atomic_store(sinew__word(&lock->state), WRITING);
	return 0;
}

int sinew_rwlock_unlock(struct sinew_rwlock *lock)
{
	struct sinew_mutex *seat = my_seat(lock, sinew__thread_id());

	if (seat) {
		atomic_store_explicit(note_of(seat), 0, memory_order_release);
		sinew__mutex_leave(seat);
		return 0;
	}
	if (!is_writer(lock))
		return sinew__answer(EPERM, "this thread does not hold the lock");
	bool broken = atomic_load(sinew__word(&lock->state)) == BROKEN;
	atomic_store(sinew__word(&lock->state), broken ? LOST : FREE);
	return sinew_mutex_unlock(&lock->gate);
}
