/* SPDX-License-Identifier: MIT
 *
 * channel.c - the public calls on channels: who may use this handle, is it open that way, can the
 * mechanism do what is asked; then the io does the work. No mechanism is named here.
 */
#include "channel.h"

#include <limits.h>
#include <string.h>

#include "addresses.h"
#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "passed.h"
#include "pieces.h"
#include "pool.h"
#include "process.h"
#include "ready.h"
#include "session.h"
#include "stream.h"
#include "table.h"
#include "wait.h"

const char *sinew_version(void)
{
	return SINEW_VERSION;
}

static void free_channel(struct sinew_channel *channel)
{
	if (!channel)
		return;
	sinew__ready_close(channel);
	if (channel->spec.transport && channel->spec.transport->close)
		channel->spec.transport->close(channel);
	sinew__table_close(channel);
	sinew__link_free(channel->one);
	sinew__pool_close(channel);
	sinew__pieces_close(channel);
	sinew__sessions_close(channel);
	sinew__addresses_close(channel->addresses);
	sinew__passed_let_go(channel->lent);
	free(channel->lent);
	free(channel->state);
	sinew__spec_fini(&channel->spec);
	free(channel);
}

static void free_channel_at(struct sinew_channel **channel)
{
	free_channel(*channel);
}

#define CLEANUP_CHANNEL __attribute__((cleanup(free_channel_at)))

/* Direction and side: the URI's word over the caller's flags over the default. */
static unsigned resolve(const struct sinew__common *common, unsigned flags)
{
	static const unsigned directions[] = {SINEW_IN, SINEW_OUT, SINEW_IN | SINEW_OUT};
	unsigned both = SINEW_IN | SINEW_OUT, sides = SINEW_LISTEN | SINEW_CONNECT;

	if (common->dir >= 0)
		flags = (flags & ~both) | directions[common->dir];
	if (common->side >= 0)
		flags = (flags & ~sides) | (common->side == 0 ? SINEW_LISTEN : SINEW_CONNECT);
	if (!(flags & SINEW_LISTEN))
		flags |= SINEW_CONNECT;
	return flags;
}

/* A channel that is understood but not open. */
static int prepare(struct sinew_channel **made, const char *uri, unsigned flags)
{
	CLEANUP_CHANNEL struct sinew_channel *channel = calloc(1, sizeof *channel);

	if (!channel)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	channel->cancel_fd = channel->ready_fd = channel->armed_fd = -1;
	channel->room_fd = channel->room_armed_fd = -1;
	channel->retry_fd[0] = channel->retry_fd[1] = -1;
	int r = sinew__spec_parse(&channel->spec, uri);
	if (r < 0) {
		channel->spec.transport = NULL;
		return r;
	}
	channel->flags = resolve(&channel->spec.common, flags);
	if ((flags & (SINEW_LISTEN | SINEW_CONNECT)) == (SINEW_LISTEN | SINEW_CONNECT))
		return sinew__fail(EINVAL, "%s: either listen or connect", uri);
	r = sinew__spec_caps(&channel->spec, &channel->caps);
	if (r < 0)
		return r;
	if (flags & SINEW_CANCELLABLE) {
		channel->cancel_fd = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (channel->cancel_fd < 0)
			return sinew__fail(errno, "%s: cannot be made cancellable: %m", uri);
	}
	*made = channel;
	channel = NULL;
	return 0;
}

/* frame=: where the URI says nothing bytes get a length before each message; packets stay as they are. */
static void settle(struct sinew_channel *channel)
{
	bool packets = channel->caps.bits & SINEW__CAP_PACKETS;

	channel->io = channel->spec.transport->io;
	if (channel->io)
		return;
	if (channel->spec.common.frame < 0 && !packets)
		channel->spec.common.frame = SINEW__FRAME_LENGTH;
	channel->io = packets ? &sinew__packet_io : &sinew__stream_io;
}

static void settle_one(struct sinew_channel *channel)
{
	if (!channel->one)
		return;
	sinew__settle_link(channel, channel->one);
	sinew__read_from(channel, channel->one);
}

