/* SPDX-License-Identifier: MIT
 *
 * fault.c - this thread's last failure to observe, in words.
 */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "../banned.h"

static _Thread_local char last[640] = "no failure yet";

int sinew__observe_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last, sizeof last, format, args);
	va_end(args);
	return -code;
}

const char *sinew__observe_error(void)
{
	return last;
}
