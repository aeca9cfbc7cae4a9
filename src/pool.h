/* SPDX-License-Identifier: MIT
 *
 * pool.h - the memory that the links of a table share.
 *
 * Whoever is read at the moment borrows one buffer that all share, and so does whoever is written
 * to: idle peers, and those that send and read small messages, touch no memory of their own, and
 * the shared buffer stays in the cache. Each link has address space for its largest message; what is
 * unfinished when the buffer goes to another moves there. Beyond the first two pages that is claimed
 * from a bounded pool, before it is read, for the whole of the message: who has begun can finish.
 *
 *   LOOSE ──claim──► BUSY ──consumed──► IDLE ──another needs it──► LOOSE
 *     └─none left─► WAITING ─granted─► BUSY        BUSY, without progress while others wait: cut off
 *
 * A link that waits is not read and not watched. The receiving thread owns all of it but what is
 * said to be the sender's.
 */
#ifndef SINEW_POOL_H
#define SINEW_POOL_H

#include "channel.h"

/* The option of those that serve many peers. */
#define SINEW__POOL_OPTION(place)                                                                  \
	{                                                                                          \
		{"pool", "size", "64M",                                                            \
			"listening: memory for unfinished large messages of all peers together"},  \
			SINEW__OPTION_SIZE, place, 0, INT64_C(1) << 40                             \
	}

struct sinew__pool {
	uint8_t *shared; /* for receiving, then for sending */
	size_t shared_size;
	uint8_t *sending;
	size_t bound, used;
	size_t ample;                  /* who has so much left to claim need not be sparing */
	size_t idle;                   /* of these, what can be had back at once */
	struct sinew__link *borrower;  /* has the shared buffer for its inbox */
	struct sinew__circle lists[3]; /* IDLE, BUSY, WAITING; the oldest first */
	bool look;                     /* something may be granted, or somebody overdue */
	unsigned waiting;              /* how many wait */
	bool timed;                    /* the table's timer runs for us */
	size_t below;                  /* as a link's */
	pthread_mutex_t lock; /* over what follows: the sender's, and who removes a link's */
	size_t out_used;
	struct sinew__circle out_holders; /* with more than a little in their outbox */
	bool out_short, out_later; /* the sender: a send found none left; it told the host so */
};

/* Before the table opens. bound: what pool= says. With packets there is one inbox for all. */
int sinew__pool_open(struct sinew_channel *, int64_t bound);
void sinew__pool_close(struct sinew_channel *);

/* How much address space a link needs of its own, receiving and sending. */
size_t sinew__pool_in_size(const struct sinew_channel *);
size_t sinew__pool_out_size(const struct sinew_channel *);
/* A new link, with that memory, or NULL where it has none. */
void sinew__pool_join(struct sinew__link *, uint8_t *own);

/* Before a read: gives the inbox memory, in.size says how much. 0; -EAGAIN: none is left, the link
 * waits for it and is no longer watched. */
int sinew__pool_prepare(struct sinew__link *);
/* The same for an empty inbox while nobody holds anything: where to read SINEW__BULK bytes to, or NULL. */
uint8_t *sinew__pool_quick(struct sinew__link *);
/* Whether it waits for memory, and is not watched. */
bool sinew__pool_waits(const struct sinew__link *);
/* What one read may ask for beyond the message at hand. */
size_t sinew__pool_ahead(const struct sinew__link *);
/* Whether it may be asked for a long message whose size is not known. */
bool sinew__pool_affords(const struct sinew__link *);
/* After a read, and after a message was consumed, of a link with a claim. */
void sinew__pool_note(struct sinew__link *);
/* Grants what can be granted. A link that held too much for too long while others waited, to be cut
 * off and the call repeated; or NULL. */
struct sinew__link *sinew__pool_look(struct sinew_channel *);
/* The link is about to go. */
void sinew__pool_leave(struct sinew__link *);

/* The sender's (pool_out.c). Around a send: an empty outbox borrows the shared buffer; what is left
 * moves to the link's own memory. */
void sinew__pool_lend(struct sinew__link *);
void sinew__pool_keep(struct sinew__link *);
/* Before a send of which `size` bytes may have to be kept. 0; -EAGAIN, -ETIMEDOUT, …: no memory by
 * the deadline. Who has not read its answers for too long is cut off. */
int sinew__pool_reserve(struct sinew__link *, size_t size, int64_t until);
/* Whoever closes the link. */
void sinew__pool_out_leave(struct sinew__link *);

/* ---- for the two files alone ---- */

enum { SINEW__PAGE = 4096, SINEW__FREE = 2 * SINEW__PAGE };
#define SINEW__PATIENCE INT64_C(2000000000)      /* ns without progress while another waits */
#define SINEW__LEAST_PATIENCE INT64_C(250000000) /* while many do */

static inline void sinew__ring_init(struct sinew__circle *ring)
{
	ring->next = ring->prev = ring;
}

/* Takes it out of whatever list it is in. */
static inline void sinew__ring_leave(struct sinew__circle *ring)
{
	ring->next->prev = ring->prev;
	ring->prev->next = ring->next;
	sinew__ring_init(ring);
}

static inline void sinew__ring_append(struct sinew__circle *list, struct sinew__circle *ring)
{
	ring->next = list;
	ring->prev = list->prev;
	list->prev->next = ring;
	list->prev = ring;
}

static inline size_t sinew__pages(size_t size)
{
	return (size + SINEW__PAGE - 1) & ~(size_t)(SINEW__PAGE - 1);
}

#endif
