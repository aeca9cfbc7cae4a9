/* SPDX-License-Identifier: MIT
 *
 * udp.c - UDP, over IPv4 and IPv6: datagrams that may be lost, overtaken or doubled on their way. With
 * seq=on each begins with a number (sequence.h), so that the reader is told.
 *
 *   listening    one bound socket hears all peers; its book of addresses gives them ids
 *   connecting   one connected socket: the kernel drops what strangers send. Errors of the network
 *                that belong to earlier datagrams are told once by a send, passed over by a receive
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../addresses.h"
#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../frame.h"
#include "../inet.h"
#include "../socket.h"
#include "../udp_packet.h"
#include "../wait.h"

enum {
	MOST_V4 = 65535 - 20 - 8, /* of a packet, less the headers of IP and UDP */
	MOST_V6 = 65535 - 8,
	TAGGED = 16,      /* a tagged frame's header */
	BUFFER = 1 << 20, /* the more the receiver's holds, the fewer are lost in a burst */
	MOST_PASSED =
		64, /* errors and bad datagrams in one receive, before others have their say */
	SENDERS_OF_A_PEER = 8 /* remembered by a connecting side: the one it knows, restarted */
};

enum { SEQ_ON, SEQ_OFF };

struct settings {
	int64_t seq, resolve, peers, buffer;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"seq", "on|off", NULL,
		 "number the messages, so that losses are counted; on, unless frame=raw"},
		SINEW__OPTION_CHOICE, OWN(seq), 0, 0},
	{{"resolve", "yes|no", "no", "look up host names; this may take longer than the deadline"},
		SINEW__OPTION_SWITCH, OWN(resolve), 0, 0},
	{{"peers", "number", "16384",
		 "how many a listening side remembers, to answer and to count"},
		SINEW__OPTION_NUMBER, OWN(peers), 1, 1 << 20},
	{{"buffer", "size", "1M", "the receive and the send buffer, as far as the system allows"},
		SINEW__OPTION_SIZE, OWN(buffer), 1024, INT_MAX / 2},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bytes of a datagram over IPv4", "RFC 768", MOST_V4},
	{"bytes of a datagram over IPv6", "RFC 8200", MOST_V6},
	{"largest receive buffer without privilege", "/proc/sys/net/core/rmem_max", 0},
	{"default receive buffer", "/proc/sys/net/core/rmem_default", 0},
	{"largest send buffer without privilege", "/proc/sys/net/core/wmem_max", 0},
	{"first port the kernel chooses", "/proc/sys/net/ipv4/ip_local_port_range", 0},
	{NULL, NULL, 0},
};

/* ---- what it can do ---- */

static bool is_numbered(const struct sinew__spec *spec)
{
	const struct settings *own = spec->own;

	return own->seq >= 0 ? own->seq == SEQ_ON : spec->common.frame != SINEW__FRAME_RAW;
}

/* Of an address in brackets we know the protocol; one that ends as IPv4 does is that. */
static int64_t largest(const struct sinew__spec *spec)
{
	const char *rest = spec->uri.rest;

	return (*rest == '[' && !strchr(rest, '.') ? MOST_V6 : MOST_V4) -
	       (is_numbered(spec) ? SINEW__SEQUENCE_HEADER : 0) -
	       (spec->common.frame == SINEW__FRAME_LENGTH ? TAGGED : 0);
}

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;
	int64_t frame = spec->common.frame;

	if (frame == SINEW__FRAME_LINE)
		return sinew__fail(EINVAL,
			"%s: packets have boundaries already: frame=raw or frame=length",
			spec->text);
	if (frame == SINEW__FRAME_RAW && own->seq == SEQ_ON)
		return sinew__fail(EINVAL,
			"%s: frame=raw sends the message and nothing else, seq=on a number before "
			"it: leave one out",
			spec->text);
	caps->bits = SINEW__CAP_PACKETS | SINEW_CAP_BOUNDARIES | SINEW_CAP_BOTH_WAYS |
		     SINEW_CAP_ANSWERS | SINEW_CAP_POLLABLE | SINEW_CAP_MANY_WRITERS |
		     SINEW_CAP_NAMED | SINEW_CAP_NETWORK | SINEW_CAP_EMPTY |
		     (is_numbered(spec) ? SINEW_CAP_COUNTED : 0) |
		     (frame == SINEW__FRAME_LENGTH ? SINEW_CAP_TAGS : 0);
	caps->max_message = (uint64_t)sinew__sooner(spec->common.max, largest(spec));
	return 0;
}

/* ---- opening ---- */

static int failed(struct sinew_channel *channel, const char *what, int error)
{
	return sinew__fail(-error, "%s %s: %s", what, channel->spec.text,
		error == -EADDRINUSE ? "somebody listens there already"
		: error == -EADDRNOTAVAIL && channel->flags & SINEW_LISTEN
			? "this machine has no such address"
			: strerror(-error));
}

