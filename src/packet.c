/* SPDX-License-Identifier: MIT
 *
 * packet.c - messages over mechanisms that keep boundaries themselves: one system call each, straight
 * from and into the caller's memory. With frame=length each packet also carries a frame header,
 * which must fill it exactly, so that tags can travel.
 *
 * A packet that does not fit the caller's buffer overflows into the inbox, is put together there
 * and kept for the next call.
 */
#include <limits.h>
#include <string.h>

#include "banned.h"
#include "error.h"
#include "frame.h"
#include "passed.h"
#include "ready.h"
#include "table.h"
#include "wait.h"

enum {
	PAUSE = 1000000, /* ns, where a full peer cannot be polled for room */
	MOST_BAD = 64,   /* packets passed over before the deadline is looked at */
	MOST_BEFORE = 32 /* bytes before the frame that only the mechanism sees */
};

/* Where a packet is to go: the caller's buffer and what overflows into the inbox, or the inbox. */
struct place {
	void *buf;
	size_t cap;
	size_t at; /* without buf: how far into the inbox */
};

/* Where a packet lies; what else is known of it stands in the message to be. */
struct packet {
	struct sinew__link *link;
	uint8_t *data;
	size_t size;
	struct sinew_msg about;
};

static bool framed(const struct sinew_channel *channel)
{
	return channel->spec.common.frame == SINEW__FRAME_LENGTH;
}

static size_t most(const struct sinew_channel *channel)
{
	return (size_t)channel->spec.common.max + SINEW__FRAME_MOST;
}

/* Room for one that may come, with what the mechanism puts before it. */
static size_t room_for_one(const struct sinew_channel *channel)
{
	return most(channel) + MOST_BEFORE;
}

static int lay_out(struct sinew__link *link, const struct place *place, struct iovec iov[2])
{
	if (!place->buf) {
		iov[0] = (struct iovec){link->in.data + place->at, room_for_one(link->channel)};
		return 1;
	}
	iov[0] = (struct iovec){place->buf, place->cap};
	iov[1] = (struct iovec){link->in.data, room_for_one(link->channel)};
	return 2;
}

/* Whether a call that did not do its work shall go on: the deadline decides, however much there is. */
static int go_on(int64_t until)
{
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	if (until != SINEW_FOREVER && sinew__now() >= until)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	return 0;
}

/* Waits until fd is ready; what cannot be polled (-1) is asked again every millisecond. */
static int wait_for(struct sinew_channel *channel, int fd, short events, int64_t until)
{
	int r = go_on(until);
	if (r < 0)
		return r;
	if (fd >= 0)
		return sinew__wait(channel, fd, events, until);
	int64_t look = sinew__sooner(until, sinew_after(PAUSE));
	r = sinew__wait(channel, -1, events, look);
	return r == -ETIMEDOUT && look != until ? 0 : r;
}

/* A receive failed: in words, and never as if a deadline had passed. */
static int receive_failed(struct sinew__link *link, const char *what, int error)
{
	int code = error == -ETIMEDOUT ? ECONNABORTED : -error;

	if (link->ops->explain)
		return link->ops->explain(link, NULL, error);
	return sinew__fail(
		code, "receive on %s: %s%s", link->channel->spec.text, what, strerror(-error));
}

/* Whether an error leaves the link as it was: memory was short, or the network, which knows no
 * connection here, says what became of a packet that we sent. */
static bool goes_on(const struct sinew_channel *channel, ssize_t error)
{
	static const int news[] = {
		ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ETIMEDOUT};
	bool told = false;

	for (unsigned i = 0; i < sizeof news / sizeof *news; i++)
		told = told || error == -news[i];
	return sinew__passes(error) || (told && !(channel->caps.bits & SINEW_CAP_END));
}

/* The deadline passed: *last asks for one more try. What came with it counts, and a mechanism may know
 * better why nothing comes any more. */
