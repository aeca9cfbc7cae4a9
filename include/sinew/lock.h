/* SPDX-License-Identifier: MIT
 *
 * lock.h - locks in shared memory that survive their holders, for processes and for threads.
 *
 * Put them into a region (sinew.h), or into any memory that all have mapped, aligned as declared;
 * init them before anybody else can see them: in the function given to sinew_region_make().
 *
 * Death        whoever is killed gives back what it held, by the kernel's word. What the lock guards may
 *              then be half-written, so the next one gets the lock with -EOWNERDEAD: it holds the lock,
 *              repairs, says ..._repaired(), and goes on. If it dies before that, so does the one
 *              after. If it gives the lock back without that word, every later call answers
 *              -ENOTRECOVERABLE: init it anew when nobody uses it.
 * Deadlines    as in sinew.h: absolute CLOCK_MONOTONIC nanoseconds, SINEW_NOW (-EAGAIN),
 *              SINEW_FOREVER; -ETIMEDOUT. Signals do not end a wait.
 * Owners       are threads. What one thread took it must give back itself (-EPERM), and it cannot have
 *              it twice (-EDEADLK). After fork the child has nothing; exec gives everything back. Give
 *              back before you unmap the memory: the kernel would look for the lock there.
 * Fairness     none is promised: who comes at the right moment overtakes who waits. Only a waiting
 *              writer keeps later readers out.
 * Trust        NEVER in memory that somebody hostile can write: the C library links the locks that a
 *              thread holds by pointers, and they stand in this memory. All users are of one machine,
 *              one PID namespace, one C library and one word size.
 * Wake-ups     Whoever waits looks by itself each 100 ms: where who was to wake it was killed before it did, or
 *              who was woken before it had the lock, that is what it costs.
 */
#ifndef SINEW_LOCK_H
#define SINEW_LOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_LOCK_ALIGNED __attribute__((aligned(64)))

/* The layout is fixed; nothing in it is yours to touch. */
struct sinew_mutex {
	uint64_t room[8];
} SINEW_LOCK_ALIGNED;

struct sinew_condition {
	uint32_t sequence, waiting;
};

enum { SINEW_RWLOCK_READERS = 32, SINEW_POOL_UNITS = 64, SINEW_BARRIER_PARTIES = 32 };

struct sinew_rwlock {
	struct sinew_mutex gate;
	struct sinew_mutex seats[SINEW_RWLOCK_READERS];
} SINEW_LOCK_ALIGNED;

struct sinew_semaphore {
	uint32_t magic, reserved;
	uint64_t word, room[6];
} SINEW_LOCK_ALIGNED;

struct sinew_pool {
	struct sinew_condition changed;
	uint32_t count, reserved[13];
	struct sinew_mutex seats[SINEW_POOL_UNITS];
} SINEW_LOCK_ALIGNED;

struct sinew_barrier {
	struct sinew_mutex mutex;
	uint32_t round, parties, reserved[14];
	struct sinew_mutex seats[2 * SINEW_BARRIER_PARTIES];
} SINEW_LOCK_ALIGNED;

struct sinew_once {
	struct sinew_mutex mutex;
	uint32_t state, reserved[15];
} SINEW_LOCK_ALIGNED;

/* ---- mutex: one at a time ---- */

/* Of each kind: init makes it in memory that nobody else uses yet, fini ends it when nobody uses it
 * any more. init fails with -EOPNOTSUPP where the C library has no robust, process-shared mutex. */
int sinew_mutex_init(struct sinew_mutex *mutex);
void sinew_mutex_fini(struct sinew_mutex *mutex);

/* 0 or -EOWNERDEAD: we hold it. -EAGAIN, -ETIMEDOUT, -EDEADLK, -ENOTRECOVERABLE, -EINVAL (was never
 * made): we do not. */
int sinew_mutex_lock(struct sinew_mutex *mutex, int64_t until);
/* What it guards is whole again. -EINVAL: nothing was broken, or we do not hold it. */
int sinew_mutex_repaired(struct sinew_mutex *mutex);
int sinew_mutex_unlock(struct sinew_mutex *mutex);

/* ---- condition: wait, without the mutex, until something changed ---- */

