/* SPDX-License-Identifier: MIT
 *
 * stream_out.c - sending messages over byte streams.
 *
 * Frames are gathered in the outbox (batch.c), a long payload stays where it is; then as few writes as can
 * be.
 * Invariant: between calls the outbox holds only bytes of accepted messages, from a frame's
 * beginning on or from where a write stopped inside one; frames never tear and never reorder.
 *
 *   gather ──► push ──► all gone: accepted
 *                 └──► deadline, cancel: what has not begun is taken back (retract); the rest of a
 *                      begun message moves into the outbox (keep_rest) and goes first next time
 */
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "banned.h"
#include "batch.h"
#include "copy.h"
#include "error.h"
#include "passed.h"
#include "pool.h"
#include "ready.h"
#include "session.h"
#include "stream.h"
#include "table.h"
#include "wait.h"

static int broken(struct sinew__link *link, ssize_t error)
{
	link->broken = true;
	if (error == -EPIPE || error == -ECONNRESET)
		return sinew__fail(
			EPIPE, "send to %s: no reader is left", link->channel->spec.text);
	return sinew__fail(sinew__broken_as((int)-error), "send to %s: the connection broke: %s",
		link->channel->spec.text, strerror((int)-error));
}

/* The first write of a message with descriptors takes them along. */
static ssize_t write_or_pass(
	struct sinew__link *link, struct sinew__batch *batch, struct iovec *iov, int n, bool wait)
{
	if (!batch || !batch->passing)
		return link->ops->write(link, iov, n, wait);
	ssize_t r = link->ops->pass(link, iov, n, batch->msgs, wait);
	batch->passing = r < 0;
	return r;
}

/* One write of what is in the outbox and of the payload. Bytes, or -errno. */
static ssize_t write_some(struct sinew__link *link, struct sinew__batch *batch, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__outbox *out = &link->out;
	struct iovec iov[2];
	int n = 0;

	if (out->head < out->tail) {
		size_t size = out->tail - out->head;
		if (link->atomic && size > link->atomic)
			size = link->atomic;
		iov[n++] = (struct iovec){out->data + out->head, size};
	}
	size_t left = batch ? batch->payload_size - batch->payload_gone : 0;
	if (left && !(n && link->stride)) {
		if (link->stride && left > link->stride)
			left = link->stride;
		iov[n++] = (struct iovec){(void *)(batch->payload + batch->payload_gone), left};
	}
	for (;;) {
		sinew__add(&channel->count.calls[1], 1);
		ssize_t r = write_or_pass(link, batch, iov, n, sinew__may_block(channel, until));
		if (r >= 0)
			return r;
		if (r == -EAGAIN)
			r = sinew__wait(channel, link->wfd, POLLOUT, until);
		else if (r == -EINTR)
			r = sinew__interrupted(channel);
		else if (batch && batch->passing && sinew__passed_refused(batch->msgs, r))
			return sinew__passed_explain(channel, batch->msgs, (int)r);
		else if (sinew__passes(r))
			return sinew__fail(
				(int)-r, "send to %s: %s", channel->spec.text, strerror((int)-r));
		else
			return broken(link, r);
		if (r < 0)
			return r;
	}
}

/* Writes until all is gone. 0 or -errno; head and payload_gone tell how far it came. */
static int push(struct sinew__link *link, struct sinew__batch *batch, int64_t until)
{
	struct sinew__outbox *out = &link->out;

	while (out->head < out->tail || (batch && batch->payload_gone < batch->payload_size)) {
		ssize_t r = write_some(link, batch, until);
		if (r < 0)
			return (int)r;
		size_t staged = out->tail - out->head, n = (size_t)r;
		out->head += n < staged ? n : staged;
		if (n > staged)
			batch->payload_gone += n - staged;
	}
	out->head = out->tail = 0;
	return 0;
}

/* After a push that stopped: takes back the messages of the batch that have not begun, keeps the
 * rest of the one that has. Returns how many were accepted. */
static unsigned retract(struct sinew__link *link, struct sinew__batch *batch)
{
	struct sinew__outbox *out = &link->out;
	size_t at = batch->base;
	unsigned accepted = 0;

	while (accepted < batch->count) {
		const struct sinew_msg *msg = &batch->msgs[accepted];
		bool outside = batch->payload && accepted + 1 == batch->count;
		if (at >= out->head && !(outside && batch->payload_gone))
			break;
		accepted++;
		at += sinew__overhead(link->channel, msg) + (outside ? 0 : msg->size);
	}
	out->tail = at;
	if (batch->payload && accepted == batch->count) {
		size_t rest = batch->payload_size - batch->payload_gone;
		memmove(out->data, out->data + out->head, out->tail - out->head);
		out->tail -= out->head;
		out->head = 0;
		memcpy(out->data + out->tail, batch->payload + batch->payload_gone, rest);
		out->tail += rest;
	}
	if (out->head == out->tail)
		out->head = out->tail = 0;
	return accepted;
}

