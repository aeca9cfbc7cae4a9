/* SPDX-License-Identifier: MIT
 *
 * stream_in.c - receiving messages from byte streams.
 *
 *   pick a link ──► fill: one read, in bulk ──► cut: a whole message? ──► copy out, or lend
 *        ▲                 │ end, or broken           │ no
 *        └───── leave ◄────┘            └─────────────┘
 *
 * How it is filled is told in stream_fill.c.
 */
#include <endian.h>
#include <string.h>

#include "banned.h"
#include "copy.h"
#include "error.h"
#include "passed.h"
#include "pieces.h"
#include "pool.h"
#include "session.h"
#include "stream_fill.h"
#include "table.h"
#include "wait.h"

/* The peer will say no more: what it left unfinished is lost. Returns the id of the link that waited
 * for this one's end, or 0. */
static uint64_t give_up(struct sinew_channel *channel, struct sinew__link *link)
{
	struct sinew__inbox *in = &link->in;
	bool line = channel->spec.common.frame == SINEW__FRAME_LINE;

	if (!line && !in->skip && in->head < in->tail) {
		sinew__session_count(link);
		sinew__lose(channel, 1);
	}
	in->head = in->tail = 0;
	in->skip = 0;
	in->scanned = 0;
	sinew__passed_drop_all(link);
	if (channel->pieces)
		sinew__pieces_drop(channel, true);
	return sinew__session_leave(link);
}

/* The connection broke, and nobody here knows what was still on its way: told as one message lost. */
static void suspect_loss(struct sinew__link *link)
{
	sinew__session_count(link);
	sinew__lose(link->channel, 1);
}

static int remove_link(struct sinew_channel *channel, struct sinew__link *link, unsigned flags)
{
	uint64_t successor = give_up(channel, link);

	sinew__table_remove(channel, link, flags);
	if (successor)
		sinew__table_prefer(channel, successor);
	link = successor ? sinew__table_current(channel) : NULL;
	if (link && !sinew__pool_waits(link))
		sinew__table_watch(channel, link, true);
	return AGAIN;
}

/* The only link there is has ended: END, unless the transport makes it anew. */
static int only_link_ended(
	struct sinew_channel *channel, struct sinew__link *link, ssize_t r, int64_t until)
{
	bool whole = link->in.head == link->in.tail;

	give_up(channel, link);
	if (!channel->spec.transport->reconnect)
		return (int)r;
	int again = channel->spec.transport->reconnect(channel, SINEW_IN, until);
	if (again != 0 && r < 0 && whole)
		suspect_loss(link); /* a connection that follows does not tell */
	if (again == 1)
		link->ended = false;
	return again == 1 ? AGAIN : again < 0 ? again : (int)r;
}

/* A read gave nothing. */
static int nothing_came(struct sinew_channel *channel, struct sinew__link *link, bool alone,
	ssize_t r, int64_t until)
{
	if (!link->ended)
		return r == -EAGAIN && !alone ? AGAIN : (int)r;
	if (channel->spec.common.frame == SINEW__FRAME_LINE && link->in.head < link->in.tail &&
		!link->in.skip) {
		if (r < 0 && !channel->table)
			return (int)r;
		if (r < 0)
			suspect_loss(link);
		return AGAIN; /* the unfinished line is cut next, then we come here again */
	}
	if (!channel->table)
		return only_link_ended(channel, link, r, until);
	if (link->finished || channel->flags & SINEW_EVENTS || !sinew__table_is_last(channel)) {
		if (r < 0 && link->in.head == link->in.tail)
			suspect_loss(link);
		return remove_link(channel, link, 0);
	}
	give_up(channel, link);
	link->finished = true;
	return (int)r;
}

/* Memory is free again, or somebody has kept it from others for too long. */
static void look_after_pool(struct sinew_channel *channel)
{
	struct sinew__link *link;

	while ((link = sinew__pool_look(channel)))
		remove_link(channel, link, SINEW_MSG_CORRUPT);
}

/* A message that cannot be had. */
static int unusable(struct sinew_channel *channel, struct sinew__link *link, int error)
{
	if (error == -EMSGSIZE)
		return channel->table ? AGAIN : error;
	if (!channel->table) {
		link->ended = true;
		link->in.head = link->in.tail = 0;
		sinew__passed_drop_all(link);
		return sinew__fail(EBADMSG, "%s: the peer does not speak this framing; cut off",
			channel->spec.text);
	}
	return remove_link(channel, link, error == -ESTALE ? 0 : SINEW_MSG_CORRUPT);
}

static int from_kernel(struct sinew_channel *channel, struct sinew__link *link, bool alone,
	const struct sinew__target *target, struct sinew__view *view, int64_t until)
{
	ssize_t n = 0;

	if (link->in.in_pieces && sinew__pieces_suspect(channel)) {
		n = sinew__fill(link, SINEW_NOW);
		if (n > 0)
			return AGAIN;
		if (n == -EAGAIN)
			sinew__pieces_drop(channel, false);
	}
	if (!link->ended)
		n = sinew__fill_target(link, alone, target, view, alone ? until : SINEW_NOW);
	return n > 0 ? (int)n : nothing_came(channel, link, alone, n, until);
}

