/* SPDX-License-Identifier: MIT
 *
 * mq.c - POSIX message queues: priorities, a fixed depth and message size, kept by the kernel until
 * they are removed.
 *
 * A queue is a file without a mount: flock(2) on it counts those of us who use it (shared), and tells
 * who removes it (exclusive) that nobody does. One who got the lock on a queue whose name is gone
 * begins anew, so nobody is left alone in a queue that was just removed. Not waiting is a deadline in
 * the past; no file flag is ever changed.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../process.h"
#include "../queue.h"
#include "../rights.h"
#include "../wait.h"

#define DIRECTORY "/proc/sys/fs/mqueue/"

enum {
	MOST_DEPTH = 65536,   /* what the kernel allows anybody (HARD_MSGMAX) */
	MOST_SIZE = 16 << 20, /* the same (HARD_MSGSIZEMAX) */
	USUAL_DEPTH = 10,     /* where /proc is not there */
	USUAL_SIZE = 8192,    /* the same */
};

struct settings {
	int64_t create, temp, depth, msgsize;
};

struct state {
	char *bounce;   /* receiving: one message, for buffers that are too small for the kernel */
	size_t msgsize; /* of the queue that is open */
	bool temp;      /* whoever leaves last removes it */
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"create", "yes|no", "yes", "make the queue if it is not there"}, SINEW__OPTION_SWITCH,
		OWN(create), 0, 0},
	{{"temp", "yes|no", "no", "remove the queue when its last sinew user leaves"},
		SINEW__OPTION_SWITCH, OWN(temp), 0, 0},
	{{"depth", "number", NULL, "messages the queue holds (10, or the system's limit)"},
		SINEW__OPTION_NUMBER, OWN(depth), 1, MOST_DEPTH},
	{{"msgsize", "size", NULL, "the largest message it holds (8K, or the system's limit)"},
		SINEW__OPTION_SIZE, OWN(msgsize), 1, MOST_SIZE},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"messages a queue may hold", DIRECTORY "msg_max", 0},
	{"bytes of a message", DIRECTORY "msgsize_max", 0},
	{"messages, if depth= is not given", DIRECTORY "msg_default", 0},
	{"bytes, if msgsize= is not given", DIRECTORY "msgsize_default", 0},
	{"queues", DIRECTORY "queues_max", 0},
	{"bytes of all queues of a user (RLIMIT_MSGQUEUE)", "getrlimit(2)", RLIMIT_MSGQUEUE},
	{NULL, NULL, 0},
};

/* ---- names and shapes ---- */

static int check_name(const struct sinew__spec *spec)
{
	const char *name = spec->uri.rest;

	if (*name != '/' || !name[1])
		return sinew__fail(EINVAL, "%s: write mq:/name", spec->text);
	if (strchr(name + 1, '/'))
		return sinew__fail(
			EINVAL, "%s: a queue's name has no other slash than its first", spec->text);
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
		return sinew__fail(EINVAL, "%s: is no name for a queue", spec->text);
	if (strlen(name + 1) > NAME_MAX)
		return sinew__fail(ENAMETOOLONG, "%s: a queue's name has at most %d bytes",
			spec->text, NAME_MAX);
	return 0;
}

/* What the kernel makes of a queue whose maker says nothing. */
static long usual(const char *preset, const char *most, long otherwise)
{
	int64_t value = sinew__read_limit(preset), limit = sinew__read_limit(most);

	value = value > 0 ? value : otherwise;
	return (long)(limit > 0 && limit < value ? limit : value);
}

static struct mq_attr shape_of(const struct settings *own)
{
	return (struct mq_attr){.mq_maxmsg = own->depth > 0
						     ? (long)own->depth
						     : usual(DIRECTORY "msg_default",
							       DIRECTORY "msg_max", USUAL_DEPTH),
		.mq_msgsize = own->msgsize > 0 ? (long)own->msgsize
					       : usual(DIRECTORY "msgsize_default",
							 DIRECTORY "msgsize_max", USUAL_SIZE)};
}

