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

#include "frame.h"
#include "fuzz.h"
#include "scheme.h"

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

/* ---- channels, events and regions ---- */

/* One URI as the library understands it. */
struct meaning {
	struct sinew__uri uri;
	struct sinew__parsed parsed;
	char common[512];
};

static int understand(const struct sinew__kind *kind, struct meaning *meaning, const char *text)
{
	REQUIRE(kind->common_size <= sizeof meaning->common, "no room for common options");
	meaning->parsed = (struct sinew__parsed){.uri = &meaning->uri, .common = meaning->common};
	return sinew__scheme_parse(kind, text, &meaning->parsed);
}

static void forget(struct meaning *meaning)
{
	free(meaning->parsed.own);
	free(meaning->parsed.text);
}

static void check_same_meaning(
	const struct sinew__kind *kind, const struct meaning *a, const struct meaning *b)
{
	const struct sinew__scheme *scheme = a->parsed.scheme;

	REQUIRE(scheme == b->parsed.scheme && strcmp(a->uri.rest, b->uri.rest) == 0 &&
			memcmp(a->parsed.own, b->parsed.own, scheme->settings_size) == 0 &&
			memcmp(a->common, b->common, kind->common_size) == 0,
		"%s is not %s", b->parsed.text, a->parsed.text);
}

/* What the library says of the URI to others. */
static void check_told(const struct meaning *meaning, const struct sinew__option_row *row,
	const void *settings, const char *text)
{
	char name[SINEW__URI_SIZE];
	int64_t value = -7;

	int r = sinew_uri_name(text, name, sizeof name);
	REQUIRE(r >= 0 && (size_t)r == strlen(name) && strcmp(name, meaning->uri.rest) == 0,
		"%s has the name %s", text, meaning->uri.rest);
	for (; row->type; row++) {
		r = sinew_uri_option(text, row->shown.key, &value);
		if (row->type == SINEW__OPTION_USERS || value_of(row, settings) < 0)
			check_words(r);
		else
			REQUIRE(r == 0 && value == value_of(row, settings), "%s=%lld",
				row->shown.key, (long long)value);
	}
}

static void write_meaning(
	const struct sinew__kind *kind, const struct meaning *meaning, struct text *text)
{
	put(text, meaning->uri.scheme);
	put_char(text, ':');
	put_escaped(text, meaning->uri.rest);
	put_char(text, '?');
	put_options(text, meaning->parsed.scheme->options, meaning->parsed.own);
	put_options(text, kind->common, meaning->common);
}

static void fuzz_kind(const struct sinew__kind *kind, const char *text)
{
	/* Kept, for to clear so much each time would take most of the time. */
	static struct meaning meaning, again;
	static struct text written;

	written.size = 0;
	int r = understand(kind, &meaning, text);
	if (r < 0) {
		check_words(r);
		REQUIRE(!meaning.parsed.own && !meaning.parsed.text,
			"a refused URI left memory behind");
		return;
	}
	check_options(meaning.parsed.scheme->options, meaning.parsed.own);
	check_options(kind->common, meaning.common);
	check_told(&meaning, meaning.parsed.scheme->options, meaning.parsed.own, text);
	check_told(&meaning, kind->common, meaning.common, text);
	write_meaning(kind, &meaning, &written);
	if (written.size < SINEW__URI_SIZE) {
		r = understand(kind, &again, written.bytes);
		REQUIRE(r == 0, "%s", sinew_error_text());
		check_same_meaning(kind, &meaning, &again);
		forget(&again);
	}
	forget(&meaning);
}

static const struct sinew__kind *const kinds[] = {
	&sinew__channel_kind, &sinew__event_kind, &sinew__region_kind};

enum { KINDS = sizeof kinds / sizeof *kinds };

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
static void fuzz_scheme(const struct sinew__kind *kind, const char *scheme, const char *text)
{
	static const char *const between[] = {":", ":/x?", ":?"};

	for (unsigned i = 0; i < sizeof between / sizeof *between; i++) {
		size_t size = strlen(scheme) + strlen(between[i]) + strlen(text) + 1;
		CLEANUP_MEMORY char *uri = exact(size);
		snprintf(uri, size, "%s%s%s", scheme, between[i], text);
		fuzz_kind(kind, uri);
		fuzz_caps(uri);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_MEMORY char *text = exact(size + 1);
	int fd = lowest_fd();

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_parts(text);
	fuzz_caps(text);
	for (unsigned k = 0; k < KINDS; k++) {
		fuzz_kind(kinds[k], text);
		for (unsigned i = 0; kinds[k]->schemes[i]; i++)
			fuzz_scheme(kinds[k], kinds[k]->schemes[i]->shown.name, text);
	}
	REQUIRE(lowest_fd() == fd, "a descriptor leaked");
	return 0;
}