static void count_sent(struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += msgs[i].size;
	sinew__add(&channel->count.sent, n);
	sinew__add(&channel->count.bytes_sent, bytes);
}

/* A message longer than an atomic write: all its pieces into the outbox, then one write each. */
static int send_in_pieces(struct sinew__link *link, const struct sinew_msg *msg, int64_t until)
{
	struct sinew__outbox *out = &link->out;
	struct sinew__frame frame = {.type = SINEW__FRAME_PIECE, .total = (uint32_t)msg->size};
	uint32_t most = (uint32_t)link->atomic - sinew__frame_header_size(SINEW__FRAME_PIECE);

	frame.writer = link->writer;
	for (; frame.offset < frame.total; frame.offset += frame.size) {
		uint32_t left = frame.total - frame.offset;
		frame.size = left < most ? left : most;
		out->tail += sinew__frame_write(out->data + out->tail, &frame);
		memcpy(out->data + out->tail, (const uint8_t *)msg->data + frame.offset,
			frame.size);
		out->tail += frame.size;
	}
	int r = push(link, NULL, until);
	if (r == 0 || (out->head > 0 && !link->broken))
		return 1;
	out->head = out->tail = 0;
	return r;
}

static void introduce(struct sinew__link *link)
{
	const struct sinew__frame hello = {.type = SINEW__FRAME_HELLO,
		.session = link->writer,
		.next = atomic_load_explicit(&link->channel->count.sent, memory_order_relaxed)};

	if (!link->hello_due)
		return;
	link->out.head = 0;
	link->out.tail = sinew__frame_write(link->out.data, &hello);
	link->hello_due = false;
}

/* The connection broke. 1: there is a new one, and nothing of this call is on it. */
static int renew(struct sinew__link *link, int error, int64_t until)
{
	struct sinew_channel *channel = link->channel;

	if (!(link->broken || link->torn) || !channel->spec.transport->reconnect || !channel->one)
		return error;
	int r = channel->spec.transport->reconnect(channel, SINEW_OUT, until);
	if (r != 1)
		return r < 0 ? r : error;
	link->broken = link->torn = false;
	link->hello_due = true;
	link->out.head = link->out.tail = 0;
	return 1;
}

/* After a write that failed inside a frame the reader takes what follows for its rest. */
static void tear(struct sinew__link *link)
{
	link->torn = true;
	link->out.head = link->out.tail = 0;
}

static int is_torn(const struct sinew__link *link)
{
	return sinew__fail(EPIPE, "send to %s: no reader is left; one left inside a message",
		link->channel->spec.text);
}

/* A broken connection takes nothing more: what has not gone whole was not accepted. Returns how many
 * have. */
static unsigned take_back(struct sinew__link *link, const struct sinew__batch *batch)
{
	struct sinew__outbox *out = &link->out;
	size_t end = batch->base;
	unsigned whole = 0;

	for (; whole < batch->count; whole++) {
		const struct sinew_msg *msg = &batch->msgs[whole];
		bool outside = batch->payload && whole + 1 == batch->count;
		size_t next = end + sinew__overhead(link->channel, msg) + (outside ? 0 : msg->size);
		if (out->head < next || outside)
			break;
		end = next;
	}
	if (out->head > end || batch->payload_gone)
		tear(link);
	else
		out->tail = batch->base;
	if (out->head >= out->tail)
		out->head = out->tail = 0;
	return whole;
}

/* Whether what is gathered may wait in the outbox: one of many has room for a little only. */
static bool may_keep(struct sinew__link *link)
{
	return !link->channel->pool || link->out.tail <= SINEW__FREE ||
	       sinew__pool_reserve(link, SINEW__BULK, SINEW_NOW) == 0;
}

