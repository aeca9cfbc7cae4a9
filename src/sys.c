/* SPDX-License-Identifier: MIT
 *
 * sys.c - the system-call table as the C library fills it.
 */
#include "sys.h"

/* The C library's functions behind the table's parameters. The kernel takes NULL for a deadline that
 * never comes where glibc's mqueue.h says that there must be one. */
#define SINEW__SYS_CALL(result, name, parameters, arguments)                                       \
	__attribute__((no_sanitize("nonnull-attribute"))) static result call_##name parameters     \
	{                                                                                          \
		return name arguments;                                                             \
	}
SINEW__SYSCALLS(SINEW__SYS_CALL)
#undef SINEW__SYS_CALL

struct sinew__sys sinew__sys = {
#define SINEW__SYS_DEFAULT(result, name, parameters, arguments) .name = call_##name,
	SINEW__SYSCALLS(SINEW__SYS_DEFAULT)
#undef SINEW__SYS_DEFAULT
};
