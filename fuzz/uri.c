/* SPDX-License-Identifier: MIT
 *
 * uri.c - fuzz target: URIs and options.
 *
 * Any text as a URI, and as the options of every scheme. What is accepted must lie inside the
 * parsed structure, within the bounds of its rows, and mean the same when it is written out again;
 * what is refused must leave the result alone and be put into words.
 */
#include "uri.h"

#include <ctype.h>

#include "channel.h"
#include "event.h"
#include "frame.h"
#include "fuzz.h"

enum { WRITTEN = 4 * SINEW__URI_SIZE };

/* ---- writing a URI ---- */

struct text {
	char bytes[WRITTEN];
	size_t size;
};

static void put_char(struct text *text, char c)
{
	REQUIRE(text->size + 1 < sizeof text->bytes, "a URI grew without bound");
	text->bytes[text->size++] = c;
	text->bytes[text->size] = '\0';
}

static void put(struct text *text, const char *plain)
{
	while (*plain)
		put_char(text, *plain++);
}

/* With everything escaped that is not a letter or a digit. */
static void put_escaped(struct text *text, const char *part)
{
	static const char digits[] = "0123456789ABCDEFabcdef";

	for (; *part; part++) {
		unsigned char c = (unsigned char)*part;
		if (isalnum(c) && c < 128) {
			put_char(text, *part);
			continue;
		}
		put_char(text, '%');
		put_char(text, digits[c >> 4]);
		put_char(text, digits[(c & 15) >= 10 ? (c & 15) + 6 : c & 15]);
	}
}

/* ---- the parts ---- */

static void check_part(const struct sinew__uri *uri, const char *part)
{
	const char *end = uri->text + sizeof uri->text;

	REQUIRE(part >= uri->text && part < end, "a part outside the structure");
	REQUIRE(memchr(part, '\0', (size_t)(end - part)), "a part without an end");
}

static void check_same(const struct sinew__uri *a, const struct sinew__uri *b)
{
	REQUIRE(strcmp(a->scheme, b->scheme) == 0 && strcmp(a->rest, b->rest) == 0 &&
			a->count == b->count,
		"%s:%s with %u options was %s:%s with %u", b->scheme, b->rest, b->count, a->scheme,
		a->rest, a->count);
	for (unsigned i = 0; i < a->count; i++)
		REQUIRE(strcmp(a->options[i].key, b->options[i].key) == 0 &&
				strcmp(a->options[i].value, b->options[i].value) == 0,
			"option %u", i);
}

/* The text's own bytes, as a reader without structure sees them: escapes undone up to `end`. */
static void check_decoded(const char *text, const char *end, const char *part)
{
	for (; text < end; text++, part++) {
		unsigned c = (unsigned char)*text;
		if (c == '%') {
			const char digits[] = {text[1], text[2], '\0'};
			c = (unsigned)strtoul(digits, NULL, 16);
			text += 2;
		}
		REQUIRE(c != 0 && c == (unsigned char)*part, "byte %02x decoded as %02x", c,
			(unsigned char)*part);
	}
	REQUIRE(*part == '\0', "the decoded part is longer");
}

static void check_uri(const struct sinew__uri *uri, const char *text)
{
	check_part(uri, uri->scheme);
	check_part(uri, uri->rest);
	REQUIRE(*uri->scheme && !strchr(uri->scheme, ':'), "scheme \"%s\"", uri->scheme);
	REQUIRE(uri->count <= SINEW__URI_OPTIONS, "%u options", uri->count);
	for (unsigned i = 0; i < uri->count; i++) {
		check_part(uri, uri->options[i].key);
		check_part(uri, uri->options[i].value);
		REQUIRE(*uri->options[i].key, "an empty key");
	}
	size_t scheme = strlen(uri->scheme);
	REQUIRE(strncmp(text, uri->scheme, scheme) == 0 && text[scheme] == ':', "scheme");
	const char *rest = text + scheme + 1;
	check_decoded(rest, rest + strcspn(rest, "?"), uri->rest);
}

static void check_words(int r)
{
	const char *words = sinew_error_text();

	REQUIRE(r < 0 && words && *words, "refused with %d and no words", r);
}

