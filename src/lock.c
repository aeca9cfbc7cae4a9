/* SPDX-License-Identifier: MIT
 *
 * lock.c - mutex, condition and once.
 *
 * The mutex is the C library's: robust, process-shared, error-checking. A condition is a number that
 * every wake raises, and a word that says whether anybody may sleep. It holds no count of sleepers
 * and nobody's turn, so a death at any step leaves nothing to repair:
 *
 *   waiter   s = sequence; (unlock)  waiting = 1; [F] sleep while sequence == s
 *   waker    sequence + 1; [G] if waiting was 1, and is now 0: wake all
 *
 * F and G are full fences (F is the futex call's own). Either G's waker sees waiting == 1, or its
 * raised sequence is seen by the sleep after F: without either a wake-up would be lost. A waker that
 * is killed after G has woken nobody: that is what the look every 100 ms is for.
 */
#include "lock.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "banned.h"
#include "wait.h"

int sinew__never_made(void)
{
	return sinew__answer(EINVAL, "the lock was never made, or has been ended");
}

static struct timespec time_of(int64_t until)
{
	return (struct timespec){until / 1000000000, until % 1000000000};
}

/* ---- mutex ---- */

static int make(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	int e = pthread_mutexattr_init(&attr);
	if (e)
		return e;
	e = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!e)
		e = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!e)
		e = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	if (!e)
		e = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return e;
}

int sinew_mutex_init(struct sinew_mutex *mutex)
{
	struct sinew__mutex *m = sinew__mutex(mutex);

	memset(mutex, 0, sizeof *mutex);
	int e = make(&m->mutex);
	if (e)
		return sinew__fail(
			e == ENOTSUP ? EOPNOTSUPP : e, "no robust mutex here: %s", strerror(e));
	m->magic = SINEW__LOCK_MAGIC;
	return 0;
}

void sinew_mutex_fini(struct sinew_mutex *mutex)
{
	struct sinew__mutex *m = sinew__mutex(mutex);

	if (m->magic == SINEW__LOCK_MAGIC)
		pthread_mutex_destroy(&m->mutex);
	m->magic = 0;
}

__attribute__((cold)) static int answer(int error)
{
	switch (error) {
	case EOWNERDEAD:
		return sinew__answer(EOWNERDEAD, "locked; who held it was killed: repair");
	case EBUSY:
		return sinew__answer(EAGAIN, "not without waiting");
	case ETIMEDOUT:
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	case EDEADLK:
		return sinew__answer(EDEADLK, "this thread holds the lock already");
	case ENOTRECOVERABLE:
		return sinew__answer(
			ENOTRECOVERABLE, "who held the lock was killed, and nobody repaired");
	case EPERM:
		return sinew__answer(EPERM, "this thread does not hold the lock");
	default:
		return sinew__fail(error, "lock: %s", strerror(error));
	}
}

/* Nobody sleeps for longer than SINEW__LOCK_LOOK: whoever was to wake us may have been killed between giving the
 * mutex back and doing so, or between waking and taking it, and another one have had it since, who knows of no
 * sleeper. This thread's next look is kept, so that who need not wait need not ask for the time. */
static _Thread_local int64_t next_look __attribute__((tls_model("initial-exec")));

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define pthread_mutex_clocklock clocklock_for_sanitizer
/* The thread sanitizer of clang 14 does not know pthread_mutex_clocklock(). */
static int clocklock_for_sanitizer(
	pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	struct timespec now, day;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &day);
	const int64_t left =
		(until->tv_sec - now.tv_sec) * INT64_C(1000000000) + until->tv_nsec - now.tv_nsec;
	if (left > 0) {
		const int64_t nsec = day.tv_nsec + left % 1000000000;
		day.tv_sec += left / 1000000000 + nsec / 1000000000;
		day.tv_nsec = nsec % 1000000000;
	}
	return pthread_mutex_timedlock(mutex, &day);
}
#endif
#endif

static int lock_within(pthread_mutex_t *mutex, int64_t until)
{
	const struct timespec t = time_of(until);

	return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &t);
}

__attribute__((cold)) static int lock_later(pthread_mutex_t *mutex, int64_t until)
{
	int e;

	do {
		next_look = sinew_after(SINEW__LOCK_LOOK);
		e = lock_within(mutex, sinew__sooner(next_look, until));
	} while (e == ETIMEDOUT && next_look < until);
	return e;
}

int sinew_mutex_lock(struct sinew_mutex *mutex, int64_t until)
{
	struct sinew__mutex *m = sinew__mutex(mutex);
	int e;

	if (__builtin_expect(m->magic != SINEW__LOCK_MAGIC, 0))
		return sinew__never_made();
	if (until == SINEW_NOW)
		e = pthread_mutex_trylock(&m->mutex);
	else
		e = lock_within(&m->mutex, sinew__sooner(next_look, until));
	if (e == ETIMEDOUT && next_look < until)
		e = lock_later(&m->mutex, until);
	return __builtin_expect(e != 0, 0) ? answer(e) : 0;
}