int sinew_open(sinew_channel **opened, const char *uri, unsigned flags, int64_t until)
{
	CLEANUP_CHANNEL struct sinew_channel *channel = NULL;

	int r = prepare(&channel, uri, flags);
	if (r < 0)
		return r;
	settle(channel);
	channel->process = sinew__process_token();
	if (!channel->process)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	channel->home = atomic_load(&sinew__process_page);
	r = channel->spec.transport->open(channel, until);
	if (r < 0) {
		channel->spec.common.keep = 0; /* that was for a channel that is open */
		return r;
	}
	settle_one(channel);
	if (channel->pool && channel->io->below)
		channel->pool->below =
			channel->io->below(&(struct sinew__link){.channel = channel});
	*opened = channel;
	channel = NULL;
	return 0;
}

int sinew_pair(sinew_channel *ends[2], const char *uri, unsigned flags)
{
	CLEANUP_CHANNEL struct sinew_channel *first = NULL;
	CLEANUP_CHANNEL struct sinew_channel *second = NULL;

	int r = prepare(&first, uri, flags);
	if (r == 0)
		r = prepare(&second, uri, flags);
	if (r < 0)
		return r;
	settle(first);
	settle(second);
	if (first->spec.common.keep_open == 1)
		return sinew__fail(EINVAL, "%s: keep-open=: nobody else can come to a pair", uri);
	if (!(first->caps.bits & SINEW_CAP_PAIR) || !first->spec.transport->pair)
		return sinew__fail(EOPNOTSUPP, "%s: %s cannot make a pair; open its two sides", uri,
			first->spec.uri.scheme);
	r = first->spec.transport->pair((struct sinew_channel *[2]){first, second});
	if (r < 0)
		return r;
	settle_one(first);
	settle_one(second);
	ends[0] = first;
	ends[1] = second;
	first = second = NULL;
	return 0;
}

static inline bool is_ours(const struct sinew_channel *channel)
{
	const _Atomic uint64_t *home = channel->home;

	return !home || atomic_load_explicit(home, memory_order_relaxed) == channel->process;
}

/* Whether this process may use the handle. A token of 0 is a pair's, which is made for a fork. */
static int enter(const struct sinew_channel *channel)
{
	if (!is_ours(channel))
		return sinew__fail(EOWNERDEAD,
			"%s: this channel was opened before a fork and belongs to the parent; "
			"close it and open one here, or use sinew_pair()",
			channel->spec.text);
	return 0;
}

/* Whether nothing can stand in the way of a call: enter_wait() says what does. */
static inline bool is_free(const struct sinew_channel *channel, unsigned direction)
{
	bool cancelled = atomic_load_explicit(&channel->cancelled, memory_order_relaxed);
	bool stopped = direction == SINEW_OUT &&
		       (atomic_load_explicit(&channel->finished, memory_order_relaxed) |
			       channel->interrupted);

	return channel->flags & direction && is_ours(channel) && !(cancelled | stopped);
}

static int enter_wait(struct sinew_channel *channel, unsigned direction, int64_t until)
{
	int r = enter(channel);
	if (r < 0)
		return r;
	if (!(channel->flags & direction))
		return sinew__fail(EBADF, "%s: is open for %s only", channel->spec.text,
			direction == SINEW_IN ? "sending" : "receiving");
	if (direction == SINEW_OUT &&
		atomic_load_explicit(&channel->finished, memory_order_relaxed))
		return sinew__fail(EPIPE, "%s: sinew_finish() was called", channel->spec.text);
	if (direction == SINEW_OUT && until != SINEW_NOW && channel->interrupted) {
		channel->interrupted = false;
		return sinew__interrupted(channel);
	}
	if (until != SINEW_NOW && atomic_load_explicit(&channel->cancelled, memory_order_relaxed))
		return sinew__answer(ECANCELED, "cancelled");
	return 0;
}

