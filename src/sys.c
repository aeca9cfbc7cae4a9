/* SPDX-License-Identifier: MIT
 *
 * sys.c - the system-call table as the C library fills it.
 */
#include "sys.h"

struct sinew__sys sinew__sys = {
#define SINEW__SYS_DEFAULT(result, name, parameters) .name = name,
	SINEW__SYSCALLS(SINEW__SYS_DEFAULT)
#undef SINEW__SYS_DEFAULT
};
