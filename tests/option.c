/* SPDX-License-Identifier: MIT
 *
 * option.c - reading option values by rows: every type, its limits, and what is said of bad ones.
 */
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "channel.h"
#include "runner.h"

struct settings {
	int64_t flag, number, size, time, mode, choice;
	struct sinew__users users;
};

#define ROW(key_, values_, preset_, type_, min_, max_)                                             \
	{                                                                                          \
		{#key_, values_, preset_, "what it is"}, type_, offsetof(struct settings, key_),   \
			min_, max_                                                                 \
	}

static const struct sinew__option_row rows[] = {
	ROW(flag, "yes|no", "no", SINEW__OPTION_SWITCH, 0, 0),
	ROW(number, "number", "7", SINEW__OPTION_NUMBER, 1, 1000),
	ROW(size, "size", NULL, SINEW__OPTION_SIZE, 0, INT64_MAX),
	ROW(time, "time", "2ms", SINEW__OPTION_TIME, 0, INT64_MAX),
	ROW(mode, "octal", NULL, SINEW__OPTION_MODE, 0, 0777),
	ROW(choice, "red|green|blue", "green", SINEW__OPTION_CHOICE, 0, 0),
	ROW(users, "uid,uid", "", SINEW__OPTION_USERS, 0, 0),
	{.type = SINEW__OPTION_END},
};

static struct settings s;

static int parse(const char *options)
{
	static struct sinew__uri uri;
	const struct sinew__option_table tables[] = {{rows, &s}};
	char text[512];

	snprintf(text, sizeof text, "test:x?%s", options);
	CHECK_OK(sinew__uri_parse(&uri, text));
	return sinew__options_parse(tables, 1, &uri);
}

TEST(presets)
{
	memset(&s, 0x55, sizeof s);
	CHECK_OK(parse(""));
	CHECK_EQ(s.flag, 0);
	CHECK_EQ(s.number, 7);
	CHECK_EQ(s.size, -1);
	CHECK_EQ(s.time, 2000000);
	CHECK_EQ(s.mode, -1);
	CHECK_EQ(s.choice, 1);
	CHECK_EQ(s.users.count, 0);
}

TEST(values)
{
	CHECK_OK(parse("flag=yes&number=1000&size=3G&time=90s&mode=0640&choice=blue&users=0,17"));
	CHECK_EQ(s.flag, 1);
	CHECK_EQ(s.number, 1000);
	CHECK_EQ(s.size, INT64_C(3) << 30);
	CHECK_EQ(s.time, INT64_C(90000000000));
	CHECK_EQ(s.mode, 0640);
	CHECK_EQ(s.choice, 2);
	CHECK_EQ(s.users.count, 2);
	CHECK_EQ(s.users.uid[1], 17);
}

TEST(spellings)
{
	static const struct {
		const char *text;
		int64_t flag;
	} flags[] = {{"flag=yes", 1}, {"flag=on", 1}, {"flag=1", 1}, {"flag=true", 1},
		{"flag=no", 0}, {"flag=off", 0}, {"flag=0", 0}, {"flag=false", 0}};

	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		CHECK_OK(parse(flags[i].text));
		CHECK_EQ(s.flag, flags[i].flag);
	}
	CHECK_OK(parse("size=5&time=6ns"));
	CHECK_EQ(s.size, 5);
	CHECK_EQ(s.time, 6);
	CHECK_OK(parse("size=5K&time=6us"));
	CHECK_EQ(s.size, 5 << 10);
	CHECK_EQ(s.time, 6000);
	CHECK_OK(parse("size=5M&time=0"));
	CHECK_EQ(s.size, 5 << 20);
	CHECK_EQ(s.time, 0);
	CHECK_OK(parse("number=8&number=9"));
	CHECK_EQ(s.number, 9);
}

TEST(what_is_not_possible)
{
	static const char *const bad[] = {"flag=maybe", "flag=", "flag=YES", "number=0",
		"number=1001", "number=-1", "number=1K", "number=", "number= 1", "number=+1",
		"number=0x10", "number=99999999999999999999", "size=1k", "size=1KB", "size=K",
		"size=9223372036854775807K", "size=-1", "time=5", "time=5m", "time=5 s",
		"mode=0888", "mode=1777", "mode=rw", "choice=", "choice=re", "choice=red|green",
		"choice=Red", "users=root", "users=1,,2", "users=-1", "users=4294967295",
		"users=1 "};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse(bad[i]) != -EINVAL)
			FAIL("%s was accepted", bad[i]);
}

TEST(the_words_name_what_is_known)
{
	CHECK_ERR(parse("colour=red"), -EINVAL);
	CHECK(strstr(sinew_error_text(), "colour") && strstr(sinew_error_text(), "choice"));
	CHECK_ERR(parse("choice=pink"), -EINVAL);
	CHECK(strstr(sinew_error_text(), "pink") && strstr(sinew_error_text(), "red|green|blue"));
	CHECK_ERR(parse("number=5000"), -EINVAL);
	CHECK(strstr(sinew_error_text(), "1000") != NULL);
}

/* ---- the rows of the mechanisms ---- */