/* Memory for the numbers of `most` peers, as far as we receive and send. */
static int open_numbers(struct sinew_channel *channel, unsigned most)
{
	struct sinew__udp *state = channel->state;
	uint64_t secret;

	if (!state->numbered)
		return 0;
	if (getrandom(&secret, sizeof secret, 0) != sizeof secret)
		return sinew__fail(errno, "%s: getrandom: %m", channel->spec.text);
	if (channel->flags & SINEW_IN)
		state->senders = sinew__senders_open(most, secret);
	if (channel->flags & SINEW_OUT)
		state->outgoing = calloc(most, sizeof *state->outgoing);
	if ((channel->flags & SINEW_IN && !state->senders) ||
		(channel->flags & SINEW_OUT && !state->outgoing))
		return sinew__fail(ENOMEM, "%s: no memory for %u peers", channel->spec.text, most);
	return 0;
}

/* Makes the socket fd the channel's link, which owns it then. */
static int make_link(struct sinew_channel *channel, int fd)
{
	const struct settings *own = channel->spec.own;

	sinew__socket_buffer(fd, own->buffer);
	sinew__socket_receive_buffer(fd, own->buffer);
	int r = sinew__link_make(channel, &sinew__udp_ops, fd, fd, &channel->one);
	if (r == 0)
		channel->one->ours = true;
	return r;
}

static bool is_any(const struct sinew__place *place)
{
	if (place->address.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&place->address.v6.sin6_addr);
	return place->address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* On any address of ours: the kernel shall tell with each datagram which one it came to. */
static void ask_destination(int fd, bool v6)
{
	int one = 1;

	sinew__sys.setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &one, sizeof one);
}

static int open_listening(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	struct sinew__udp *state = channel->state;
	const struct sockaddr *address = &state->place.address.any;
	CLEANUP_FD int fd = sinew__sys.socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return failed(channel, "listen on", -errno);
	state->any = is_any(&state->place);
	if (state->any)
		ask_destination(fd, address->sa_family == AF_INET6);
	int r = open_numbers(channel, (unsigned)own->peers);
	if (r == 0)
		r = make_link(channel, fd);
	if (r < 0)
		return r;
	if (sinew__addresses_open(&channel->addresses, (unsigned)own->peers) < 0)
		r = sinew__fail(ENOMEM, "%s: no memory for %lld peers", channel->spec.text,
			(long long)own->peers);
	else if (sinew__sys.bind(fd, address, state->place.size) < 0)
		r = failed(channel, "listen on", -errno);
	fd = -1; /* the link's */
	return r;
}

/* While there is no way to the peer's network this waits for one; the peer itself is not asked. */
static int connect_within(struct sinew_channel *channel, int fd, int64_t until)
{
	const struct sinew__udp *state = channel->state;
	int64_t pause = 0;

	for (;;) {
		int r = (int)sinew__result(
			sinew__sys.connect(fd, &state->place.address.any, state->place.size));
		if (r != -ENETUNREACH && r != -EHOSTUNREACH && r != -EINTR)
			return r;
		int paused = sinew__pause(channel, &pause, until);
		if (paused < 0)
			return paused == -EINTR || paused == -ECANCELED ? paused : r;
	}
}

static int open_connecting(struct sinew_channel *channel, int64_t until)
{
	struct sinew__udp *state = channel->state;

	if (state->place.address.v4.sin_port == 0) /* of IPv6, too: they lie at the same place */
		return sinew__fail(EINVAL, "%s: connect to which port?", channel->spec.text);
	CLEANUP_FD int fd =
		sinew__sys.socket(state->place.address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return failed(channel, "connect", -errno);
	int r = connect_within(channel, fd, until);
	if (r < 0)
		return failed(channel, "connect", r);
	r = open_numbers(channel, SENDERS_OF_A_PEER);
	if (r == 0)
		r = make_link(channel, fd);
	if (r < 0)
		return r;
	fd = -1;
	sinew__inet_show(
		&state->place, channel->one->who.address, sizeof channel->one->who.address);
	return 0;
}

static int udp_open(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;

	if (!(channel->flags & (SINEW_IN | SINEW_OUT)))
		channel->flags |= SINEW_IN | SINEW_OUT;
	struct sinew__udp *state = channel->state = calloc(1, sizeof *state);
	if (!state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	state->numbered = is_numbered(&channel->spec);
	int r = sinew__inet_locate(channel, SOCK_DGRAM, own->resolve, &state->place);
	if (r < 0)
		return r;
	return channel->flags & SINEW_LISTEN ? open_listening(channel)
					     : open_connecting(channel, until);
}

static void udp_close(struct sinew_channel *channel)
{
	struct sinew__udp *state = channel->state;

	if (!state)
		return;
	sinew__senders_close(state->senders);
	free(state->outgoing);
}

static int udp_name(struct sinew_channel *channel, char *uri, size_t size)
{
	if (!channel->addresses)
		return snprintf(uri, size, "udp:%s", channel->one->who.address);
	return sinew__inet_name(channel, channel->one->rfd, uri, size);
}

const struct sinew__transport sinew__transport_udp = {
	.scheme =
		{
			.shown = {"udp", "udp:host:port",
				"UDP: datagrams that may be lost on their way; what was lost is "
				"counted"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = udp_open,
	.close = udp_close,
	.name = udp_name,
};
