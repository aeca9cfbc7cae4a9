/* SPDX-License-Identifier: MIT
 *
 * counting.c - allocations are counted by standing in for the C library's functions, or, in builds
 * with a sanitizer, which does that itself, by its hooks.
 */
#include "counting.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sys.h"

static atomic_ulong allocations, calls;
static _Thread_local bool counts_here;
static struct sinew__sys before;

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

int __sanitizer_install_malloc_and_free_hooks(
	void (*)(const volatile void *, size_t), void (*)(const volatile void *));

static void on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	allocations++;
}

static void on_free(const volatile void *p)
{
	(void)p;
}

__attribute__((constructor)) static void install(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

#else

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
	allocations++;
	return __libc_realloc(p, size);
}

#endif

/* Each call is counted, unless it is a helper thread's or nobody asked, then made. */
#define COUNTED(result, name, parameters, arguments)                                               \
	static result counted_##name parameters                                                    \
	{                                                                                          \
		calls += counts_here;                                                              \
		return before.name arguments;                                                      \
	}
SINEW__SYSCALLS(COUNTED)
#undef COUNTED

static void *allocating_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	allocations++;
	return counted_mmap(at, size, prot, flags, fd, offset);
}

/* Once and for all: a helper thread may be at work when the counting begins. */
__attribute__((constructor)) static void stand_between(void)
{
	before = sinew__sys;
#define COUNT(result, name, parameters, arguments) sinew__sys.name = counted_##name;
	SINEW__SYSCALLS(COUNT)
#undef COUNT
	sinew__sys.mmap = allocating_mmap;
}

unsigned long counting_allocations(void)
{
	return allocations;
}

void counting_calls_begin(void)
{
	calls = 0;
	counts_here = true;
}

unsigned long counting_calls_end(void)
{
	counts_here = false;
	return calls;
}
