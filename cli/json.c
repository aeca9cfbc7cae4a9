/* SPDX-License-Identifier: MIT
 *
 * json.c - JSON (RFC 8259), one object a line.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

static void quoted(struct out *out, const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + size, *from = at;

	out_byte(out, '"');
	for (; at < end; at++) {
		bool c1 = *at == 0xc2 && at + 1 < end && at[1] >= 0x80 && at[1] < 0xa0;
		if (*at >= 0x20 && *at != '"' && *at != '\\' && *at != 0x7f && !c1)
			continue;
		out_bytes(out, from, (size_t)(at - from));
		at += c1; /* U+0080 to U+009F, of which a terminal may obey some */
		if (*at == '"' || *at == '\\')
			out_bytes(out, (char[]){'\\', (char)*at}, 2);
		else if (*at == '\n')
			out_text(out, "\\n");
		else if (*at == '\t')
			out_text(out, "\\t");
		else
			out_format(out, "\\u%04x", *at);
		from = at + 1;
	}
	out_bytes(out, from, (size_t)(at - from));
	out_byte(out, '"');
}

static void name(struct json *json, const char *key)
{
	if (json->more)
		out_byte(json->out, ',');
	json->more = true;
	if (key) {
		quoted(json->out, key, strlen(key));
		out_byte(json->out, ':');
	}
}

void json_open(struct json *json, const char *key, char bracket)
{
	name(json, key);
	out_byte(json->out, bracket);
	json->more = false;
}

void json_close(struct json *json, char bracket)
{
	out_byte(json->out, bracket);
	json->more = true;
}

/* Names of files and peers need not be UTF-8; in JSON they must be. */
static void words(struct out *out, const char *text, size_t size)
{
	char safe[1024];
	size_t taken = 0;

	if (text_is_utf8(text, size)) {
		quoted(out, text, size);
		return;
	}
	size_t used = text_escape(text, size, "", safe, sizeof safe, &taken);
	quoted(out, safe, used);
}

void json_text(struct json *json, const char *key, const char *text)
{
	name(json, key);
	if (text)
		words(json->out, text, strlen(text));
	else
		out_text(json->out, "null");
}

static void base64(struct out *out, const unsigned char *at, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; size; at += 3) {
		size_t n = size < 3 ? size : 3;
		uint32_t bits = (uint32_t)at[0] << 16 | (n > 1 ? (uint32_t)at[1] << 8 : 0) |
				(n > 2 ? at[2] : 0);
		char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
			n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '='};
		out_bytes(out, four, 4);
		size -= n;
	}
}

void json_data(struct json *json, const void *data, size_t size)
{
	bool utf8 = text_is_utf8(data, size);

	name(json, utf8 ? "data" : "base64");
	if (utf8) {
		quoted(json->out, data, size);
		return;
	}
	out_byte(json->out, '"');
	base64(json->out, data, size);
	out_byte(json->out, '"');
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	name(json, key);
	out_format(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *key, int64_t value)
{
	name(json, key);
	out_format(json->out, "%" PRId64, value);
}

void json_decimal(struct json *json, const char *key, double value, int digits)
{
	name(json, key);
	if (isfinite(value))
		out_format(json->out, "%.*f", digits, value);
	else
		out_text(json->out, "null");
}

void json_bool(struct json *json, const char *key, bool value)
{
	name(json, key);
	out_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	name(json, key);
	out_text(json->out, "null");
}

void json_seconds(struct json *json, const char *key, int64_t ns)
{
	name(json, key);
	out_format(json->out, "%" PRId64 ".%09" PRId64, ns / 1000000000, ns % 1000000000);
}
