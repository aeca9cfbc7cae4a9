/* SPDX-License-Identifier: MIT
 *
 * uri.c - taking URIs apart.
 */
#include "uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static struct sinew__uri uri;

static void check_parts(const char *text, const char *scheme, const char *rest, unsigned options)
{
	CHECK_OK(sinew__uri_parse(&uri, text));
	CHECK_STR(uri.scheme, scheme);
	CHECK_STR(uri.rest, rest);
	CHECK_EQ(uri.count, options);
}

static void check_option(unsigned i, const char *key, const char *value)
{
	CHECK(i < uri.count);
	CHECK_STR(uri.options[i].key, key);
	CHECK_STR(uri.options[i].value, value);
}

TEST(parts)
{
	check_parts("unix:/run/a.sock", "unix", "/run/a.sock", 0);
	check_parts("unix:/run/a.sock?type=dgram&max=4K", "unix", "/run/a.sock", 2);
	check_option(0, "type", "dgram");
	check_option(1, "max", "4K");
	check_parts("tcp:[::1]:7000", "tcp", "[::1]:7000", 0);
	check_parts("pipe:", "pipe", "", 0);
	check_parts("pipe:?", "pipe", "", 0);
	check_parts("ring:shm:/q?a=1&b=2&c=3", "ring", "shm:/q", 3);
	check_option(2, "c", "3");
}

TEST(empty_options_and_values)
{
	check_parts("a:b?&&x=&", "a", "b", 1);
	check_option(0, "x", "");
	check_parts("a:b?x=1=2", "a", "b", 1);
	check_option(0, "x", "1=2");
	check_parts("a:b?x=?", "a", "b", 1);
	check_option(0, "x", "?");
}

TEST(only_percent_is_special)
{
	check_parts("unix:/a+b#c%20d", "unix", "/a+b#c d", 0);
	check_parts("unix:/a%3Fb%26%25?k%3d=v%26w", "unix", "/a?b&%", 1);
	check_option(0, "k=", "v&w");
	check_parts("unix:/%c3%A4", "unix", "/\xc3\xa4", 0);
}

TEST(what_is_not_a_uri)
{
	static const char *const bad[] = {"", "unix", ":x", "unix:/a%", "unix:/a%2", "unix:/a%zz",
		"unix:/a%00b", "unix:/a?x", "unix:/a?=v", "unix:/a?x=1&y", "unix:/a?x=%0"};

	CHECK_EQ(sinew__uri_parse(&uri, NULL), -EINVAL);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (sinew__uri_parse(&uri, bad[i]) != -EINVAL)
			FAIL("\"%s\" was understood", bad[i]);
}

TEST(limits)
{
	char *text = malloc(SINEW__URI_SIZE + 1);

	memset(text, 'a', SINEW__URI_SIZE);
	text[1] = ':';
	text[SINEW__URI_SIZE] = '\0';
	CHECK_EQ(sinew__uri_parse(&uri, text), -EINVAL);
	text[SINEW__URI_SIZE - 1] = '\0';
	CHECK_OK(sinew__uri_parse(&uri, text));
	CHECK_EQ(strlen(uri.rest), SINEW__URI_SIZE - 3);
	free(text);

	char many[SINEW__URI_OPTIONS * 4 + 16] = "a:b?";
	for (unsigned i = 0; i < SINEW__URI_OPTIONS; i++)
		memcpy(many + 4 + 4 * i, "k=v&", 4);
	CHECK_OK(sinew__uri_parse(&uri, many));
	CHECK_EQ(uri.count, SINEW__URI_OPTIONS);
	memcpy(many + 4 + 4 * SINEW__URI_OPTIONS, "k=v&", 4);
	CHECK_EQ(sinew__uri_parse(&uri, many), -EINVAL);
}
