/* SPDX-License-Identifier: MIT
 *
 * packet_in.c - messages over mechanisms that keep boundaries themselves: one system call each, straight
 * from and into the caller's memory. With frame=length each packet also carries a frame header,
 * which must fill it exactly, so that tags can travel.
 *
 * A packet that does not fit the caller's buffer overflows into the inbox, is put together there
 * and kept for the next call.
 */
#include "packet.h"

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
	void *to; /* where the message shall be in the end */
	void *buf;
	size_t cap;
	size_t at; /* without buf: how far into the inbox */
};

/* Where a packet lies, and what else is known of it. */
struct packet {
	struct sinew__link *link;
	uint8_t *data;
	size_t size;
	struct sinew__about about;
};

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

int sinew__packet_wait(struct sinew_channel *channel, int fd, short events, int64_t until)
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

bool sinew__packet_goes_on(const struct sinew_channel *channel, ssize_t error)
{
	static const int news[] = {
		ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ETIMEDOUT};
	bool told = false;

	for (unsigned i = 0; i < sizeof news / sizeof *news; i++)
		told = told || error == -news[i];
	return sinew__passes(error) || (told && !(channel->caps.bits & SINEW_CAP_END));
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

/* One system call. */
HOT static inline ssize_t receive_once(
	struct sinew__link *link, struct iovec *iov, int n, struct packet *packet, bool wait)
{
	packet->link = link;
	packet->about = (struct sinew__about){.peer = link->id};
	sinew__add(&link->channel->count.calls[0], 1);
	ssize_t r = link->ops->receive(link, iov, n, &packet->about, wait);
	packet->data = iov[0].iov_base;
	packet->size = (size_t)r;
	return r;
}

/* A receive gave nothing (r): goes on where that means nothing. */
static NOINLINE int receive_on(struct sinew__link *link, struct iovec *iov, int n,
	struct packet *packet, ssize_t r, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	bool last = false;

	for (;;) {
		if (r == -EAGAIN)
			r = sinew__look_again(
				sinew__packet_wait(channel, link->rfd, POLLIN, until), &last);
		else if (r == -EINTR)
			r = sinew__interrupted(channel);
		else if (sinew__packet_goes_on(channel, r))
			return receive_failed(link, "", (int)r);
		else
			return ended(channel, link, r);
		if (r < 0)
			return (int)r;
		r = receive_once(link, iov, n, packet, sinew__may_block(channel, until));
		if (r >= 0)
			return MESSAGE;
	}
}

/* One receive on this link, waiting as asked. */
HOT static inline int receive_one(
	struct sinew__link *link, const struct place *place, struct packet *packet, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct iovec iov[2];
	int n = lay_out(link, place, iov);

	if (link->ended)
		return ended(channel, link, SINEW__NO_PACKET);
	ssize_t r = receive_once(link, iov, n, packet, sinew__may_block(channel, until));
	return USUALLY(r >= 0) ? MESSAGE : receive_on(link, iov, n, packet, r, until);
}

/* One more of this link, if it is there. Its end is left for the next call to find. */
static int receive_more(struct sinew__link *link, const struct place *place, struct packet *packet)
{
	struct iovec iov[2];
	int n = lay_out(link, place, iov);

	ssize_t r = receive_once(link, iov, n, packet, false);
	link->ended = link->ended || r == SINEW__NO_PACKET;
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

	if (sinew__is_framed(channel) && packet->size <= most(channel))
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

/* The next packet that is a message, if r is what the first step came to. What strangers among many peers
 * send is counted and passed over; an only peer's is told. */
static int sift(struct sinew_channel *channel, const struct place *place, struct packet *packet,
	int r, int64_t until)
{
	bool many = channel->table || channel->addresses;
	unsigned bad = 0;

	for (;; r = next_packet(channel, place, packet, until)) {
		if (r == AGAIN) /* that peer has left */
			continue;
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

HOT static inline void describe(
	struct sinew_channel *channel, const struct packet *packet, struct sinew_msg *msg)
{
	*msg = (struct sinew_msg){.data = packet->data,
		.size = packet->size,
		.peer = packet->about.peer,
		.tag = packet->about.tag,
		.priority = packet->about.priority,
		.flags = packet->about.flags,
		.lost = channel->lost};
	channel->lost = 0;
	if (packet->link->passed)
		sinew__passed_lend(packet->link, msg);
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

/* A message, or the part of it in the caller's buffer, that lies somewhere else still. */
static int hand_over(struct sinew_channel *channel, struct packet *packet,
	const struct place *place, struct sinew_msg *msg)
{
	if (packet->size > place->cap) {
		keep(packet);
		msg->size = packet->size;
		return sinew__fail(EMSGSIZE,
			"%s: the next message has %zu bytes, the buffer %zu; it is kept",
			channel->spec.text, packet->size, place->cap);
	}
	if (packet->size && packet->data != place->to)
		memcpy(place->to, packet->data, packet->size);
	packet->link->in.head = packet->link->in.tail = 0;
	packet->data = place->to;
	describe(channel, packet, msg);
	return 1;
}

/* The next message, r being what the first step came to. */
static NOINLINE int recv_on(struct sinew_channel *channel, const struct place *place,
	struct packet *packet, int r, struct sinew_msg *msg, int64_t until)
{
	r = sift(channel, place, packet, r, until);
	if (r != MESSAGE) {
		msg->size = r == -EMSGSIZE ? packet->size : msg->size;
		return sinew__table_tell(channel, r, msg);
	}
	if (packet->size > place->cap && place->buf)
		gather(packet, place->buf, place->cap);
	return hand_over(channel, packet, place, msg);
}

/* The next message, in whatever state the links are. */
static NOINLINE int recv_any(
	struct sinew_channel *channel, void *to, size_t cap, struct sinew_msg *msg, int64_t until)
{
	const struct place place = {
		.to = to, .cap = cap, .buf = sinew__is_framed(channel) ? NULL : to};
	struct packet packet;

	if (kept(channel, &packet))
		return hand_over(channel, &packet, &place, msg);
	int r = next_packet(channel, &place, &packet, until);
	return recv_on(channel, &place, &packet, r, msg, until);
}

/* The common case in one step: one link, no packet kept, one that is as it should be. */
HOT static int packet_recv(
	struct sinew_channel *channel, void *to, size_t cap, struct sinew_msg *msg, int64_t until)
{
	struct sinew__link *link = channel->reading;
	const struct place place = {.to = to, .cap = cap, .buf = to};
	struct packet packet;

	if (!link || !link->below || link->in.head != link->in.tail)
		return recv_any(channel, to, cap, msg, until);
	int r = receive_one(link, &place, &packet, until);
	if (!USUALLY(r == MESSAGE && packet.size <= cap && packet.size < link->below))
		return recv_on(channel, &place, &packet, r, msg, until);
	packet.data = to;
	describe(channel, &packet, msg);
	return 1;
}

/* The next message in the inbox, r being what the first step came to, and more of the same peer. */
static NOINLINE int take_on(struct sinew_channel *channel, struct packet *packet, int r,
	struct sinew_msg *msgs, unsigned count, int64_t until)
{
	const size_t room = room_for_one(channel) + SINEW__BULK;
	struct place place = {0};
	unsigned n = 0;

	r = sift(channel, &place, packet, r, until);
	if (r == -EMSGSIZE)
		msgs->size = packet->size;
	while (r == MESSAGE) {
		describe(channel, packet, &msgs[n++]);
		place.at = (size_t)(packet->data + packet->size - packet->link->in.data);
		if (n == count || room - place.at < room_for_one(channel) || msgs[n - 1].fd_count)
			break;
		/* More of the same peer, whose inbox this is; the others come next time. */
		r = receive_more(packet->link, &place, packet);
		if (r == MESSAGE && judge(channel, packet) < 0)
			break;
	}
	return n ? (int)n : sinew__table_tell(channel, r, msgs);
}

/* Messages in whatever state the links are. */
static NOINLINE int take_any(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	const struct place place = {0};
	struct packet packet;

	if (count == 0)
		return sinew__fail(EINVAL, "take: room for no message");
	if (kept(channel, &packet)) {
		describe(channel, &packet, msgs);
		packet.link->in.head = packet.link->in.tail = 0;
		return 1;
	}
	int r = next_packet(channel, &place, &packet, until);
	return take_on(channel, &packet, r, msgs, count, until);
}

/* The common case in one step, as a receive has it. */
HOT static int packet_take(
	struct sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	struct sinew__link *link = channel->reading;
	const struct place place = {0};
	struct packet packet;

	if (count != 1 || !link || !link->below || link->in.head != link->in.tail)
		return take_any(channel, msgs, count, until);
	int r = receive_one(link, &place, &packet, until);
	if (!USUALLY(r == MESSAGE && packet.size < link->below))
		return take_on(channel, &packet, r, msgs, count, until);
	describe(channel, &packet, msgs);
	return 1;
}

static unsigned packet_buffered(struct sinew_channel *channel, unsigned limit)
{
	struct packet packet;

	(void)limit;
	return (channel->one || channel->table) && channel->flags & SINEW_IN &&
	       kept(channel, &packet);
}

/* Messages as they are, up to the largest. */
static size_t packet_below(const struct sinew__link *link)
{
	const struct sinew_channel *channel = link->channel;

	return sinew__is_framed(channel) ? 0 : (size_t)channel->caps.max_message + 1;
}

const struct sinew__io sinew__packet_io = {
	.send = sinew__packet_send,
	.flush = sinew__packet_flush,
	.recv = packet_recv,
	.take = packet_take,
	.buffered = packet_buffered,
	.below = packet_below,
};