static BESIDE int carries_more(const struct sinew_channel *channel, const struct sinew_msg *msg)
{
	uint64_t bits = channel->caps.bits;

	if (msg->priority && !(bits & SINEW_CAP_PRIORITIES))
		return sinew__fail(EOPNOTSUPP, "%s: carries no priorities", channel->spec.text);
	if (msg->flags & SINEW_MSG_TAGGED && !(bits & SINEW_CAP_TAGS))
		return sinew__fail(
			EOPNOTSUPP, "%s: carries tags only with frame=length", channel->spec.text);
	if (msg->fd_count && !(bits & SINEW_CAP_FDS))
		return sinew__fail(EOPNOTSUPP, "%s: carries no descriptors", channel->spec.text);
	if (msg->fd_count > channel->most_fds)
		return sinew__fail(EMSGSIZE,
			"%s: a message has %u descriptors, the limit is %u (fds=)",
			channel->spec.text, msg->fd_count, channel->most_fds);
	if (msg->fd_count && !msg->fds)
		return sinew__fail(EINVAL, "%s: a message of %u descriptors without them",
			channel->spec.text, msg->fd_count);
	if (msg->flags & ~SINEW_MSG_TAGGED)
		return sinew__fail(EINVAL, "%s: a message to send has unknown flags %#x",
			channel->spec.text, msg->flags);
	if (!msg->data && msg->size)
		return sinew__fail(EINVAL, "%s: a message of %zu bytes without data",
			channel->spec.text, msg->size);
	return 0;
}

static inline bool is_plain(const struct sinew_msg *msg)
{
	return !(msg->priority | msg->flags | msg->fd_count) && msg->data;
}

static inline int carries(const struct sinew_channel *channel, const struct sinew_msg *msg)
{
	return USUALLY(is_plain(msg)) ? 0 : carries_more(channel, msg);
}

static NOINLINE int send_checked(
	sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	unsigned good = 0;

	int r = enter_wait(channel, SINEW_OUT, until);
	while (r == 0 && good < count && (r = carries(channel, &msgs[good])) == 0)
		good++;
	if (good == 0)
		return r;
	return channel->io->send(channel, msgs, good, until);
}

HOT int sinew_send(
	sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until)
{
	if (count == 1 && is_free(channel, SINEW_OUT) && is_plain(msgs))
		return channel->io->send(channel, msgs, 1, until);
	return send_checked(channel, msgs, count, until);
}

int sinew_flush(sinew_channel *channel, int64_t until)
{
	int r = enter_wait(channel, SINEW_OUT, until);

	return r < 0 ? r : channel->io->flush(channel, until);
}

int sinew_finish(sinew_channel *channel, int64_t until)
{
	int r = sinew_flush(channel, until);
	if (r < 0)
		return r;
	struct sinew__link *link = channel->one;
	if (!channel->io->finish && (!link || !link->ops->finish))
		return sinew__fail(EOPNOTSUPP, "%s: cannot end one direction alone; close it",
			channel->spec.text);
	r = channel->io->finish ? channel->io->finish(channel) : link->ops->finish(link);
	if (r == 0)
		atomic_store(&channel->finished, true);
	return r;
}

static BESIDE int enter_receive(struct sinew_channel *channel, int64_t until)
{
	int r = enter_wait(channel, SINEW_IN, until);

	if (r == 0)
		sinew__passed_let_go(channel->lent);
	return r;
}

static inline int begin_receive(struct sinew_channel *channel, int64_t until)
{
	return USUALLY(is_free(channel, SINEW_IN) && !channel->lent)
		       ? 0
		       : enter_receive(channel, until);
}

HOT int sinew_recv(
	sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until)
{
	int r = begin_receive(channel, until);
	if (r < 0)
		return r;
	r = channel->io->recv(channel, buf, cap, msg, until);
	if (channel->ready_fd >= 0)
		sinew__ready_update(channel);
	return r;
}

HOT int sinew_take(sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	int r = begin_receive(channel, until);
	if (r < 0)
		return r;
	r = channel->io->take(channel, msgs, count, until);
	if (channel->ready_fd >= 0)
		sinew__ready_update(channel);
	return r;
}

/* The kernel's channels lend from their own buffer, which the next receive may reuse. */
HOT void sinew_release(sinew_channel *channel, struct sinew_msg *msgs, unsigned count)
{
	if (channel->io->release)
		channel->io->release(channel, msgs, count);
	sinew__passed_let_go(channel->lent);
	for (unsigned i = 0; i < count; i++) {
		msgs[i].data = NULL;
		msgs[i].fds = NULL;
		msgs[i].fd_count = 0;
	}
}

