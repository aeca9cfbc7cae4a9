/* SPDX-License-Identifier: MIT
 *
 * pool.c - the receiving half of the memory that many links share.
 *
 * Nobody holds a part of what it needs and waits for the rest, so that all could wait for each other:
 * a claim is for a whole message, claims are granted in the order they were asked for, and a read that
 * could leave more than the free pages behind is made only while the largest message could still be
 * claimed after it. Two reads' worth on top are what such reads may leave (MARGIN).
 */
#include "pool.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "frame.h"
#include "table.h"
#include "wait.h"

enum {
	SHARED = SINEW__BULK + 2 * SINEW__PAGE,
	MARGIN = 2 * SHARED,
	STEP = 16 * 1024 /* bytes that count as progress */
};

enum state { IDLE, BUSY, WAITING, LOOSE };

static bool has_packets(const struct sinew_channel *channel)
{
	return channel->caps.bits & SINEW__CAP_PACKETS;
}

size_t sinew__pool_in_size(const struct sinew_channel *channel)
{
	size_t max = (size_t)channel->spec.common.max;

	return channel->flags & SINEW_IN
		       ? sinew__pages(max + SINEW__FRAME_MOST + SINEW__BULK + SINEW__PAGE)
		       : 0;
}

/* Room for what is gathered, and for the rest of one message, in pieces if need be. */
size_t sinew__pool_out_size(const struct sinew_channel *channel)
{
	size_t max = (size_t)channel->spec.common.max;

	return channel->flags & SINEW_OUT
		       ? sinew__pages(max + max / 64 + SINEW__FRAME_MOST + SINEW__BULK)
		       : 0;
}

int sinew__pool_open(struct sinew_channel *channel, int64_t bound)
{
	CLEANUP_FREE struct sinew__pool *pool = calloc(1, sizeof *pool);
	size_t in = has_packets(channel) ? sinew__pool_in_size(channel) : SHARED;
	size_t out = has_packets(channel) ? 0 : sinew__pool_out_size(channel);
	size_t least = sinew__pool_in_size(channel) + MARGIN;

	if (!pool)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	pool->shared_size = in + out;
	pool->shared = sinew__sys.mmap(NULL, in + out, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool->shared == MAP_FAILED)
		return sinew__fail(ENOMEM,
			"%s: cannot reserve %zu bytes for buffers; lower max=", channel->spec.text,
			in + out);
	pool->sending = pool->shared + in;
	pool->ample = least;
	pool->bound = (size_t)bound > least ? (size_t)bound : least;
	for (int state = IDLE; state <= WAITING; state++)
		sinew__ring_init(&pool->lists[state]);
	sinew__ring_init(&pool->out_holders);
	pthread_mutex_init(&pool->lock, NULL);
	channel->pool = pool;
	pool = NULL;
	return 0;
}

void sinew__pool_close(struct sinew_channel *channel)
{
	struct sinew__pool *pool = channel->pool;

	if (!pool)
		return;
	sinew__sys.munmap(pool->shared, pool->shared_size);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	channel->pool = NULL;
}

void sinew__pool_join(struct sinew__link *link, uint8_t *own)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__hold *in = &link->in_hold, *out = &link->out_hold;

	sinew__ring_init(&in->ring);
	sinew__ring_init(&out->ring);
	in->state = out->state = LOOSE;
	in->own = own;
	in->most = own ? sinew__pool_in_size(channel) : 0;
	out->own = own ? own + in->most : NULL;
	out->most = own ? sinew__pool_out_size(channel) : 0;
	link->in.data = own ? own : channel->pool->shared;
	link->in.size = own ? SINEW__FREE : sinew__pool_in_size(channel);
	link->out.data = out->own;
	link->out.size = out->most;
}

/* ---- claims ---- */

static struct sinew__link *link_at(struct sinew__circle *ring)
{
	return (struct sinew__link *)((char *)ring - offsetof(struct sinew__link, in_hold.ring));
}

static struct sinew__link *oldest(struct sinew__pool *pool, enum state state)
{
	struct sinew__circle *list = &pool->lists[state];

	return list->next == list ? NULL : link_at(list->next);
}

static size_t rest_of(const struct sinew__link *link)
{
	return link->in.tail - link->in.head;
}

/* To the end of that list, from whichever it is in. */
static void enlist(struct sinew__pool *pool, struct sinew__link *link, enum state state)
{
	struct sinew__hold *hold = &link->in_hold;

	pool->idle -= hold->state == IDLE ? hold->claim : 0;
	pool->idle += state == IDLE ? hold->claim : 0;
	pool->waiting += (state == WAITING) - (hold->state == WAITING);
	sinew__ring_leave(&hold->ring);
	hold->state = (int)state;
	if (state != LOOSE)
		sinew__ring_append(&pool->lists[state], &hold->ring);
}

static void begin(struct sinew__link *link)
{
	link->in_hold.since = sinew__now();
	link->in_hold.mark = link->in.taken;
	link->in_hold.spared = false;
}