static void check_row(const char *scheme, const struct sinew_option *option)
{
	CHECK(option->key && *option->key && option->values && *option->values);
	CHECK(option->summary && *option->summary);
	for (unsigned i = 0; sinew_option(scheme, i) != option; i++)
		if (strcmp(sinew_option(scheme, i)->key, option->key) == 0)
			FAIL("%s: %s= stands twice", scheme, option->key);
}

static unsigned fewest_options(const char *kind)
{
	if (strcmp(kind, "channel") == 0)
		return 8;
	return strcmp(kind, "region") == 0 ? 3 : 1;
}

TEST(every_scheme_has_rows)
{
	const struct sinew_scheme *scheme;
	const struct sinew_option *option;
	unsigned i, n;

	for (i = 0; (scheme = sinew_scheme(i)); i++) {
		CHECK(*scheme->name && *scheme->syntax && *scheme->summary);
		for (n = 0; (option = sinew_option(scheme->name, n)); n++)
			check_row(scheme->name, option);
		CHECK(n >= fewest_options(sinew_scheme_kind(scheme->name)));
	}
	CHECK(i >= 4);
	CHECK(sinew_option("nonsense", 0) == NULL);
}

static void check_presets(const struct sinew__scheme *t)
{
	for (const struct sinew__option_row *row = t->options; row->type; row++) {
		CHECK(row->offset < t->settings_size);
		if (row->shown.preset && *row->shown.preset) {
			static struct sinew__uri uri;
			int64_t own[128] = {0}, common[16] = {0};
			char text[128];
			const struct sinew__option_table tables[] = {
				{t->options, own}, {sinew__common_options, common}};
			snprintf(text, sizeof text, "x:y?%s=%s", row->shown.key, row->shown.preset);
			CHECK(t->settings_size <= sizeof own);
			CHECK_OK(sinew__uri_parse(&uri, text));
			CHECK_OK(sinew__options_parse(tables, 2, &uri));
		}
	}
}

TEST(every_preset_is_a_possible_value)
{
	for (unsigned i = 0; sinew__channels[i]; i++)
		check_presets(sinew__channels[i]);
	for (unsigned i = 0; sinew__events[i]; i++)
		check_presets(sinew__events[i]);
}

/* ---- what a URI says ---- */

static void check_value(const char *uri, const char *key, int64_t expected)
{
	int64_t value = -7;

	CHECK_OK(sinew_uri_option(uri, key, &value));
	CHECK_EQ(value, expected);
}

TEST(the_values_of_a_uri)
{
	int64_t value = -7;

	check_value("file:/a?mode=640", "mode", 0640);
	check_value("file:/a?temp=yes", "temp", 1);
	check_value("file:/a?temp=yes&te%6dp=no", "temp", 0);
	check_value("file:/a", "create", 1);
	check_value("memfd:/a?huge=2M", "huge", 1);
	check_value("unix:/a?max=4K", "max", 4096);
	check_value("pipe:read=3", "read", 3);
	check_value("sem:/a?initial=3", "initial", 3);
	check_value("signal:1?sig=9", "sig", 9);
	CHECK_ERR(sinew_uri_option("file:/a", "mode", &value), -ENOENT);
	CHECK_ERR(sinew_uri_option("file:/a", "colour", &value), -EINVAL);
	CHECK(strstr(sinew_error_text(), "trust") != NULL);
	CHECK_ERR(sinew_uri_option("file:/a?temp=2", "mode", &value), -EINVAL);
	CHECK_ERR(sinew_uri_option("sem:/a", "dir", &value), -EINVAL);
	CHECK_ERR(sinew_uri_option("unix:/a?allow=1,2", "allow", &value), -EOPNOTSUPP);
	CHECK_ERR(sinew_uri_option("nonsense:/a", "mode", &value), -EINVAL);
	CHECK_ERR(sinew_uri_option(NULL, "mode", &value), -EINVAL);
	CHECK_EQ(value, -7);
}

TEST(the_name_of_a_uri)
{
	char name[8] = "before";

	CHECK_EQ(sinew_uri_name("file:/a%3fb%25?temp=yes", name, sizeof name), 5);
	CHECK_STR(name, "/a?b%");
	CHECK_EQ(sinew_uri_name("eventfd:initial=3", name, sizeof name), 0);
	CHECK_STR(name, "");
	CHECK_EQ(sinew_uri_name("unix:/234567", name, sizeof name), 7);
	CHECK_ERR(sinew_uri_name("unix:/2345678", name, sizeof name), -ENAMETOOLONG);
	CHECK_ERR(sinew_uri_name("unix:/2345678", NULL, 0), -ENAMETOOLONG);
	CHECK_ERR(sinew_uri_name("unix:/a?colour=red", name, sizeof name), -EINVAL);
	CHECK_STR(name, "/234567");
}

TEST(limits_can_be_read)
{
	const struct sinew_scheme *scheme;
	struct sinew_limit limit;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		unsigned n = 0;
		for (; sinew_limit(scheme->name, n, &limit) == 0; n++)
			CHECK(*limit.name && *limit.source && limit.value >= -1);
		CHECK(n > 0);
		CHECK_ERR(sinew_limit(scheme->name, n, &limit), -ENOENT);
	}
	CHECK_ERR(sinew_limit("nonsense", 0, &limit), -EINVAL);
	CHECK(strstr(sinew_error_text(), "unix") != NULL);
}