void sinew_condition_init(struct sinew_condition *condition);
/* Gives the mutex back, waits for a wake, takes it again; look at what you wait for in a loop, for it
 * returns without cause, too: at least every 100 ms, for who would have woken us may have been killed.
 * 0, -ETIMEDOUT, -EAGAIN, -EOWNERDEAD: we hold the mutex. -ENOTRECOVERABLE, -EPERM: we do not. */
int sinew_condition_wait(
	struct sinew_condition *condition, struct sinew_mutex *mutex, int64_t until);
/* Wakes all who wait; with or without the mutex. To wake one alone is not offered: it might be killed
 * with the wake-up that another needed. No system call if nobody waits. */
void sinew_condition_wake(struct sinew_condition *condition);

/* ---- read-write lock: many readers, at most SINEW_RWLOCK_READERS at a time, or one writer ---- */

int sinew_rwlock_init(struct sinew_rwlock *lock);
void sinew_rwlock_fini(struct sinew_rwlock *lock);
/* Results as sinew_mutex_lock(). A killed reader leaves no news. After a killed writer the next one,
 * reader or not, gets -EOWNERDEAD and holds the lock for writing. A reader with SINEW_NOW may get -EAGAIN
 * when there is only another one, who is just coming in after a writer. */
int sinew_rwlock_read(struct sinew_rwlock *lock, int64_t until);
int sinew_rwlock_write(struct sinew_rwlock *lock, int64_t until);
int sinew_rwlock_repaired(struct sinew_rwlock *lock);
int sinew_rwlock_unlock(struct sinew_rwlock *lock);

/* ---- semaphore: a number that anybody may raise, and lower while it is not 0 ---- */

/* Its count survives every death, with no news: a unit that was taken has no owner, and who is killed
 * with one takes it along. Where it must come back, use a pool. */
int sinew_semaphore_init(struct sinew_semaphore *semaphore, uint32_t value);
void sinew_semaphore_fini(struct sinew_semaphore *semaphore);
int sinew_semaphore_take(struct sinew_semaphore *semaphore, int64_t until);
/* -EOVERFLOW beyond UINT32_MAX. Never waits, and makes no system call if nobody does. */
int sinew_semaphore_give(struct sinew_semaphore *semaphore);
uint32_t sinew_semaphore_value(const struct sinew_semaphore *semaphore);

/* ---- pool: so many units, each held by a thread and given back by it, or by its death ---- */

int sinew_pool_init(struct sinew_pool *pool, uint32_t units);
void sinew_pool_fini(struct sinew_pool *pool);
/* 0 or -EOWNERDEAD: we have unit *unit (0, 1, …); the latter: who had it last was killed. */
int sinew_pool_take(struct sinew_pool *pool, uint32_t *unit, int64_t until);
int sinew_pool_repaired(struct sinew_pool *pool, uint32_t unit);
int sinew_pool_give(struct sinew_pool *pool, uint32_t unit);

/* ---- barrier: wait until so many are there ---- */

int sinew_barrier_init(struct sinew_barrier *barrier, uint32_t parties);
void sinew_barrier_fini(struct sinew_barrier *barrier);
/* Waits until as many as there are parties wait, alive, and opens for all of them. Who is killed while
 * it waits was never there; another may come instead. 1 for the last who came (nobody, if it is
 * killed as it opens), 0 for the others. On -ETIMEDOUT, -EAGAIN we have not been there. */
int sinew_barrier_wait(struct sinew_barrier *barrier, int64_t until);

/* ---- once: done by one, before anybody goes on ---- */

int sinew_once_init(struct sinew_once *once);
void sinew_once_fini(struct sinew_once *once);
/* 0: it is done. 1: do it, then say so; others wait. -EOWNERDEAD: the same, and somebody was killed in
 * the middle of it. -EAGAIN, -ETIMEDOUT: somebody is at it. */
int sinew_once_begin(struct sinew_once *once, int64_t until);
/* By who began: it is done; or it is undone, and the next one shall try. */
int sinew_once_done(struct sinew_once *once);
int sinew_once_undone(struct sinew_once *once);

#ifdef __cplusplus
}
#endif

#endif
