/* SPDX-License-Identifier: MIT
 *
 * tcp.c - TCP, over IPv4 and IPv6: the loopback interface unless told otherwise. With reconnect= a
 * connecting channel renews a broken connection, and the reader counts what was lost with it.
 *
 *   connected ──a half finds it broken──► renew: one of them connects ──► adopt: each half takes its
 *       ▲                                          │                     own descriptor of the new
 *       └──────────────────────────────────────────┼───────────────────── connection, in its own time
 *                                 after reconnect= given up
 */
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../inet.h"
#include "../pipe_io.h"
#include "../pool.h"
#include "../ready.h"
#include "../session.h"
#include "../socket.h"
#include "../table.h"
#include "../wait.h"

/* Linux 6.15; the C library may not know it yet. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

enum {
	SIP = 64 * 1024, /* what is read while it is in the cache, of a long message */
	RETRIES = 13     /* at the longest interval, of what nobody acknowledges */
};

/* ns: how long a request to connect may stay unanswered, and how old a looked up address may be, until
 * the next attempt asks anew. */
#define PATIENCE INT64_C(5000000000)
#define FRESH INT64_C(1000000000)

struct settings {
	int64_t nodelay, keepalive, reconnect, resolve, peers, pool, buffer;
};

struct state {
	struct sinew__place place;
	uint64_t session;
	int pending;      /* a socket that is connecting, or -1 */
	int64_t patience; /* so long for that */
	int64_t fresh;    /* so long the place is as it was looked up */
	/* With reconnect=: under the lock, which is held while one half connects. */
	pthread_mutex_t lock;
	int64_t broken_since;              /* 0: it is not */
	unsigned made, receiving, sending; /* connections made; the one each half uses */
	int next_read, next_write;         /* of the newest, until a half takes it; or -1 */
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"nodelay", "yes|no", "yes", "send at once, do not wait for more (TCP_NODELAY)"},
		SINEW__OPTION_SWITCH, OWN(nodelay), 0, 0},
	{{"keepalive", "time", "60s", "ask after a peer that is silent for so long; 0: never"},
		SINEW__OPTION_TIME, OWN(keepalive), 0, INT64_C(32767000000000)},
	{{"reconnect", "time", "0",
		 "try so long to renew a broken connection; what it lost is counted"},
		SINEW__OPTION_TIME, OWN(reconnect), 0, INT64_MAX},
	{{"resolve", "yes|no", "no", "look up host names; this may take longer than the deadline"},
		SINEW__OPTION_SWITCH, OWN(resolve), 0, 0},
	{{"peers", "number", "16384",
		 "how many at once; with 1 a receive is one system call, the others wait"},
		SINEW__OPTION_NUMBER, OWN(peers), 1, 1 << 20},
	SINEW__POOL_OPTION(OWN(pool)),
	{{"buffer", "size", NULL, "the send buffer; by default the kernel tunes it"},
		SINEW__OPTION_SIZE, OWN(buffer), 1024, INT_MAX / 2},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"connections that wait to be accepted", "/proc/sys/net/core/somaxconn", 0},
	{"connections that wait to be established", "/proc/sys/net/ipv4/tcp_max_syn_backlog", 0},
	{"largest send buffer without privilege", "/proc/sys/net/core/wmem_max", 0},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;

	if (own->reconnect > 0 && spec->common.frame > SINEW__FRAME_LENGTH)
		return sinew__fail(EINVAL,
			"%s: reconnect= needs frame=length, or losses could not be counted",
			spec->text);
	caps->bits = SINEW__CAP_SURE | SINEW_CAP_BOTH_WAYS | SINEW_CAP_ANSWERS |
		     SINEW_CAP_POLLABLE | SINEW_CAP_MANY_WRITERS | SINEW_CAP_NAMED |
		     SINEW_CAP_NETWORK | SINEW_CAP_END | sinew__stream_caps(&spec->common);
	caps->max_message = (uint64_t)spec->common.max;
	return 0;
}

