/* SPDX-License-Identifier: MIT
 *
 * rest.h - a CPU that waits in a loop leaves its resources to the other thread of its core.
 */
#ifndef SINEW_REST_H
#define SINEW_REST_H

static inline void sinew__rest(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

#endif
