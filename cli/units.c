/* SPDX-License-Identifier: MIT
 *
 * units.c - numbers with suffixes.
 */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct suffix {
	const char *text;
	int64_t factor;
};

static const struct suffix count_suffixes[] = {{"", 1}, {NULL, 0}};
static const struct suffix size_suffixes[] = {
	{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct suffix time_suffixes[] = {
	{"", 1000000000}, {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0}};

static int64_t factor_of(const char *text, const struct suffix *suffix)
{
	for (; suffix->text; suffix++)
		if (strcmp(suffix->text, text) == 0)
			return suffix->factor;
	return 0;
}

static bool read_whole(const char *text, char **end, int64_t *value)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoll(text, end, 10);
	return errno == 0;
}

static bool read_suffixed(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	char *end;
	int64_t whole;

	if (!read_whole(text, &end, &whole))
		return false;
	int64_t factor = factor_of(end, suffixes);
	return factor && !__builtin_mul_overflow(whole, factor, value);
}

bool units_read_count(const char *text, uint64_t *value)
{
	return read_suffixed(text, count_suffixes, value);
}

bool units_read_size(const char *text, uint64_t *bytes)
{
	return read_suffixed(text, size_suffixes, bytes);
}

bool units_read_time(const char *text, int64_t *ns)
{
	char *end;
	int64_t whole, part = 0, scale = 1;

	if (!read_whole(text, &end, &whole))
		return false;
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++)
			if (scale < 1000000000) {
				part = part * 10 + (*end - '0');
				scale *= 10;
			}
	int64_t factor = factor_of(end, time_suffixes);
	return factor && !__builtin_mul_overflow(whole, factor, ns) &&
	       !__builtin_add_overflow(*ns, part * factor / scale, ns);
}

char *units_write_size(uint64_t bytes, char *text, size_t size)
{
	for (const struct suffix *suffix = size_suffixes + 3; suffix > size_suffixes; suffix--)
		if (bytes && bytes % (uint64_t)suffix->factor == 0) {
			snprintf(text, size, "%" PRIu64 "%s", bytes / (uint64_t)suffix->factor,
				suffix->text);
			return text;
		}
	snprintf(text, size, "%" PRIu64 " bytes", bytes);
	return text;
}

char *units_write_time(int64_t ns, char *text, size_t size)
{
	if (ns < 1000000)
		snprintf(text, size, "%.3g us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, size, "%.3g ms", (double)ns / 1e6);
	else
		snprintf(text, size, "%.3f s", (double)ns / 1e9);
	return text;
}
