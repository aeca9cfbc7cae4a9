/* SPDX-License-Identifier: MIT
 *
 * say.h - words for people, on standard error: one line, begun with "sinew: ", written by one
 * system call. Control characters from outside are escaped. Colour only on a terminal and never
 * with NO_COLOR.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>
#include <stdint.h>

#define SAY_FORMAT(string, first) __attribute__((format(printf, string, first)))

void say(const char *format, ...) SAY_FORMAT(1, 2);
/* The same, marked as a failure. */
void say_error(const char *format, ...) SAY_FORMAT(1, 2);
/* The library's words for what just failed, with advice if it is not NULL. */
void say_failure(const char *advice);

/* For what may happen a million times: says the first few, counts all. */
void say_some(uint64_t *times, const char *format, ...) SAY_FORMAT(2, 3);

/* Whether colour may be used on this descriptor. */
bool say_colour(int fd);

/* "s" unless n is 1. */
const char *say_plural(uint64_t n);

#endif
