/* SPDX-License-Identifier: MIT
 *
 * reference.c - reads a whole stream, as slowly and plainly as can be.
 */
#include "reference.h"

enum { LARGEST = 1 << 30, LARGEST_CONTROL = 65536 };

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	struct input in = {p, bytes};

	return take_number(&in, bytes);
}

struct expected *reference_add(
	struct reference *ref, enum verdict verdict, const uint8_t *data, size_t size)
{
	if (ref->count == ref->room) {
		ref->room = ref->room ? 2 * ref->room : 64;
		ref->rows = realloc(ref->rows, ref->room * sizeof *ref->rows);
		REQUIRE(ref->rows, "no memory");
	}
	struct expected *row = &ref->rows[ref->count++];
	*row = (struct expected){.verdict = verdict, .size = size, .lost_ever = ref->lost_ever};
	if (verdict == VERDICT_MESSAGE)
		row->data = exact_copy(data, size);
	if (verdict == VERDICT_MESSAGE || verdict == VERDICT_END) {
		row->lost = ref->lost;
		ref->lost = 0;
	}
	return row;
}

void reference_lose(struct reference *ref)
{
	ref->lost++;
	ref->lost_ever++;
}

void reference_fini(struct reference *ref)
{
	for (size_t i = 0; i < ref->count; i++)
		free(ref->rows[i].data);
	free(ref->rows);
	*ref = (struct reference){0};
}

/* How one frame was read. */
enum step { NEXT, MISSING, CORRUPT };

struct reader {
	struct reference *ref;
	struct assembly *pieces; /* NULL: none may come */
	const uint8_t *at;
	size_t left, max;
	bool skipping; /* the stream ended inside a message that was too large */
};

/* A message of `size` bytes behind a header: what is there of it is used up. */
static enum step read_message(struct reader *r, size_t header, size_t size, const uint8_t *tag)
{
	if (size > LARGEST)
		return CORRUPT;
	if (size > r->max) {
		reference_lose(r->ref);
		reference_add(r->ref, VERDICT_TOO_LARGE, NULL, size);
		r->skipping = r->left < header + size;
		size_t used = r->skipping ? r->left : header + size;
		r->at += used;
		r->left -= used;
		return NEXT;
	}
	if (r->left < header + size)
		return MISSING;
	struct expected *row = reference_add(r->ref, VERDICT_MESSAGE, r->at + header, size);
	row->tagged = tag;
	row->tag = tag ? number(tag, 8) : 0;
	r->at += header + size;
	r->left -= header + size;
	return NEXT;
}

static enum step read_piece(struct reader *r, size_t size)
{
	const struct piece piece = {.writer = number(r->at + 8, 8),
		.total = (uint32_t)number(r->at + 16, 4),
		.offset = (uint32_t)number(r->at + 20, 4),
		.data = r->at + 24,
		.size = size};

	if (piece.writer >> 63)
		r->ref->unsure = true;
	return r->pieces && assembly_add(r->pieces, r->ref, &piece, r->max) ? NEXT : CORRUPT;
}

/* A message with descriptors; its header is here. */
static enum step read_passing(struct reader *r, size_t size)
{
	bool tagged = r->at[5];

	if ((!tagged && number(r->at + 8, 8)) || r->ref->takes_fds)
		return CORRUPT;
	size_t rows = r->ref->count;
	enum step step = read_message(r, 16, size, tagged ? r->at + 8 : NULL);
	if (r->ref->count > rows)
		r->ref->rows[rows].fds_lost = true;
	return step;
}

/* Bytes 5 to 7 of a known type. */
static bool is_sound(const uint8_t *p)
{
	if (p[4] != 4)
		return number(p + 5, 3) == 0;
	return p[5] < 2 && p[6] == 0 && p[7] > 0 && p[7] < 254;
}

static enum step read_control(struct reader *r)
{
	static const uint8_t headers[] = {0, 16, 24, 24, 16};
	size_t whole = (number(r->at, 4) & 0x7fffffff) + 4;

	if (r->left < 8)
		return whole < 8 ? CORRUPT : MISSING;
	unsigned type = r->at[4];
	bool known = type >= 1 && type <= 4;
	if (!known && type < 128)
		return CORRUPT;
	size_t header = known ? headers[type] : 8;
	if (whole < header || (known && !is_sound(r->at)))
		return CORRUPT;
	if (r->left < header)
		return MISSING;
	if (type == 1)
		return read_message(r, header, whole - header, r->at + 8);
	if (type == 4)
		return read_passing(r, whole - header);
	if ((type == 3 && whole != header) || whole - header > LARGEST_CONTROL)
		return CORRUPT;
	if (r->left < whole)
		return MISSING;
	enum step step = type == 2 ? read_piece(r, whole - header) : NEXT;
	r->at += whole;
	r->left -= whole;
	return step;
}

void reference_length(
	struct reference *ref, const uint8_t *stream, size_t size, size_t max, bool pieces)
{
	struct assembly assembly = {0};
	struct reader r = {ref, pieces ? &assembly : NULL, stream, size, max, false};
	enum step step = NEXT;

	while (step == NEXT) {
		if (r.left < 4)
			step = MISSING;
		else if (*r.at & 0x80)
			step = read_control(&r);
		else
			step = read_message(&r, 4, number(r.at, 4), NULL);
	}
	if (step == CORRUPT)
		reference_add(ref, VERDICT_CORRUPT, NULL, 0);
	else if (r.left && !r.skipping)
		reference_lose(ref);
	assembly_fini(&assembly, ref);
	reference_add(ref, VERDICT_END, NULL, 0);
}

void reference_line(struct reference *ref, const uint8_t *stream, size_t size, size_t max)
{
	const uint8_t *end = stream + size;

	while (stream < end) {
		const uint8_t *stop = stream;
		while (stop < end && *stop != '\n')
			stop++;
		size_t length = (size_t)(stop - stream);
		if (length > max) {
			reference_lose(ref);
			reference_add(ref, VERDICT_TOO_LARGE, NULL, length);
		} else {
			reference_add(ref, VERDICT_MESSAGE, stream, length)->unfinished =
				stop == end;
		}
		stream = stop + 1;
	}
	reference_add(ref, VERDICT_END, NULL, 0);
}