static void fuzz_parts(const char *text)
{
	CLEANUP_MEMORY struct sinew__uri *uri = exact(sizeof *uri);
	CLEANUP_MEMORY struct sinew__uri *again = exact(sizeof *again);
	CLEANUP_MEMORY struct text *written = calloc(1, sizeof *written);

	memset(uri, 0xa5, sizeof *uri);
	int r = sinew__uri_parse(uri, text);
	if (r != 0) {
		check_words(r);
		return;
	}
	check_uri(uri, text);
	put(written, uri->scheme);
	put_char(written, ':');
	put_escaped(written, uri->rest);
	for (unsigned i = 0; i < uri->count; i++) {
		put_char(written, i ? '&' : '?');
		put_escaped(written, uri->options[i].key);
		put_char(written, '=');
		put_escaped(written, uri->options[i].value);
	}
	if (written->size >= SINEW__URI_SIZE)
		return;
	REQUIRE(sinew__uri_parse(again, written->bytes) == 0, "%s", sinew_error_text());
	check_same(uri, again);
}

/* ---- the options ---- */

static int64_t value_of(const struct sinew__option_row *row, const void *settings)
{
	int64_t value;

	memcpy(&value, (const char *)settings + row->offset, sizeof value);
	return value;
}

static int64_t choices(const char *values)
{
	int64_t n = 1;

	for (; *values; values++)
		n += *values == '|';
	return n;
}

static void check_value(const struct sinew__option_row *row, const void *settings)
{
	if (row->type == SINEW__OPTION_USERS) {
		const struct sinew__users *users =
			(const void *)((const char *)settings + row->offset);
		REQUIRE(users->count <= SINEW__MOST_USERS, "%u users", users->count);
		return;
	}
	int64_t value = value_of(row, settings);
	if (value == -1 && !row->shown.preset)
		return;
	bool good = value >= 0;
	if (row->min < row->max)
		good = good && value >= row->min && value <= row->max;
	if (row->type == SINEW__OPTION_CHOICE)
		good = good && value < choices(row->shown.values);
	if (row->type == SINEW__OPTION_SWITCH)
		good = good && value <= 1;
	REQUIRE(good, "%s became %lld", row->shown.key, (long long)value);
}

static bool is_unset(const struct sinew__option_row *row, const void *settings)
{
	const struct sinew__users *users = (const void *)((const char *)settings + row->offset);

	return row->type == SINEW__OPTION_USERS ? users->count == 0 : value_of(row, settings) < 0;
}

static void put_users(struct text *text, const struct sinew__users *users)
{
	char number[24];

	for (unsigned i = 0; i < users->count; i++) {
		snprintf(number, sizeof number, "%s%u", i ? "," : "", (unsigned)users->uid[i]);
		put(text, number);
	}
}

static void put_choice(struct text *text, const char *values, int64_t which)
{
	for (; which > 0; which--)
		values += strcspn(values, "|") + 1;
	for (; *values && *values != '|'; values++)
		put_char(text, *values);
}

static void put_value(struct text *text, const struct sinew__option_row *row, const void *settings)
{
	char number[32];

	if (row->type == SINEW__OPTION_USERS) {
		put_users(text, (const void *)((const char *)settings + row->offset));
		return;
	}
	int64_t value = value_of(row, settings);
	if (row->type == SINEW__OPTION_CHOICE) {
		put_choice(text, row->shown.values, value);
		return;
	}
	const char *unit = row->type == SINEW__OPTION_TIME ? "ns" : "";
	if (row->type == SINEW__OPTION_MODE)
		snprintf(number, sizeof number, "%llo", (unsigned long long)value);
	else
		snprintf(number, sizeof number, "%lld%s", (long long)value, unit);
	put(text, number);
}

static void put_options(
	struct text *text, const struct sinew__option_row *row, const void *settings)
{
	for (; row->type; row++) {
		if (is_unset(row, settings))
			continue;
		put_char(text, '&');
		put(text, row->shown.key);
		put_char(text, '=');
		put_value(text, row, settings);
	}
}

static void check_options(const struct sinew__option_row *row, const void *settings)
{
	for (; row->type; row++)
		check_value(row, settings);
}

static void check_same_settings(const struct sinew__spec *a, const struct sinew__spec *b)
{
	REQUIRE(memcmp(&a->common, &b->common, sizeof a->common) == 0, "%s is not %s", b->text,
		a->text);
	REQUIRE(memcmp(a->own, b->own, a->transport->scheme.settings_size) == 0, "%s is not %s",
		b->text, a->text);
}

