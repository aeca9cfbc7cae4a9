/* SPDX-License-Identifier: MIT
 *
 * unix.c - Unix sockets: stream, seqpacket and dgram, by path, by abstract name, or adopted. The
 * kernel says who the peer is. A path appears when it is ready and vanishes with us; a live one is
 * never stolen.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../passed.h"
#include "../path.h"
#include "../pipe_io.h"
#include "../pool.h"
#include "../socket.h"
#include "../table.h"
#include "../unix_name.h"
#include "../unix_packet.h"
#include "../unix_stream.h"
#include "../wait.h"

enum {
	STREAM_BUFFER = 1 << 20,   /* a long message, or thousands of short ones, in one go */
	MOST_MAX_BUFFER = 8 << 20, /* above it, one message on its way is enough */
	LARGEST_PACKET = 4 << 20,  /* one piece of the kernel's memory, but for a few pages */
};

struct settings {
	int64_t type, peers, pool, buffer, fds, fd;
	struct sinew__users allow;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"type", "stream|seqpacket|dgram", "stream",
		 "bytes with frames, connected packets, or packets without a connection"},
		SINEW__OPTION_CHOICE, OWN(type), 0, 0},
	{{"allow", "uid,uid", "", "turn away everybody else"}, SINEW__OPTION_USERS, OWN(allow), 0,
		0},
	{{"peers", "number", "16384",
		 "how many at once; with 1 a receive is one system call, the others wait"},
		SINEW__OPTION_NUMBER, OWN(peers), 1, 1 << 20},
	SINEW__POOL_OPTION(OWN(pool)),
	{{"buffer", "size", NULL, "the send buffer; packets are bounded by it"}, SINEW__OPTION_SIZE,
		OWN(buffer), 1024, INT_MAX / 2},
	{{"fds", "number", "0", "how many descriptors a message may carry; 0: none are taken in"},
		SINEW__OPTION_NUMBER, OWN(fds), 0, SINEW__MOST_FDS},
	{{"fd", "descriptor", NULL, "adopt this inherited, connected socket"}, SINEW__OPTION_NUMBER,
		OWN(fd), 0, INT_MAX},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bytes of a path", "sys/un.h", sizeof((struct sockaddr_un *)0)->sun_path - 1},
	{"connections that wait to be accepted", "/proc/sys/net/core/somaxconn", 0},
	{"packets a dgram socket queues", "/proc/sys/net/unix/max_dgram_qlen", 0},
	{"largest send buffer without privilege", "/proc/sys/net/core/wmem_max", 0},
	{"default send buffer", "/proc/sys/net/core/wmem_default", 0},
	{"bytes of a packet", "linux/slab.h", LARGEST_PACKET},
	{"descriptors of one message", "net/scm.h", SINEW__MOST_FDS},
	{NULL, NULL, 0},
};

static const int socket_types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

static int socket_type(const struct sinew__spec *spec)
{
	return socket_types[((const struct settings *)spec->own)->type];
}

/* ---- what it can do ---- */

/* The send buffer to ask for: what the URI says; for packets at least one of the largest. */
static int64_t wanted_buffer(const struct sinew__spec *spec)
{
	const struct settings *own = spec->own;

	if (own->buffer > 0)
		return own->buffer;
	if (socket_type(spec) == SOCK_STREAM)
		return STREAM_BUFFER;
	/* The kernel doubles it: four of the largest may be on their way. */
	return spec->common.max < MOST_MAX_BUFFER ? 2 * spec->common.max + 4096
						  : spec->common.max + 4096;
}

