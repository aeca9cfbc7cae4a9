/* SPDX-License-Identifier: MIT
 *
 * event_spec.c - from the text of a URI to an event's mechanism with its options, and what can be
 * asked of a URI without opening it.
 */
#include <string.h>

#include "banned.h"
#include "error.h"
#include "event.h"

/* Events are too different to have options in common. */
static const struct sinew__option_row common_options[] = {{.type = SINEW__OPTION_END}};

int sinew__event_parse(struct sinew__event_spec *spec, const char *uri)
{
	struct sinew__parsed parsed = {.uri = &spec->uri};

	int r = sinew__scheme_parse(&sinew__event_kind, uri, &parsed);
	if (r < 0)
		return r;
	spec->type = (const struct sinew__event_type *)parsed.scheme;
	spec->text = parsed.text;
	spec->own = parsed.own;
	return 0;
}

void sinew__event_spec_fini(struct sinew__event_spec *spec)
{
	free(spec->own);
	free(spec->text);
	spec->own = spec->text = NULL;
}

static int event_describe(const char *uri, struct sinew_caps *caps)
{
	struct sinew__event_spec spec = {0};
	struct sinew_caps answer = {0};

	int r = sinew__event_parse(&spec, uri);
	if (r < 0)
		return r;
	r = spec.type->describe(&spec, &answer);
	sinew__event_spec_fini(&spec);
	if (r == 0)
		*caps = answer;
	return r;
}

static int event_remove(const char *uri)
{
	struct sinew__event_spec spec = {0};

	int r = sinew__event_parse(&spec, uri);
	if (r < 0)
		return r;
	if (spec.type->remove)
		r = spec.type->remove(&spec);
	else
		r = sinew__fail(
			EOPNOTSUPP, "remove %s: %s leaves nothing behind", uri, spec.uri.scheme);
	sinew__event_spec_fini(&spec);
	return r;
}

const struct sinew__kind sinew__event_kind = {
	"event", sinew__events, common_options, 0, event_describe, event_remove};
