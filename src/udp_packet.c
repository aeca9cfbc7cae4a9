/* SPDX-License-Identifier: MIT
 *
 * udp_packet.c - datagrams on UDP sockets: one system call each, the message straight from and into
 * the caller's memory, its number beside it. No datagram is believed before its header is; bad ones
 * and errors of the network are passed over, a bounded number of them in one receive.
 *
 * Numbers run for each session, a session for each peer: who is answered sees no gap where others
 * were answered.
 */
#include "udp_packet.h"

#include <string.h>
#include <sys/random.h>

#include "addresses.h"
#include "banned.h"
#include "cleanup.h"
#include "copy.h"
#include "error.h"
#include "socket.h"

enum {
	MOST_PASSED = 64,  /* in one receive, before others have their say */
	SENT_WHOLE = 1024, /* up to so much, copying costs less than a scattered system call */
};

/* ---- receiving ---- */

/* The cmsg that names one of our addresses, of either protocol. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* A datagram that came, before anybody believes it. */
struct arrival {
	struct sinew__route from;
	socklen_t size; /* of the part of `from` that tells peers apart */
	bool whole;     /* it lies in the last part of the memory, with its header */
	uint8_t header[SINEW__SEQUENCE_HEADER];
};

/* Errors that say something of an earlier datagram, or of the network as it was then. */
static bool is_of_the_network(ssize_t error)
{
	switch (-error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EPROTO:
	case EACCES:
	case EPERM:
	case EMSGSIZE:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

static void find_destination(struct msghdr *message, struct in6_addr *at)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(message);
	struct in6_pktinfo v6;
	struct in_pktinfo v4;

	*at = (struct in6_addr){0};
	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&v4, CMSG_DATA(c), sizeof v4);
		memcpy(at, &v4.ipi_spec_dst, sizeof v4.ipi_spec_dst);
	} else if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&v6, CMSG_DATA(c), sizeof v6);
		*at = v6.ipi6_addr;
	}
}

/* One datagram in one piece, header and all. Its bytes, or -errno. */
HOT static ssize_t receive_whole(
	struct sinew__link *link, const struct iovec *inbox, struct arrival *arrival, bool wait)
{
	struct sinew__place *peer = link->channel->addresses ? &arrival->from.peer : NULL;

	arrival->whole = true;
	arrival->from.peer.size = sizeof arrival->from.peer.address;
	ssize_t r = sinew__result(sinew__sys.recvfrom(link->rfd, inbox->iov_base, inbox->iov_len,
		MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT), peer ? &peer->address.any : NULL,
		peer ? &peer->size : NULL));
	arrival->size = arrival->from.peer.size;
	if (r >= SINEW__SEQUENCE_HEADER)
		memcpy(arrival->header, inbox->iov_base, sizeof arrival->header);
	return r;
}

/* One datagram: the header here, the message where it belongs. Its bytes, or -errno. */
HOT static ssize_t receive_parts(
	struct sinew__link *link, struct iovec *iov, int n, struct arrival *arrival, bool wait)
{
	const struct sinew__udp *state = link->channel->state;
	bool many = link->channel->addresses;
	struct iovec parts[3] = {{arrival->header, sizeof arrival->header}};
	union control control;
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};

	arrival->whole = false;
	if (state->numbered) {
		memcpy(parts + 1, iov, (size_t)n * sizeof *iov);
		message.msg_iov = parts;
		message.msg_iovlen++;
	}
	if (many) {
		message.msg_name = &arrival->from.peer.address;
		message.msg_namelen = sizeof arrival->from.peer.address;
	}
	if (state->any) {
		arrival->from = (struct sinew__route){0};
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
	}
	ssize_t r = sinew__result(
		sinew__sys.recvmsg(link->rfd, &message, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT)));
	if (r < 0 || !many)
		return r;
	arrival->from.peer.size = message.msg_namelen;
	arrival->size = message.msg_namelen;
	if (state->any) {
		find_destination(&message, &arrival->from.at);
		arrival->size = sizeof arrival->from;
	}
	return r;
}

static bool is_last(const struct sinew__udp *state, const struct arrival *arrival)
{
	return state->last.peer.size == arrival->from.peer.size &&
	       memcmp(&state->last, &arrival->from, arrival->size) == 0;
}

/* Which peer sent this: its id in the book, or the only one's. */
HOT static uint64_t identify(struct sinew__link *link, const struct arrival *arrival)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__udp *state = channel->state;

	if (!channel->addresses)
		return link->id;
	if (is_last(state, arrival))
		return state->last_peer;
	uint64_t id = sinew__addresses_known(
		channel->addresses, &arrival->from, arrival->size, &link->who);
	if (!id) {
		link->who = (struct sinew_peer){0};
		sinew__inet_show(&arrival->from.peer, link->who.address, sizeof link->who.address);
		id = sinew__addresses_id(
			channel->addresses, &arrival->from, arrival->size, &link->who);
	}
	state->last = arrival->from;
	state->last_peer = id;
	state->heard_of = NULL;
	return id;
}

