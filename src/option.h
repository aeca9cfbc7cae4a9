/* SPDX-License-Identifier: MIT
 *
 * option.h - options are rows. A row says how a value is written, where it goes and what it means;
 * parsing, range checks, error texts, help, man pages and the fuzz dictionary follow the rows.
 * Every value is an int64_t in the settings structure its table belongs to, except a user list.
 */
#ifndef SINEW_OPTION_H
#define SINEW_OPTION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sinew/sinew.h"
#include "uri.h"

enum sinew__option_type {
	SINEW__OPTION_END,
	SINEW__OPTION_SWITCH, /* yes|no */
	SINEW__OPTION_NUMBER,
	SINEW__OPTION_SIZE,   /* bytes; K M G */
	SINEW__OPTION_TIME,   /* nanoseconds; ns us ms s */
	SINEW__OPTION_MODE,   /* octal permission bits */
	SINEW__OPTION_CHOICE, /* values = "a|b|c", stored as 0, 1, 2 */
	SINEW__OPTION_SIGNAL, /* a number, a name, RTMIN+n, RTMAX-n */
	SINEW__OPTION_USERS,  /* uids; struct sinew__users */
};

enum { SINEW__MOST_USERS = 32 };

struct sinew__users {
	unsigned count; /* 0: anybody */
	uid_t uid[SINEW__MOST_USERS];
};

struct sinew__option_row {
	struct sinew_option shown; /* key, values, preset, summary */
	enum sinew__option_type type;
	size_t offset;
	int64_t min, max;
};

/* One settings structure and the rows that fill it. */
struct sinew__option_table {
	const struct sinew__option_row *rows;
	void *settings;
};

/* Fills every table with its presets, then with the URI's options. Each option must be known to
 * one of the tables. -EINVAL with words that name the known keys or values. */
int sinew__options_parse(
	const struct sinew__option_table *tables, unsigned count, const struct sinew__uri *uri);

/* What was parsed into the tables for `key`: -ENOENT the URI does not say and there is no preset;
 * -EOPNOTSUPP it is a list; -EINVAL none of them knows it. With words. */
int sinew__options_value(const struct sinew__option_table *tables, unsigned count,
	const struct sinew__uri *uri, const char *key, int64_t *value);

#endif