/* ---- links ---- */

static void set_option(int fd, int level, int name, int value)
{
	sinew__sys.setsockopt(fd, level, name, &value, sizeof value);
}

/* Ends a connection whose peer no longer answers after about twice `idle` seconds. The kernel does not
 * ask while data is on its way: it sends that again, for a quarter of an hour unless the interval is
 * bounded. TCP_USER_TIMEOUT would do it too, but also end a connection whose peer answers and only does
 * not read. */
static void keep_alive(int fd, int idle)
{
	int64_t interval = INT64_C(2000) * idle / RETRIES;

	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, idle > 4 ? idle / 4 : 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
	if (interval < 120000)
		set_option(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, interval < 1000 ? 1000 : (int)interval);
}

static void tune(const struct sinew_channel *channel, int fd)
{
	const struct settings *own = channel->spec.own;
	int idle = (int)((own->keepalive + 999999999) / 1000000000);

	set_option(fd, IPPROTO_TCP, TCP_NODELAY, (int)own->nodelay);
	if (idle)
		keep_alive(fd, idle);
	if (own->buffer > 0)
		sinew__socket_buffer(fd, own->buffer);
}

static int make_link(struct sinew_channel *channel, int fd, const struct sinew__place *peer,
	struct sinew__link **link)
{
	tune(channel, fd);
	int r = sinew__link_make(channel, &sinew__stream_socket_ops, fd, fd, link);
	if (r < 0)
		return r;
	sinew__inet_show(peer, (*link)->who.address, sizeof(*link)->who.address);
	(*link)->ours = true;
	(*link)->sip = SIP;
	return 0;
}

static int accept_link(struct sinew_channel *channel, int listen_fd, struct sinew__taken *taken,
	struct sinew__link **link)
{
	struct sinew__place peer;

	if (taken->fd < 0) {
		taken->size = sizeof taken->address;
		taken->fd = sinew__sys.accept4(
			listen_fd, (struct sockaddr *)&taken->address, &taken->size, SOCK_CLOEXEC);
	}
	if (taken->fd < 0)
		return -errno;
	memcpy(&peer.address, &taken->address, sizeof peer.address);
	int r = make_link(channel, taken->fd, &peer, link);
	if (r == 0)
		taken->fd = -1;
	return r;
}

static const struct sinew__listener listener = {.accept = accept_link};

/* ---- opening ---- */

static int failed(struct sinew_channel *channel, const char *what, int error)
{
	return sinew__fail(-error, "%s %s: %s", what, channel->spec.text,
		error == -ECONNREFUSED ? "nobody listens there"
		: error == -EADDRINUSE ? "somebody listens there already"
		: error == -ETIMEDOUT  ? "no answer"
		: error == -EADDRNOTAVAIL && channel->flags & SINEW_LISTEN
			? "this machine has no such address"
			: strerror(-error));
}

static int open_listening(struct sinew_channel *channel, const struct sinew__place *place)
{
	const struct settings *own = channel->spec.own;
	CLEANUP_FD int fd = sinew__sys.socket(
		place->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return failed(channel, "listen on", -errno);
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sinew__sys.bind(fd, &place->address.any, place->size) < 0 ||
		sinew__sys.listen(fd, SOMAXCONN) < 0)
		return failed(channel, "listen on", -errno);
	int r = sinew__sessions_open(channel, (unsigned)own->peers + 1024);
	if (r == 0 && own->peers > 1)
		r = sinew__pool_open(channel, own->pool);
	if (r == 0)
		r = sinew__table_open(channel, &listener, fd, (unsigned)own->peers);
	if (r == 0)
		fd = -1;
	return r;
}