static void fuzz_spec(const char *text)
{
	struct sinew__spec spec = {0}, again = {0};
	CLEANUP_MEMORY struct text *written = calloc(1, sizeof *written);

	int r = sinew__spec_parse(&spec, text);
	if (r < 0) {
		check_words(r);
		REQUIRE(!spec.own && !spec.text, "a refused URI left memory behind");
		return;
	}
	check_options(spec.transport->scheme.options, spec.own);
	check_options(sinew__common_options, &spec.common);
	put(written, spec.uri.scheme);
	put_char(written, ':');
	put_escaped(written, spec.uri.rest);
	put_char(written, '?');
	put_options(written, spec.transport->scheme.options, spec.own);
	put_options(written, sinew__common_options, &spec.common);
	if (written->size < SINEW__URI_SIZE) {
		r = sinew__spec_parse(&again, written->bytes);
		REQUIRE(r == 0, "%s", sinew_error_text());
		check_same_settings(&spec, &again);
	}
	sinew__spec_fini(&again);
	sinew__spec_fini(&spec);
}

static void fuzz_event(const char *text)
{
	struct sinew__event_spec spec = {0}, again = {0};
	CLEANUP_MEMORY struct text *written = calloc(1, sizeof *written);

	int r = sinew__event_parse(&spec, text);
	if (r < 0) {
		check_words(r);
		REQUIRE(!spec.own && !spec.text, "a refused URI left memory behind");
		return;
	}
	const struct sinew__scheme *scheme = &spec.type->scheme;
	check_options(scheme->options, spec.own);
	put(written, spec.uri.scheme);
	put_char(written, ':');
	put_escaped(written, spec.uri.rest);
	put_char(written, '?');
	put_options(written, scheme->options, spec.own);
	if (written->size < SINEW__URI_SIZE) {
		r = sinew__event_parse(&again, written->bytes);
		REQUIRE(r == 0, "%s", sinew_error_text());
		REQUIRE(memcmp(spec.own, again.own, scheme->settings_size) == 0, "%s is not %s",
			again.text, spec.text);
	}
	sinew__event_spec_fini(&again);
	sinew__event_spec_fini(&spec);
}

static bool names_a_channel(const char *text)
{
	char name[32];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, ":"), text);
	const char *kind = sinew_scheme_kind(name);
	return kind && strcmp(kind, "channel") == 0;
}

static void fuzz_caps(const char *text)
{
	struct sinew_caps caps, before;

	memset(&caps, 0xa5, sizeof caps);
	before = caps;
	int r = sinew_caps(text, &caps);
	if (r < 0) {
		check_words(r);
		REQUIRE(memcmp(&caps, &before, sizeof caps) == 0, "refused, and changed");
		return;
	}
	REQUIRE(r == 0, "sinew_caps gave %d", r);
	REQUIRE(!names_a_channel(text) ||
			(caps.max_message > 0 && caps.max_message <= SINEW__MOST_MESSAGE),
		"messages of %llu bytes", (unsigned long long)caps.max_message);
	for (unsigned bit = 0; bit < 64; bit++)
		REQUIRE(!(caps.bits >> bit & 1) || sinew_cap_name(bit), "bit %u has no name", bit);
}

/* The text as the options of a scheme, and as what may follow its colon. */
static void fuzz_scheme(const char *scheme, const char *text)
{
	static const char *const between[] = {":", ":/x?", ":?"};

	for (unsigned i = 0; i < sizeof between / sizeof *between; i++) {
		size_t size = strlen(scheme) + strlen(between[i]) + strlen(text) + 1;
		CLEANUP_MEMORY char *uri = exact(size);
		snprintf(uri, size, "%s%s%s", scheme, between[i], text);
		fuzz_spec(uri);
		fuzz_event(uri);
		fuzz_caps(uri);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sinew_scheme *scheme;
	CLEANUP_MEMORY char *text = exact(size + 1);
	int fd = lowest_fd();

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_parts(text);
	fuzz_spec(text);
	fuzz_event(text);
	fuzz_caps(text);
	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		fuzz_scheme(scheme->name, text);
	REQUIRE(lowest_fd() == fd, "a descriptor leaked");
	return 0;
}