/* The shape of a queue that is there and lets us look. */
static bool look(const char *name, struct mq_attr *shape)
{
	CLEANUP_FD int fd = sinew__sys.mq_open(name, O_RDONLY | O_CLOEXEC, 0, NULL);

	if (fd < 0 && errno == EACCES)
		fd = sinew__sys.mq_open(name, O_WRONLY | O_CLOEXEC, 0, NULL);
	return fd >= 0 && sinew__sys.mq_getattr(fd, shape) == 0;
}

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	struct mq_attr shape;

	int r = sinew__queue_check_frame(spec);
	if (r < 0)
		return r;
	if (*spec->uri.rest != '/' || !look(spec->uri.rest, &shape))
		shape = shape_of(spec->own);
	caps->bits = SINEW__QUEUE_CAPS | SINEW_CAP_POLLABLE | SINEW_CAP_PRIORITIES |
		     (spec->common.frame == SINEW__FRAME_LENGTH ? SINEW_CAP_TAGS : 0);
	return sinew__queue_most(spec, shape.mq_msgsize, "msgsize=", &caps->max_message);
}

/* ---- making one ---- */

static int above(const struct sinew__spec *spec, const char *key, int64_t value, const char *file,
	int64_t limit)
{
	char is[24], most[24];

	sinew__queue_size(is, value);
	sinew__queue_size(most, limit);
	return sinew__fail(EINVAL,
		"%s: cannot create: %s=%s is above the system's limit %lld (%s); raise it or use "
		"%s=%s",
		spec->text, key, is, (long long)limit, file, key, most);
}

static int bad_shape(const struct sinew__spec *spec, const struct mq_attr *shape)
{
	int64_t depth = sinew__read_limit(DIRECTORY "msg_max");
	int64_t size = sinew__read_limit(DIRECTORY "msgsize_max");

	if (depth >= 0 && shape->mq_maxmsg > depth)
		return above(spec, "depth", shape->mq_maxmsg, DIRECTORY "msg_max", depth);
	if (size >= 0 && shape->mq_msgsize > size)
		return above(spec, "msgsize", shape->mq_msgsize, DIRECTORY "msgsize_max", size);
	return sinew__fail(EINVAL, "%s: cannot create: depth=%ld of msgsize=%ld is refused",
		spec->text, shape->mq_maxmsg, shape->mq_msgsize);
}

/* EMFILE has two causes. What a queue takes: its messages, and for each of them the kernel's struct
 * msg_msg and a node of its tree, six words each (ipc/mqueue.c, mqueue_get_inode). */