/* Sends a batch, or lets it wait in the outbox. Returns how many were accepted, or -errno. */
static int send_batch(
	struct sinew__link *link, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__outbox *out = &link->out;
	struct sinew__batch batch = {0};

	int r = sinew__batch_check(channel, link, msgs);
	if (r == 0 && sinew__goes_in_pieces(link, msgs))
		return send_in_pieces(link, msgs, until);
	if (r == 0)
		r = sinew__batch_gather(link, msgs, count, &batch, until);
	if (r < 0)
		return r;
	if (!batch.payload && !batch.passing && out->tail < (size_t)channel->spec.common.coalesce &&
		may_keep(link))
		return (int)batch.count;
	r = push(link, &batch, until);
	if (r == 0)
		return (int)batch.count;
	if (link->broken) {
		unsigned whole = take_back(link, &batch);
		r = renew(link, r, until);
		return r == 1 || whole ? (int)whole : r;
	}
	unsigned accepted = retract(link, &batch);
	channel->interrupted = accepted && r == -EINTR;
	return accepted ? (int)accepted : r;
}

/* What waits in the outbox goes first, unless this message may join it. On a new connection what waited
 * is lost, and the introduction goes first. */
static int make_way(struct sinew__link *link, const struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	const struct sinew__outbox *out = &link->out;
	size_t limit = link->atomic ? link->atomic : SINEW__BULK;
	int r;

	do {
		bool gathering = (channel->spec.common.coalesce || link->hello_due) &&
				 out->head == 0 && !msg->fd_count;
		if (link->torn) {
			r = renew(link, is_torn(link), until);
			if (r < 0)
				return r;
		}
		introduce(link);
		if (out->head == out->tail ||
			(gathering && !sinew__goes_in_pieces(link, msg) &&
				out->tail + sinew__overhead(channel, msg) + msg->size <= limit))
			return 0;
		r = push(link, NULL, until);
		if (r < 0)
			r = renew(link, r, until);
	} while (r == 1);
	return r;
}

/* Messages of one peer. */
static int send_run(
	struct sinew__link *link, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	unsigned sent = 0;

	link->broken = false;
	while (sent < count) {
		int r = make_way(link, &msgs[sent], until);
		if (r >= 0)
			r = send_batch(link, msgs + sent, count - sent, until);
		if (r < 0)
			return sent ? (int)sent : r;
		count_sent(link->channel, msgs + sent, (unsigned)r);
		if (link->ops->pass)
			sinew__passed_sent(msgs + sent, (unsigned)r);
		sent += (unsigned)r;
	}
	return (int)sent;
}

static struct sinew__link *hold(
	struct sinew_channel *channel, uint64_t peer, int64_t until, int *error)
{
	if (!channel->one)
		return sinew__table_hold(channel, peer, until, error);
	if (peer == SINEW_ANY_PEER || peer == channel->one->id)
		return channel->one;
	*error = sinew__fail(ESTALE, "%s: there is no such peer", channel->spec.text);
	return NULL;
}

size_t sinew__stream_below(const struct sinew__link *link)
{
	const struct sinew__common *common = &link->channel->spec.common;
	size_t limit = SINEW__INLINE;

	if (common->frame != SINEW__FRAME_LENGTH || common->coalesce)
		return 0;
	if (link->atomic && link->atomic - SINEW__FRAME_PLAIN_SIZE < limit)
		limit = link->atomic - SINEW__FRAME_PLAIN_SIZE;
	return ((size_t)common->max < limit ? (size_t)common->max : limit) + 1;
}

/* One link's outbox. What fails is kept: it goes on where it stopped, or the next call fails as well. */
static int flush_link(struct sinew__link *link, int64_t until)
{
	link->broken = false;
	int r = push(link, NULL, until);
	if (link->channel->pool)
		sinew__pool_keep(link);
	return r;
}

/* The write of one small message, `frame`, that gave r. 1 it is accepted all the same; 0 nothing of it has
 * gone; -errno the connection broke under it. */
static BESIDE int stopped_short(
	struct sinew__link *link, const struct iovec *frame, ssize_t r, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__outbox *out = &link->out;

	if (r < 0 && r != -EAGAIN && r != -EINTR && !sinew__passes(r) && channel->one) {
		int error = renew(link, broken(link, r), until);
		return error == 1 ? 0 : error;
	}
	if (r <= 0)
		return 0;
	out->data = frame->iov_base; /* a signal cut it in two, or a full socket */
	out->head = (size_t)r;
	out->tail = frame->iov_len;
	int rest = flush_link(link, until);
	if (link->broken) {
		tear(link);
		rest = renew(link, rest, until);
		return rest == 1 ? 0 : rest;
	}
	channel->interrupted = rest == -EINTR;
	return 1;
}

