/* SPDX-License-Identifier: MIT
 *
 * shared.h - every store to the memory that processes share goes through here, so that a test can
 * die at any of them: built with SINEW__RING_STEPS, each calls sinew__ring_step() before and after, and
 * each acquiring load sinew__ring_saw() after, so that a test can have others move in between.
 */
#ifndef SINEW_RING_SHARED_H
#define SINEW_RING_SHARED_H

#include <stdbool.h>

#include "../copy.h"
#include "layout.h"

#ifdef SINEW__RING_STEPS
void sinew__ring_step(void);
void sinew__ring_saw(const void *at);
#else
static inline void sinew__ring_step(void)
{
}
#endif

/* ThreadSanitizer knows no fences; it makes every atomic operation one. */
#if defined(__SANITIZE_THREAD__)
#define SINEW__SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SINEW__SANITIZED 1
#endif
#endif

/* What is before it is seen by others before what comes after is done. */
static inline void sinew__fence(void)
{
#ifdef SINEW__SANITIZED
	static _Atomic int everybody;
	atomic_fetch_add(&everybody, 0);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* What was read before it was read before what is looked at after it. */
static inline void sinew__fence_after_reading(void)
{
#ifdef SINEW__SANITIZED
	sinew__fence();
#else
	atomic_thread_fence(memory_order_acquire);
#endif
}

/* Who sees what is stored after it sees what was stored before. */
static inline void sinew__fence_before_writing(void)
{
#ifdef SINEW__SANITIZED
	sinew__fence();
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/* Bytes that another may overwrite while we read them, and that we then do not believe. */
static inline __attribute__((always_inline)) void sinew__copy_shared(
	void *to, const void *from, size_t size)
{
#ifdef SINEW__SANITIZED
	for (size_t i = 0; i < size; i++)
		__atomic_store_n((uint8_t *)to + i,
			__atomic_load_n((const uint8_t *)from + i, __ATOMIC_RELAXED),
			__ATOMIC_RELAXED);
#else
	sinew__copy(to, from, size);
#endif
}

#define sinew__look(at) atomic_load_explicit(at, memory_order_relaxed)
#ifdef SINEW__RING_STEPS
#define sinew__see(at)                                                                             \
	({                                                                                         \
		__auto_type seen = atomic_load_explicit(at, memory_order_acquire);                 \
		sinew__ring_saw((const void *)(at));                                               \
		seen;                                                                              \
	})
#else
#define sinew__see(at) atomic_load_explicit(at, memory_order_acquire)
#endif

#define sinew__store(at, value, order)                                                             \
	do {                                                                                       \
		sinew__ring_step();                                                                \
		atomic_store_explicit(at, value, order);                                           \
		sinew__ring_step();                                                                \
	} while (0)

/* What others need not see in any order. */
#define sinew__put(at, value) sinew__store(at, value, memory_order_relaxed)
/* What others may see only after all that we stored before. */
#define sinew__publish(at, value) sinew__store(at, value, memory_order_release)

/* Counters with one writer: no locked instruction is needed. */
#define sinew__count(at, n) sinew__put(at, sinew__look(at) + (n))

static inline bool sinew__swap32(sinew__shared32 *at, uint32_t expected, uint32_t value)
{
	sinew__ring_step();
	bool swapped = atomic_compare_exchange_strong(at, &expected, value);
	sinew__ring_step();
	return swapped;
}

static inline bool sinew__swap64(sinew__shared64 *at, uint64_t expected, uint64_t value)
{
	sinew__ring_step();
	bool swapped = atomic_compare_exchange_strong(at, &expected, value);
	sinew__ring_step();
	return swapped;
}

#endif