/* The kernel takes packets a little smaller than the send buffer; ask a real socket. */
static uint64_t largest_packet(const struct sinew__spec *spec)
{
	int size = 0;
	socklen_t length = sizeof size;
	int64_t most = spec->common.max < LARGEST_PACKET ? spec->common.max : LARGEST_PACKET;
	CLEANUP_FD int fd = sinew__sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return (uint64_t)most;
	sinew__socket_buffer(fd, wanted_buffer(spec));
	if (sinew__sys.getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
		return (uint64_t)most;
	int64_t limit = size > 64 ? size - 64 : 0;
	return (uint64_t)(limit < most ? limit : most);
}

/* Descriptors travel with a frame that says so, or with a packet. */
static int describe_fds(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;

	if (own->fds == 0)
		return 0;
	if (socket_type(spec) == SOCK_STREAM && spec->common.frame > SINEW__FRAME_LENGTH)
		return sinew__fail(
			EINVAL, "%s: fds=: descriptors need frame=length on a stream", spec->text);
	caps->bits |= SINEW_CAP_FDS;
	return 0;
}

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	int type = socket_type(spec);

	caps->bits = SINEW__CAP_SURE | SINEW_CAP_BOTH_WAYS | SINEW_CAP_ANSWERS |
		     SINEW_CAP_KNOWS_PEER | SINEW_CAP_POLLABLE | SINEW_CAP_MANY_WRITERS |
		     SINEW_CAP_PAIR | SINEW_CAP_NAMED;
	caps->max_message = (uint64_t)spec->common.max;
	if (type == SOCK_STREAM) {
		caps->bits |= SINEW_CAP_END | sinew__stream_caps(&spec->common);
		return describe_fds(spec, caps);
	}
	if (spec->common.frame == SINEW__FRAME_LINE)
		return sinew__fail(EINVAL,
			"%s: packets have boundaries already: frame=raw or frame=length",
			spec->text);
	caps->bits |= SINEW__CAP_PACKETS | SINEW_CAP_BOUNDARIES | SINEW_CAP_EMPTY |
		      (type == SOCK_SEQPACKET ? SINEW_CAP_END : 0) |
		      (spec->common.frame == SINEW__FRAME_LENGTH ? SINEW_CAP_TAGS : 0);
	caps->max_message = largest_packet(spec);
	return describe_fds(spec, caps);
}

/* ---- links ---- */

static bool is_allowed(const struct settings *own, uid_t uid)
{
	for (unsigned i = 0; i < own->allow.count; i++)
		if (own->allow.uid[i] == uid)
			return true;
	return own->allow.count == 0;
}

static void learn_peer(int fd, const char *name, struct sinew_peer *who)
{
	struct ucred cred;
	socklen_t size = sizeof cred;

	if (sinew__sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 &&
		cred.uid != (uid_t)-1) {
		who->uid = cred.uid;
		who->gid = cred.gid;
		who->pid = cred.pid;
		who->known = 1;
	}
	snprintf(who->address, sizeof who->address, "%s", name);
}

static const struct sinew__link_ops *ops_of(const struct sinew_channel *channel)
{
	switch (socket_type(&channel->spec)) {
	case SOCK_SEQPACKET:
		return &sinew__seqpacket_ops;
	case SOCK_DGRAM:
		return &sinew__dgram_ops;
	default:
		return channel->most_fds ? &sinew__passing_stream_ops : &sinew__local_stream_ops;
	}
}

/* A link with its queue of descriptors; a failure closes nothing. */
static int make_passing(struct sinew_channel *channel, int fd, struct sinew__link **made)
{
	struct sinew__link *link;

	int r = sinew__link_make(channel, ops_of(channel), fd, fd, &link);
	if (r < 0)
		return r;
	r = sinew__passed_open(link);
	if (r < 0) {
		link->rfd = link->wfd = -1;
		sinew__link_free(link);
		return r;
	}
	*made = link;
	return 0;
}

/* Makes the connected socket fd a link; a failure closes nothing. named: the peer's socket has an address,
 * and had it before it could send. */
static int make_link(struct sinew_channel *channel, int fd, const char *name, bool named,
	struct sinew__link **link)
{
	const struct settings *own = channel->spec.own;
	int type = socket_type(&channel->spec), one = 1;
	struct sinew_peer who = {0};
	int64_t buffer = wanted_buffer(&channel->spec);

	if (type != SOCK_DGRAM)
		learn_peer(fd, name, &who);
	if (type != SOCK_DGRAM && own->allow.count && (!who.known || !is_allowed(own, who.uid)))
		return sinew__fail(EPERM, "%s: uid %u is not in allow=", channel->spec.text,
			(unsigned)who.uid);
	if (buffer)
		sinew__socket_buffer(fd, buffer);
	named = named && type == SOCK_SEQPACKET && !channel->most_fds;
	if (type != SOCK_STREAM && !named)
		sinew__sys.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
	int r = make_passing(channel, fd, link);
	if (r < 0)
		return r;
	(*link)->who = who;
	(*link)->ours = true;
	(*link)->named = named;
	return 0;
}

static int accept_link(struct sinew_channel *channel, int listen_fd, struct sinew__taken *taken,
	struct sinew__link **link)
{
	if (taken->fd < 0) {
		taken->size = sizeof taken->address;
		taken->fd = sinew__sys.accept4(
			listen_fd, (struct sockaddr *)&taken->address, &taken->size, SOCK_CLOEXEC);
	}
	if (taken->fd < 0)
		return -errno;
	int r = make_link(channel, taken->fd, "", taken->size > sizeof(sa_family_t), link);
	if (r == -EPERM)
		sinew__sys.close(taken->fd);
	if (r == 0 || r == -EPERM)
		taken->fd = -1;
	return r;
}