/* The link to read instead of one that waits for an older connection of the same sender; NULL: that is
 * gone, and what this one has can be cut. */
static struct sinew__link *older_first(struct sinew_channel *channel, struct sinew__link *link)
{
	if (!link->after)
		return link;
	sinew__table_prefer(channel, link->after);
	if (!sinew__table_current(channel)) {
		link->after = 0;
		sinew__table_prefer(channel, link->id);
		return NULL;
	}
	if (sinew__pool_waits(sinew__table_current(channel))) {
		sinew__table_watch(channel, link, false); /* until that one has gone */
		return NULL;
	}
	return sinew__table_current(channel);
}

/* One of many, nothing buffered, and memory for everybody: where to read to, or NULL. */
HOT static uint8_t *quick_place(struct sinew__link *link)
{
	const struct sinew_channel *channel = link->channel;
	const struct sinew__inbox *in = &link->in;

	if (in->head < in->tail || in->skip || in->long_run || link->ended || link->passed ||
		!channel->pool->below || channel->flags & SINEW_EXACT)
		return NULL;
	return sinew__pool_quick(link);
}

/* The common case of many: a small plain message that comes alone. MESSAGE, or AGAIN: look in the
 * inbox. */
HOT static int fill_quick(struct sinew_channel *channel, struct sinew__link *link, uint8_t *place,
	struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;
	struct iovec iov = {place, SINEW__BULK};
	uint32_t length;

	ssize_t n = sinew__read_some(link, &iov, 1, SINEW_NOW);
	if (n <= 0)
		return nothing_came(channel, link, false, n, SINEW_NOW);
	in->tail = (size_t)n;
	in->taken += (uint64_t)n;
	__builtin_memcpy(&length, place, sizeof length);
	length = be32toh(length);
	if (in->tail != sizeof length + (size_t)length || length >= channel->pool->below)
		return AGAIN;
	*view = (struct sinew__view){
		.data = place + sizeof length, .size = length, .consume = in->tail};
	return MESSAGE;
}

/* The link that was picked: one of many. */
HOT static int from_one_of_many(struct sinew_channel *channel, struct sinew__link *link,
	const struct sinew__target *target, struct sinew__view *view, int64_t until)
{
	uint8_t *place = quick_place(link);

	return place ? fill_quick(channel, link, place, view)
		     : from_kernel(channel, link, false, target, view, until);
}

/* Whether a look into the inbox of one of many would find nothing, and say nothing of what is needed. */
static bool is_used_up(const struct sinew_channel *channel, const struct sinew__link *link)
{
	return channel->pool && link->in.head == link->in.tail && !(channel->flags & SINEW_EXACT);
}

/* The next whole message, at *at; *view lies in its inbox or in the target. */
static int next_message(struct sinew_channel *channel, struct sinew__link **at,
	struct sinew__view *view, const struct sinew__target *target, int64_t until)
{
	bool alone = true;
	int r;

	do {
		*at = channel->one ? channel->one : sinew__table_current(channel);
		r = *at && !is_used_up(channel, *at) ? sinew__cut(*at, view) : 0;
		if (r == 1)
			return MESSAGE;
		if (r < 0) {
			r = unusable(channel, *at, r);
			continue;
		}
		if (sinew__table_has_event(channel))
			return EVENT;
		if (channel->table) {
			if (channel->pool && channel->pool->look)
				look_after_pool(channel);
			r = sinew__table_pick(channel, at, &alone, until);
			if (r == AGAIN)
				continue;
			if (r == -EAGAIN && sinew__table_has_event(channel))
				return EVENT;
			if (r <= 0)
				return r;
			*at = older_first(channel, *at);
		}
		r = !*at            ? AGAIN
		    : channel->pool ? from_one_of_many(channel, *at, target, view, until)
				    : from_kernel(channel, *at, alone, target, view, until);
	} while (r == AGAIN);
	return r;
}

static void consume(
	struct sinew_channel *channel, struct sinew__link *link, const struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;

	in->head += view->consume;
	in->long_run =
		view->consume > SINEW__BULK && channel->spec.common.frame == SINEW__FRAME_LENGTH;
	if (in->long_run) {
		in->last_header = view->consume - view->size;
		in->last_size = view->size;
	}
	in->need = 0;
	in->whole = NULL;
	if (link->in_hold.claim)
		sinew__pool_note(link);
	link->spoke = true;
	sinew__session_count(link);
	sinew__add(&channel->count.received, 1);
}

static void describe(struct sinew_channel *channel, struct sinew__link *link,
	const struct sinew__view *view, struct sinew_msg *msg)
{
	*msg = (struct sinew_msg){.data = view->data,
		.size = view->size,
		.peer = link->id,
		.tag = view->tag,
		.flags = view->flags,
		.lost = channel->lost};
	channel->lost = 0;
	if (view->fds)
		sinew__passed_lend(link, msg);
}