/* Gives up all of the claim, and the pages, but for what is here beyond the free pages. */
static void shrink(struct sinew__pool *pool, struct sinew__link *link)
{
	struct sinew__hold *hold = &link->in_hold;
	struct sinew__inbox *in = &link->in;
	size_t rest = rest_of(link);
	size_t left = rest > SINEW__FREE ? sinew__pages(rest) : SINEW__FREE;

	if (in->data == hold->own) {
		memmove(in->data, in->data + in->head, rest);
		in->head = 0;
		in->tail = rest;
		in->size = left;
	}
	enlist(pool, link, LOOSE);
	if (hold->claim > left)
		sinew__sys.madvise(hold->own + left, hold->claim - left, MADV_DONTNEED);
	pool->used -= hold->claim;
	hold->claim = rest > SINEW__FREE ? left : 0;
	pool->used += hold->claim;
}

static bool can_have(const struct sinew__pool *pool, size_t more)
{
	return pool->used - pool->idle + more <= pool->bound;
}

static bool somebody_waits(const struct sinew__pool *pool)
{
	return pool->waiting;
}

/* Whether a read must not leave much behind. */
static bool is_low(struct sinew__pool *pool)
{
	return somebody_waits(pool) || !can_have(pool, pool->ample);
}

static void set_claim(struct sinew__pool *pool, struct sinew__link *link, size_t size)
{
	enlist(pool, link, BUSY);
	pool->used += size - link->in_hold.claim;
	link->in_hold.claim = size;
	begin(link);
}

/* Whether the link has so much now. Memory of those that do not need theirs is taken. */
static bool claim(struct sinew__pool *pool, struct sinew__link *link, size_t size)
{
	size_t more = size - link->in_hold.claim;

	if (link->in_hold.state == IDLE)
		enlist(pool, link, BUSY);
	if (!can_have(pool, more))
		return false;
	while (pool->used + more > pool->bound)
		shrink(pool, oldest(pool, IDLE));
	set_claim(pool, link, size);
	return true;
}

/* ---- the shared buffer ---- */

/* What is in the inbox goes to the link's own memory; there is room. */
static void attach(struct sinew__pool *pool, struct sinew__link *link)
{
	struct sinew__hold *hold = &link->in_hold;
	struct sinew__inbox *in = &link->in;
	size_t rest = rest_of(link);
	/* The payload of a long message begins on a page of its own. */
	bool aligned = in->need > SINEW__BULK && hold->claim >= in->need + SINEW__PAGE;

	in->size = hold->claim > SINEW__FREE ? hold->claim : SINEW__FREE;
	if (in->data == hold->own)
		return;
	size_t at = aligned && rest ? SINEW__PAGE - SINEW__FRAME_PLAIN_SIZE : 0;
	memcpy(hold->own + at, in->data + in->head, rest);
	in->data = hold->own;
	in->head = at;
	in->tail = at + rest;
	if (pool->borrower == link)
		pool->borrower = NULL;
}

/* Another needs the shared buffer. */
static void settle(struct sinew__pool *pool, struct sinew__link *link)
{
	size_t rest = rest_of(link);

	if (rest > SINEW__FREE && link->in_hold.claim < rest)
		set_claim(pool, link, sinew__pages(rest));
	attach(pool, link);
}

/* The inbox moves into the shared buffer, of which it may use so much. */
static void borrow(struct sinew__pool *pool, struct sinew__link *link, size_t size)
{
	struct sinew__inbox *in = &link->in;
	size_t rest = rest_of(link);

	if (pool->borrower && pool->borrower != link && rest_of(pool->borrower))
		settle(pool, pool->borrower);
	if (pool->borrower != link || in->tail > size) {
		memmove(pool->shared, in->data + in->head, rest);
		in->head = 0;
		in->tail = rest;
	}
	pool->borrower = link;
	in->data = pool->shared;
	in->size = size;
}

/* ---- reading ---- */

static void wait_in_line(struct sinew__pool *pool, struct sinew__link *link, size_t want)
{
	settle(pool, link);
	shrink(pool, link);
	link->in_hold.want = want;
	enlist(pool, link, WAITING);
	sinew__table_watch(link->channel, link, false);
	pool->look = true;
}

/* What the message at hand takes of the link's own memory. */
static size_t whole_size(const struct sinew__link *link, size_t need)
{
	const struct sinew__hold *hold = &link->in_hold;
	size_t size = sinew__pages(need + SINEW__PAGE) + SINEW__PAGE;

	if (link->channel->spec.common.frame != SINEW__FRAME_LENGTH || size > hold->most)
		return hold->most;
	return size;
}

/* Reading into the link's own memory. A claim that is too small is no use: what is read into it would
 * be held while the link waits for more. What is free for everybody is used up first. */