/* Whether the datagram with this header is a message, by its number. */
HOT static bool accept_number(struct sinew__link *link, uint64_t peer, uint64_t session,
	uint64_t number, struct sinew__about *about)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__udp *state = channel->state;
	uint64_t missed;

	if (!state->heard_of || state->last_session != session) {
		state->heard_of = sinew__senders_find(state->senders, peer, session);
		state->last_session = session;
	}
	switch (sinew__sequence_hear(state->heard_of, number, &missed)) {
	case SINEW__SEQUENCE_NEW:
		if (missed)
			sinew__lose(channel, missed);
		return true;
	case SINEW__SEQUENCE_LATE:
		about->flags |= SINEW_MSG_LATE;
		sinew__add(&channel->count.late, 1);
		return true;
	case SINEW__SEQUENCE_COPY:
		sinew__drop_copy(channel);
		return false;
	case SINEW__SEQUENCE_REFUSED:
	default:
		sinew__add(&channel->count.refused, 1);
		return false;
	}
}

HOT static bool is_message(struct sinew__link *link, const struct arrival *arrival, ssize_t size,
	struct sinew__about *about)
{
	const struct sinew__udp *state = link->channel->state;
	uint64_t session = 0, number = 0;

	if (state->numbered &&
		!sinew__sequence_read(arrival->header, (size_t)size, &session, &number)) {
		sinew__add(&link->channel->count.refused, 1);
		return false;
	}
	about->peer = identify(link, arrival);
	return !state->numbered || accept_number(link, about->peer, session, number, about);
}

HOT static ssize_t udp_receive(
	struct sinew__link *link, struct iovec *iov, int n, struct sinew__about *about, bool wait)
{
	struct sinew__udp *state = link->channel->state;
	size_t before = state->numbered ? SINEW__SEQUENCE_HEADER : 0;
	struct arrival arrival;

	for (unsigned passed = 0; passed < MOST_PASSED; passed++) {
		bool parts = state->any || (n > 1 && state->long_ones);
		ssize_t r = parts ? receive_parts(link, iov, n, &arrival, wait)
				  : receive_whole(link, &iov[n - 1], &arrival, wait);
		if (r < 0 && !is_of_the_network(r))
			return r;
		if (r < 0 || !is_message(link, &arrival, r, about))
			continue;
		state->long_ones = r > SINEW__READ_WHOLE;
		if (arrival.whole)
			sinew__packet_place(iov, n, before, (size_t)r - before);
		return r - (ssize_t)before;
	}
	return -EAGAIN;
}

/* ---- sending ---- */

/* The numbers that this peer gets: a new session for a new peer. */
static struct sinew__outgoing *numbers_for(struct sinew_channel *channel, uint64_t peer)
{
	struct sinew__udp *state = channel->state;
	struct sinew__outgoing *out =
		&state->outgoing[channel->addresses ? sinew__addresses_row(peer) : 0];

	if (out->session && out->peer == peer)
		return out;
	*out = (struct sinew__outgoing){.peer = peer};
	if (getrandom(&out->session, sizeof out->session, 0) != sizeof out->session)
		return NULL;
	out->session |= 1; /* never 0 */
	return out;
}

/* Where it goes, and from which of our addresses. The control is the caller's memory. */
static void address_to(
	struct msghdr *message, struct sinew__route *to, bool any, union control *control)
{
	bool v6 = to->peer.address.any.sa_family == AF_INET6;

	message->msg_name = &to->peer.address;
	message->msg_namelen = to->peer.size;
	if (!any)
		return;
	*control = (union control){.header = {.cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP,
					   .cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO}};
	message->msg_control = control;
	if (v6) {
		const struct in6_pktinfo from = {.ipi6_addr = to->at};
		control->header.cmsg_len = CMSG_LEN(sizeof from);
		message->msg_controllen = CMSG_SPACE(sizeof from);
		memcpy(CMSG_DATA(&control->header), &from, sizeof from);
	} else {
		struct in_pktinfo from = {0};
		memcpy(&from.ipi_spec_dst, &to->at, sizeof from.ipi_spec_dst);
		control->header.cmsg_len = CMSG_LEN(sizeof from);
		message->msg_controllen = CMSG_SPACE(sizeof from);
		memcpy(CMSG_DATA(&control->header), &from, sizeof from);
	}
}

/* The peer named in the message, as an address. */
static int look_up(struct sinew_channel *channel, uint64_t peer, struct sinew__route *to)
{
	struct sockaddr_storage found;

	if (peer == SINEW_ANY_PEER)
		return sinew__fail(
			EDESTADDRREQ, "%s: a packet needs a peer to go to", channel->spec.text);
	int size = sinew__addresses_find(channel->addresses, peer, &found, NULL);
	if (size < 0)
		return sinew__fail(ESTALE, "%s: that peer is forgotten", channel->spec.text);
	memcpy(to, &found, (size_t)size < sizeof *to ? (size_t)size : sizeof *to);
	to->peer.size = to->peer.address.any.sa_family == AF_INET6 ? sizeof to->peer.address.v6
								   : sizeof to->peer.address.v4;
	return 0;
}

