/* SPDX-License-Identifier: MIT
 *
 * units.h - numbers with suffixes, read and written as the URIs have them: sizes K M G, times
 * ns us ms s.
 */
#ifndef CLI_UNITS_H
#define CLI_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool units_read_count(const char *text, uint64_t *value);
bool units_read_size(const char *text, uint64_t *bytes);
/* A number without a suffix is in seconds; a decimal point is understood. */
bool units_read_time(const char *text, int64_t *ns);

/* "64K" where that is exact, else "65537 bytes". Returns `text`. */
char *units_write_size(uint64_t bytes, char *text, size_t size);
/* "1.234 s", "5.1 ms", "17 us". Returns `text`. */
char *units_write_time(int64_t ns, char *text, size_t size);

#endif
