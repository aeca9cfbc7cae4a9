/* SPDX-License-Identifier: MIT
 *
 * copy.h - copies of small messages without a call: two overlapping moves cover each size class.
 */
#ifndef SINEW_COPY_H
#define SINEW_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* As memcpy; size 0 is fine with any pointers. */
static inline void sinew__copy(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (size > 128) {
		memcpy(to, from, size);
	} else if (size >= 16) {
		for (size_t i = 0; i + 16 < size; i += 16)
			__builtin_memcpy(t + i, f + i, 16);
		__builtin_memcpy(t + size - 16, f + size - 16, 16);
	} else if (size >= 8) {
		__builtin_memcpy(t, f, 8);
		__builtin_memcpy(t + size - 8, f + size - 8, 8);
	} else {
		while (size--)
			*t++ = *f++;
	}
}

#endif
