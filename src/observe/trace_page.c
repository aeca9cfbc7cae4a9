/* SPDX-License-Identifier: MIT
 *
 * trace_page.c - the pages of the kernel's trace buffers (events/header_page and header_event in tracefs
 * describe them, Documentation/trace/ring-buffer-design.rst explains) and the text that describes events.
 *
 *   page     time of the first record (8), length with flags (8), records
 *   record   type or length in words: 5 bits, ns since the one before: 27 bits, data
 *
 * Nothing in a page is believed: a length leads out of it, or it is zero, and the rest is not read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracefs.h"

#include "../banned.h"

enum {
	HEADER = 16,
	TYPE_BITS = 5,
	DELTA_BITS = 27,
	LONG = 0, /* the length stands in the next word */
	PADDING = 29,
	TIME_EXTEND = 30,
	TIME_STAMP = 31,
};

static const uint64_t missed = UINT64_C(1) << 31, missed_count = UINT64_C(1) << 30;

static uint32_t word(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

struct cursor {
	const char *at, *end;
	uint64_t time;
};

/* One record: 1, 0 at the end, -EBADMSG. `size` is 0 for what only tells the time. */
static int next(struct cursor *cursor, const char **data, size_t *size)
{
	size_t left = (size_t)(cursor->end - cursor->at);

	*size = 0;
	if (left < 4)
		return 0;
	uint32_t head = word(cursor->at), type = head & ((1u << TYPE_BITS) - 1);
	uint64_t delta = head >> TYPE_BITS;
	*data = cursor->at + 4;
	if (type == PADDING && delta == 0)
		return 0;
	bool longer = type == LONG || type >= PADDING;
	if (longer && left < 8)
		return -EBADMSG;
	uint64_t second = longer ? word(cursor->at + 4) : 0, length = 4 * (uint64_t)type;
	if (type == TIME_EXTEND || type == TIME_STAMP) {
		uint64_t whole = second << DELTA_BITS | delta;
		cursor->time = type == TIME_EXTEND
				       ? cursor->time + whole
				       : (cursor->time & UINT64_C(0xf800000000000000)) | whole;
		cursor->at += 8;
		return 1;
	}
	cursor->time += delta;
	if (longer)
		length = type == LONG ? (second + 3) / 4 * 4 : second;
	if (length < 4 || length > left - 4)
		return -EBADMSG;
	if (type == LONG) {
		*data += 4;
		*size = length - 4;
	} else if (type != PADDING) {
		*size = length;
	}
	cursor->at += 4 + length;
	return 1;
}

static int64_t lost_before(const char *page, size_t size, uint64_t commit, size_t length)
{
	uint64_t count;

	if (!(commit & missed))
		return 0;
	if (!(commit & missed_count) || HEADER + length + sizeof count > size)
		return 1;
	memcpy(&count, page + HEADER + length, sizeof count);
	return count && count < INT64_MAX ? (int64_t)count : 1;
}

int64_t sinew__trace_page(const char *page, size_t size, sinew__trace_record *record, void *arg)
{
	struct cursor cursor;
	uint64_t commit;
	const char *data;
	size_t length, bytes;
	int more;

	if (size < HEADER)
		return -EBADMSG;
	memcpy(&cursor.time, page, sizeof cursor.time);
	memcpy(&commit, page + 8, sizeof commit);
	length = commit & (missed_count - 1);
	if (length > size - HEADER)
		return -EBADMSG;
	cursor.at = page + HEADER;
	cursor.end = cursor.at + length;
	while ((more = next(&cursor, &data, &bytes)) > 0)
		if (bytes && !record(arg, cursor.time, data, bytes))
			break;
	return more < 0 ? more : lost_before(page, size, commit, length);
}

/* ---- "	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;" ---- */

bool sinew__trace_field(const char *format, const char *name, struct sinew__trace_field *field)
{
	size_t length = strlen(name);

	for (const char *at = format; (at = strstr(at, name)); at += length) {
		const char *end = at + length;
		bool whole = at > format && (at[-1] == ' ' || at[-1] == '*');
		if (whole && *end == '[')
			end += strcspn(end, ";\n");
		if (whole && *end == ';' &&
			sscanf(end, "; offset:%hu; size:%hu;", &field->offset, &field->size) == 2)
			return true;
	}
	return false;
}

unsigned sinew__trace_id(const char *format)
{
	const char *at = strstr(format, "\nID: ");

	return at ? (unsigned)strtoul(at + 5, NULL, 10) : 0;
}
