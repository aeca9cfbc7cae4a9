/* SPDX-License-Identifier: MIT
 *
 * stream_in.c - receiving messages from byte streams.
 *
 *   pick a link ──► fill: one read, in bulk ──► cut: a whole message? ──► copy out, or lend
 *        ▲                 │ end, or broken           │ no
 *        └───── leave ◄────┘            └─────────────┘
 *
 * A large message is read straight into the caller's buffer when nothing else can be read meanwhile;
 * if the deadline comes first, what has arrived moves to the inbox and nothing is lost.
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
#include "stream.h"
#include "table.h"
#include "wait.h"

enum { PAGE = 4096 };

/* Where a message may be read straight to. */
struct target {
	uint8_t *buf;
	size_t cap;
};

static ssize_t broken(struct sinew__link *link, ssize_t error)
{
	return sinew__fail(sinew__broken_as((int)-error), "receive on %s: the connection broke: %s",
		link->channel->spec.text, strerror((int)-error));
}

/* One read, waiting as asked. Bytes, 0 for the end, or -errno; a broken link is `ended` as well. */
HOT static ssize_t read_some(struct sinew__link *link, struct iovec *iov, int n, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	bool block = sinew__may_block(channel, until);

	for (;;) {
		sinew__add(&channel->count.calls[0], 1);
		ssize_t r = link->ops->read(link, iov, n, block);
		if (r > 0)
			return r;
		if (r == -EAGAIN)
			r = sinew__wait(channel, link->rfd, POLLIN, until);
		else if (r == -EINTR)
			r = sinew__interrupted(channel);
		else if (sinew__passes(r))
			return sinew__fail((int)-r, "receive on %s: %s", channel->spec.text,
				strerror((int)-r));
		else {
			link->ended = true;
			return r == 0 ? 0 : broken(link, r);
		}
		if (r < 0)
			return r;
	}
}

static void make_room(struct sinew__inbox *in, size_t want)
{
	if (in->head == in->tail) {
		/* The payload of another long message begins on a page of its own. */
		in->head = in->tail = in->long_run ? PAGE - SINEW__FRAME_PLAIN_SIZE : 0;
	} else if (in->size - in->tail < want && in->head) {
		memmove(in->data, in->data + in->head, in->tail - in->head);
		in->tail -= in->head;
		in->head = 0;
	}
}

/* Bytes to ask for beyond those that are needed now. Where long messages follow each other what is
 * read ahead of one would have to be copied: then only the next header. */
static size_t ahead(const struct sinew__link *link)
{
	if (link->channel->flags & SINEW_EXACT)
		return 0;
	if (link->in.long_run)
		return SINEW__FRAME_PLAIN_SIZE;
	return link->channel->pool ? sinew__pool_ahead(link) : SINEW__BULK;
}

static ssize_t fill(struct sinew__link *link, int64_t until)
{
	struct sinew__inbox *in = &link->in;
	if (link->channel->pool) {
		int r = sinew__pool_prepare(link);
		if (r < 0)
			return r;
	}
	size_t here = in->tail - in->head;
	size_t need = in->need > here ? in->need - here : 1;
	size_t want = need > ahead(link) ? need : ahead(link);

	if (in->skip && want < SINEW__BULK && link->channel->spec.common.frame != SINEW__FRAME_LINE)
		want = in->skip < SINEW__BULK ? (size_t)in->skip : SINEW__BULK;
	make_room(in, want);
	if (want > in->size - in->tail)
		want = in->size - in->tail;
	if (link->sip && want > link->sip)
		want = link->sip;
	if (want == 0)
		return -EAGAIN;
	struct iovec iov = {.iov_base = in->data + in->tail, .iov_len = want};
	ssize_t r = read_some(link, &iov, 1, until);
	if (r > 0) {
		in->tail += (size_t)r;
		in->taken += (uint64_t)r;
		if (link->in_hold.claim)
			sinew__pool_note(link);
	}
	return r;
}

/* Whether the message at the head is long, its header here, and the target large enough. */
static bool fits_straight(
	const struct sinew__link *link, const struct target *target, struct sinew__frame *frame)
{
	const struct sinew__inbox *in = &link->in;
	size_t need;

	return target && link->channel->spec.common.frame == SINEW__FRAME_LENGTH && !in->skip &&
	       in->need > SINEW__BULK &&
	       sinew__frame_parse(in->data + in->head, in->tail - in->head, frame, &need) == 1 &&
	       sinew__frame_is_message(frame->type) && frame->size <= target->cap;
}

/* Reads the rest of a long message to its target, and what follows it to where it belongs in the
 * inbox, behind the hole that the message leaves. */
static ssize_t fill_straight(struct sinew__link *link, const struct target *target,
	const struct sinew__frame *frame, struct sinew__view *view, int64_t until)
{
	struct sinew__inbox *in = &link->in;

	make_room(in, in->size);
	uint8_t *hole = in->data + in->head + frame->header;
	size_t have = in->tail - in->head - frame->header, next = 0;
	memcpy(target->buf, hole, have);
	while (have < frame->size) {
		struct iovec iov[2] = {{target->buf + have, frame->size - have},
			{hole + frame->size, ahead(link)}};
		ssize_t r = read_some(link, iov, iov[1].iov_len ? 2 : 1, until);
		if (r <= 0) {
			memcpy(hole, target->buf, have);
			in->tail = in->head + frame->header + have;
			return r;
		}
		in->taken += (uint64_t)r;
		size_t missing = frame->size - have;
		next = (size_t)r > missing ? (size_t)r - missing : 0;
		have += (size_t)r - next;
	}
	sinew__cut_view(link, frame, target->buf, view);
	in->tail = in->head + view->consume + next;
	return 1;
}

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

