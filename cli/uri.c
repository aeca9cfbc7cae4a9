/* SPDX-License-Identifier: MIT
 *
 * uri.c - options added to a URI and looked up in it.
 */
#include "uri.h"

#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>

static bool is_special(unsigned char c)
{
	return c <= 0x20 || c == 0x7f || c == '%' || c == '&' || c == '?';
}

static char *encode(char *to, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (is_special(c)) {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	return to;
}

/* Where the options begin: after the question mark, or, for a scheme without a name, after the
 * colon at once: "pipe:read=3". NULL if there are none. */
static const char *options_of(const char *uri)
{
	const char *question = strchr(uri, '?'), *colon = strchr(uri, ':');

	if (question)
		return question + 1;
	bool nameless = colon && colon[1] != '/' && colon[1] != '@' && strchr(colon, '=');
	return nameless ? colon + 1 : NULL;
}

char *uri_with(const char *uri, const char *pair)
{
	const char *equals = strchr(pair, '=');
	size_t length = strlen(uri), key = (size_t)(equals + 1 - pair);
	char *longer = malloc(length + 1 + key + 3 * strlen(equals + 1) + 1);

	if (!longer)
		return NULL;
	memcpy(longer, uri, length);
	longer[length] = options_of(uri) ? '&' : '?';
	memcpy(longer + length + 1, pair, key);
	*encode(longer + length + 1 + key, equals + 1) = '\0';
	return longer;
}

bool uri_has(const char *uri, const char *key, const char *value)
{
	size_t length = strlen(key);

	for (const char *at = options_of(uri); at; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, key, length) != 0 || at[length] != '=')
			continue;
		const char *given = at + length + 1;
		size_t size = strcspn(given, "&");
		if (!value || (strlen(value) == size && memcmp(given, value, size) == 0))
			return true;
	}
	return false;
}

bool uri_knows(const char *uri, const char *key)
{
	size_t length = strcspn(uri, ":");
	const struct sinew_scheme *scheme;
	const struct sinew_option *option;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		if (strlen(scheme->name) != length || memcmp(scheme->name, uri, length) != 0)
			continue;
		for (unsigned j = 0; (option = sinew_option(scheme->name, j)); j++)
			if (strcmp(option->key, key) == 0)
				return true;
	}
	return false;
}