static int look_again(int r, bool *last)
{
	if (r != -ETIMEDOUT || *last)
		return r;
	*last = true;
	return 0;
}

/* The peer will say no more, or the link broke. What has no end fails the same way ever after. */
static int ended(struct sinew_channel *channel, struct sinew__link *link, ssize_t error)
{
	bool last = channel->table && !link->finished && !(channel->flags & SINEW_EVENTS) &&
		    sinew__table_is_last(channel);

	if (channel->table && !last) {
		if (error != SINEW__NO_PACKET)
			sinew__lose(channel, 1); /* what was under way, as far as we know */
		sinew__table_remove(channel, link, 0);
		return AGAIN;
	}
	link->finished = last;
	link->ended = true;
	if (error == SINEW__NO_PACKET && !link->failed)
		return END;
	if (!(channel->caps.bits & SINEW_CAP_END))
		link->failed = error == SINEW__NO_PACKET ? link->failed : (int)error;
	if (link->failed)
		error = link->failed;
	return receive_failed(link, "the connection broke: ", (int)error);
}

/* One receive on this link, waiting as asked. */
HOT static int receive_one(
	struct sinew__link *link, const struct place *place, struct packet *packet, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct iovec iov[2];
	int n = lay_out(link, place, iov);
	bool last = false;

	if (link->ended)
		return ended(channel, link, SINEW__NO_PACKET);
	packet->link = link;
	packet->about = (struct sinew_msg){.peer = link->id};
	for (;;) {
		sinew__add(&channel->count.calls[0], 1);
		ssize_t r = link->ops->receive(
			link, iov, n, &packet->about, sinew__may_block(channel, until));
		if (r >= 0) {
			packet->data = iov[0].iov_base;
			packet->size = (size_t)r;
			return MESSAGE;
		}
		if (r == -EAGAIN)
			r = look_again(wait_for(channel, link->rfd, POLLIN, until), &last);
		else if (r == -EINTR)
			r = sinew__interrupted(channel);
		else if (goes_on(channel, r))
			return receive_failed(link, "", (int)r);
		else
			return ended(channel, link, r);
		if (r < 0)
			return (int)r;
	}
}

/* One more of this link, if it is there. Its end is left for the next call to find. */
static int receive_more(struct sinew__link *link, const struct place *place, struct packet *packet)
{
	struct iovec iov[2];
	int n = lay_out(link, place, iov);

	packet->about = (struct sinew_msg){.peer = link->id};
	sinew__add(&link->channel->count.calls[0], 1);
	ssize_t r = link->ops->receive(link, iov, n, &packet->about, false);
	link->ended = link->ended || r == SINEW__NO_PACKET;
	packet->data = iov[0].iov_base;
	packet->size = r > 0 ? (size_t)r : 0;
	return r >= 0 ? MESSAGE : AGAIN;
}

/* The next packet of any peer. */
static int next_packet(struct sinew_channel *channel, const struct place *place,
	struct packet *packet, int64_t until)
{
	struct sinew__link *link;
	bool alone = true;
	int r;

	if (channel->one)
		return receive_one(channel->one, place, packet, until);
	for (;;) {
		if (sinew__table_has_event(channel))
			return EVENT;
		r = sinew__table_pick(channel, &link, &alone, until);
		if (r == -EAGAIN && sinew__table_has_event(channel))
			return EVENT;
		if (r <= 0)
			return r;
		r = receive_one(link, place, packet, alone ? until : SINEW_NOW);
		if (r != AGAIN && (alone || r != -EAGAIN))
			return r;
	}
}

/* Reads the frame of a packet. */
static int unframe(struct packet *packet)
{
	struct sinew__frame frame;
	size_t need;

	if (sinew__frame_parse(packet->data, packet->size, &frame, &need) != 1 ||
		frame.type > SINEW__FRAME_TAGGED ||
		frame.header + (size_t)frame.size != packet->size)
		return sinew__fail(EBADMSG,
			"%s: a packet came that does not speak this framing; dropped",
			packet->link->channel->spec.text);
	packet->data += frame.header;
	packet->size = frame.size;
	packet->about.tag = frame.tag;
	packet->about.flags |= frame.type ? SINEW_MSG_TAGGED : 0;
	return 0;
}

