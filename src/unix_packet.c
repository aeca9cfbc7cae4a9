/* SPDX-License-Identifier: MIT
 *
 * unix_packet.c - packets on Unix sockets, with the sender's credentials.
 *
 * On dgram sockets SO_PASSCRED is how we know who sent a packet. On seqpacket sockets an empty message and
 * the end both read as 0 bytes: the message comes with its sender's address, if it has one (ours all have),
 * else, by SO_PASSCRED, with credentials; the end comes with neither. Descriptors that came are in the link's
 * queue, or closed, when a receive returns.
 */
#include "unix_packet.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "addresses.h"
#include "banned.h"
#include "error.h"
#include "passed.h"
#include "socket.h"
#include "unix_stream.h"

static const struct ucred *find_credentials(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
		return (const struct ucred *)CMSG_DATA(c);
	return NULL;
}

/* Whether something other came than the credentials, or was cut off. */
static bool has_more(const struct msghdr *message)
{
	return message->msg_controllen != CMSG_SPACE(sizeof(struct ucred)) ||
	       message->msg_flags & MSG_CTRUNC;
}

/* In one piece, which is cheaper than recvmsg(). What we ask of the address is whether there is one. */
HOT static ssize_t receive_whole(
	struct sinew__link *link, const struct iovec *inbox, bool wait, bool *from_peer)
{
	struct sockaddr from;
	socklen_t size = 0;

	ssize_t r = sinew__result(sinew__sys.recvfrom(link->rfd, inbox->iov_base, inbox->iov_len,
		MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT), &from, &size));
	*from_peer = size > 0;
	return r;
}

HOT static ssize_t named_receive(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	bool from_peer;
	ssize_t r;

	do /* as below */
		r = receive_whole(link, &iov[n - 1], wait, &from_peer);
	while (r == -ECONNRESET);
	if (r <= 0)
		return r == 0 && !from_peer ? SINEW__NO_PACKET : r;
	link->in.long_run = r > SINEW__READ_WHOLE;
	if (n > 1)
		sinew__packet_place(iov, n, 0, (size_t)r);
	return r;
}

/* Without a queue no room is given for control messages, which would cost a tenth of a small message:
 * that there were credentials, and so a packet, is told by MSG_CTRUNC all the same. */
HOT static ssize_t seqpacket_receive(
	struct sinew__link *link, struct iovec *iov, int n, struct sinew__about *about, bool wait)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
	union sinew__control control;
	struct sockaddr_un from;

	if (link->named && (n == 1 || !link->in.long_run))
		return named_receive(link, iov, n, wait);
	if (link->named) {
		message.msg_name = &from;
		message.msg_namelen = sizeof from;
	}
	if (link->passed)
		sinew__passed_expect(link, &message, &control);
	ssize_t r;
	do /* "reset" comes before what the peer sent, once, if it left without reading all of ours */
		r = sinew__result(sinew__sys.recvmsg(link->rfd, &message,
			MSG_TRUNC | MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT)));
	while (r == -ECONNRESET);
	if (r < 0)
		return r;
	if (link->passed && has_more(&message))
		about->flags |= sinew__passed_take_in(link, &message, 0);
	link->in.long_run = r > SINEW__READ_WHOLE;
	bool packet =
		message.msg_namelen || message.msg_flags & MSG_CTRUNC || find_credentials(&message);
	return r == 0 && !packet ? SINEW__NO_PACKET : r;
}

HOT static ssize_t connected_transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	if (about->peer && about->peer != link->id)
		return sinew__fail(ESTALE, "%s: there is no such peer", link->channel->spec.text);
	return about->fd_count ? sinew__unix_pass(link, iov, n, about, wait)
			       : sinew__socket_write(link, iov, n, wait);
}

const struct sinew__link_ops sinew__seqpacket_ops = {
	.receive = seqpacket_receive,
	.transmit = connected_transmit,
	.finish = sinew__socket_finish,
	.part = sinew__socket_part,
};

static bool is_allowed(const struct sinew__users *allow, const struct ucred *cred)
{
	if (!allow || allow->count == 0)
		return true;
	for (unsigned i = 0; cred && i < allow->count; i++)
		if (allow->uid[i] == cred->uid)
			return true;
	return false;
}

