/* SPDX-License-Identifier: MIT
 *
 * scheme.c - from the text of a URI to a scheme with its options; and the tables of schemes, options
 * and limits as anybody may look them up.
 */
#include "scheme.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"

static const struct sinew__kind *const kinds[] = {
	&sinew__channel_kind, &sinew__event_kind, &sinew__region_kind};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct sinew__scheme *find_in(const struct sinew__kind *kind, const char *name)
{
	for (unsigned i = 0; kind->schemes[i]; i++)
		if (strcmp(kind->schemes[i]->shown.name, name) == 0)
			return kind->schemes[i];
	return NULL;
}

/* The scheme of that name, and its kind. */
static const struct sinew__scheme *find(const char *name, const struct sinew__kind **kind)
{
	for (unsigned k = 0; k < KINDS; k++) {
		const struct sinew__scheme *scheme = find_in(kinds[k], name);
		*kind = kinds[k];
		if (scheme)
			return scheme;
	}
	return NULL;
}

static void add_names(char *known, size_t size, const struct sinew__kind *kind)
{
	size_t used = strlen(known);

	for (unsigned i = 0; kind->schemes[i]; i++) {
		int n = snprintf(known + used, size - used, "%s%s:", used ? ", " : "",
			kind->schemes[i]->shown.name);
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
	}
}

/* wanted: NULL, any kind would have done. */
static int unknown(const char *name, const struct sinew__kind *wanted)
{
	char known[400] = "";
	const struct sinew__kind *kind;

	if (wanted && find(name, &kind))
		return sinew__fail(EINVAL, "%s: names a kind of %s, not of %s", name, kind->name,
			wanted->name);
	for (unsigned k = 0; k < KINDS; k++)
		add_names(known, sizeof known, kinds[k]);
	return sinew__fail(EINVAL, "unknown scheme \"%s:\"; this build knows %s", name, known);
}

static int parse_parts(
	const struct sinew__kind *kind, const char *uri, struct sinew__parsed *parsed)
{
	int r = sinew__uri_parse(parsed->uri, uri);
	if (r < 0)
		return r;
	parsed->scheme = find_in(kind, parsed->uri->scheme);
	if (!parsed->scheme)
		return unknown(parsed->uri->scheme, kind);
	if (!parsed->scheme->nameless || !*parsed->uri->rest)
		return 0;

	/* pipe:read=3: what follows the colon is options; parse again with the question mark. */
	size_t length = strlen(parsed->uri->scheme);
	char text[SINEW__URI_SIZE + 1];
	if (!strchr(uri + length, '=') || strchr(uri, '?'))
		return sinew__fail(EINVAL, "%s: %s has no name; write %s", uri, parsed->uri->scheme,
			parsed->scheme->shown.syntax);
	snprintf(text, sizeof text, "%.*s:?%s", (int)length, uri, uri + length + 1);
	return sinew__uri_parse(parsed->uri, text);
}

int sinew__scheme_parse(
	const struct sinew__kind *kind, const char *uri, struct sinew__parsed *parsed)
{
	int r = parse_parts(kind, uri, parsed);
	if (r < 0)
		return r;
	CLEANUP_FREE void *own = calloc(1, parsed->scheme->settings_size);
	CLEANUP_FREE char *text = strdup(uri);
	if (!own || !text)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	const struct sinew__option_table tables[] = {
		{parsed->scheme->options, own}, {kind->common, parsed->common}};
	r = sinew__options_parse(tables, 2, parsed->uri);
	if (r < 0)
		return r;
	parsed->own = own;
	parsed->text = text;
	own = text = NULL;
	return 0;
}

/* The kind of what a URI names; a channel where that cannot be told, to say so in its words. */
static const struct sinew__kind *kind_of(const char *uri)
{
	const struct sinew__kind *kind;
	char name[32];

	if (!uri)
		return NULL;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(uri, ":"), uri);
	return find(name, &kind) ? kind : NULL;
}

int sinew_caps(const char *uri, struct sinew_caps *caps)
{
	const struct sinew__kind *kind = kind_of(uri);

	return (kind ? kind : &sinew__channel_kind)->describe(uri, caps);
}