static const struct sinew__listener listener = {.accept = accept_link};

/* ---- listening ---- */

static int open_listening(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	const char *name = channel->spec.uri.rest;
	int type = socket_type(&channel->spec);
	int flags = SOCK_CLOEXEC | (type == SOCK_DGRAM ? 0 : SOCK_NONBLOCK);
	struct sockaddr_un address;
	socklen_t size;

	int r = sinew__unix_address(channel, name, &address, &size);
	if (r < 0)
		return r;
	CLEANUP_FD int fd = sinew__sys.socket(AF_UNIX, type | flags, 0);
	if (fd < 0)
		return sinew__unix_failed(channel, "listen on", -errno);
	if (type == SOCK_DGRAM) { /* before the name appears, so that no packet comes unsigned */
		r = make_link(channel, fd, "", false, &channel->one);
		if (r == 0)
			r = sinew__dgram_listen(channel, own->peers, &own->allow);
	}
	if (r == 0)
		r = sinew__unix_bind(channel, fd, type == SOCK_DGRAM);
	if (r == 0 && type != SOCK_DGRAM && own->peers > 1)
		r = sinew__pool_open(channel, own->pool);
	if (r == 0 && type != SOCK_DGRAM)
		r = sinew__table_open(channel, &listener, fd, (unsigned)own->peers);
	if (r == 0 || channel->one)
		fd = -1;
	return r;
}

/* ---- connecting ---- */