/* Whether nothing but the next read decides what the next message is. */
static inline bool is_simple(const struct sinew__link *link)
{
	const struct sinew__inbox *in = &link->in;

	return link->below && !((in->head ^ in->tail) | in->skip | (uintptr_t)in->whole) &&
	       !(link->ended | in->in_pieces | in->long_run);
}

/* A read that was to bring one small message: it gave n. AGAIN: what came is in the inbox. */
static BESIDE int came_otherwise(
	struct sinew__link *link, struct iovec *iov, ssize_t n, int64_t until)
{
	struct sinew__inbox *in = &link->in;

	if (n <= 0)
		n = sinew__read_on(link, iov, 1, n, until);
	if (n <= 0)
		return nothing_came(link->channel, link, true, n, until);
	in->head = 0;
	in->tail = (size_t)n;
	in->taken += (uint64_t)n;
	return AGAIN;
}

/* The common case in one step: one link, nothing buffered, a small plain message that comes alone. 1 it
 * is in buf; AGAIN look in the inbox, or try the long way; END, -errno as from_kernel(). */
HOT static inline int recv_simple(
	struct sinew__link *link, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__inbox *in = &link->in;
	uint32_t length;

	struct iovec iov = {in->data, SINEW__BULK};
	ssize_t n = sinew__read_once(link, &iov, 1, until);
	__builtin_memcpy(&length, in->data, sizeof length); /* unless nothing came */
	const size_t size = be32toh(length);
	if (!USUALLY(n == (ssize_t)(sizeof length + size) && size < link->below && size <= cap))
		return came_otherwise(link, &iov, n, until);
	sinew__copy(buf, in->data + sizeof length, size);
	*msg = (struct sinew_msg){
		.data = buf, .size = size, .peer = link->id, .lost = channel->lost};
	channel->lost = 0;
	in->taken += (uint64_t)n;
	in->need = 0;
	link->spoke = true;
	sinew__session_count(link);
	sinew__add(&channel->count.received, 1);
	sinew__add(&channel->count.bytes_received, size);
	return 1;
}

/* The next message, in whatever state the links are. */
static NOINLINE int recv_any(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	const struct sinew__target target = {buf, cap};
	struct sinew__link *link;
	struct sinew__view view = {0};

	int r = next_message(channel, &link, &view, &target, until);
	if (r != MESSAGE) {
		if (r == -EMSGSIZE)
			msg->size = view.size;
		return sinew__table_tell(channel, r, msg);
	}
	if (cap > 0 && view.size > cap && channel->spec.common.frame == SINEW__FRAME_RAW)
		view.size = view.consume = cap;
	if (view.size > cap) {
		msg->size = view.size;
		return sinew__fail(EMSGSIZE,
			"%s: the next message has %zu bytes, the buffer %zu; it is kept",
			channel->spec.text, view.size, cap);
	}
	if (view.data != buf)
		sinew__copy(buf, view.data, view.size);
	describe(channel, link, &view, msg);
	msg->data = buf;
	consume(channel, link, &view);
	sinew__add(&channel->count.bytes_received, view.size);
	return 1;
}

HOT static int stream_recv(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew__link *link = channel->reading;

	if (link && is_simple(link)) {
		int done = recv_simple(link, buf, cap, msg, until);
		if (USUALLY(done == 1))
			return 1;
		if (done != AGAIN)
			return sinew__table_tell(channel, done, msg);
	}
	return recv_any(channel, buf, cap, msg, until);
}

static int stream_take(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct sinew__link *link;
	struct sinew__view view = {0};
	unsigned n = 0;
	uint64_t bytes = 0;

	if (count == 0)
		return sinew__fail(EINVAL, "take: room for no message");
	int r = next_message(channel, &link, &view, NULL, until);
	if (r != MESSAGE) {
		if (r == -EMSGSIZE)
			msgs->size = view.size;
		return sinew__table_tell(channel, r, msgs);
	}
	bool whole; /* from pieces: valid only until the next one */
	do {
		whole = link->in.whole;
		describe(channel, link, &view, &msgs[n++]);
		consume(channel, link, &view);
		bytes += view.size;
	} while (n < count && !whole && !link->ended && !msgs[n - 1].fd_count &&
		 sinew__cut(link, &view) == 1);
	sinew__add(&channel->count.bytes_received, bytes);
	return (int)n;
}

static unsigned stream_buffered(struct sinew_channel *channel, unsigned most)
{
	struct sinew__link *link = channel->one;

	if (!link && channel->table)
		link = sinew__table_current(channel);
	return link && channel->flags & SINEW_IN ? sinew__cut_count(link, most) : 0;
}

const struct sinew__io sinew__stream_io = {
	.send = sinew__stream_send,
	.flush = sinew__stream_flush,
	.recv = stream_recv,
	.take = stream_take,
	.buffered = stream_buffered,
	.below = sinew__stream_below,
};