static int prepare_own(struct sinew__pool *pool, struct sinew__link *link, size_t need)
{
	struct sinew__hold *hold = &link->in_hold;
	size_t size = whole_size(link, need);

	if (hold->claim < size && (somebody_waits(pool) || !claim(pool, link, size))) {
		if (rest_of(link) >= SINEW__FREE) {
			wait_in_line(pool, link, size);
			return -EAGAIN;
		}
		shrink(pool, link);
	}
	attach(pool, link);
	return 0;
}

bool sinew__pool_waits(const struct sinew__link *link)
{
	return link->channel->pool && link->in_hold.state == WAITING;
}

HOT int sinew__pool_prepare(struct sinew__link *link)
{
	struct sinew__pool *pool = link->channel->pool;
	struct sinew__inbox *in = &link->in;
	size_t rest = rest_of(link);
	size_t need = in->skip || in->need <= rest ? rest + 1 : in->need;
	bool low = is_low(pool);

	if (link->in_hold.state == WAITING)
		return -EAGAIN;
	if (need > SHARED || (rest == 0 && in->long_run && link->in_hold.claim))
		return prepare_own(pool, link, need);
	if (rest < SINEW__FREE || (rest == SINEW__FREE && !low))
		borrow(pool, link, low ? SINEW__FREE : SHARED);
	else if (pool->borrower != link || rest == SINEW__FREE)
		return prepare_own(pool, link, need);
	return 0;
}

HOT uint8_t *sinew__pool_quick(struct sinew__link *link)
{
	struct sinew__pool *pool = link->channel->pool;

	if (pool->used || pool->waiting)
		return NULL;
	borrow(pool, link, SHARED);
	link->in.head = link->in.tail = 0;
	return pool->shared;
}

size_t sinew__pool_ahead(const struct sinew__link *link)
{
	return link->in.data == link->channel->pool->shared ? SINEW__BULK : SINEW__FREE;
}

/* If it turns out to need more than the claim, what has come of it is held while the link waits. */
bool sinew__pool_affords(const struct sinew__link *link)
{
	const struct sinew__pool *pool = link->channel->pool;
	const struct sinew__hold *hold = &link->in_hold;

	return !somebody_waits(pool) &&
	       can_have(pool, pool->ample + (hold->state == IDLE ? hold->claim : 0));
}

void sinew__pool_note(struct sinew__link *link)
{
	struct sinew__pool *pool = link->channel->pool;
	struct sinew__hold *hold = &link->in_hold;

	if (hold->state == WAITING)
		return;
	if (rest_of(link) <= SINEW__FREE) {
		if (hold->state != IDLE)
			enlist(pool, link, IDLE);
		pool->look = pool->look || somebody_waits(pool);
	} else if (hold->state != BUSY || link->in.taken - hold->mark >= STEP) {
		enlist(pool, link, BUSY);
		begin(link);
	}
}

/* ---- who waits ---- */

/* The first in line gets what it waits for, if it can be had. */
static bool grant(struct sinew__pool *pool)
{
	struct sinew__link *link = oldest(pool, WAITING);

	if (!link || !can_have(pool, link->in_hold.want - link->in_hold.claim) ||
		sinew__table_watch(link->channel, link, true) < 0)
		return false;
	claim(pool, link, link->in_hold.want);
	attach(pool, link);
	return true;
}

/* Bytes of this peer wait in the kernel: it was us who did not read. That is believed once. */
static bool is_spared(struct sinew__pool *pool, struct sinew__link *link)
{
	char byte;

	if (link->in_hold.spared ||
		sinew__sys.recv(link->rfd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		return false;
	enlist(pool, link, BUSY);
	begin(link);
	link->in_hold.spared = true;
	return true;
}

/* The longer the line, the less: or peers who stop could hold it up for as long as they are many. */
static int64_t patience(const struct sinew__pool *pool)
{
	int64_t each = SINEW__PATIENCE / (pool->waiting ? pool->waiting : 1);

	return each > SINEW__LEAST_PATIENCE ? each : SINEW__LEAST_PATIENCE;
}

struct sinew__link *sinew__pool_look(struct sinew_channel *channel)
{
	struct sinew__pool *pool = channel->pool;
	struct sinew__link *link;
	int64_t now = sinew__now();

	do {
		while (grant(pool))
			;
		link = somebody_waits(pool) ? oldest(pool, BUSY) : NULL;
		if (link && now - link->in_hold.since < patience(pool))
			link = NULL;
		if (link && rest_of(link) <= SINEW__FREE)
			shrink(pool, link);
		else if (link && !is_spared(pool, link))
			return link;
	} while (link);
	pool->look = false;
	if (somebody_waits(pool) && !pool->timed) {
		pool->timed = true;
		sinew__table_look_later(channel);
	}
	return NULL;
}

void sinew__pool_leave(struct sinew__link *link)
{
	struct sinew__pool *pool = link->channel->pool;

	if (pool->borrower == link)
		pool->borrower = NULL;
	enlist(pool, link, LOOSE);
	pool->used -= link->in_hold.claim;
	link->in_hold.claim = 0;
	pool->look = pool->look || somebody_waits(pool);
}
