/* SPDX-License-Identifier: MIT
 *
 * uri.c - takes a URI apart in place, in one copy.
 */
#include "uri.h"

#include <errno.h>
#include <string.h>

#include "banned.h"
#include "error.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place. A NUL cannot be part of a name. */
static int decode(char *part, const char *whole)
{
	char *out = part;

	for (const char *in = part; *in; in++) {
		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		int high = hex(in[1]), low = high < 0 ? -1 : hex(in[2]);
		if (low < 0 || (high | low) == 0)
			return sinew__fail(EINVAL,
				"%s: after %% two hexadecimal digits other than 00 are needed "
				"(%%25 is "
				"a percent sign)",
				whole);
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	*out = '\0';
	return 0;
}

static int add_option(struct sinew__uri *uri, char *part, const char *whole)
{
	char *equals = strchr(part, '=');

	if (!equals || equals == part)
		return sinew__fail(EINVAL, "%s: \"%s\" is not key=value", whole, part);
	if (uri->count == SINEW__URI_OPTIONS)
		return sinew__fail(EINVAL, "%s: more than %d options", whole, SINEW__URI_OPTIONS);
	*equals = '\0';
	uri->options[uri->count].key = part;
	uri->options[uri->count].value = equals + 1;
	uri->count++;
	int r = decode(part, whole);
	return r < 0 ? r : decode(equals + 1, whole);
}

static int add_options(struct sinew__uri *uri, char *list, const char *whole)
{
	char *part;

	while ((part = strsep(&list, "&"))) {
		int r = *part ? add_option(uri, part, whole) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int sinew__uri_parse(struct sinew__uri *uri, const char *text)
{
	size_t length = text ? strnlen(text, SINEW__URI_SIZE) : 0;

	if (length == 0)
		return sinew__fail(
			EINVAL, "an empty URI; write scheme:name, as in unix:/tmp/hello");
	if (length == SINEW__URI_SIZE)
		return sinew__fail(EINVAL, "a URI has at most %d bytes", SINEW__URI_SIZE - 1);
	memcpy(uri->text, text, length + 1);
	uri->count = 0;

	char *colon = strchr(uri->text, ':');
	if (!colon || colon == uri->text)
		return sinew__fail(
			EINVAL, "%s: no scheme; write scheme:name, as in unix:/tmp/hello", text);
	*colon = '\0';
	uri->scheme = uri->text;
	uri->rest = colon + 1;

	char *question = strchr(colon + 1, '?');
	if (question)
		*question++ = '\0';
	int r = decode(colon + 1, text);
	return r < 0 || !question ? r : add_options(uri, question, text);
}
