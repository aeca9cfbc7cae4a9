/* SPDX-License-Identifier: MIT
 *
 * lock.h - what the locks are made of: one robust mutex of the C library in 64 bytes, with a word
 * beside it, and a futex.
 *
 * Everything rests on what the kernel does for a robust mutex: when its holder dies, however, the
 * word is marked and a waiter woken, and the next holder learns it (EOWNERDEAD). There is no second
 * robust list, no timeout that stands for a death, and no bare thread id that is believed: an id
 * only says which mutex to ask.
 */
#ifndef SINEW_LOCK_INSIDE_H
#define SINEW_LOCK_INSIDE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "sinew/lock.h"
#include "sinew/sinew.h"

enum { SINEW__LOCK_MAGIC = 0x6b636f6c };

/* What is in a struct sinew_mutex. */
struct sinew__mutex {
	uint32_t magic;
	_Atomic uint32_t note; /* whose, or of which round, it is: see who uses it */
	pthread_mutex_t mutex;
	_Atomic uint32_t marks; /* of a gate: who sits where; of a seat: whether that is sure */
};

_Static_assert(sizeof(struct sinew__mutex) <= sizeof(struct sinew_mutex), "fits the layout");
_Static_assert(_Alignof(struct sinew__mutex) <= _Alignof(struct sinew_mutex), "is aligned");
_Static_assert(sizeof(struct sinew_mutex) == 64, "the layout is fixed");
_Static_assert(sizeof(struct sinew_condition) == 8, "the layout is fixed");
_Static_assert(sizeof(struct sinew_rwlock) == 64 * (1 + SINEW_RWLOCK_READERS), "as above");
_Static_assert(sizeof(struct sinew_semaphore) == 64, "the layout is fixed");
_Static_assert(sizeof(struct sinew_pool) == 64 * (1 + SINEW_POOL_UNITS), "as above");
_Static_assert(sizeof(struct sinew_barrier) == 128 * (1 + SINEW_BARRIER_PARTIES), "as above");
_Static_assert(sizeof(struct sinew_once) == 128, "the layout is fixed");

static inline struct sinew__mutex *sinew__mutex(struct sinew_mutex *mutex)
{
	return (struct sinew__mutex *)mutex;
}

/* The word that the kernel knows, too: who has the mutex; not 0 either while it is a dead one's. 0: nobody. */
static inline _Atomic uint32_t *sinew__holder(struct sinew_mutex *mutex)
{
	return (_Atomic uint32_t *)&sinew__mutex(mutex)->mutex.__data.__lock;
}

static inline bool sinew__was_made(struct sinew_mutex *mutex)
{
	return __builtin_expect(sinew__mutex(mutex)->magic == SINEW__LOCK_MAGIC, 1);
}

/* A plain word of the layout, as the atomic it is used as. */
static inline _Atomic uint32_t *sinew__word(uint32_t *word)
{
	return (_Atomic uint32_t *)word;
}

/* Answers who uses what was never made, or has been ended. */
int sinew__never_made(void);

/* ---- for mutexes whose holder's death is no news, for what they guard is whole at every step ---- */

/* Whether it could be had at once, and then it is ours; `own`: it is ours already. */
static inline bool sinew__mutex_try(struct sinew_mutex *mutex, bool *own)
{
	pthread_mutex_t *m = &sinew__mutex(mutex)->mutex;
	int e = pthread_mutex_trylock(m);

	*own = e == EDEADLK;
	if (__builtin_expect(e == EOWNERDEAD, 0))
		e = pthread_mutex_consistent(m);
	return e == 0;
}

static inline void sinew__mutex_leave(struct sinew_mutex *mutex)
{
	pthread_mutex_unlock(&sinew__mutex(mutex)->mutex);
}

/* Others see that we have it before what comes after is done. Where the CPU is an x86 it was taken so: no other
 * instruction than a locked one takes what several want, and that is a full fence. */
static inline void sinew__mutex_seen(void)
{
#if defined(__x86_64__) || defined(__i386__)
	atomic_signal_fence(memory_order_seq_cst);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* As sinew_mutex_lock(), but 0 for -EOWNERDEAD. */
int sinew__mutex_wait(struct sinew_mutex *, int64_t until);

/* The same; quickest where nobody is. */
static inline int sinew__mutex_enter(struct sinew_mutex *mutex, int64_t until)
{
	bool own;

	if (sinew__was_made(mutex) && sinew__mutex_try(mutex, &own))
		return 0;
	return sinew__mutex_wait(mutex, until);
}

/* ---- waiting ---- */

enum { SINEW__LOCK_LOOK = 100000000 }; /* ns */

/* Waits while the word is `expected`, but never longer than 100 ms: who would wake us may have been
 * killed, and the caller looks again. Until the deadline: 0 look again, -EAGAIN, -ETIMEDOUT. */
int sinew__futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t until);
void sinew__futex_wake_all(_Atomic uint32_t *word);

/* The two halves of waiting on a condition. sequence = prepare(); look; wait(sequence). */
uint32_t sinew__condition_prepare(struct sinew_condition *);
int sinew__condition_wait(struct sinew_condition *, uint32_t sequence, int64_t until);

#endif
