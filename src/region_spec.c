/* SPDX-License-Identifier: MIT
 *
 * region_spec.c - from the text of a URI to a region's medium with its options, and what can be
 * asked of a URI without opening it.
 */
#include "banned.h"
#include "region.h"

#define COMMON(member) offsetof(struct sinew__region_common, member)

static const struct sinew__option_row common_options[] = {
	{{"create", "yes|no", "yes", "make it if it is not there and a size is given"},
		SINEW__OPTION_SWITCH, COMMON(create), 0, 0},
	{{"mode", "octal permissions", NULL, "of a region we make; without it 0600"},
		SINEW__OPTION_MODE, COMMON(mode), 0, 0777},
	{.type = SINEW__OPTION_END},
};

int sinew__region_spec_parse(struct sinew__region_spec *spec, const char *uri)
{
	struct sinew__parsed parsed = {.uri = &spec->uri, .common = &spec->common};

	int r = sinew__scheme_parse(&sinew__region_kind, uri, &parsed);
	if (r < 0)
		return r;
	spec->medium = (const struct sinew__medium *)parsed.scheme;
	spec->text = parsed.text;
	spec->own = parsed.own;
	return 0;
}

void sinew__region_spec_fini(struct sinew__region_spec *spec)
{
	free(spec->own);
	free(spec->text);
	spec->own = spec->text = NULL;
}

static int region_describe(const char *uri, struct sinew_caps *caps)
{
	struct sinew__region_spec spec = {0};
	struct sinew_caps answer = {0};

	int r = sinew__region_spec_parse(&spec, uri);
	if (r < 0)
		return r;
	answer.bits = spec.medium->caps;
	r = spec.medium->describe(&spec, &answer.max_message);
	sinew__region_spec_fini(&spec);
	if (r == 0)
		*caps = answer;
	return r;
}

static int region_remove(const char *uri)
{
	struct sinew__region_spec spec = {0};
	uint64_t largest;

	int r = sinew__region_spec_parse(&spec, uri);
	if (r < 0)
		return r;
	r = spec.medium->describe(&spec, &largest);
	if (r == 0)
		r = spec.medium->remove(&spec);
	sinew__region_spec_fini(&spec);
	return r;
}

const struct sinew__kind sinew__region_kind = {"region", sinew__regions, common_options,
	sizeof(struct sinew__region_common), region_describe, region_remove};