/* Whether the packet is a message for us. 0; -EMSGSIZE or -EBADMSG: it is dropped and counted. */
static int judge(struct sinew_channel *channel, struct packet *packet)
{
	size_t max = (size_t)channel->spec.common.max;
	int r = 0;

	if (framed(channel) && packet->size <= most(channel))
		r = unframe(packet);
	if (r == 0 && packet->size > max)
		r = sinew__fail(EMSGSIZE,
			"%s: a message of %zu bytes came, above max=%zu; it was skipped",
			channel->spec.text, packet->size, max);
	if (r < 0) {
		sinew__passed_drop_all(packet->link);
		sinew__lose(channel, 1);
	}
	return r;
}

/* The next packet that is a message. What strangers among many peers send is counted and passed
 * over; an only peer's is told. */
HOT static int next_message(struct sinew_channel *channel, const struct place *place,
	struct packet *packet, int64_t until)
{
	bool many = channel->table || channel->addresses;
	unsigned bad = 0;

	for (;;) {
		int r = next_packet(channel, place, packet, until);
		if (r != MESSAGE)
			return r;
		r = judge(channel, packet);
		if (r == 0)
			return MESSAGE;
		if (many && ++bad % MOST_BAD == 0)
			r = go_on(until);
		else if (many)
			continue;
		if (r < 0)
			return r;
	}
}

static void describe(
	struct sinew_channel *channel, const struct packet *packet, struct sinew_msg *msg)
{
	*msg = packet->about;
	msg->data = packet->data;
	msg->size = packet->size;
	if (packet->link->passed)
		sinew__passed_lend(packet->link, msg);
	msg->lost += channel->lost;
	channel->lost = 0;
	if (channel->copies) {
		msg->copies =
			(uint32_t)(channel->copies < UINT32_MAX ? channel->copies : UINT32_MAX);
		channel->copies = 0;
	}
	sinew__add(&channel->count.received, 1);
	sinew__add(&channel->count.bytes_received, packet->size);
}

/* The packet that did not fit, if one is kept; how much of its inbox holds it. */
static bool kept(struct sinew_channel *channel, struct packet *packet)
{
	struct sinew__link *link = channel->one ? channel->one : sinew__table_current(channel);

	if (!link || link->in.head == link->in.tail)
		return false;
	*packet = (struct packet){.link = link,
		.data = link->in.data + link->in.head,
		.size = link->in.tail - link->in.head,
		.about = link->kept};
	return true;
}

static void keep(const struct packet *packet)
{
	struct sinew__link *link = packet->link;

	link->in.head = (size_t)(packet->data - link->in.data);
	link->in.tail = link->in.head + packet->size;
	link->kept = packet->about;
}

/* Puts the part in the caller's buffer and the part in the inbox together, in the inbox. */
static void gather(struct packet *packet, const void *buf, size_t cap)
{
	struct sinew__inbox *in = &packet->link->in;

	memmove(in->data + cap, in->data, packet->size - cap);
	memcpy(in->data, buf, cap);
	packet->data = in->data;
}

HOT static int packet_recv(
	struct sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	const struct place place = {framed(channel) ? NULL : buf, cap, 0};
	struct packet packet;

	if (!kept(channel, &packet)) {
		int r = next_message(channel, &place, &packet, until);
		if (r != MESSAGE) {
			msg->size = r == -EMSGSIZE ? packet.size : msg->size;
			return sinew__table_tell(channel, r, msg);
		}
		if (packet.size > cap && place.buf)
			gather(&packet, buf, cap);
	}
	if (packet.size > cap) {
		keep(&packet);
		msg->size = packet.size;
		return sinew__fail(EMSGSIZE,
			"%s: the next message has %zu bytes, the buffer %zu; it is kept",
			channel->spec.text, packet.size, cap);
	}
	if (packet.size && packet.data != buf)
		memcpy(buf, packet.data, packet.size);
	packet.link->in.head = packet.link->in.tail = 0;
	packet.data = buf;
	describe(channel, &packet, msg);
	return 1;
}

