/* SPDX-License-Identifier: MIT
 *
 * pool_out.c - the sending half of the memory that many links share.
 *
 * A send that need not wait for ever may have to keep the rest of a message that has begun; for a
 * large one that much is reserved first. The outbox of a peer that does not read holds what is
 * reserved; when nothing is left the one that has not read for longest is cut off, if that is long
 * enough, and else the send waits as its deadline says. Small rests fit the free pages of a link.
 */
#include <string.h>

#include "banned.h"
#include "error.h"
#include "pool.h"
#include "wait.h"

static struct sinew__link *link_at(struct sinew__circle *ring)
{
	return (struct sinew__link *)((char *)ring - offsetof(struct sinew__link, out_hold.ring));
}

HOT void sinew__pool_lend(struct sinew__link *link)
{
	struct sinew__outbox *out = &link->out;

	if (out->head < out->tail)
		return;
	out->data = link->channel->pool->sending;
	out->head = out->tail = 0;
}

/* Under the lock: nothing of it is needed any more. */
static void release(struct sinew__pool *pool, struct sinew__link *link)
{
	struct sinew__hold *hold = &link->out_hold;

	sinew__ring_leave(&hold->ring);
	pool->out_used -= hold->claim;
	hold->claim = 0;
	if (hold->mark > SINEW__FREE)
		sinew__sys.madvise(hold->own + SINEW__FREE, sinew__pages(hold->mark) - SINEW__FREE,
			MADV_DONTNEED);
	hold->mark = 0;
}

/* What a send left: remembered by the time of its last progress. */
static void account(struct sinew__link *link, bool progress)
{
	struct sinew__pool *pool = link->channel->pool;
	struct sinew__hold *hold = &link->out_hold;
	struct sinew__outbox *out = &link->out;
	size_t rest = out->tail - out->head;

	if (out->data == hold->own && out->tail > hold->mark)
		hold->mark = out->tail;
	if (rest == 0 && !hold->claim && hold->mark <= SINEW__FREE)
		return;
	pthread_mutex_lock(&pool->lock);
	if (rest == 0) {
		release(pool, link);
	} else if (rest > SINEW__FREE && (progress || hold->ring.next == &hold->ring)) {
		hold->since = sinew__now();
		sinew__ring_leave(&hold->ring);
		sinew__ring_append(&pool->out_holders, &hold->ring);
	}
	pthread_mutex_unlock(&pool->lock);
}

HOT void sinew__pool_keep(struct sinew__link *link)
{
	struct sinew__outbox *out = &link->out;
	struct sinew__hold *hold = &link->out_hold;
	bool borrowed = out->data == link->channel->pool->sending;
	bool progress = borrowed || out->head > 0;

	if (borrowed) {
		size_t rest = out->tail - out->head;
		if (rest)
			memcpy(hold->own, out->data + out->head, rest);
		out->data = hold->own;
		out->head = 0;
		out->tail = rest;
	}
	if (out->tail || hold->claim || hold->mark > SINEW__FREE)
		account(link, progress);
}

/* Under the lock: makes the peer go that has not read for longest, and is not the one we write to. */
static bool cut_off(struct sinew__pool *pool, const struct sinew__link *except)
{
	struct sinew__circle *first = pool->out_holders.next;

	if (first == &pool->out_holders || link_at(first) == except ||
		sinew__now() - link_at(first)->out_hold.since < SINEW__PATIENCE)
		return false;
	struct sinew__link *link = link_at(first);
	sinew__sys.shutdown(link->wfd, SHUT_RDWR);
	link->out.head = link->out.tail = 0;
	release(pool, link);
	return true;
}

static bool reserve(struct sinew__link *link, size_t size)
{
	struct sinew__pool *pool = link->channel->pool;
	size_t more = size - link->out_hold.claim;
	bool had = true;

	pthread_mutex_lock(&pool->lock);
	while (had && pool->out_used + more > pool->bound)
		had = cut_off(pool, link);
	if (had) {
		pool->out_used += more;
		link->out_hold.claim = size;
	}
	pthread_mutex_unlock(&pool->lock);
	return had;
}

int sinew__pool_reserve(struct sinew__link *link, size_t size, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	int64_t pause = 0;

	if (!channel->pool || size <= SINEW__FREE || size <= link->out_hold.claim ||
		sinew__may_block(channel, until))
		return 0;
	while (!reserve(link, size)) {
		int r = sinew__pause(channel, &pause, until);
		channel->pool->out_short = r < 0;
		if (r == -EAGAIN || r == -ETIMEDOUT)
			return sinew__answer(-r,
				"peers that do not read hold all memory for unfinished messages "
				"(pool=)");
		if (r < 0)
			return r;
	}
	return 0;
}

void sinew__pool_out_leave(struct sinew__link *link)
{
	struct sinew__pool *pool = link->channel->pool;

	pthread_mutex_lock(&pool->lock);
	sinew__ring_leave(&link->out_hold.ring);
	pool->out_used -= link->out_hold.claim;
	pthread_mutex_unlock(&pool->lock);
}
