/* SPDX-License-Identifier: MIT
 *
 * words.h - text for people and programs: durations, counts, and names from outside made harmless. A
 * name may hold anything; what a terminal would obey, JSON would not be, or XML would take for markup
 * never gets out.
 */
#ifndef SINEW_OBSERVE_WORDS_H
#define SINEW_OBSERVE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for a duration, or for a number with commas. */
typedef char sinew__short[32];

/* "0", "812 ns", "1.23 us", "45.6 ms", "7.89 s", "120 s", "3 h", cut, never rounded up. Returns `text`. */
char *sinew__duration(uint64_t ns, sinew__short text);
/* "5,032". Returns `text`. */
char *sinew__number(uint64_t n, sinew__short text);
/* The same in at most so many columns, 4 or more: "5,032", "5032", "503k". Returns `text`. */
char *sinew__brief(uint64_t n, unsigned columns, sinew__short text);
/* "s" unless n is 1. */
const char *sinew__plural(uint64_t n);
/* So many of a hundred, whole; 0 of nothing. Never 100 for a part, never 0 for more than nothing. */
unsigned sinew__percent(uint64_t part, uint64_t whole);
/* Of all parts at once, so that they add up to 100: none is less than 1 unless it is 0. */
void sinew__percents(const uint64_t *parts, unsigned count, unsigned *percents);

/* Copies `size` bytes, up to a NUL if there is one, with \xNN for control characters, for what would turn
 * the direction of the text, for backslashes, and for every byte that is not UTF-8. Always ended by NUL;
 * cut to fit, never inside a character. Returns `out`. */
char *sinew__plain(const char *text, size_t size, char *out, size_t room);

/* Columns that plain text takes, all characters being one wide. */
size_t sinew__columns(const char *text);
/* Cuts plain text to so many columns; what was cut ends in "...". Returns `text`. */
char *sinew__shorten(char *text, size_t columns);

/* JSON, piece by piece; commas take care of themselves. key: NULL inside an array and at the top. The
 * text is plain (sinew__plain), or a literal. */
struct sinew__json {
	FILE *stream;
	bool more;      /* something stands before at this level */
	bool in_markup; /* it stands in HTML: nothing in it may end that element */
};

void sinew__json_open(struct sinew__json *json, const char *key, char bracket);
void sinew__json_close(struct sinew__json *json, char bracket);
/* What follows is the caller's: one value. */
void sinew__json_key(struct sinew__json *json, const char *key);
void sinew__json_text(struct sinew__json *json, const char *key, const char *text);
void sinew__json_number(struct sinew__json *json, const char *key, uint64_t value);
void sinew__json_bool(struct sinew__json *json, const char *key, bool value);
void sinew__json_null(struct sinew__json *json, const char *key);

/* Plain text as content of an XML element. */
void sinew__xml_text(FILE *stream, const char *text);

#endif
