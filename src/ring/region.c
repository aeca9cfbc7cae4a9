/* SPDX-License-Identifier: MIT
 *
 * region.c - the region behind a ring: its URI, made of the ring's.
 */
#include <stdio.h>
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

/* Those of our options that are the region's, as far as the URI gives them. */
static const char *const region_keys[] = {
	"create", "temp", "trust", "allow", "huge", "serve", "mode"};

static bool is_of_region(const char *key)
{
	for (unsigned i = 0; i < sizeof region_keys / sizeof *region_keys; i++)
		if (strcmp(key, region_keys[i]) == 0)
			return true;
	return false;
}

struct text {
	char *at;
	size_t left;
};

static void add(struct text *text, const char *bytes, bool encode)
{
	for (; *bytes; bytes++) {
		bool plain = !encode ||
			     (*bytes != '%' && *bytes != '?' && *bytes != '&' && *bytes != '=');
		int n = snprintf(
			text->at, text->left, plain ? "%c" : "%%%02X", (unsigned char)*bytes);
		if (n < 0 || (size_t)n >= text->left)
			text->left = 0;
		if (text->left == 0)
			return;
		text->at += n;
		text->left -= (size_t)n;
	}
}

int sinew__ring_region_uri(const struct sinew__spec *spec, bool attach_only, char *uri, size_t size)
{
	struct text text = {uri, size};
	const char *separator = "?";
	bool memfd = strncmp(spec->uri.rest, "memfd:", 6) == 0;

	*uri = '\0';
	add(&text, spec->uri.rest, true);
	for (unsigned i = 0; i < spec->uri.count; i++) {
		if (!is_of_region(spec->uri.options[i].key) ||
			(attach_only && (strcmp(spec->uri.options[i].key, "create") == 0 ||
						strcmp(spec->uri.options[i].key, "temp") == 0)))
			continue;
		add(&text, separator, false);
		add(&text, spec->uri.options[i].key, false);
		add(&text, "=", false);
		add(&text, spec->uri.options[i].value, true);
		separator = "&";
	}
	if (memfd) { /* who may attach must write */
		add(&text, separator, false);
		add(&text, "others=write", false);
		separator = "&";
	}
	if (attach_only) {
		add(&text, separator, false);
		add(&text, "create=no", false);
	}
	return text.left ? 0 : sinew__fail(ENAMETOOLONG, "%s: the URI is too long", spec->text);
}

int sinew__ring_region_parse(const struct sinew__spec *spec, struct sinew__region_spec *region)
{
	char uri[SINEW__URI_SIZE];

	*region = (struct sinew__region_spec){0};
	if (!strchr(spec->uri.rest, ':'))
		return sinew__fail(EINVAL,
			"%s: write ring:shm:/name, ring:file:/path or ring:memfd:/path",
			spec->text);
	int r = sinew__ring_region_uri(spec, false, uri, sizeof uri);
	if (r == 0)
		r = sinew__region_spec_parse(region, uri);
	if (r == 0 && strcmp(region->uri.scheme, "sysvshm") == 0) {
		sinew__region_spec_fini(region);
		return sinew__fail(EINVAL,
			"%s: a ring needs memory that can be mapped twice: shm:, file: or memfd:",
			spec->text);
	}
	return r;
}

void sinew__ring_region_path(const struct sinew__region_spec *region, char *path, size_t size)
{
	if (strcmp(region->uri.scheme, "shm") == 0)
		snprintf(path, size, "/dev/shm%s", region->uri.rest);
	else
		snprintf(path, size, "%s",
			strcmp(region->uri.scheme, "file") == 0 ? region->uri.rest : "");
}