int sinew_mutex_repaired(struct sinew_mutex *mutex)
{
	struct sinew__mutex *m = sinew__mutex(mutex);

	if (m->magic != SINEW__LOCK_MAGIC)
		return sinew__never_made();
	int e = pthread_mutex_consistent(&m->mutex);
	return e ? sinew__answer(e, "nothing to repair: nobody was killed with this lock") : 0;
}

int sinew_mutex_unlock(struct sinew_mutex *mutex)
{
	struct sinew__mutex *m = sinew__mutex(mutex);

	if (__builtin_expect(m->magic != SINEW__LOCK_MAGIC, 0))
		return sinew__never_made();
	int e = pthread_mutex_unlock(&m->mutex);
	return __builtin_expect(e != 0, 0) ? answer(e) : 0;
}

int sinew__mutex_wait(struct sinew_mutex *mutex, int64_t until)
{
	int r = sinew_mutex_lock(mutex, until);

	return r == -EOWNERDEAD ? sinew_mutex_repaired(mutex) : r;
}

/* ---- futex ---- */

int sinew__futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t until)
{
	int64_t look = sinew__sooner(sinew_after(SINEW__LOCK_LOOK), until);
	const struct timespec t = time_of(look);

	if (until == SINEW_NOW)
		return answer(EBUSY);
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, &t, NULL, FUTEX_BITSET_MATCH_ANY);
	return until != SINEW_FOREVER && sinew__now() >= until ? answer(ETIMEDOUT) : 0;
}

void sinew__futex_wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- condition ---- */

void sinew_condition_init(struct sinew_condition *condition)
{
	memset(condition, 0, sizeof *condition);
}

uint32_t sinew__condition_prepare(struct sinew_condition *condition)
{
	return atomic_load(sinew__word(&condition->sequence));
}

int sinew__condition_wait(struct sinew_condition *condition, uint32_t sequence, int64_t until)
{
	atomic_store(sinew__word(&condition->waiting), 1); /* before F */
	return sinew__futex_wait(sinew__word(&condition->sequence), sequence, until);
}

void sinew_condition_wake(struct sinew_condition *condition)
{
	atomic_fetch_add(sinew__word(&condition->sequence), 1); /* is G */
	if (atomic_load(sinew__word(&condition->waiting)) &&
		atomic_exchange(sinew__word(&condition->waiting), 0))
		sinew__futex_wake_all(sinew__word(&condition->sequence));
}

int sinew_condition_wait(
	struct sinew_condition *condition, struct sinew_mutex *mutex, int64_t until)
{
	uint32_t sequence = sinew__condition_prepare(condition);

	int r = sinew_mutex_unlock(mutex);
	if (r < 0)
		return r;
	int waited = sinew__condition_wait(condition, sequence, until);
	r = sinew_mutex_lock(mutex, SINEW_FOREVER);
	return r < 0 ? r : waited;
}

/* ---- once ---- */

enum { FRESH, BEGUN, DONE };

int sinew_once_init(struct sinew_once *once)
{
	once->state = FRESH;
	return sinew_mutex_init(&once->mutex);
}

void sinew_once_fini(struct sinew_once *once)
{
	sinew_mutex_fini(&once->mutex);
}

/* The mutex is held from begin to done. BEGUN, found by who has just got it, is a death. The release
 * of DONE publishes what was done to those who do not take the mutex any more. */
int sinew_once_begin(struct sinew_once *once, int64_t until)
{
	_Atomic uint32_t *state = sinew__word(&once->state);

	if (atomic_load_explicit(state, memory_order_acquire) == DONE)
		return 0;
	int r = sinew__mutex_enter(&once->mutex, until);
	if (r < 0)
		return r;
	switch (atomic_load(state)) {
	case DONE:
		sinew__mutex_leave(&once->mutex);
		return 0;
	case BEGUN:
		return answer(EOWNERDEAD);
	default:
		atomic_store(state, BEGUN);
		return 1;
	}
}

static int once_end(struct sinew_once *once, uint32_t state)
{
	bool own;

	if (sinew__mutex_try(&once->mutex, &own))
		sinew__mutex_leave(&once->mutex);
	if (!own)
		return answer(EPERM);
	atomic_store_explicit(sinew__word(&once->state), state, memory_order_release);
	return sinew_mutex_unlock(&once->mutex);
}

int sinew_once_done(struct sinew_once *once)
{
	return once_end(once, DONE);
}

int sinew_once_undone(struct sinew_once *once)
{
	return once_end(once, FRESH);
}
