/* SPDX-License-Identifier: MIT
 *
 * spec.c - from the text of a URI to a mechanism with its options; and the tables of mechanisms,
 * options, capabilities and limits as anybody may look them up.
 */
#include <string.h>

#include "banned.h"
#include "channel.h"
#include "cleanup.h"
#include "error.h"
#include "frame.h"

#define COMMON(member) offsetof(struct sinew__common, member)

const struct sinew__option_row sinew__common_options[] = {
	{{"dir", "in|out|both", NULL, "what we do: receive, send, or both"}, SINEW__OPTION_CHOICE,
		COMMON(dir), 0, 0},
	{{"side", "listen|connect", NULL, "own the name, or use one that somebody owns"},
		SINEW__OPTION_CHOICE, COMMON(side), 0, 0},
	{{"max", "size", "1M", "the largest message"}, SINEW__OPTION_SIZE, COMMON(max), 1,
		SINEW__MOST_MESSAGE},
	{{"frame", "length|line|raw", NULL,
		 "how messages are told apart: a length before each, a newline after each, or as "
		 "the mechanism hands them over"},
		SINEW__OPTION_CHOICE, COMMON(frame), 0, 0},
	{{"coalesce", "size", "0",
		 "gather small messages until so many bytes wait, sinew_flush() or close"},
		SINEW__OPTION_SIZE, COMMON(coalesce), 0, SINEW__BULK},
	{{"keep", "yes|no", "no", "leave a path we made behind when we close"},
		SINEW__OPTION_SWITCH, COMMON(keep), 0, 0},
	{{"keep-open", "yes|no", "no", "go on when the last peer has left"}, SINEW__OPTION_SWITCH,
		COMMON(keep_open), 0, 0},
	{{"mode", "octal permissions", NULL, "of a path we make; by default what the umask leaves"},
		SINEW__OPTION_MODE, COMMON(mode), 0, 0777},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__transport *find_transport(const char *scheme)
{
	for (unsigned i = 0; sinew__transports[i]; i++)
		if (strcmp(sinew__transports[i]->shown.name, scheme) == 0)
			return sinew__transports[i];
	return NULL;
}

static int unknown_scheme(const char *scheme)
{
	char known[200] = "";
	size_t used = 0;

	for (unsigned i = 0; sinew__transports[i]; i++) {
		int n = snprintf(known + used, sizeof known - used, "%s%s:", used ? ", " : "",
			sinew__transports[i]->shown.name);
		if (n > 0 && (size_t)n < sizeof known - used)
			used += (size_t)n;
	}
	return sinew__fail(EINVAL, "unknown scheme \"%s:\"; this build knows %s", scheme, known);
}

static int parse_parts(struct sinew__spec *spec, const char *uri)
{
	int r = sinew__uri_parse(&spec->uri, uri);
	if (r < 0)
		return r;
	spec->transport = find_transport(spec->uri.scheme);
	if (!spec->transport)
		return unknown_scheme(spec->uri.scheme);
	if (!spec->transport->nameless || !*spec->uri.rest)
		return 0;

	/* pipe:read=3: what follows the colon is options; parse again with the question mark. */
	size_t scheme = strlen(spec->uri.scheme);
	char text[SINEW__URI_SIZE + 1];
	if (!strchr(uri + scheme, '=') || strchr(uri, '?'))
		return sinew__fail(EINVAL, "%s: %s has no name; write %s", uri, spec->uri.scheme,
			spec->transport->shown.syntax);
	snprintf(text, sizeof text, "%.*s:?%s", (int)scheme, uri, uri + scheme + 1);
	return sinew__uri_parse(&spec->uri, text);
}

int sinew__spec_parse(struct sinew__spec *spec, const char *uri)
{
	int r = parse_parts(spec, uri);
	if (r < 0)
		return r;

	spec->own = calloc(1, spec->transport->settings_size);
	spec->text = strdup(uri);
	if (!spec->own || !spec->text) {
		sinew__spec_fini(spec);
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	}
	const struct sinew__option_table tables[] = {
		{spec->transport->options, spec->own}, {sinew__common_options, &spec->common}};
	r = sinew__options_parse(tables, 2, &spec->uri);
	if (r < 0)
		sinew__spec_fini(spec);
	return r;
}

void sinew__spec_fini(struct sinew__spec *spec)
{
	free(spec->own);
	free(spec->text);
	spec->own = spec->text = NULL;
}

int sinew_caps(const char *uri, struct sinew_caps *caps)
{
	struct sinew__spec spec = {0};
	struct sinew_caps answer = {0};

	int r = sinew__spec_parse(&spec, uri);
	if (r < 0)
		return r;
	r = spec.transport->describe(&spec, &answer);
	sinew__spec_fini(&spec);
	answer.bits &= ~SINEW__CAP_PACKETS;
	if (r == 0)
		*caps = answer;
	return r;
}

int sinew_remove(const char *uri)
{
	struct sinew__spec spec = {0};

	int r = sinew__spec_parse(&spec, uri);
	if (r < 0)
		return r;
	if (spec.transport->remove)
		r = spec.transport->remove(&spec);
	else
		r = sinew__fail(
			EOPNOTSUPP, "remove %s: %s leaves nothing behind", uri, spec.uri.scheme);
	sinew__spec_fini(&spec);
	return r;
}

const struct sinew_scheme *sinew_scheme(unsigned index)
{
	for (unsigned i = 0; sinew__transports[i]; i++)
		if (i == index)
			return &sinew__transports[i]->shown;
	return NULL;
}

const struct sinew_option *sinew_option(const char *scheme, unsigned index)
{
	const struct sinew__transport *transport = find_transport(scheme);

	if (!transport)
		return NULL;
	const struct sinew__option_row *rows = transport->options;
	for (; rows->type; rows++)
		if (index-- == 0)
			return &rows->shown;
	for (rows = sinew__common_options; rows->type; rows++)
		if (index-- == 0)
			return &rows->shown;
	return NULL;
}

static int64_t read_limit(const char *source)
{
	char text[32] = "";
	CLEANUP_FD int fd = sinew__sys.open(source, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || sinew__sys.read(fd, text, sizeof text - 1) <= 0)
		return -1;
	return strtoll(text, NULL, 10);
}

int sinew_limit(const char *scheme, unsigned index, struct sinew_limit *limit)
{
	const struct sinew__transport *transport = find_transport(scheme);

	if (!transport)
		return unknown_scheme(scheme);
	for (const struct sinew__limit_row *row = transport->limits; row && row->name; row++) {
		if (index-- > 0)
			continue;
		limit->name = row->name;
		limit->source = row->source;
		limit->value = *row->source == '/' ? read_limit(row->source) : row->value;
		return 0;
	}
	return -ENOENT;
}

/* In the order of the bits. */
static const char *const cap_rows[][2] = {
	{"boundaries", "a message arrives whole, as it was sent"},
	{"both-ways", "one channel can send and receive"},
	{"answers", "the reader can answer the peer it heard"},
	{"knows-peer", "the peer's uid, gid and pid are known from the kernel"},
	{"pollable", "there are descriptors for poll and epoll"},
	{"many-writers", "several processes may send to one reader"},
	{"many-readers", "several processes may share the reading"},
	{"tags", "a number travels with a message, to match replies with requests"},
	{"priorities", "urgent messages overtake others"},
	{"pair", "two connected ends for related processes"},
	{"named", "unrelated processes can meet by the name"},
	{"network", "other machines can be reached"},
	{"empty", "a message of no bytes can be sent"},
	{"end", "the reader learns that its peers have left"},
	{"fds", "descriptors travel with a message"},
	{"survives", "unread messages outlive all processes"},
	{"reliable", "loses nothing while both sides live"},
	{"counted", "what was lost is counted and reported to the reader"},
};

const char *sinew_cap_name(unsigned bit)
{
	return bit < sizeof cap_rows / sizeof *cap_rows ? cap_rows[bit][0] : NULL;
}

const char *sinew_cap_text(unsigned bit)
{
	return bit < sizeof cap_rows / sizeof *cap_rows ? cap_rows[bit][1] : NULL;
}
