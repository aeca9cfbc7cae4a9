/* SPDX-License-Identifier: MIT
 *
 * sequence.c - one window for each sender, and a hash table of them over a ring of rows, in which
 * room is found as a clock does (addresses.c). For each session the row that began last is marked, so
 * that a sender whose address changed is known again; the mark may be overwritten, never wrong.
 */
#include "sequence.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "hot.h"

static const uint8_t magic[4] = {0xad, 0x73, 0x71, 0x01};

/* ---- one sender ---- */

static uint64_t *word_of(struct sinew__sequence *s, uint64_t number)
{
	return &s->seen[number % SINEW__SEQUENCE_WINDOW / 64];
}

static uint64_t bit_of(uint64_t number)
{
	return UINT64_C(1) << number % 64;
}

/* The numbers from next up to this one have not come; this one has. */
static void advance(struct sinew__sequence *s, uint64_t number)
{
	if (number - s->next >= SINEW__SEQUENCE_WINDOW)
		memset(s->seen, 0, sizeof s->seen);
	else
		for (uint64_t n = s->next; n != number; n++)
			*word_of(s, n) &= ~bit_of(n);
	*word_of(s, number) |= bit_of(number);
	s->next = number + 1;
	s->far = 0;
}

/* A number so far ahead is a forger's, unless the one that follows it comes next: then so much was
 * lost that nobody shall wait for ever. */
static enum sinew__sequence_verdict leap(
	struct sinew__sequence *s, uint64_t number, uint64_t *missed)
{
	if (s->next > 0 && number != s->far) {
		s->far = number + 1;
		return SINEW__SEQUENCE_REFUSED;
	}
	advance(s, number);
	*missed = SINEW__SEQUENCE_JUMP;
	return SINEW__SEQUENCE_NEW;
}

HOT enum sinew__sequence_verdict sinew__sequence_hear(
	struct sinew__sequence *s, uint64_t number, uint64_t *missed)
{
	*missed = 0;
	if (number >= s->next) {
		if (number > INT64_MAX)
			return SINEW__SEQUENCE_REFUSED;
		if (number - s->next > SINEW__SEQUENCE_JUMP)
			return leap(s, number, missed);
		*missed = number - s->next;
		advance(s, number);
		return SINEW__SEQUENCE_NEW;
	}
	if (s->next - number > SINEW__SEQUENCE_WINDOW)
		return SINEW__SEQUENCE_REFUSED;
	if (*word_of(s, number) & bit_of(number))
		return SINEW__SEQUENCE_COPY;
	*word_of(s, number) |= bit_of(number);
	return SINEW__SEQUENCE_LATE;
}

/* ---- the header ---- */

static void put(uint8_t *p, uint64_t value)
{
	value = htobe64(value);
	memcpy(p, &value, sizeof value);
}

static uint64_t get(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof value);
	return be64toh(value);
}

HOT void sinew__sequence_write(uint8_t *header, uint64_t session, uint64_t number)
{
	memcpy(header, magic, sizeof magic);
	put(header + 4, session);
	put(header + 12, number);
}

HOT bool sinew__sequence_read(const uint8_t *p, size_t size, uint64_t *session, uint64_t *number)
{
	if (size < SINEW__SEQUENCE_HEADER || memcmp(p, magic, sizeof magic) != 0)
		return false;
	*session = get(p + 4);
	*number = get(p + 12);
	return true;
}

/* ---- many senders ---- */

struct row {
	uint64_t peer, session;
	struct sinew__sequence heard_of;
	bool used, heard; /* since the search for room last came by */
	uint32_t next;    /* of the same bucket, slot + 1; 0: none */
};

struct sinew__senders {
	unsigned most, oldest;
	uint64_t secret;
	uint32_t *buckets; /* slot + 1 */
	uint32_t *latest;  /* slot + 1, by session alone */
	struct row rows[];
};

struct sinew__senders *sinew__senders_open(unsigned most, uint64_t secret)
{
	CLEANUP_FREE struct sinew__senders *s = calloc(1, sizeof *s + most * sizeof(struct row));
	CLEANUP_FREE uint32_t *indices = calloc(2 * (size_t)most, sizeof *indices);

	if (!s || !indices)
		return NULL;
	s->most = most;
	s->secret = secret;
	s->buckets = indices;
	s->latest = indices + most;
	indices = NULL;
	struct sinew__senders *made = s;
	s = NULL;
	return made;
}

void sinew__senders_close(struct sinew__senders *s)
{
	if (s)
		free(s->buckets);
	free(s);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static uint32_t index_of(const struct sinew__senders *s, uint64_t peer, uint64_t session)
{
	return (uint32_t)(mix(mix(session ^ s->secret) + peer) % s->most);
}

static struct row *known(struct sinew__senders *s, uint64_t peer, uint64_t session)
{
	uint32_t slot = s->buckets[index_of(s, peer, session)];

	for (; slot; slot = s->rows[slot - 1].next)
		if (s->rows[slot - 1].session == session && s->rows[slot - 1].peer == peer)
			return &s->rows[slot - 1];
	return NULL;
}

static void unlink_row(struct sinew__senders *s, const struct row *row)
{
	uint32_t slot = (uint32_t)(row - s->rows) + 1;
	uint32_t *at = &s->buckets[index_of(s, row->peer, row->session)];

	while (*at && *at != slot)
		at = &s->rows[*at - 1].next;
	if (*at)
		*at = row->next;
}

/* The row that makes room, out of its bucket. */
static struct row *make_room(struct sinew__senders *s)
{
	for (; s->rows[s->oldest].heard; s->oldest = (s->oldest + 1) % s->most)
		s->rows[s->oldest].heard = false;
	struct row *row = &s->rows[s->oldest];

	s->oldest = (s->oldest + 1) % s->most;
	if (row->used)
		unlink_row(s, row);
	return row;
}

static struct row *add(struct sinew__senders *s, uint64_t peer, uint64_t session)
{
	uint32_t *latest = &s->latest[index_of(s, 0, session)];
	struct sinew__sequence heard_of = {0};

	if (*latest && s->rows[*latest - 1].session == session)
		heard_of = s->rows[*latest - 1].heard_of;
	struct row *row = make_room(s);
	uint32_t slot = (uint32_t)(row - s->rows) + 1;
	uint32_t *bucket = &s->buckets[index_of(s, peer, session)];
	*row = (struct row){.peer = peer,
		.session = session,
		.heard_of = heard_of,
		.used = true,
		.next = *bucket};
	*bucket = *latest = slot;
	return row;
}

struct sinew__sequence *sinew__senders_find(
	struct sinew__senders *s, uint64_t peer, uint64_t session)
{
	struct row *row = known(s, peer, session);

	if (!row)
		return &add(s, peer, session)->heard_of;
	row->heard = true;
	return &row->heard_of;
}
