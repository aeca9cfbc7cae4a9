/* SPDX-License-Identifier: MIT
 *
 * spec.c - from the text of a URI to a channel's mechanism with its options; capabilities, and what
 * can be asked of a URI without opening it.
 */
#include <string.h>

#include "banned.h"
#include "channel.h"
#include "error.h"
#include "frame.h"
#include "rights.h"

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
	{{"owner", "uid", NULL, "of a name we make"}, SINEW__OPTION_NUMBER, COMMON(owner), 0,
		UINT32_MAX - 1},
	{{"group", "gid", NULL, "of a name we make"}, SINEW__OPTION_NUMBER, COMMON(group), 0,
		UINT32_MAX - 1},
	{.type = SINEW__OPTION_END},
};

int sinew__spec_parse(struct sinew__spec *spec, const char *uri)
{
	struct sinew__parsed parsed = {.uri = &spec->uri, .common = &spec->common};

	int r = sinew__scheme_parse(&sinew__channel_kind, uri, &parsed);
	if (r < 0)
		return r;
	spec->transport = (const struct sinew__transport *)parsed.scheme;
	spec->text = parsed.text;
	spec->own = parsed.own;
	return 0;
}

void sinew__spec_fini(struct sinew__spec *spec)
{
	free(spec->own);
	free(spec->text);
	spec->own = spec->text = NULL;
}

int sinew__spec_caps(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	int r = spec->transport->describe(spec, caps);

	return r < 0 ? r : sinew__rights_check(spec, caps);
}

static int channel_describe(const char *uri, struct sinew_caps *caps)
{
	struct sinew__spec spec = {0};
	struct sinew_caps answer = {0};

	int r = sinew__spec_parse(&spec, uri);
	if (r < 0)
		return r;
	r = sinew__spec_caps(&spec, &answer);
	sinew__spec_fini(&spec);
	answer.bits &= ~SINEW__CAP_PACKETS;
	if (r == 0)
		*caps = answer;
	return r;
}

static int channel_remove(const char *uri)
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

const struct sinew__kind sinew__channel_kind = {"channel", sinew__channels, sinew__common_options,
	sizeof(struct sinew__common), channel_describe, channel_remove};

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
	{"zero-copy", "messages can be written and read where they lie"},
	{"every-reader", "each message goes to every reader"},
};

static const char *const event_cap_rows[][2] = {
	{"word", "a post carries a word of 64 bits"},
	{"counts", "a post's value is a number of units"},
	{"every", "each unit posted ends one wait; else posts merge"},
	{"ordered", "words arrive in the order they were posted"},
	{"pollable", "there is a descriptor for poll and epoll"},
	{"sender", "a notice says who posted"},
	{"named", "unrelated processes can meet by the name"},
	{"survives", "posts outlive all processes"},
	{"gives-back", "what a process took and kept returns when it dies"},
	{"waiters", "several processes may wait"},
	{"sets", "operations on a whole set at once, all or none"},
	{"relatives", "the handle works in forked children"},
};

static const char *const region_cap_rows[][2] = {
	{"survives", "stays when all its processes have left"},
	{"fixed", "nobody can shrink it under its users"},
	{"sync", "can be put onto a disk"},
	{"fd", "has a descriptor to pass on"},
	{"served", "its maker has to be there to hand it out"},
	{"temp", "can go with its last user"},
	{"huge", "huge pages can be asked for"},
};

enum { EVENT_BITS = 32, REGION_BITS = 48, ROW = sizeof *cap_rows };

static const char *const *cap_row(unsigned bit)
{
	if (bit < sizeof cap_rows / ROW)
		return cap_rows[bit];
	if (bit >= EVENT_BITS && bit - EVENT_BITS < sizeof event_cap_rows / ROW)
		return event_cap_rows[bit - EVENT_BITS];
	if (bit >= REGION_BITS && bit - REGION_BITS < sizeof region_cap_rows / ROW)
		return region_cap_rows[bit - REGION_BITS];
	return NULL;
}

const char *sinew_cap_name(unsigned bit)
{
	return cap_row(bit) ? cap_row(bit)[0] : NULL;
}

const char *sinew_cap_text(unsigned bit)
{
	return cap_row(bit) ? cap_row(bit)[1] : NULL;
}