static void describe_peer(struct sinew_peer *who, const struct ucred *cred,
	const struct sockaddr_un *a, socklen_t size)
{
	size_t length = size > offsetof(struct sockaddr_un, sun_path)
				? size - offsetof(struct sockaddr_un, sun_path)
				: 0;

	*who = (struct sinew_peer){0};
	if (cred) {
		who->uid = cred->uid;
		who->gid = cred->gid;
		who->pid = cred->pid;
		who->known = 1;
	}
	if (length && a->sun_path[0] == '\0')
		snprintf(who->address, sizeof who->address, "@%.*s", (int)length - 1,
			a->sun_path + 1);
	else
		snprintf(who->address, sizeof who->address, "%.*s", (int)length, a->sun_path);
}

HOT static ssize_t dgram_receive(
	struct sinew__link *link, struct iovec *iov, int n, struct sinew__about *about, bool wait)
{
	struct sinew_channel *channel = link->channel;
	struct sockaddr_un from;
	union sinew__control control;
	struct sinew_peer who;

	for (;;) {
		struct msghdr message = {.msg_name = channel->addresses ? &from : NULL,
			.msg_namelen = channel->addresses ? sizeof from : 0,
			.msg_iov = iov,
			.msg_iovlen = (size_t)n};
		sinew__passed_expect(link, &message, &control);
		ssize_t r = sinew__result(sinew__sys.recvmsg(link->rfd, &message,
			MSG_TRUNC | MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT)));
		if (r < 0)
			return r;
		const struct ucred *cred = find_credentials(&message);
		about->flags = has_more(&message) ? sinew__passed_take_in(link, &message, 0) : 0;
		if (!channel->addresses) {
			if (cred && cred->pid != link->who.pid)
				describe_peer(&link->who, cred, &from, 0);
			return r;
		}
		if (!is_allowed(channel->allow, cred)) {
			sinew__passed_drop_all(link);
			sinew__add(&channel->count.refused, 1);
			continue;
		}
		about->peer = sinew__addresses_again(
			channel->addresses, &from, message.msg_namelen, cred);
		if (about->peer)
			return r;
		describe_peer(&who, cred, &from, message.msg_namelen);
		link->who = who; /* of the last packet: who has no address has no id either */
		about->peer =
			sinew__addresses_id(channel->addresses, &from, message.msg_namelen, &who);
		return r;
	}
}

HOT static ssize_t dgram_transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	struct sinew_channel *channel = link->channel;
	struct sockaddr_storage to;

	if (!channel->addresses)
		return connected_transmit(link, iov, n, about, wait);
	if (about->peer == SINEW_ANY_PEER)
		return sinew__fail(
			EDESTADDRREQ, "%s: a packet needs a peer to go to", channel->spec.text);
	int size = sinew__addresses_find(channel->addresses, about->peer, &to, NULL);
	if (size < 0)
		return sinew__fail(ESTALE, "%s: that peer is forgotten", channel->spec.text);
	if (!about->fd_count && n == 1)
		return sinew__result(sinew__sys.sendto(link->wfd, iov->iov_base, iov->iov_len,
			MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT), (const struct sockaddr *)&to,
			(socklen_t)size));
	struct msghdr message = {.msg_name = &to,
		.msg_namelen = (socklen_t)size,
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n};
	union sinew__control control;
	sinew__passed_attach(&message, &control, about);
	return sinew__result(
		sinew__sys.sendmsg(link->wfd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)));
}

const struct sinew__link_ops sinew__dgram_ops = {
	.receive = dgram_receive,
	.transmit = dgram_transmit,
};

int sinew__dgram_listen(
	struct sinew_channel *channel, int64_t most, const struct sinew__users *allow)
{
	channel->one->pollable = false; /* each peer has its own queue */
	channel->allow = allow;
	int r = sinew__addresses_open(&channel->addresses, (unsigned)most);
	return r < 0 ? sinew__fail(ENOMEM, "%s: no memory for %lld peers", channel->spec.text,
			       (long long)most)
		     : 0;
}