static int no_loans(const sinew_channel *channel)
{
	return sinew__fail(EOPNOTSUPP, "%s: lends no memory to write messages in; use sinew_send()",
		channel->spec.text);
}

int sinew_loan(sinew_channel *channel, size_t size, struct sinew_msg *msg, int64_t until)
{
	int r = enter_wait(channel, SINEW_OUT, until);
	if (r < 0)
		return r;
	return channel->io->loan ? channel->io->loan(channel, size, msg, until) : no_loans(channel);
}

int sinew_commit(sinew_channel *channel, struct sinew_msg *msg)
{
	int r = enter_wait(channel, SINEW_OUT, SINEW_NOW);
	if (r < 0)
		return r;
	return channel->io->commit ? channel->io->commit(channel, msg) : no_loans(channel);
}

void sinew_abandon(sinew_channel *channel, struct sinew_msg *msg)
{
	if (enter(channel) == 0 && channel->io->abandon)
		channel->io->abandon(channel, msg);
}

int sinew_fd(sinew_channel *channel, unsigned direction)
{
	int r = enter(channel);

	if (r == 0 && channel->io->fd)
		return channel->io->fd(channel, direction);
	return r < 0 ? r : sinew__ready_fd(channel, direction);
}

int sinew_cancel(sinew_channel *channel)
{
	const uint64_t one = 1;
	int error = errno;

	if (channel->process && !sinew__process_is(channel->process))
		return -EOWNERDEAD;
	if (channel->cancel_fd < 0)
		return -EOPNOTSUPP;
	atomic_store(&channel->cancelled, true);
	ssize_t r = sinew__sys.write(channel->cancel_fd, &one, sizeof one);
	if (channel->io->cancel)
		channel->io->cancel(channel);
	errno = error;
	return r == sizeof one ? 0 : -EIO;
}

int sinew_resume(sinew_channel *channel)
{
	uint64_t count;

	int owner = enter(channel);
	if (owner < 0)
		return owner;
	if (channel->cancel_fd < 0)
		return sinew__fail(EOPNOTSUPP, "%s: was not opened with SINEW_CANCELLABLE",
			channel->spec.text);
	atomic_store(&channel->cancelled, false);
	ssize_t r = sinew__sys.read(channel->cancel_fd, &count, sizeof count);
	if (r < 0 && errno != EAGAIN)
		return sinew__fail(errno, "%s: cannot be resumed: %m", channel->spec.text);
	return 0;
}

/* The options that the other program needs, too: how messages are made of bytes. */
static int append_options(const struct sinew_channel *channel, char *uri, size_t size, int length)
{
	static const char *const kept[] = {"frame", "max", "coalesce", "fds"};
	const struct sinew__uri *given = &channel->spec.uri;

	for (unsigned i = 0; i < given->count; i++)
		for (unsigned k = 0; k < sizeof kept / sizeof *kept; k++)
			if (strcmp(given->options[i].key, kept[k]) == 0 && length >= 0 &&
				(size_t)length < size)
				length += snprintf(uri + length, size - (size_t)length, "&%s=%s",
					kept[k], given->options[i].value);
	return length;
}

int sinew_inherit(sinew_channel *channel, char *uri, size_t size)
{
	if (!channel->spec.transport->adopt || channel->process)
		return sinew__fail(EOPNOTSUPP,
			"%s: only an end of a pair can be handed to a program", channel->spec.text);
	int length = channel->spec.transport->adopt(channel, uri, size);
	length = append_options(channel, uri, size, length);
	if (length < 0 || (size_t)length >= size)
		return sinew__fail(ENAMETOOLONG, "%s: the URI needs more than %zu bytes",
			channel->spec.text, size);
	if (!channel->one) /* it sees to that itself */
		return length;
	const int fds[] = {channel->one->rfd, channel->one->wfd};
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0 && sinew__sys.fcntl(fds[i], F_SETFD, 0) < 0)
			return sinew__fail(errno, "%s: fcntl: %m", channel->spec.text);
	return length;
}

