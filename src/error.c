/* SPDX-License-Identifier: MIT
 *
 * error.c - this thread's last failure in words.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "sinew/sinew.h"

static _Thread_local char formatted[640];
static _Thread_local const char *last = "no failure yet";

int sinew__fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(formatted, sizeof formatted, format, args);
	va_end(args);
	last = formatted;
	return -code;
}

int sinew__answer(int code, const char *literal)
{
	last = literal;
	return -code;
}

const char *sinew_error_text(void)
{
	return last;
}