/* One small plain message in one write from `data`, nothing waiting. As stopped_short(). */
HOT static inline int write_simple(
	struct sinew__link *link, uint8_t *data, const struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	const size_t size = msg->size;
	const uint32_t length = htobe32((uint32_t)size);

	__builtin_memcpy(data, &length, sizeof length);
	sinew__copy(data + sizeof length, msg->data, size);
	const struct iovec frame = {data, sizeof length + size};
	sinew__add(&channel->count.calls[1], 1);
	ssize_t r = link->ops->write(link, &frame, 1, sinew__may_block(channel, until));
	if (!USUALLY((size_t)r == sizeof length + size)) {
		int done = stopped_short(link, &frame, r, until);
		if (done != 1)
			return done;
	}
	sinew__add(&channel->count.sent, 1);
	sinew__add(&channel->count.bytes_sent, size);
	return 1;
}

/* Whether a message without descriptors, or what else is seldom, may go to this link alone and at once. */
static inline bool is_simple(
	const struct sinew__link *link, size_t below, const struct sinew_msg *msg)
{
	return msg->size < below && !(msg->flags | msg->fd_count) && !link->out.tail &&
	       !(link->torn | link->hello_due);
}

/* The same to one of those that a listener has. */
HOT NOINLINE static int answer_simple(
	struct sinew_channel *channel, const struct sinew_msg *msg, int64_t until)
{
	struct sinew__pool *pool = channel->pool;
	int r = 0;

	if (!msg->peer)
		return 0;
	struct sinew__link *link = sinew__table_hold(channel, msg->peer, SINEW_NOW, &r);
	if (!link)
		return r;
	if (is_simple(link, pool ? pool->below : link->below, msg))
		r = write_simple(link, pool ? pool->sending : link->out.data, msg, until);
	if (r == 1 && channel->room_fd >= 0)
		sinew__room_update(channel, NULL);
	sinew__table_let_go(link);
	return r;
}

/* After a send to one of many: `full` had no room, or there was no memory to keep the rest in. */
static void tell_room(struct sinew_channel *channel, struct sinew__link *full)
{
	struct sinew__pool *pool = channel->pool;

	if (full && pool && pool->out_short)
		sinew__room_later(channel);
	else
		sinew__room_update(channel, full);
	if (pool)
		pool->out_short = false;
}

/* Any messages, to whomever, in whatever state the links are. */
static NOINLINE int send_any(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	unsigned sent = 0;
	int r = 0;

	while (sent < count) {
		unsigned run = 1;
		while (sent + run < count && msgs[sent + run].peer == msgs[sent].peer)
			run++;
		struct sinew__link *link = hold(channel, msgs[sent].peer, until, &r);
		if (!link)
			break;
		if (channel->pool)
			sinew__pool_lend(link);
		r = send_run(link, msgs + sent, run, until);
		if (channel->table) {
			if (channel->pool)
				sinew__pool_keep(link);
			tell_room(channel, r < (int)run ? link : NULL);
			if (link->broken && !(channel->flags & SINEW_IN))
				sinew__table_remove(channel, link, 0); /* nobody else would */
			sinew__table_let_go(link);
		}
		if (r < 0)
			break;
		sent += (unsigned)r;
		if ((unsigned)r < run)
			break;
	}
	return sent ? (int)sent : r;
}

/* The common case in one step: one small plain message, one link, nothing waiting, time to wait in the
 * kernel. */
HOT int sinew__stream_send(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct sinew__link *link = channel->one;
	int r = 0;

	if (USUALLY(count == 1 && link)) {
		if (is_simple(link, link->below, msgs) && msgs->peer <= link->id &&
			sinew__may_block(channel, until))
			r = write_simple(link, link->out.data, msgs, until);
	} else if (count == 1) {
		r = answer_simple(channel, msgs, until);
	}
	return r ? r : send_any(channel, msgs, count, until);
}

/* Every link of a table. The worst result. */
static int flush_table(struct sinew_channel *channel, int64_t until)
{
	struct sinew__link *link;
	int worst = 0, r;

	for (unsigned slot = 0; (r = sinew__table_hold_slot(channel, slot, &link)) >= 0; slot++) {
		if (r == 0)
			continue;
		r = flush_link(link, until);
		sinew__table_let_go(link);
		if (r < 0)
			worst = r;
	}
	return worst;
}

/* With many peers first what goes without waiting, so that no peer waits for a slower one. */
int sinew__stream_flush(struct sinew_channel *channel, int64_t until)
{
	if (channel->one)
		return flush_link(channel->one, until);
	if (!channel->table)
		return 0;
	int r = flush_table(channel, SINEW_NOW);
	return r == -EAGAIN && until != SINEW_NOW ? flush_table(channel, until) : r;
}