static int packet_take(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct place place = {0};
	struct packet packet;
	unsigned n = 0;
	int r = 0;

	if (count == 0)
		return sinew__fail(EINVAL, "take: room for no message");
	if (kept(channel, &packet)) {
		describe(channel, &packet, msgs);
		packet.link->in.head = packet.link->in.tail = 0;
		return 1;
	}
	size_t room = room_for_one(channel) + SINEW__BULK;
	r = next_message(channel, &place, &packet, until);
	if (r == -EMSGSIZE)
		msgs->size = packet.size;
	while (r == MESSAGE) {
		describe(channel, &packet, &msgs[n++]);
		place.at = (size_t)(packet.data + packet.size - packet.link->in.data);
		if (n == count || room - place.at < room_for_one(channel) || msgs[n - 1].fd_count)
			break;
		/* More of the same peer, whose inbox this is; the others come next time. */
		r = receive_more(packet.link, &place, &packet);
		if (r == MESSAGE && judge(channel, &packet) < 0)
			break;
	}
	return n ? (int)n : sinew__table_tell(channel, r, msgs);
}

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

HOT static int send_one(struct sinew__link *link, const struct sinew_msg *msg, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	bool tagged = msg->flags & SINEW_MSG_TAGGED;
	const struct sinew__frame frame = {
		.type = tagged ? SINEW__FRAME_TAGGED : SINEW__FRAME_PLAIN,
		.size = (uint32_t)msg->size,
		.tag = msg->tag};
	uint8_t header[SINEW__FRAME_MOST];
	struct iovec iov[2];
	bool last = false;
	int n = 0;

	int r = check(link, msg);
	if (r < 0)
		return r;
	if (framed(channel))
		iov[n++] = (struct iovec){header, sinew__frame_write(header, &frame)};
	iov[n++] = (struct iovec){(void *)msg->data, msg->size};
	for (;;) {
		sinew__add(&channel->count.calls[1], 1);
		ssize_t sent =
			link->ops->transmit(link, iov, n, msg, sinew__may_block(channel, until));
		if (sent >= 0)
			return 0;
		if (sent == -EAGAIN || sent == -ENOBUFS)
			r = look_again(wait_for(channel,
					       link->pollable && sent == -EAGAIN ? link->wfd : -1,
					       POLLOUT, until),
				&last);
		else if (sent == -EINTR)
			r = sinew__interrupted(channel);
		else
			return send_failed(link, msg, (int)sent);
		if (r < 0)
			return r;
	}
}

HOT static int packet_send(
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
			sinew__room_update(channel, r < 0 ? link : NULL);
			sinew__table_let_go(link);
		}
		if (r < 0)
			break;
		if (msgs[sent].fd_count)
			sinew__passed_sent(&msgs[sent], 1);
		bytes += msgs[sent].size;
	}
	sinew__add(&channel->count.sent, sent);
	sinew__add(&channel->count.bytes_sent, bytes);
	return sent ? (int)sent : r;
}

/* Nothing is ever kept back. */
static int packet_flush(struct sinew_channel *channel, int64_t until)
{
	(void)channel;
	(void)until;
	return 0;
}

static unsigned packet_buffered(struct sinew_channel *channel, unsigned limit)
{
	struct packet packet;

	(void)limit;
	return (channel->one || channel->table) && channel->flags & SINEW_IN &&
	       kept(channel, &packet);
}

const struct sinew__io sinew__packet_io = {
	.send = packet_send,
	.flush = packet_flush,
	.recv = packet_recv,
	.take = packet_take,
	.buffered = packet_buffered,
};
