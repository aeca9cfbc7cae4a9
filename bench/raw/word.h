/* SPDX-License-Identifier: MIT
 *
 * word.h - a word in shared memory that only grows, and the waiting for it: who waits looks 50 times, yields 64
 * times, then sleeps on a futex; who changes it wakes sleepers only. A sleeper says so before it looks again,
 * a waker looks at that after its store: in any order one sees the other.
 */
#ifndef BENCH_RAW_WORD_H
#define BENCH_RAW_WORD_H

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../contender.h"
#include "ring.h"

enum { RAW_PAUSES = 50, RAW_YIELDS = 64 };

struct raw_word {
	_Atomic uint32_t value, sleepers;
};

static inline bool raw_word_has(struct raw_word *word, uint32_t least)
{
	const uint32_t now = atomic_load_explicit(&word->value, memory_order_acquire);

	return (int32_t)(now - least) >= 0;
}

static inline void raw_word_sleep(struct link *link, struct raw_word *word, uint32_t least)
{
	uint32_t now;

	atomic_fetch_add(&word->sleepers, 1);
	while ((int32_t)((now = atomic_load(&word->value)) - least) < 0) {
		link->calls++;
		syscall(SYS_futex, &word->value, FUTEX_WAIT, now, NULL, NULL, 0);
	}
	atomic_fetch_sub(&word->sleepers, 1);
}

/* Until it is at least `least`. */
static inline void raw_word_await(struct link *link, struct raw_word *word, uint32_t least)
{
	for (int i = 0; i < RAW_PAUSES + RAW_YIELDS; i++) {
		if (raw_word_has(word, least))
			return;
		if (i < RAW_PAUSES) {
			raw_pause();
		} else {
			link->calls++;
			sched_yield();
		}
	}
	raw_word_sleep(link, word, least);
}

static inline void raw_word_set(struct link *link, struct raw_word *word, uint32_t value)
{
	atomic_store(&word->value, value);
	if (atomic_load(&word->sleepers) == 0)
		return;
	link->calls++;
	syscall(SYS_futex, &word->value, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
