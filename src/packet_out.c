/* SPDX-License-Identifier: MIT
 *
 * packet_out.c - sending over mechanisms that keep boundaries themselves: one system call a message,
 * straight from the caller's memory, behind a frame header where frame=length asks for one.
 */
#include "packet.h"

#include <poll.h>
#include <string.h>

#include "banned.h"
#include "error.h"
#include "frame.h"
#include "passed.h"
#include "ready.h"
#include "table.h"
#include "wait.h"

static int check(struct sinew__link *link, const struct sinew_msg *msg)
{
	const struct sinew_channel *channel = link->channel;
	size_t max = (size_t)channel->caps.max_message;

	if (msg->size > max && link->ops->explain)
		return link->ops->explain(link, msg, -EMSGSIZE);
	if (msg->size > max)
		return sinew__fail(EMSGSIZE,
			"send to %s: the message has %zu bytes, the limit is %zu (max=, or what %s "
			"carries here; see sinew info)",
			channel->spec.text, msg->size, max, channel->spec.uri.scheme);
	return 0;
}

/* The failure of a send in words; those of the mechanism's own have theirs. */
static int send_failed(struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const char *uri = link->channel->spec.text;

	if (sinew__passed_refused(msg, error))
		return sinew__passed_explain(link->channel, msg, error);
	if (link->ops->explain)
		return link->ops->explain(link, msg, error);
	if (error == -ESTALE ||
		(error == -EDESTADDRREQ && msg->peer == SINEW_ANY_PEER && link->channel->addresses))
		return error;
	switch (-error) {
	case EMSGSIZE:
		return sinew__fail(EMSGSIZE,
			"send to %s: %zu bytes do not fit the socket's buffer; raise buffer=", uri,
			msg->size);
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ENOTCONN:
		return sinew__fail(EPIPE, "send to %s: no reader is left", uri);
	default:
		return sinew__fail(-error, "send to %s: %s", uri, strerror(-error));
	}
}

static inline ssize_t transmit_once(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;

	sinew__add(&channel->count.calls[1], 1);
	return link->ops->transmit(link, iov, n, msg, sinew__may_block(channel, until));
}

/* A transmit failed (sent): goes on where that means nothing. */
static NOINLINE int transmit_on(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *msg, ssize_t sent, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	bool last = false;
	int r;

	for (;;) {
		if (sent == -EAGAIN || sent == -ENOBUFS)
			r = sinew__look_again(
				sinew__packet_wait(channel,
					link->pollable && sent == -EAGAIN ? link->wfd : -1, POLLOUT,
					until),
				&last);
		else if (sent == -EINTR)
			r = sinew__interrupted(channel);
		else
			return send_failed(link, msg, (int)sent);
		if (r < 0)
			return r;
		sent = transmit_once(link, iov, n, msg, until);
		if (sent >= 0)
			return 0;
	}
}

HOT static inline int transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *msg, int64_t until)
{
	ssize_t sent = transmit_once(link, iov, n, msg, until);

	return USUALLY(sent >= 0) ? 0 : transmit_on(link, iov, n, msg, sent, until);
}

static int send_framed(struct sinew__link *link, const struct sinew_msg *msg, int64_t until)
{
	bool tagged = msg->flags & SINEW_MSG_TAGGED;
	const struct sinew__frame frame = {
		.type = tagged ? SINEW__FRAME_TAGGED : SINEW__FRAME_PLAIN,
		.size = (uint32_t)msg->size,
		.tag = msg->tag};
	uint8_t header[SINEW__FRAME_MOST];
	const struct iovec iov[2] = {
		{header, sinew__frame_write(header, &frame)}, {(void *)msg->data, msg->size}};

	return transmit(link, iov, 2, msg, until);
}

HOT static int send_one(struct sinew__link *link, const struct sinew_msg *msg, int64_t until)
{
	const struct iovec whole = {(void *)msg->data, msg->size};

	int r = check(link, msg);
	if (r < 0)
		return r;
	if (sinew__is_framed(link->channel))
		return send_framed(link, msg, until);
	return transmit(link, &whole, 1, msg, until);
}

static void count_sent(struct sinew_channel *channel, unsigned messages, uint64_t bytes)
{
	sinew__add(&channel->count.sent, messages);
	sinew__add(&channel->count.bytes_sent, bytes);
}

/* Any messages, to whomever, in whatever state the links are. */
HOT NOINLINE static int send_any(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	unsigned sent = 0;
	uint64_t bytes = 0;
	int r = 0;

	for (; sent < count; sent++) {
		struct sinew__link *link = channel->one;
		if (channel->table)
			link = sinew__table_hold(channel, msgs[sent].peer, until, &r);
		if (!link)
			break;
		r = send_one(link, &msgs[sent], until);
		if (channel->table) {
			if (channel->room_fd >= 0)
				sinew__room_update(channel, r < 0 ? link : NULL);
			sinew__table_let_go(link);
		}
		if (r < 0)
			break;
		if (msgs[sent].fd_count)
			sinew__passed_sent(&msgs[sent], 1);
		bytes += msgs[sent].size;
	}
	count_sent(channel, sent, bytes);
	return sent ? (int)sent : r;
}

/* The common case in one step: one small message, one link. */
HOT int sinew__packet_send(
	struct sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct sinew__link *link = channel->one;

	if (count != 1 || !link || msgs->size >= link->below || msgs->fd_count)
		return send_any(channel, msgs, count, until);
	const struct iovec whole = {(void *)msgs->data, msgs->size};
	int r = transmit(link, &whole, 1, msgs, until);
	if (r < 0)
		return r;
	count_sent(channel, 1, msgs->size);
	return 1;
}

/* Nothing is ever kept back. */
int sinew__packet_flush(struct sinew_channel *channel, int64_t until)
{
	(void)channel;
	(void)until;
	return 0;
}