/* frame=raw: one read is one message, straight to its target. */
static ssize_t fill_raw(struct sinew__link *link, const struct target *target,
	struct sinew__view *view, int64_t until)
{
	size_t max = (size_t)link->channel->spec.common.max;
	struct iovec iov = {target->buf, target->cap < max ? target->cap : max};
	ssize_t r = read_some(link, &iov, 1, until);

	*view = (struct sinew__view){.data = target->buf, .size = r > 0 ? (size_t)r : 0};
	return r;
}

static int from_kernel(struct sinew_channel *channel, struct sinew__link *link, bool alone,
	const struct target *target, struct sinew__view *view, int64_t until)
{
	int64_t wait = alone ? until : SINEW_NOW;
	bool raw = channel->spec.common.frame == SINEW__FRAME_RAW && target && target->cap;
	struct sinew__frame frame;
	bool straight = true;
	ssize_t n = 0;

	if (link->in.in_pieces && sinew__pieces_suspect(channel)) {
		n = fill(link, SINEW_NOW);
		if (n > 0)
			return AGAIN;
		if (n == -EAGAIN)
			sinew__pieces_drop(channel, false);
	}
	if (link->ended)
		;
	else if (raw)
		n = fill_raw(link, target, view, wait);
	else if (alone && fits_straight(link, target, &frame))
		n = fill_straight(link, target, &frame, view, wait);
	else {
		straight = false;
		n = fill(link, wait);
	}
	if (n <= 0)
		return nothing_came(channel, link, alone, n, until);
	return straight ? MESSAGE : AGAIN;
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
		!channel->pool->simple || channel->flags & SINEW_EXACT)
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

	ssize_t n = read_some(link, &iov, 1, SINEW_NOW);
	if (n <= 0)
		return nothing_came(channel, link, false, n, SINEW_NOW);
	in->tail = (size_t)n;
	in->taken += (uint64_t)n;
	__builtin_memcpy(&length, place, sizeof length);
	length = be32toh(length);
	if (in->tail != sizeof length + (size_t)length || length > channel->pool->simple)
		return AGAIN;
	*view = (struct sinew__view){
		.data = place + sizeof length, .size = length, .consume = in->tail};
	return MESSAGE;
}

/* The link that was picked: one of many. */
HOT static int from_one_of_many(struct sinew_channel *channel, struct sinew__link *link,
	const struct target *target, struct sinew__view *view, int64_t until)
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
	struct sinew__view *view, const struct target *target, int64_t until)
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

static void consume(struct sinew_channel *channel, struct sinew__link *link, size_t bytes)
{
	link->in.head += bytes;
	link->in.long_run = link->in.need > SINEW__BULK;
	link->in.need = 0;
	link->in.whole = NULL;
	if (link->in_hold.claim)
		sinew__pool_note(link);
	link->spoke = true;
	sinew__session_count(link);
	sinew__add(&channel->count.received, 1);
}

static void describe(struct sinew_channel *channel, struct sinew__link *link,
	const struct sinew__view *view, struct sinew_msg *msg)
{
	static const struct sinew_msg none;

	/* An initializer would become a slow string instruction. */
	sinew__copy(msg, &none, sizeof none);
	msg->data = view->data;
	msg->size = view->size;
	msg->peer = link->id;
	msg->tag = view->tag;
	msg->flags = view->flags;
	msg->lost = channel->lost;
	channel->lost = 0;
	if (view->fds)
		sinew__passed_lend(link, msg);
}

/* The common case in one step: one link, nothing buffered, a small plain message that comes alone. 1 it
 * is in buf; AGAIN look in the inbox, or try the long way; END, -errno as from_kernel(). */
HOT static int recv_simple(
	struct sinew__link *link, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__inbox *in = &link->in;
	uint32_t length;

	struct iovec iov = {in->data, SINEW__BULK};
	ssize_t n = read_some(link, &iov, 1, until);
	if (n <= 0)
		return nothing_came(channel, link, true, n, until);
	in->head = 0;
	in->tail = (size_t)n;
	in->taken += (uint64_t)n;
	__builtin_memcpy(&length, in->data, sizeof length);
	length = be32toh(length);
	if ((size_t)n != sizeof length + (size_t)length || length > cap || length > link->simple)
		return AGAIN;
	sinew__copy(buf, in->data + sizeof length, length);
	*msg = (struct sinew_msg){
		.data = buf, .size = length, .peer = link->id, .lost = channel->lost};
	channel->lost = 0;
	consume(channel, link, (size_t)n);
	sinew__add(&channel->count.bytes_received, length);
	return 1;
}

static bool is_simple(const struct sinew_channel *channel)
{
	const struct sinew__link *link = channel->one;

	return link && link->simple && !link->passed && link->in.head == link->in.tail &&
	       !link->in.skip && !link->in.whole && !link->ended && !link->in.in_pieces &&
	       !link->in.long_run && !(channel->flags & SINEW_EXACT);
}

HOT static int stream_recv(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	const struct target target = {buf, cap};
	struct sinew__link *link;
	struct sinew__view view = {0};

	if (is_simple(channel)) {
		int done = recv_simple(channel->one, buf, cap, msg, until);
		if (done != AGAIN)
			return done == 1 ? 1 : sinew__table_tell(channel, done, msg);
	}
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
	consume(channel, link, view.consume);
	sinew__add(&channel->count.bytes_received, view.size);
	return 1;
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
		consume(channel, link, view.consume);
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
};