/* A full backlog is waited for in connect itself: SO_SNDTIMEO bounds it, and nobody polls. */
static int set_timeout(int fd, int64_t until)
{
	struct timeval t = {0};

	if (until != SINEW_FOREVER) {
		int64_t left = until - sinew__now();
		if (left < 1000)
			left = 1000;
		t.tv_sec = left / 1000000000;
		t.tv_usec = left % 1000000000 / 1000;
	}
	return sinew__sys.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int connect_within(struct sinew_channel *channel, int fd, const struct sockaddr_un *address,
	socklen_t size, int64_t until)
{
	int r;

	do {
		if (set_timeout(fd, until) < 0)
			return -errno;
		r = (int)sinew__result(
			sinew__sys.connect(fd, (const struct sockaddr *)address, size));
	} while (r == -EINTR && sinew__interrupted(channel) == 0);
	if (r == -EAGAIN && until != SINEW_NOW)
		r = -ETIMEDOUT;
	if (r < 0)
		return r;
	return set_timeout(fd, SINEW_FOREVER) < 0 ? -errno : 0;
}

/* *connected: what fails after it has its words already. */
static int try_connect(struct sinew_channel *channel, const struct sockaddr_un *address,
	socklen_t size, int64_t until, bool *connected)
{
	int type = socket_type(&channel->spec);
	struct sockaddr_un none = {.sun_family = AF_UNIX};
	CLEANUP_FD int fd = sinew__sys.socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* A name of the kernel's choice, so that we can be answered, or told from our end. */
	if (type != SOCK_STREAM &&
		sinew__sys.bind(fd, (struct sockaddr *)&none, sizeof none.sun_family) < 0)
		return -errno;
	int r = connect_within(channel, fd, address, size, until);
	if (r < 0)
		return r;
	*connected = true;
	r = make_link(channel, fd, channel->spec.uri.rest, true, &channel->one);
	if (r == 0)
		fd = -1;
	return r;
}

static bool is_other_file(const char *name)
{
	struct stat st;

	return *name != '@' && sinew__sys.lstat(name, &st) == 0 && !S_ISSOCK(st.st_mode) &&
	       !S_ISLNK(st.st_mode);
}

static int open_connecting(struct sinew_channel *channel, int64_t until)
{
	struct sockaddr_un address;
	socklen_t size;
	int64_t pause = 0;
	bool connected = false;

	int r = sinew__unix_address(channel, channel->spec.uri.rest, &address, &size);
	if (r < 0)
		return r;
	for (;;) {
		r = try_connect(channel, &address, size, until, &connected);
		if (r == -ECONNREFUSED && !connected && is_other_file(channel->spec.uri.rest))
			r = -EEXIST;
		if (connected || (r != -ENOENT && r != -ECONNREFUSED))
			break;
		int paused = sinew__pause(channel, &pause, until);
		if (paused == -EINTR)
			return paused;
		if (paused < 0)
			break;
	}
	if (r >= 0 || connected)
		return r;
	if (r == -EAGAIN || r == -ETIMEDOUT)
		return sinew__fail(-r, "connect %s: its backlog is full", channel->spec.text);
	return sinew__unix_failed(channel, "connect", r);
}

static int open_adopted(struct sinew_channel *channel, int fd)
{
	int type = 0, listening = 0;
	socklen_t size = sizeof type;

	if (sinew__sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return sinew__fail(errno, "%s: descriptor %d is not a socket that is open here",
			channel->spec.text, fd);
	size = sizeof listening;
	sinew__sys.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
	if (type != socket_type(&channel->spec) || listening)
		return sinew__fail(EINVAL,
			"%s: descriptor %d is a %s; see type=", channel->spec.text, fd,
			listening ? "listening socket" : "socket of another type");
	int r = make_link(channel, fd, "", false, &channel->one);
	if (r == 0)
		channel->one->ours = false;
	return r;
}

/* ---- the transport ---- */

static int unix_open(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;

	if (!(channel->flags & (SINEW_IN | SINEW_OUT)))
		channel->flags |= SINEW_IN | SINEW_OUT;
	int r = sinew__passed_setup(channel, own->fds);
	if (r < 0)
		return r;
	if (own->fd >= 0)
		return open_adopted(channel, (int)own->fd);
	if (!(channel->flags & SINEW_LISTEN))
		return open_connecting(channel, until);
	channel->state = calloc(1, sizeof(struct sinew__own_path));
	if (!channel->state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	return open_listening(channel);
}

static int unix_pair(struct sinew_channel *ends[2])
{
	const struct settings *own = ends[0]->spec.own;
	int fds[2];

	int r = sinew__passed_setup(ends[0], own->fds);
	if (r == 0)
		r = sinew__passed_setup(ends[1], own->fds);
	if (r < 0)
		return r;
	if (sinew__sys.socketpair(AF_UNIX, socket_type(&ends[0]->spec) | SOCK_CLOEXEC, 0, fds) < 0)
		return sinew__fail(errno, "%s: socketpair: %m", ends[0]->spec.text);
	CLEANUP_FD int first = fds[0], second = fds[1];
	for (unsigned i = 0; i < 2; i++)
		if (!(ends[i]->flags & (SINEW_IN | SINEW_OUT)))
			ends[i]->flags |= SINEW_IN | SINEW_OUT;
	r = make_link(ends[0], first, "", false, &ends[0]->one);
	if (r < 0)
		return r;
	first = -1;
	r = make_link(ends[1], second, "", false, &ends[1]->one);
	if (r < 0)
		return r;
	second = -1;
	return 0;
}

static int unix_adopt(struct sinew_channel *channel, char *uri, size_t size)
{
	static const char *const names[] = {"stream", "seqpacket", "dgram"};
	const struct settings *own = channel->spec.own;

	return snprintf(uri, size, "unix:?fd=%d&type=%s", channel->one->rfd, names[own->type]);
}

static void unix_close(struct sinew_channel *channel)
{
	if (channel->state)
		sinew__path_remove(channel->state, channel->spec.common.keep == 1);
}

static int unix_remove(const struct sinew__spec *spec)
{
	const char *path = spec->uri.rest;
	struct stat st;

	if (!*path)
		return sinew__fail(EINVAL, "remove %s: write unix:/path", spec->text);
	if (*path == '@')
		return sinew__fail(EOPNOTSUPP,
			"remove %s: an abstract name vanishes with its socket", spec->text);
	if (sinew__sys.lstat(path, &st) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	if (!S_ISSOCK(st.st_mode))
		return sinew__fail(EEXIST, "remove %s: is not a socket; left alone", spec->text);
	int live = sinew__path_is_live(path);
	if (live == 1)
		return sinew__fail(EBUSY, "remove %s: somebody listens there", spec->text);
	if (live < 0)
		return sinew__fail(-live, "remove %s: %s", spec->text, strerror(-live));
	if (sinew__sys.unlink(path) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	return 0;
}

const struct sinew__transport sinew__transport_unix = {
	.scheme =
		{
			.shown = {"unix", "unix:/path or unix:@name",
				"a Unix socket: one machine, both ways, the kernel vouches for the "
				"peer"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = unix_open,
	.pair = unix_pair,
	.adopt = unix_adopt,
	.remove = unix_remove,
	.close = unix_close,
};
