/* SPDX-License-Identifier: MIT
 *
 * sys.c - the system-call table as the C library fills it.
 */
#include "sys.h"

#include <sys/syscall.h>

/* What the C library has no function for. */
static long futex(
	const uint32_t *word, int op, uint32_t value, const struct timespec *until, uint32_t mask)
{
	return syscall(SYS_futex, word, op, value, until, NULL, mask);
}

static int membarrier(int command, unsigned flags, int cpu)
{
	return (int)syscall(SYS_membarrier, command, flags, cpu);
}

static long futex_waitv(
	void *words, unsigned n, unsigned flags, const struct timespec *until, int clock)
{
#ifdef SYS_futex_waitv
	return syscall(SYS_futex_waitv, words, n, flags, until, clock);
#else
	(void)words, (void)n, (void)flags, (void)until, (void)clock;
	errno = ENOSYS;
	return -1;
#endif
}

/* Functions with the table's parameters, for what the C library declares otherwise: with "...", or with a
 * union of pointers. The kernel takes NULL for a deadline that never comes where glibc's mqueue.h says that
 * there must be one. */
#define SINEW__SYS_CALL(result, name, parameters, arguments)                                       \
	__attribute__((no_sanitize("nonnull-attribute"), unused,                                   \
		hot)) static result call_##name parameters                                         \
	{                                                                                          \
		return name arguments;                                                             \
	}
SINEW__SYSCALLS(SINEW__SYS_CALL)
#undef SINEW__SYS_CALL

/* The C library's own where it can be: a jump less, and a line and two pages less of code that is cold. */
#define SINEW__SYS_FILL(result, name, parameters, arguments)                                       \
	.name = _Generic(&name, result(*) parameters : &name, default : call_##name),

struct sinew__sys sinew__sys = {SINEW__SYSCALLS(SINEW__SYS_FILL)};
#undef SINEW__SYS_FILL
