/* SPDX-License-Identifier: MIT
 *
 * option.c - reads option values by their rows.
 */
#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "banned.h"
#include "error.h"
#include "signal_name.h"

struct suffix {
	const char *text;
	int64_t factor;
};

static const struct suffix no_suffixes[] = {{"", 1}, {NULL, 0}};
static const struct suffix size_suffixes[] = {
	{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct suffix time_suffixes[] = {
	{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0}};

static bool read_number(const char *text, int base, const struct suffix *suffix, int64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	long long number = strtoll(text, &end, base);
	if (errno)
		return false;
	for (; suffix->text; suffix++)
		if (strcmp(end, suffix->text) == 0)
			return !__builtin_mul_overflow(number, suffix->factor, value);
	return false;
}

static bool read_choice(const char *text, const char *choices, int64_t *value)
{
	size_t length = strlen(text);

	for (int64_t i = 0; *choices; i++) {
		size_t n = strcspn(choices, "|");
		if (n == length && memcmp(choices, text, n) == 0) {
			*value = i;
			return true;
		}
		choices += n + (choices[n] == '|');
	}
	return false;
}

static bool read_switch(const char *text, int64_t *value)
{
	if (!read_choice(text, "no|yes|off|on|0|1|false|true", value))
		return false;
	*value &= 1;
	return true;
}

static bool read_users(const char *text, struct sinew__users *users)
{
	struct sinew__users read = {0};

	do {
		char *end;
		errno = 0;
		if (!isdigit((unsigned char)*text) || read.count == SINEW__MOST_USERS)
			return false;
		unsigned long uid = strtoul(text, &end, 10);
		if (errno || uid >= UINT32_MAX || (*end && *end != ','))
			return false;
		read.uid[read.count++] = (uid_t)uid;
		text = end + 1;
	} while (text[-1] == ',');
	*users = read;
	return true;
}

static bool read_value(const struct sinew__option_row *row, const char *text, void *settings)
{
	void *place = (char *)settings + row->offset;
	int64_t value = 0;
	bool good = false;

	switch (row->type) {
	case SINEW__OPTION_USERS:
		return read_users(text, place);
	case SINEW__OPTION_SWITCH:
		good = read_switch(text, &value);
		break;
	case SINEW__OPTION_NUMBER:
		good = read_number(text, 10, no_suffixes, &value);
		break;
	case SINEW__OPTION_SIZE:
		good = read_number(text, 10, size_suffixes, &value);
		break;
	case SINEW__OPTION_TIME:
		good = read_number(text, 10, time_suffixes, &value) || strcmp(text, "0") == 0;
		break;
	case SINEW__OPTION_MODE:
		good = read_number(text, 8, no_suffixes, &value);
		break;
	case SINEW__OPTION_CHOICE:
		good = read_choice(text, row->shown.values, &value);
		break;
	case SINEW__OPTION_SIGNAL:
		good = sinew__signal_read(text, &value);
		break;
	case SINEW__OPTION_END:
		break;
	}
	bool bounded = row->min < row->max;
	if (!good || (bounded && (value < row->min || value > row->max)))
		return false;
	memcpy(place, &value, sizeof value);
	return true;
}

static int bad_value(const struct sinew__option_row *row, const char *text, const char *scheme)
{
	bool ranged = row->min < row->max;

	if (ranged && row->type != SINEW__OPTION_MODE)
		return sinew__fail(EINVAL, "%s: %s=%s is not possible: it is %s, from %lld to %lld",
			scheme, row->shown.key, text, row->shown.values, (long long)row->min,
			(long long)row->max);
	return sinew__fail(EINVAL, "%s: %s=%s is not possible: it is %s", scheme, row->shown.key,
		text, row->shown.values);
}

static int unknown_key(const struct sinew__option_table *tables, unsigned count,
	const struct sinew__uri *uri, const char *key)
{
	char known[400] = "";
	size_t used = 0;

	for (unsigned t = 0; t < count; t++)
		for (const struct sinew__option_row *row = tables[t].rows; row && row->type;
			row++) {
			int n = snprintf(known + used, sizeof known - used, "%s%s",
				used ? ", " : "", row->shown.key);
			if (n > 0 && (size_t)n < sizeof known - used)
				used += (size_t)n;
		}
	return sinew__fail(
		EINVAL, "%s: unknown option \"%s\"; it knows %s", uri->scheme, key, known);
}

static const struct sinew__option_row *find(
	const struct sinew__option_table *tables, unsigned count, const char *key, void **settings)
{
	for (unsigned t = 0; t < count; t++)
		for (const struct sinew__option_row *row = tables[t].rows; row && row->type; row++)
			if (strcmp(row->shown.key, key) == 0) {
				*settings = tables[t].settings;
				return row;
			}
	return NULL;
}

/* The preset; where there is none, -1 or no users. */
static void preset(const struct sinew__option_row *row, void *settings)
{
	const char *text = row->shown.preset;
	bool users = row->type == SINEW__OPTION_USERS;

	if (!text || !*text || !read_value(row, text, settings))
		memset((char *)settings + row->offset, users ? 0 : 0xff,
			users ? sizeof(struct sinew__users) : sizeof(int64_t));
}

int sinew__options_parse(
	const struct sinew__option_table *tables, unsigned count, const struct sinew__uri *uri)
{
	void *settings;

	for (unsigned t = 0; t < count; t++)
		for (const struct sinew__option_row *row = tables[t].rows; row && row->type; row++)
			preset(row, tables[t].settings);

	for (unsigned i = 0; i < uri->count; i++) {
		const char *key = uri->options[i].key, *value = uri->options[i].value;
		const struct sinew__option_row *row = find(tables, count, key, &settings);
		if (!row)
			return unknown_key(tables, count, uri, key);
		if (!read_value(row, value, settings))
			return bad_value(row, value, uri->scheme);
	}
	return 0;
}

int sinew__options_value(const struct sinew__option_table *tables, unsigned count,
	const struct sinew__uri *uri, const char *key, int64_t *value)
{
	int64_t found;
	void *settings;
	const struct sinew__option_row *row = find(tables, count, key, &settings);

	if (!row)
		return unknown_key(tables, count, uri, key);
	if (row->type == SINEW__OPTION_USERS)
		return sinew__fail(EOPNOTSUPP, "%s: %s= is a list", uri->scheme, key);
	memcpy(&found, (const char *)settings + row->offset, sizeof found);
	if (found < 0)
		return sinew__fail(
			ENOENT, "%s: %s= is not given and has no preset", uri->scheme, key);
	*value = found;
	return 0;
}