/* What a send may say when the address we had is gone. */
static bool may_have_moved(ssize_t error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EINVAL ||
	       error == -EADDRNOTAVAIL || error == -EDESTADDRREQ || error == -ENOTCONN;
}

static bool same_host(const struct sinew__place *a, const struct sinew__place *b)
{
	if (a->address.any.sa_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr);
	return a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
}

/* Whether a socket connected now would get another address of ours than fd has. */
static bool has_moved(const struct sinew__udp *state, int fd)
{
	const struct sinew__place *to = &state->place;
	struct sinew__place old = {.size = sizeof old.address}, new = old;
	CLEANUP_FD int probe =
		sinew__sys.socket(to->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return probe >= 0 && sinew__sys.connect(probe, &to->address.any, to->size) == 0 &&
	       sinew__sys.getsockname(probe, &new.address.any, &new.size) == 0 &&
	       sinew__sys.getsockname(fd, &old.address.any, &old.size) == 0 &&
	       !same_host(&old, &new);
}

/* Lets go of the old address first: a socket that has one keeps it. */
static int connect_anew(const struct sinew__udp *state, int fd)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	sinew__sys.connect(fd, &none, sizeof none);
	return (int)sinew__result(
		sinew__sys.connect(fd, &state->place.address.any, state->place.size));
}

/* One system call: a short message in one piece. */
HOT static ssize_t transmit_once(struct sinew__link *link, const struct msghdr *message, bool wait)
{
	int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
	uint8_t whole[SENT_WHOLE];
	size_t size = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *part = &message->msg_iov[i];
		if (message->msg_control || part->iov_len > sizeof whole - size)
			return sinew__result(sinew__sys.sendmsg(link->wfd, message, flags));
		sinew__copy(whole + size, part->iov_base, part->iov_len);
		size += part->iov_len;
	}
	return sinew__result(sinew__sys.sendto(
		link->wfd, whole, size, flags, message->msg_name, message->msg_namelen));
}

HOT static ssize_t transmit(struct sinew__link *link, const struct msghdr *message, bool wait)
{
	const struct sinew__udp *state = link->channel->state;

	ssize_t r = transmit_once(link, message, wait);
	if (r >= 0 || link->channel->addresses || !may_have_moved(r))
		return r;
	if (!has_moved(state, link->wfd)) /* without an address: there is no way still */
		return r == -EDESTADDRREQ || r == -ENOTCONN ? -ENETUNREACH : r;
	int connected = connect_anew(state, link->wfd);
	if (connected < 0)
		return connected;
	return transmit_once(link, message, wait);
}

HOT static ssize_t udp_transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	struct sinew_channel *channel = link->channel;
	const struct sinew__udp *state = channel->state;
	struct sinew__outgoing *out = NULL;
	uint8_t header[SINEW__SEQUENCE_HEADER];
	struct iovec parts[3] = {{header, sizeof header}};
	union control control;
	struct sinew__route to;
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};

	if (channel->addresses) {
		int r = look_up(channel, about->peer, &to);
		if (r < 0)
			return r;
		address_to(&message, &to, state->any, &control);
	} else if (about->peer && about->peer != link->id) {
		return sinew__fail(ESTALE, "%s: there is no such peer", channel->spec.text);
	}
	if (state->numbered) {
		out = numbers_for(channel, channel->addresses ? about->peer : link->id);
		if (!out)
			return -errno;
		sinew__sequence_write(header, out->session, out->number);
		memcpy(parts + 1, iov, (size_t)n * sizeof *iov);
		message.msg_iov = parts;
		message.msg_iovlen++;
	}
	ssize_t r = transmit(link, &message, wait);
	if (r >= 0 && out)
		out->number++; /* what was not sent has none */
	return r;
}

static int explain(struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const char *uri = link->channel->spec.text;

	if (!msg)
		return sinew__fail(-error, "receive on %s: %s", uri, strerror(-error));
	if (error == -ESTALE || (error == -EDESTADDRREQ && msg->peer == SINEW_ANY_PEER))
		return error; /* look_up() said it */
	switch (-error) {
	case ECONNREFUSED:
		return sinew__fail(EPIPE,
			"send to %s: nobody receives there, as an earlier message found; this one "
			"has not gone",
			uri);
	case EMSGSIZE:
		return sinew__fail(EMSGSIZE,
			"send to %s: %zu bytes are too large for a datagram here; the limit is "
			"%llu",
			uri, msg->size, (unsigned long long)link->channel->caps.max_message);
	case EPERM:
		return sinew__fail(EPERM, "send to %s: a firewall of this machine forbids it", uri);
	default:
		return sinew__fail(
			-error, "send to %s: %s; this message has not gone", uri, strerror(-error));
	}
}

const struct sinew__link_ops sinew__udp_ops = {
	.receive = udp_receive, .transmit = udp_transmit, .explain = explain};
