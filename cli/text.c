/* SPDX-License-Identifier: MIT
 *
 * text.c - UTF-8 (RFC 3629) and the escaping of control characters.
 */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The first byte decides the length and, against overlong forms, surrogates and what lies beyond
 * U+10FFFF, the range of the second. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if ((c & 0xf0) == 0xe0) {
		if (c == 0xe0)
			*low = 0xa0;
		if (c == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (c == 0xf0)
			*low = 0x90;
		if (c == 0xf4)
			*high = 0x8f;
		return 4;
	}
	return 0;
}

size_t text_char(const unsigned char *at, size_t left)
{
	unsigned char low, high;

	if (left == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	size_t length = lead(at[0], &low, &high);
	if (length == 0 || length > left || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool text_is_utf8(const void *data, size_t size)
{
	const unsigned char *at = data, *end = at + size;

	while (at < end) {
		uint64_t word;
		while (end - at >= 8 &&
			(memcpy(&word, at, 8), (word & UINT64_C(0x8080808080808080)) == 0))
			at += 8;
		if (at == end)
			break;
		size_t length = text_char(at, (size_t)(end - at));
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

bool text_is_control(const unsigned char *at, size_t length)
{
	return at[0] < 0x20 || at[0] == 0x7f || (length == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

size_t text_escape(
	const void *data, size_t size, const char *keep, char *out, size_t room, size_t *taken)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = data, *end = at + size;
	size_t used = 0;

	while (at < end && room - used >= 8) {
		size_t length = text_char(at, (size_t)(end - at));
		bool plain = length && (!text_is_control(at, length) || (*at && strchr(keep, *at)));
		for (length += !length; length; length--, at++) {
			if (plain) {
				out[used++] = (char)*at;
				continue;
			}
			memcpy(out + used, (char[]){'\\', 'x', digits[*at >> 4], digits[*at & 15]},
				4);
			used += 4;
		}
	}
	*taken = (size_t)(at - (const unsigned char *)data);
	return used;
}

void text_add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

void text_list(char *text, size_t size, const char *word)
{
	size_t used = strlen(text), length = strlen(word);

	if (used + length + 3 <= size)
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", word);
}