/* Before our close, not a forked child's: what we sent shall arrive. */
static void part(struct sinew_channel *channel)
{
	struct sinew__link *link = channel->one;

	if (channel->process == 0)
		return; /* of a pair: a relative may hold this end, too */
	if (link && link->ops->part && link->ours)
		link->ops->part(link);
	for (unsigned slot = 0; channel->table; slot++) {
		int r = sinew__table_hold_slot(channel, slot, &link);
		if (r < 0)
			return;
		if (r == 0)
			continue;
		if (link->ops->part)
			link->ops->part(link);
		sinew__table_let_go(link);
	}
}

int sinew_close(sinew_channel *channel)
{
	unsigned unread = 0;
	int left = 0; /* why bytes that we had accepted are not gone */

	if (!channel)
		return 0;
	if (channel->process && !sinew__process_is(channel->process)) {
		channel->spec.common.keep = 1; /* in a forked child: the name is the parent's */
	} else {
		if (channel->flags & SINEW_OUT && !channel->finished)
			left = channel->io->flush(channel, SINEW_NOW);
		unread = channel->io->buffered(channel, UINT_MAX);
		part(channel);
	}
	free_channel(channel);
	if (left == -EAGAIN)
		return sinew__answer(EAGAIN, "closed with bytes that the peer had no room for");
	if (left < 0)
		return left;
	return (int)unread;
}

int sinew_peer(sinew_channel *channel, uint64_t id, struct sinew_peer *peer)
{
	int r = enter(channel);
	if (r < 0)
		return r;
	if (channel->io->peer)
		return channel->io->peer(channel, id, peer);
	if (channel->addresses && id != SINEW_ANY_PEER) {
		struct sockaddr_storage address;
		r = sinew__addresses_find(channel->addresses, id, &address, peer);
		return r < 0 ? sinew__fail(ESTALE, "%s: that peer is forgotten", channel->spec.text)
			     : 0;
	}
	if (channel->one && (id == SINEW_ANY_PEER || id == channel->one->id)) {
		*peer = channel->one->who;
		return 0;
	}
	if (!channel->table)
		return sinew__fail(ESTALE, "%s: there is no such peer", channel->spec.text);
	struct sinew__link *link = sinew__table_hold(channel, id, SINEW_NOW, &r);
	if (!link)
		return r;
	*peer = link->who;
	sinew__table_let_go(link);
	return 0;
}

int sinew_name(sinew_channel *channel, char *uri, size_t size)
{
	int r = enter(channel);
	if (r < 0)
		return r;
	int length = channel->spec.transport->name
			     ? channel->spec.transport->name(channel, uri, size)
			     : snprintf(uri, size, "%s", channel->spec.text);

	if (length >= 0 && (size_t)length >= size)
		return sinew__fail(
			ENAMETOOLONG, "%s: the URI needs %d bytes", channel->spec.text, length + 1);
	return length;
}

int sinew_channel_caps(sinew_channel *channel, struct sinew_caps *caps)
{
	int r = enter(channel);

	if (r < 0)
		return r;
	*caps = channel->caps;
	caps->bits &= ~SINEW__CAP_PACKETS;
	return 0;
}

int sinew_stats(sinew_channel *channel, struct sinew_stats *stats)
{
	const struct sinew__counters *c = &channel->count;

	int r = enter(channel);
	if (r < 0)
		return r;
#define READ(name) atomic_load_explicit(&c->name, memory_order_relaxed)

	*stats = (struct sinew_stats){.sent = READ(sent),
		.received = READ(received),
		.bytes_sent = READ(bytes_sent),
		.bytes_received = READ(bytes_received),
		.calls = READ(calls[0]) + READ(calls[1]),
		.waits = READ(waits[0]) + READ(waits[1]),
		.lost = READ(lost),
		.refused = READ(refused),
		.peers = channel->table ? READ(peers) : 1,
		.joined = channel->table ? READ(joined) : 1,
		.late = READ(late),
		.copies = READ(copies),
		.yields = READ(yields[0]) + READ(yields[1])};
#undef READ
	return 0;
}
