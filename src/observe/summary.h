/* SPDX-License-Identifier: MIT
 *
 * summary.h - what a recording amounts to. Records go in one after the other, from a file or just as
 * they come from the kernel, and the same code makes text, JSON or a picture of them. Memory is bounded
 * by the number of threads, objects and pairs of them, never by the number of records, unless a timeline is
 * kept.
 */
#ifndef SINEW_OBSERVE_SUMMARY_H
#define SINEW_OBSERVE_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "record.h"

enum sinew__format {
	SINEW__FORMAT_TEXT,
	SINEW__FORMAT_JSON,
	SINEW__FORMAT_SVG,
	SINEW__FORMAT_FLAME,
	SINEW__FORMAT_FLAME_SVG,
	SINEW__FORMAT_PERFETTO,
	SINEW__FORMAT_HTML,
};

struct sinew__summary;

/* The header is copied; it is checked as a file's. 0, -EBADMSG, -ENOMEM, with words. */
int sinew__summary_open(struct sinew__summary **summary, const struct sinew__record_header *header);

/* Whether it shows time itself, for which every span has to be kept: memory then grows with the records. */
bool sinew__format_needs_timeline(enum sinew__format format);
/* Before the first record: from now on every span is kept. 0 or -ENOMEM, with words. */
int sinew__summary_keep_timeline(struct sinew__summary *summary);

/* Takes one record, of which record->size bytes are there. Nothing in it is believed: what cannot be is
 * counted and shown as a gap. 0, -ENOMEM, or -EBADMSG if its size is impossible. */
int sinew__summary_add(struct sinew__summary *summary, const struct sinew__record *record);

/* Writes what is known now; more records may follow. Until END came, or a fault was told, the last
 * SINEW__RECORD_DISORDER ns still wait to be put into order. 0, -errno of the stream, -ENOMEM. Text for a
 * terminal is escaped always. A format that needs the timeline can be written only if it was kept. */
int sinew__summary_write(struct sinew__summary *summary, FILE *stream, enum sinew__format format);

/* What is wrong with where the records came from, which is why no more of them come: shown with every
 * result. */
void sinew__summary_fault(struct sinew__summary *summary, const char *words);

/* Words of the user that go with every result. 0 or -ENOMEM, with words. */
int sinew__summary_note(struct sinew__summary *summary, const char *words);

void sinew__summary_close(struct sinew__summary *summary);

#endif
