/* SPDX-License-Identifier: MIT
 *
 * addresses.c - a hash table over a ring of rows, in which room is found as a clock does: who
 * was heard since its hand last came by is passed over once. The receiving thread adds, both look up.
 */
#include "addresses.h"

#include <pthread.h>
#include <string.h>

#include "banned.h"
#include "cleanup.h"

enum { SLOT_BITS = 24 };

struct row {
	struct sockaddr_storage address;
	socklen_t size;
	struct sinew_peer who;
	uint64_t id;   /* 0: never used */
	bool heard;    /* since the search for room last came by */
	uint32_t next; /* of the same bucket, slot + 1; 0: none */
};

struct sinew__addresses {
	pthread_mutex_t lock;
	unsigned most, oldest;
	uint64_t generation;
	uint32_t *buckets; /* slot + 1 */
	struct row *last;  /* the receiving thread's: whom it asked for last */
	struct row rows[];
};

int sinew__addresses_open(struct sinew__addresses **made, unsigned most)
{
	CLEANUP_FREE struct sinew__addresses *book =
		calloc(1, sizeof *book + most * sizeof(struct row));

	if (!book || !(book->buckets = calloc(most, sizeof *book->buckets)))
		return -ENOMEM;
	book->most = most;
	pthread_mutex_init(&book->lock, NULL);
	*made = book;
	book = NULL;
	return 0;
}

void sinew__addresses_close(struct sinew__addresses *book)
{
	if (!book)
		return;
	pthread_mutex_destroy(&book->lock);
	free(book->buckets);
	free(book);
}

/* FNV-1a. */
static uint32_t *bucket(struct sinew__addresses *book, const void *a, socklen_t size)
{
	const uint8_t *p = a;
	uint32_t hash = 2166136261u;

	for (socklen_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return &book->buckets[hash % book->most];
}

static void unlink_row(struct sinew__addresses *book, struct row *row)
{
	uint32_t slot = (uint32_t)(row - book->rows) + 1;
	uint32_t *at = bucket(book, &row->address, row->size);

	while (*at && *at != slot)
		at = &book->rows[*at - 1].next;
	if (*at)
		*at = row->next;
}

static struct row *add(struct sinew__addresses *book, const void *a, socklen_t size)
{
	for (; book->rows[book->oldest].heard; book->oldest = (book->oldest + 1) % book->most)
		book->rows[book->oldest].heard = false;
	uint32_t slot = book->oldest;
	struct row *row = &book->rows[slot];

	book->oldest = (book->oldest + 1) % book->most;
	if (row->id)
		unlink_row(book, row);
	memcpy(&row->address, a, size);
	row->size = size;
	row->id = ++book->generation << SLOT_BITS | (slot + 1);
	uint32_t *at = bucket(book, a, size);
	row->next = *at;
	*at = slot + 1;
	return row;
}

/* The row of this address, which is heard now; NULL: it is not in the book. */
static struct row *known(struct sinew__addresses *book, const void *a, socklen_t size)
{
	for (uint32_t slot = *bucket(book, a, size); slot; slot = book->rows[slot - 1].next) {
		struct row *row = &book->rows[slot - 1];
		if (row->size != size || memcmp(&row->address, a, size) != 0)
			continue;
		row->heard = true;
		return row;
	}
	return NULL;
}

uint64_t sinew__addresses_known(
	struct sinew__addresses *book, const void *a, socklen_t size, struct sinew_peer *who)
{
	pthread_mutex_lock(&book->lock);
	const struct row *row = known(book, a, size);
	uint64_t id = row ? row->id : 0;
	if (row)
		*who = row->who;
	pthread_mutex_unlock(&book->lock);
	return id;
}

uint64_t sinew__addresses_id(
	struct sinew__addresses *book, const void *a, socklen_t size, const struct sinew_peer *who)
{
	book->last = NULL;
	if (size <= sizeof(sa_family_t) || size > sizeof(struct sockaddr_storage))
		return 0;
	pthread_mutex_lock(&book->lock);
	struct row *row = known(book, a, size);
	if (!row)
		row = add(book, a, size);
	row->who = *who;
	uint64_t id = row->id;
	book->last = row;
	pthread_mutex_unlock(&book->lock);
	return id;
}

/* Rows are changed by the receiving thread alone, which needs no lock to look at one. */
HOT uint64_t sinew__addresses_again(
	struct sinew__addresses *book, const void *a, socklen_t size, const struct ucred *cred)
{
	struct row *row = book->last;

	if (!row || row->size != size || !cred || !row->who.known || row->who.pid != cred->pid ||
		row->who.uid != cred->uid || row->who.gid != cred->gid ||
		memcmp(&row->address, a, size) != 0)
		return 0;
	row->heard = true;
	return row->id;
}

HOT unsigned sinew__addresses_row(uint64_t id)
{
	return (unsigned)(id & ((1u << SLOT_BITS) - 1)) - 1;
}

HOT int sinew__addresses_find(struct sinew__addresses *book, uint64_t id,
	struct sockaddr_storage *a, struct sinew_peer *who)
{
	unsigned slot = sinew__addresses_row(id);
	int r = -ESTALE;

	pthread_mutex_lock(&book->lock);
	if (id && slot < book->most && book->rows[slot].id == id) {
		*a = book->rows[slot].address;
		if (who)
			*who = book->rows[slot].who;
		r = (int)book->rows[slot].size;
	}
	pthread_mutex_unlock(&book->lock);
	return r;
}
