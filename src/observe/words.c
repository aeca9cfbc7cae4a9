/* SPDX-License-Identifier: MIT
 *
 * words.c - durations, numbers, and names from outside made harmless.
 */
#include "words.h"

#include <inttypes.h>
#include <string.h>

#include "../banned.h"

/* ---- numbers ---- */

static const struct unit {
	uint64_t ns;
	const char *name;
} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};

char *sinew__duration(uint64_t ns, sinew__short text)
{
	const struct unit *unit = units;

	while (unit->ns > 1 && ns < unit->ns)
		unit++;
	uint64_t whole = ns / unit->ns, rest = ns % unit->ns;
	if (whole >= 10000) {
		snprintf(text, sizeof(sinew__short), "%" PRIu64 " h", whole / 3600);
		return text;
	}
	if (ns == 0)
		snprintf(text, sizeof(sinew__short), "0");
	else if (unit->ns == 1 || whole >= 100)
		snprintf(text, sizeof(sinew__short), "%" PRIu64 " %s", whole, unit->name);
	else if (whole >= 10)
		snprintf(text, sizeof(sinew__short), "%" PRIu64 ".%" PRIu64 " %s", whole,
			rest / (unit->ns / 10), unit->name);
	else
		snprintf(text, sizeof(sinew__short), "%" PRIu64 ".%02" PRIu64 " %s", whole,
			rest / (unit->ns / 100), unit->name);
	return text;
}

char *sinew__number(uint64_t n, sinew__short text)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
	char *at = text;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return text;
}

char *sinew__brief(uint64_t n, unsigned columns, sinew__short text)
{
	static const char suffixes[] = " kMGTPE";
	const char *suffix = suffixes;

	if (strlen(sinew__number(n, text)) <= columns)
		return text;
	snprintf(text, sizeof(sinew__short), "%" PRIu64, n);
	while (strlen(text) > columns && suffix[1]) {
		n /= 1000;
		snprintf(text, sizeof(sinew__short), "%" PRIu64 "%c", n, *++suffix);
	}
	return text;
}

const char *sinew__plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

unsigned sinew__percent(uint64_t part, uint64_t whole)
{
	if (part == 0 || whole == 0)
		return 0;
	if (part >= whole)
		return 100;
	unsigned percent = (unsigned)((__uint128_t)part * 100 / whole);
	return percent ? percent : 1;
}

/* Which of them lost most by being cut; a part that was raised to 1 has lost nothing. */
static unsigned most_cut(
	const uint64_t *parts, unsigned count, uint64_t whole, const unsigned *percents)
{
	unsigned most = 0;
	__int128 lost = -1;

	for (unsigned i = 0; i < count; i++) {
		__int128 here = (__int128)parts[i] * 100 - (__int128)percents[i] * whole;
		if (here > lost) {
			lost = here;
			most = i;
		}
	}
	return most;
}

static unsigned largest(const unsigned *percents, unsigned count)
{
	unsigned most = 0;

	for (unsigned i = 1; i < count; i++)
		if (percents[i] > percents[most])
			most = i;
	return most;
}

void sinew__percents(const uint64_t *parts, unsigned count, unsigned *percents)
{
	uint64_t whole = 0;
	unsigned sum = 0;

	for (unsigned i = 0; i < count; i++)
		whole += parts[i];
	for (unsigned i = 0; i < count; i++)
		sum += percents[i] = sinew__percent(parts[i], whole);
	for (; whole && sum < 100; sum++)
		percents[most_cut(parts, count, whole, percents)]++;
	for (; sum > 100; sum--)
		percents[largest(percents, count)]--;
}

/* ---- characters ---- */

/* The first byte decides the length and, against overlong forms, surrogates and what lies beyond
 * U+10FFFF, the range of the second (RFC 3629). */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if ((c & 0xf0) == 0xe0)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

static size_t character(const unsigned char *at, size_t left)
{
	unsigned char low, high;
	size_t length = lead(*at, &low, &high);

	if (length > left || (length > 1 && (at[1] < low || at[1] > high)))
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Controls (C0, DEL, C1), line separators, and what turns, hides or joins: U+061C, U+200B to U+200F,
 * U+2028 to U+202E, U+2060 to U+206F, U+FEFF, U+FFFE, U+FFFF. */
static bool is_harmful(const unsigned char *at, size_t length)
{
	if (length == 1)
		return *at < 0x20 || *at == 0x7f || *at == '\\';
	if (length == 2)
		return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
	if (length != 3)
		return false;
	return (at[0] == 0xe2 && at[1] == 0x80 &&
		       ((at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
	       (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf) ||
	       (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) ||
	       (at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe);
}

static size_t put_plain(char *out, const unsigned char *at, size_t length, bool good)
{
	static const char digits[] = "0123456789abcdef";

	if (good) {
		memcpy(out, at, length);
		return length;
	}
	for (size_t i = 0; i < length; i++)
		memcpy(out + 4 * i, (char[]){'\\', 'x', digits[at[i] >> 4], digits[at[i] & 15]}, 4);
	return 4 * length;
}

char *sinew__plain(const char *text, size_t size, char *out, size_t room)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + strnlen(text, size);
	size_t used = 0;

	while (at < end) {
		size_t length = character(at, (size_t)(end - at));
		bool good = length && !is_harmful(at, length);
		length += !length;
		if (used + (good ? length : 4 * length) >= room)
			break;
		used += put_plain(out + used, at, length, good);
		at += length;
	}
	out[used] = '\0';
	return out;
}

size_t sinew__columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

char *sinew__shorten(char *text, size_t columns)
{
	size_t n = 0;

	if (sinew__columns(text) <= columns)
		return text;
	for (char *at = text; *at; at++)
		if (((unsigned char)*at & 0xc0) != 0x80 && ++n > columns - 3) {
			memcpy(at, "...", 4); /* at least four bytes were left there */
			break;
		}
	return text;
}

/* ---- JSON ---- */

static void quoted(const struct sinew__json *json, const char *text)
{
	fputc('"', json->stream);
	for (; *text; text++) {
		if (*text == '<' && json->in_markup) {
			fputs("\\u003c", json->stream);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', json->stream);
		fputc(*text, json->stream);
	}
	fputc('"', json->stream);
}

static void begin(struct sinew__json *json, const char *key)
{
	if (json->more)
		fputc(',', json->stream);
	json->more = true;
	if (key) {
		quoted(json, key);
		fputc(':', json->stream);
	}
}

void sinew__json_open(struct sinew__json *json, const char *key, char bracket)
{
	begin(json, key);
	fputc(bracket, json->stream);
	json->more = false;
}

void sinew__json_close(struct sinew__json *json, char bracket)
{
	fputc(bracket, json->stream);
	json->more = true;
}

void sinew__json_key(struct sinew__json *json, const char *key)
{
	begin(json, key);
}

void sinew__json_text(struct sinew__json *json, const char *key, const char *text)
{
	begin(json, key);
	quoted(json, text);
}

void sinew__json_number(struct sinew__json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->stream, "%" PRIu64, value);
}

void sinew__json_bool(struct sinew__json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", json->stream);
}

void sinew__json_null(struct sinew__json *json, const char *key)
{
	begin(json, key);
	fputs("null", json->stream);
}

/* ---- XML ---- */

void sinew__xml_text(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", stream);
		else if (*text == '<')
			fputs("&lt;", stream);
		else if (*text == '>')
			fputs("&gt;", stream);
		else if (*text == '"')
			fputs("&quot;", stream);
		else
			fputc(*text, stream);
	}
}
