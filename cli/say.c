/* SPDX-License-Identifier: MIT
 *
 * say.c - words on standard error.
 */
#include "say.h"

#include <errno.h>
#include <sinew/sinew.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { LINE = 8192, FEW = 5 };

bool say_colour(int fd)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return !(none && *none) && terminal && strcmp(terminal, "dumb") != 0 && isatty(fd);
}

const char *say_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void write_line(const char *line, size_t left)
{
	while (left) {
		ssize_t n = write(STDERR_FILENO, line, left);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			line += n;
			left -= (size_t)n;
		}
	}
}

static void say_list(bool failure, const char *format, va_list args)
{
	char words[LINE], line[LINE + 64];
	size_t taken, used;
	bool colour = failure && say_colour(STDERR_FILENO);

	vsnprintf(words, sizeof words, format, args);
	const char *name = colour ? "\033[1;31msinew:\033[0m " : "sinew: ";
	used = strlen(name);
	memcpy(line, name, used);
	used += text_escape(
		words, strlen(words), "\t", line + used, sizeof line - used - 1, &taken);
	line[used++] = '\n';
	write_line(line, used);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(false, format, args);
	va_end(args);
}

void say_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(true, format, args);
	va_end(args);
}

void say_failure(const char *advice)
{
	say_error("%s%s%s", sinew_error_text(), advice ? "; " : "", advice ? advice : "");
}

void say_some(uint64_t *times, const char *format, ...)
{
	va_list args;

	if ((*times)++ >= FEW)
		return;
	va_start(args, format);
	say_list(true, format, args);
	va_end(args);
}
