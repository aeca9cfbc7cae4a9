/* SPDX-License-Identifier: MIT
 *
 * summary.c - records in, a form of what they mean out.
 */
#include "summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"
#include "outputs.h"
#include "words.h"

struct sinew__summary {
	struct sinew__states states;
};

int sinew__summary_open(struct sinew__summary **summary, const struct sinew__record_header *header)
{
	int r = sinew__header_check(header, "the header");

	if (r < 0)
		return r;
	struct sinew__summary *made = malloc(sizeof *made);
	if (!made)
		return sinew__observe_fail(ENOMEM, "no memory for a summary");
	r = sinew__states_init(&made->states, header);
	if (r < 0) {
		free(made);
		return r;
	}
	*summary = made;
	return 0;
}

int sinew__summary_add(struct sinew__summary *summary, const struct sinew__record *record)
{
	if (!sinew__record_is_possible(record))
		return sinew__observe_fail(EBADMSG, "a record of %u bytes cannot be", record->size);
	return sinew__states_add(&summary->states, record);
}

void sinew__summary_fault(struct sinew__summary *summary, const char *words)
{
	sinew__plain(words, sizeof summary->states.fault, summary->states.fault,
		sizeof summary->states.fault);
}

int sinew__summary_note(struct sinew__summary *summary, const char *words)
{
	return sinew__states_note(&summary->states, words);
}

static const struct format {
	sinew__output *write;
	bool needs_timeline;
} formats[] = {
	[SINEW__FORMAT_TEXT] = {sinew__text_write, false},
	[SINEW__FORMAT_JSON] = {sinew__json_write, false},
	[SINEW__FORMAT_SVG] = {sinew__svg_write, false},
	[SINEW__FORMAT_FLAME] = {sinew__flame_write, true},
	[SINEW__FORMAT_FLAME_SVG] = {sinew__flame_svg_write, true},
	[SINEW__FORMAT_PERFETTO] = {sinew__perfetto_write, true},
	[SINEW__FORMAT_HTML] = {sinew__html_write, true},
};

bool sinew__format_needs_timeline(enum sinew__format format)
{
	return formats[format].needs_timeline;
}

int sinew__summary_keep_timeline(struct sinew__summary *summary)
{
	return sinew__timeline_keep(&summary->states);
}

int sinew__summary_write(struct sinew__summary *summary, FILE *stream, enum sinew__format format)
{
	int r = sinew__states_settle(&summary->states);

	if (r < 0)
		return r;
	errno = 0;
	if (formats[format].write(&summary->states, stream) < 0)
		return sinew__observe_fail(ENOMEM, "no memory for this output");
	if (fflush(stream) == 0 && !ferror(stream))
		return 0;
	int error = errno ? errno : EIO;
	return sinew__observe_fail(error, "cannot write the summary: %s", strerror(error));
}

void sinew__summary_close(struct sinew__summary *summary)
{
	if (!summary)
		return;
	sinew__states_fini(&summary->states);
	free(summary);
}