int sinew_remove(const char *uri)
{
	const struct sinew__kind *kind = kind_of(uri);

	return (kind ? kind : &sinew__channel_kind)->remove(uri);
}

/* ---- what a URI says ---- */

static int parse_any(const char *uri, struct sinew__parsed *parsed, const struct sinew__kind **kind)
{
	*kind = kind_of(uri);
	if (!*kind) /* not even a scheme: a channel's parser has the words */
		*kind = &sinew__channel_kind;
	if ((*kind)->common_size) {
		parsed->common = calloc(1, (*kind)->common_size);
		if (!parsed->common)
			return sinew__fail(ENOMEM, "%s: no memory", uri);
	}
	return sinew__scheme_parse(*kind, uri, parsed);
}

static void forget(const struct sinew__parsed *parsed)
{
	free(parsed->common);
	free(parsed->own);
	free(parsed->text);
}

int sinew_uri_name(const char *uri, char *name, size_t size)
{
	const struct sinew__kind *kind;
	struct sinew__uri parts;
	struct sinew__parsed parsed = {.uri = &parts};

	int r = parse_any(uri, &parsed, &kind);
	forget(&parsed);
	if (r < 0)
		return r;
	size_t length = strlen(parts.rest);
	if (length >= size)
		return sinew__fail(ENAMETOOLONG, "%s: the name needs %zu bytes", uri, length + 1);
	memcpy(name, parts.rest, length + 1);
	return (int)length;
}

int sinew_uri_option(const char *uri, const char *key, int64_t *value)
{
	const struct sinew__kind *kind;
	struct sinew__uri parts;
	struct sinew__parsed parsed = {.uri = &parts};

	int r = parse_any(uri, &parsed, &kind);
	if (r == 0) {
		const struct sinew__option_table tables[] = {
			{parsed.scheme->options, parsed.own}, {kind->common, parsed.common}};
		r = sinew__options_value(tables, 2, &parts, key, value);
	}
	forget(&parsed);
	return r;
}

/* ---- the tables ---- */

const struct sinew_scheme *sinew_scheme(unsigned index)
{
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned i = 0; kinds[k]->schemes[i]; i++)
			if (index-- == 0)
				return &kinds[k]->schemes[i]->shown;
	return NULL;
}

const char *sinew_scheme_kind(const char *name)
{
	const struct sinew__kind *kind;

	return find(name, &kind) ? kind->name : NULL;
}

const struct sinew_option *sinew_option(const char *name, unsigned index)
{
	const struct sinew__kind *kind;
	const struct sinew__scheme *scheme = find(name, &kind);

	if (!scheme)
		return NULL;
	const struct sinew__option_row *tables[] = {scheme->options, kind->common};
	for (unsigned t = 0; t < 2; t++)
		for (const struct sinew__option_row *row = tables[t]; row->type; row++)
			if (index-- == 0)
				return &row->shown;
	return NULL;
}

int64_t sinew__read_limit(const char *file)
{
	char text[32] = "";
	CLEANUP_FD int fd = sinew__sys.open(file, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || sinew__sys.read(fd, text, sizeof text - 1) <= 0)
		return -1;
	return strtoll(text, NULL, 10);
}

static int64_t value_of(const struct sinew__limit_row *row)
{
	struct rlimit limit;

	if (*row->source == '/')
		return sinew__read_limit(row->source);
	if (strcmp(row->source, "getrlimit(2)") != 0)
		return row->value;
	if (sinew__sys.getrlimit((int)row->value, &limit) < 0)
		return -1;
	return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int sinew_limit(const char *name, unsigned index, struct sinew_limit *limit)
{
	const struct sinew__kind *kind;
	const struct sinew__scheme *scheme = find(name, &kind);

	if (!scheme)
		return unknown(name, NULL);
	for (const struct sinew__limit_row *row = scheme->limits; row && row->name; row++) {
		if (index-- > 0)
			continue;
		limit->name = row->name;
		limit->source = row->source;
		limit->value = value_of(row);
		return 0;
	}
	return -ENOENT;
}
