/* SPDX-License-Identifier: MIT
 *
 * copy.h - copies of small messages without a call: two overlapping moves cover each size class; and
 * lines asked for ahead.
 */
#ifndef SINEW_COPY_H
#define SINEW_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Asks for a line that is about to be overwritten, which another CPU may have. */
static inline void sinew__prefetch_to_write(const void *at)
{
#if defined(__x86_64__)
	__asm__ volatile(
		"prefetchw %0" ::"m"(*(const char *)at)); /* or nothing, where there is none */
#else
	__builtin_prefetch(at, 1);
#endif
}

/* The first and the last n bytes of what has at least n. */
static inline void sinew__copy_ends(uint8_t *to, const uint8_t *from, size_t size, size_t n)
{
	for (size_t i = 0; i < n; i += 16)
		__builtin_memcpy(to + i, from + i, 16);
	for (size_t i = 0; i < n; i += 16)
		__builtin_memcpy(to + size - n + i, from + size - n + i, 16);
}

/* As memcpy; size 0 is fine with any pointers. */
static inline void sinew__copy(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (size > 128) {
		memcpy(to, from, size);
	} else if (size > 64) {
		sinew__copy_ends(t, f, size, 64);
	} else if (size > 32) {
		sinew__copy_ends(t, f, size, 32);
	} else if (size >= 16) {
		sinew__copy_ends(t, f, size, 16);
	} else if (size >= 8) {
		__builtin_memcpy(t, f, 8);
		__builtin_memcpy(t + size - 8, f + size - 8, 8);
	} else {
		while (size--)
			*t++ = *f++;
	}
}

#endif