static int no_bytes(const struct sinew__spec *spec, const struct mq_attr *shape)
{
	struct rlimit limit;
	const int64_t each = shape->mq_msgsize + 12 * (int64_t)sizeof(void *);
	int64_t need = each * shape->mq_maxmsg;
	CLEANUP_FD int probe = sinew__sys.eventfd(0, EFD_CLOEXEC);

	if (probe < 0 || getrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
		return sinew__fail(EMFILE, "%s: cannot create: too many open files", spec->text);
	long long most = limit.rlim_cur > INT64_MAX ? INT64_MAX : (long long)limit.rlim_cur;
	if (need > most)
		return sinew__fail(ENOSPC,
			"%s: cannot create: depth=%ld of msgsize=%ld takes %lld bytes, above the "
			"limit %lld for all queues of a user (RLIMIT_MSGQUEUE, ulimit -q); raise "
			"it "
			"or use at most depth=%lld%s, less what the user's other queues take, "
			"which cannot be seen",
			spec->text, shape->mq_maxmsg, shape->mq_msgsize, (long long)need, most,
			most / each, most / each ? "" : " (no queue at all)");
	return sinew__fail(ENOSPC,
		"%s: cannot create: it takes %lld bytes, and the user's other queues leave less of "
		"the limit %lld (RLIMIT_MSGQUEUE, ulimit -q); how much they take cannot be seen: "
		"remove some, raise it or use a smaller depth=",
		spec->text, (long long)need, most);
}

static int create_failed(const struct sinew__spec *spec, const struct mq_attr *shape, int error)
{
	switch (-error) {
	case EINVAL:
		return bad_shape(spec, shape);
	case EMFILE:
		return no_bytes(spec, shape);
	case ENOSPC:
		return sinew__fail(ENOSPC,
			"%s: cannot create: the system has its %lld queues already "
			"(" DIRECTORY "queues_max); remove some or raise it",
			spec->text, (long long)sinew__read_limit(DIRECTORY "queues_max"));
	case ENOSYS:
		return sinew__fail(
			ENOSYS, "%s: this kernel has no POSIX message queues", spec->text);
	default:
		return sinew__fail(-error, "%s: cannot create: %s", spec->text, strerror(-error));
	}
}

static int access_of(const struct sinew_channel *channel)
{
	return (channel->flags & SINEW_IN ? O_RDONLY : O_WRONLY) | O_CLOEXEC;
}

/* Makes the queue with its rights. A descriptor; -EEXIST it is there. */
static int make(struct sinew_channel *channel)
{
	struct state *state = channel->state;
	const struct sinew__spec *spec = &channel->spec;
	struct mq_attr shape = shape_of(spec->own);
	mode_t first =
		sinew__rights_given(&spec->common) ? sinew__rights_first(&spec->common) : 0666;

	CLEANUP_FD int fd = sinew__sys.mq_open(
		spec->uri.rest, access_of(channel) | O_CREAT | O_EXCL, first, &shape);
	if (fd < 0)
		return errno == EEXIST || errno == EINTR ? -errno
							 : create_failed(spec, &shape, -errno);
	int r = sinew__rights_fd(&spec->common, fd);
	if (r < 0) {
		sinew__sys.mq_unlink(spec->uri.rest);
		return sinew__fail(
			-r, "%s: cannot give it its owner and mode: %s", spec->text, strerror(-r));
	}
	state->temp = true; /* until it is open */
	return sinew__steal_fd(&fd);
}

/* ---- opening ---- */

static int open_failed(struct sinew_channel *channel, int error)
{
	const char *text = channel->spec.text;

	if (error == -EACCES)
		return sinew__fail(EACCES,
			"open %s: permission denied: the queue's mode and owner do not let this "
			"user %s it",
			text, channel->flags & SINEW_IN ? "take from" : "add to");
	return sinew__fail(-error, "open %s: %s%s", text, strerror(-error),
		error == -ENOENT ? " (with create=no, or removed meanwhile)" : "");
}

static bool is_gone(int fd)
{
	struct stat st;

	return sinew__sys.fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* Counts us among the users. 0; -ENOENT: it was removed, or is about to be. */
static int hold(int fd)
{
	if (sinew__sys.flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -ENOENT : -errno;
	return is_gone(fd) ? -ENOENT : 0;
}

/* One attempt: a descriptor of a queue that we hold; -ENOENT, -EEXIST, -EINTR: try again. What has
 * words gives *said. */
static int try_open(struct sinew_channel *channel, bool *said)
{
	const struct settings *own = channel->spec.own;
	const char *name = channel->spec.uri.rest;

	*said = false;
	CLEANUP_FD int fd = sinew__sys.mq_open(name, access_of(channel), 0, NULL);
	if (fd < 0 && errno == ENOENT && own->create == 1) {
		fd = make(channel);
		*said = fd < 0 && fd != -EEXIST && fd != -EINTR;
		if (fd < 0)
			return fd;
	}
	if (fd < 0)
		return -errno;
	int r = hold(fd);
	return r < 0 ? r : sinew__steal_fd(&fd);
}

/* A descriptor, or -errno with words. */
static int open_patiently(struct sinew_channel *channel, int64_t until)
{
	int64_t pause = 0;
	bool said;

	for (;;) {
		int fd = try_open(channel, &said);
		if (fd >= 0 || said)
			return fd;
		if (fd != -ENOENT && fd != -EEXIST && fd != -EINTR)
			return open_failed(channel, fd);
		int r = sinew__pause(channel, &pause, until);
		if (r == -EINTR || r == -ECANCELED)
			return r;
		if (r < 0)
			return open_failed(channel, -ENOENT);
	}
}

static int check_shape(struct sinew_channel *channel, const struct mq_attr *shape)
{
	const struct settings *own = channel->spec.own;
	struct mq_attr wanted = *shape;

	if (own->depth > 0)
		wanted.mq_maxmsg = (long)own->depth;
	if (own->msgsize > 0)
		wanted.mq_msgsize = (long)own->msgsize;
	if (wanted.mq_maxmsg == shape->mq_maxmsg && wanted.mq_msgsize == shape->mq_msgsize)
		return 0;
	return sinew__fail(EEXIST,
		"%s: the queue is there with depth=%ld&msgsize=%ld, not depth=%ld&msgsize=%ld; "
		"remove it first (sinew rm) or leave these options out",
		channel->spec.text, shape->mq_maxmsg, shape->mq_msgsize, wanted.mq_maxmsg,
		wanted.mq_msgsize);
}

/* What is known once it is open. */
static int learn(struct sinew_channel *channel, int fd)
{
	struct state *state = channel->state;
	struct mq_attr shape;

	if (sinew__sys.mq_getattr(fd, &shape) < 0)
		return sinew__fail(errno, "%s: %m", channel->spec.text);
	int r = check_shape(channel, &shape);
	if (r == 0)
		r = sinew__queue_most(&channel->spec, shape.mq_msgsize, "the queue's msgsize",
			&channel->caps.max_message);
	state->msgsize = (size_t)shape.mq_msgsize;
	if (r < 0 || channel->flags & SINEW_OUT)
		return r;
	state->bounce = malloc(state->msgsize);
	return state->bounce ? 0 : sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
}

/* ---- moving messages ---- */

static const struct timespec long_ago;

/* What the kernel calls a passed deadline: nothing to be had without waiting, or never again. */
static int none_now(int fd, int error)
{
	if (error != ETIMEDOUT)
		return -error;
	return is_gone(fd) ? -EIDRM : -EAGAIN;
}

HOT static ssize_t receive(
	struct sinew__link *link, struct iovec *iov, int n, struct sinew__about *about, bool wait)
{
	const struct state *state = link->channel->state;
	bool straight = iov[0].iov_len >= state->msgsize;
	ssize_t r =
		sinew__sys.mq_timedreceive(link->rfd, straight ? iov[0].iov_base : state->bounce,
			straight ? iov[0].iov_len : state->msgsize, &about->priority,
			wait ? NULL : &long_ago);

	if (r < 0)
		return none_now(link->rfd, errno);
	if (!straight)
		sinew__queue_split(iov, n, state->bounce, (size_t)r);
	return r;
}

HOT static ssize_t transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	const char *data = iov[0].iov_base;
	size_t size = iov[0].iov_len;

	if (about->peer && about->peer != link->id)
		return -ESTALE;
	if (n > 1) {
		size = sinew__queue_join(iov, n, link->out.data);
		data = (const char *)link->out.data;
	}
	int r = sinew__sys.mq_timedsend(
		link->wfd, data, size, about->priority, wait ? NULL : &long_ago);
	return r < 0 ? none_now(link->wfd, errno) : r;
}

static int send_failed(struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const struct sinew_channel *channel = link->channel;
	const struct state *state = channel->state;
	const char *text = channel->spec.text;

	if (error == -ESTALE)
		return sinew__fail(ESTALE, "%s: there is no such peer", text);
	if (error == -EINVAL && msg->priority >= SINEW__QUEUE_PRIORITIES)
		return sinew__fail(EINVAL, "send to %s: priority %u is not possible: 0 to %d", text,
			(unsigned)msg->priority, SINEW__QUEUE_PRIORITIES - 1);
	if (error == -EMSGSIZE)
		return sinew__fail(EMSGSIZE,
			"send to %s: the message has %zu bytes, the limit is %zu (max=; with its "
			"frame %zu, the queue's msgsize)",
			text, msg->size, (size_t)channel->caps.max_message, state->msgsize);
	return sinew__fail(-error, "send to %s: %s", text, strerror(-error));
}

static int explain(struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const char *text = link->channel->spec.text;

	if (error == -EIDRM)
		return sinew__fail(EIDRM,
			"%s: the queue was removed and is %s; nobody can find it any more", text,
			msg ? "full" : "empty");
	if (msg)
		return send_failed(link, msg, error);
	return sinew__fail(-error, "receive on %s: %s", text, strerror(-error));
}

static const struct sinew__link_ops ops = {
	.receive = receive,
	.transmit = transmit,
	.explain = explain,
};

/* ---- the transport ---- */

/* Whether the name still means this very queue. */
static bool is_named(const char *name, int access, int fd)
{
	struct stat here, there;
	CLEANUP_FD int other = sinew__sys.mq_open(name, access, 0, NULL);

	return other >= 0 && sinew__sys.fstat(fd, &here) == 0 &&
	       sinew__sys.fstat(other, &there) == 0 && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

/* Removes the queue if it is to go with its last user, and we are that. */
static void leave(struct sinew_channel *channel, int fd)
{
	const struct state *state = channel->state;
	const char *name = channel->spec.uri.rest;

	if (state->temp && sinew__sys.flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		is_named(name, access_of(channel), fd))
		sinew__sys.mq_unlink(name);
}

static int mq_open_channel(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;
	bool in = channel->flags & SINEW_IN;

	int r = check_name(&channel->spec);
	if (r == 0)
		r = sinew__queue_check_direction(channel, "queue");
	if (r < 0)
		return r;
	struct state *state = channel->state = calloc(1, sizeof *state);
	if (!state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	CLEANUP_FD int fd = open_patiently(channel, until);
	if (fd < 0)
		return fd;
	r = learn(channel, fd);
	if (r == 0)
		r = sinew__link_make(channel, &ops, in ? fd : -1, in ? -1 : fd, &channel->one);
	if (r < 0) {
		leave(channel, fd);
		return r;
	}
	fd = -1;
	state->temp = own->temp == 1;
	channel->one->ours = true;
	return 0;
}

static void mq_close_channel(struct sinew_channel *channel)
{
	struct state *state = channel->state;
	const struct sinew__link *link = channel->one;

	if (!state)
		return;
	if (link && channel->process && sinew__process_is(channel->process))
		leave(channel, link->rfd >= 0 ? link->rfd : link->wfd);
	free(state->bounce);
}

/* Who may neither read nor write it cannot ask who uses it; the kernel decides whether he may remove
 * it. The lock is held until it is removed: who opens it meanwhile sees that it goes. */
static int mq_remove(const struct sinew__spec *spec)
{
	const char *name = spec->uri.rest;

	int r = check_name(spec);
	if (r < 0)
		return r;
	CLEANUP_FD int fd = sinew__sys.mq_open(name, O_RDONLY | O_CLOEXEC, 0, NULL);
	if (fd < 0 && errno == EACCES)
		fd = sinew__sys.mq_open(name, O_WRONLY | O_CLOEXEC, 0, NULL);
	if (fd < 0 && errno != EACCES)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	if (fd >= 0 && sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return sinew__fail(EBUSY, "remove %s: a sinew channel has it open", spec->text);
	if (sinew__sys.mq_unlink(name) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	return 0;
}

const struct sinew__transport sinew__transport_mq = {
	.scheme =
		{
			.shown = {"mq", "mq:/name",
				"a POSIX queue: priorities, kept by the kernel until it is "
				"removed"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = mq_open_channel,
	.remove = mq_remove,
	.close = mq_close_channel,
};