/* Begins to connect; a name is looked up anew, as its address may be another by now. 0 or -errno. */
static int begin(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;

	int r = own->resolve && sinew__now() >= state->fresh
			? sinew__inet_locate(channel, SOCK_STREAM, true, &state->place)
			: 0;
	if (r < 0)
		return r;
	state->fresh = sinew_after(FRESH);
	CLEANUP_FD int fd = sinew__sys.socket(
		state->place.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sinew__sys.connect(fd, &state->place.address.any, state->place.size) < 0 &&
		errno != EINPROGRESS && errno != EINTR)
		return -errno;
	state->pending = sinew__steal_fd(&fd);
	state->patience = sinew_after(PATIENCE);
	return 0;
}

static bool is_answered(int fd)
{
	struct pollfd poll = {.fd = fd, .events = POLLOUT};
	const struct timespec zero = {0};

	return sinew__sys.ppoll(&poll, 1, &zero, NULL) != 0;
}

/* Begins to connect, or goes on with what an earlier call began. A descriptor, or -errno. */
static int connect_once(struct sinew_channel *channel, int64_t until)
{
	struct state *state = channel->state;
	int error = 0;
	socklen_t size = sizeof error;

	int r = state->pending < 0 ? begin(channel) : 0;
	if (r == 0 && !is_answered(state->pending))
		r = sinew__wait(channel, state->pending, POLLOUT,
			until == SINEW_NOW ? until : sinew__sooner(until, state->patience));
	if (r < 0) {
		if (state->pending >= 0 && sinew__now() >= state->patience) {
			sinew__close_fd(&state->pending);
			state->pending = -1;
		}
		return r;
	}
	CLEANUP_FD int fd = sinew__steal_fd(&state->pending);
	if (sinew__sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (!error && sinew__sys.fcntl(fd, F_SETFL, 0) < 0)
		error = errno;
	return error ? -error : sinew__steal_fd(&fd);
}

/* Something that may pass: a link is down, an address is about to change. */
static bool is_unreachable(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -ENETDOWN || r == -EHOSTDOWN ||
	       r == -EADDRNOTAVAIL || r == -ETIMEDOUT;
}

/* A connected socket, asking again while nobody listens or answers. -errno; what the network said last
 * when the deadline comes. */
static int connect_socket(struct sinew_channel *channel, int64_t until)
{
	int64_t pause = 0;

	for (;;) {
		int r = connect_once(channel, until);
		if (r != -ECONNREFUSED && !is_unreachable(r))
			return r;
		int paused = sinew__pause(channel, &pause, until);
		if (paused < 0)
			return paused == -EINTR || paused == -ECANCELED ? paused : r;
	}
}

static int open_connecting(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;

	CLEANUP_FD int fd = connect_socket(channel, until);
	if (fd < 0)
		return failed(channel, "connect", fd);
	int r = make_link(channel, fd, &state->place, &channel->one);
	if (r < 0)
		return r;
	fd = -1;
	if (own->reconnect == 0)
		return 0;
	/* Each half has a descriptor of its own, so that each can let go of it in its own time. */
	channel->one->wfd = sinew__sys.fcntl(channel->one->rfd, F_DUPFD_CLOEXEC, 0);
	if (channel->one->wfd < 0)
		return failed(channel, "connect", -errno);
	channel->one->hello_due = true;
	channel->one->writer = state->session;
	return 0;
}

static int tcp_open(struct sinew_channel *channel, int64_t until)
{
	if (!(channel->flags & (SINEW_IN | SINEW_OUT)))
		channel->flags |= SINEW_IN | SINEW_OUT;
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state = calloc(1, sizeof *state);
	if (!state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	pthread_mutex_init(&state->lock, NULL);
	state->pending = state->next_read = state->next_write = -1;
	if (sinew__sys.getrandom(&state->session, sizeof state->session, 0) !=
		sizeof state->session)
		return sinew__fail(errno, "%s: getrandom: %m", channel->spec.text);
	state->session |= 1;
	int r = sinew__inet_locate(channel, SOCK_STREAM, own->resolve, &state->place);
	if (r < 0)
		return r;
	state->fresh = sinew_after(FRESH);
	return channel->flags & SINEW_LISTEN ? open_listening(channel, &state->place)
					     : open_connecting(channel, until);
}

/* ---- renewing ---- */

/* Connects anew. 1, 0 given up, or -errno. Under the lock. */
static int renew(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;
	int64_t give_up;

	if (!state->broken_since)
		state->broken_since = sinew__now();
	if (__builtin_add_overflow(state->broken_since, own->reconnect, &give_up))
		give_up = SINEW_FOREVER;
	bool may_wait = until != SINEW_NOW;
	int64_t wait = may_wait ? sinew__sooner(until, give_up) : SINEW_NOW;
	CLEANUP_FD int fd = connect_socket(channel, wait);
	if (fd < 0 && sinew__now() >= give_up)
		return 0;
	if (fd == -ECANCELED || fd == -EINTR)
		return fd;
	if (fd < 0)
		return sinew__fail(may_wait ? ETIMEDOUT : EAGAIN,
			"%s: the connection broke, and is not renewed yet", channel->spec.text);
	int copy = sinew__sys.fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return sinew__fail(errno, "%s: %m", channel->spec.text);
	tune(channel, fd);
	sinew__close_fd(&state->next_read);
	sinew__close_fd(&state->next_write);
	state->next_read = sinew__steal_fd(&fd);
	state->next_write = copy;
	state->broken_since = 0;
	state->made++;
	return 1;
}

/* This half goes over to the newest connection. Under the lock. */
static void adopt(struct sinew_channel *channel, unsigned direction)
{
	struct state *state = channel->state;
	bool in = direction == SINEW_IN;
	int *fd = in ? &channel->one->rfd : &channel->one->wfd;
	int *next = in ? &state->next_read : &state->next_write;

	sinew__ready_forget(channel, direction);
	sinew__close_fd(fd);
	*fd = sinew__steal_fd(next);
	*(in ? &state->receiving : &state->sending) = state->made;
	sinew__ready_renew(channel, direction);
}

/* The lock, as far as the deadline and a cancel allow: the other half may be connecting. */
static int lock(struct sinew_channel *channel, int64_t until)
{
	struct state *state = channel->state;
	int64_t pause = 0;

	while (pthread_mutex_trylock(&state->lock) != 0) {
		int r = sinew__pause(channel, &pause, until);
		if (r < 0)
			return r;
	}
	return 0;
}

static int tcp_reconnect(struct sinew_channel *channel, unsigned direction, int64_t until)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;
	bool in = direction == SINEW_IN;

	if (own->reconnect == 0 || !channel->one)
		return 0;
	/* The other half, if it waits in the broken connection, wakes and comes here, too. */
	sinew__sys.shutdown(in ? channel->one->rfd : channel->one->wfd, SHUT_RDWR);
	int r = lock(channel, until);
	if (r < 0) {
		sinew__ready_retry(channel, direction);
		return r;
	}
	unsigned mine = in ? state->receiving : state->sending;
	r = mine == state->made ? renew(channel, until) : 1;
	if (r == 1)
		adopt(channel, direction);
	pthread_mutex_unlock(&state->lock);
	if (r < 0)
		sinew__ready_retry(channel, direction);
	return r;
}

static void tcp_close(struct sinew_channel *channel)
{
	struct state *state = channel->state;

	if (!state)
		return;
	sinew__close_fd(&state->pending);
	sinew__close_fd(&state->next_read);
	sinew__close_fd(&state->next_write);
	pthread_mutex_destroy(&state->lock);
}

static int tcp_name(struct sinew_channel *channel, char *uri, size_t size)
{
	if (!channel->table)
		return snprintf(uri, size, "tcp:%s", channel->one->who.address);
	return sinew__inet_name(channel, sinew__table_listen_fd(channel), uri, size);
}

const struct sinew__transport sinew__transport_tcp = {
	.scheme =
		{
			.shown = {"tcp", "tcp:host:port",
				"TCP: this machine's loopback, or another machine"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = tcp_open,
	.close = tcp_close,
	.reconnect = tcp_reconnect,
	.name = tcp_name,
};
