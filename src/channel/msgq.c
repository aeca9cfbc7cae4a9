/* SPDX-License-Identifier: MIT
 *
 * msgq.c - System V message queues: by a path or a key, kept by the kernel until they are removed.
 *
 * A message has a type. By default types are priorities: type = 32768 - priority, and what is taken is
 * the lowest type up to 32768, the oldest first among equals. With select= a type is what it is to
 * other programs. The kernel offers no descriptor and no deadline: waiting for ever is one call,
 * waiting until then a back-off (packet_in.c), and with poll=thread a thread looks (msgq_watch.c).
 */
#include <limits.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../frame.h"
#include "../msgq_key.h"
#include "../msgq_make.h"
#include "../msgq_watch.h"
#include "../process.h"
#include "../queue.h"
#include "../wait.h"

#define DIRECTORY "/proc/sys/kernel/"

enum { POLL_NO, POLL_THREAD };
enum { USUAL_SIZE = 8192, USUAL_ROOM = 16384 }; /* where /proc is not there */
enum { SETTLE = 50000000 };                     /* ns for the maker of a queue to set its size */

struct settings {
	int64_t create, temp, id, select, size, poll;
};

/* What the kernel moves. */
struct letter {
	long type;
	char data[];
};

struct state {
	int id;
	struct sinew__msgq_key key;
	struct letter *letter; /* receiving: room for the largest message */
	size_t room;           /* bytes of its data; sending: the largest message with its frame */
	long type;             /* what msgrcv() is asked for */
	struct sinew__watch *watch;
	bool made;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"create", "yes|no", "yes", "make the queue, and a file to name it, if not there"},
		SINEW__OPTION_SWITCH, OWN(create), 0, 0},
	{{"temp", "yes|no", "no", "remove the queue when its last sinew user leaves"},
		SINEW__OPTION_SWITCH, OWN(temp), 0, 0},
	{{"id", "number", "1", "which of a path's queues"}, SINEW__OPTION_NUMBER, OWN(id), 1, 255},
	{{"select", "number", NULL,
		 "the type of all messages, 0 any; without it types are priorities"},
		SINEW__OPTION_NUMBER, OWN(select), 0, INT_MAX},
	{{"size", "size", NULL, "bytes the queue holds (the system's limit)"}, SINEW__OPTION_SIZE,
		OWN(size), 1, INT_MAX},
	{{"poll", "no|thread", "no",
		 "whether a thread looks after it, so that there is an fd to poll"},
		SINEW__OPTION_CHOICE, OWN(poll), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bytes of a message", DIRECTORY "msgmax", 0},
	{"bytes of a queue without privilege", DIRECTORY "msgmnb", 0},
	{"queues", DIRECTORY "msgmni", 0},
	{NULL, NULL, 0},
};

/* ---- what it can do ---- */

static int64_t limit_of(const char *file, int64_t otherwise)
{
	int64_t value = sinew__read_limit(file);

	return value >= 0 ? value : otherwise;
}

/* Bytes of the largest message a queue of this size takes. */
static int64_t largest(int64_t queue)
{
	int64_t message = limit_of(DIRECTORY "msgmax", USUAL_SIZE);

	return message < queue ? message : queue;
}

/* The bytes of a queue that is there; else of the one we would make. */
static int64_t queue_size(const struct sinew__spec *spec)
{
	const struct settings *own = spec->own;
	struct msqid_ds ds;
	key_t key;

	if (*spec->uri.rest && sinew__msgq_key_find(spec, (int)own->id, &key) == 0) {
		int id = sinew__sys.msgget(key, 0);
		if (id >= 0 && sinew__msgq_look(id, &ds) == 0)
			return (int64_t)ds.msg_qbytes;
	}
	return own->size > 0 ? own->size : limit_of(DIRECTORY "msgmnb", USUAL_ROOM);
}

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;

	int r = sinew__queue_check_frame(spec);
	if (r < 0)
		return r;
	caps->bits = SINEW__QUEUE_CAPS | (own->poll == POLL_THREAD ? SINEW_CAP_POLLABLE : 0) |
		     (own->select < 0 ? SINEW_CAP_PRIORITIES : 0) |
		     (spec->common.frame == SINEW__FRAME_LENGTH ? SINEW_CAP_TAGS : 0);
	return sinew__queue_most(
		spec, largest(queue_size(spec)), "size= or msgmax", &caps->max_message);
}

/* ---- opening ---- */

static int open_failed(const struct sinew_channel *channel, int error)
{
	return sinew__fail(-error, "open %s: %s%s", channel->spec.text, strerror(-error),
		error == -ENOENT ? " (with create=no, or removed meanwhile)" : "");
}

/* What we made goes again, if nobody has come to use it. */
static void undo(struct sinew_channel *channel)
{
	struct state *state = channel->state;
	bool bare = state->key.fd < 0;
	bool alone = bare || sinew__sys.flock(state->key.fd, LOCK_EX | LOCK_NB) == 0;

	if (alone && state->made)
		sinew__sys.msgctl(state->id, IPC_RMID, NULL);
	if (alone && state->key.made)
		sinew__msgq_key_remove(&channel->spec, state->key.fd, true);
	sinew__close_fd(&state->key.fd);
	state->key = (struct sinew__msgq_key){.fd = -1};
	state->made = false;
}

/* The queue of a file that we made. 0; -ENOENT: try again; others with words. */
static int first_queue(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;

	state->id = sinew__msgq_make(&channel->spec, state->key.key, own->size);
	if (state->id == -EEXIST)
		return sinew__msgq_not_ours(channel, state->key.key);
	if (state->id < 0)
		return state->id;
	state->made = true;
	return sinew__msgq_key_share(&state->key);
}

/* The queue of a key that others may use, too. *said: the failure has its words. */
static int any_queue(struct sinew_channel *channel, bool *said)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;

	/* The kernel takes these bits as rights that are asked for. */
	state->id = sinew__sys.msgget(state->key.key, channel->flags & SINEW_IN ? 0444 : 0222);
	if (state->id >= 0)
		return 0;
	*said = errno == EACCES;
	if (*said)
		return sinew__msgq_denied(channel, state->key.key);
	if (errno != ENOENT || own->create != 1)
		return -errno;
	state->id = sinew__msgq_make(&channel->spec, state->key.key, own->size);
	state->made = state->id >= 0;
	*said = state->id < 0 && state->id != -EEXIST;
	return state->made ? 0 : state->id;
}

static bool is_passing(int r)
{
	return r == -ENOENT || r == -EEXIST || r == -EBUSY;
}

/* A key and its queue, if they are there or can be made. */
static int try_open(struct sinew_channel *channel, bool *said)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;
	int how = (own->create == 1 ? SINEW__MSGQ_CREATE : 0) |
		  (own->temp == 1 ? SINEW__MSGQ_MUST_LOCK : 0);

	int r = sinew__msgq_key_hold(channel, (int)own->id, how, &state->key);
	*said = r < 0 && !is_passing(r);
	if (r < 0)
		return r;
	if (!state->key.made)
		r = any_queue(channel, said);
	else if ((r = first_queue(channel)) < 0)
		*said = r != -ENOENT;
	if (r < 0)
		undo(channel);
	return r;
}

/* Somebody who is making or removing the queue right now is waited for even by who would not wait. */
static int open_patiently(struct sinew_channel *channel, int64_t until)
{
	int64_t pause = 0, settled = sinew_after(SETTLE);
	bool said;

	for (;;) {
		int r = try_open(channel, &said);
		if (r == 0 || said)
			return r;
		if (!is_passing(r))
			return open_failed(channel, r);
		bool missing = r == -ENOENT;
		r = sinew__pause(channel, &pause, missing || until > settled ? until : settled);
		if (r == -EINTR || r == -ECANCELED)
			return r;
		if (r < 0)
			return open_failed(channel, missing ? -ENOENT : -EBUSY);
	}
}

/* The size of the queue. One that was made this moment gets the size its maker wants soon. */
static int check_size(struct sinew_channel *channel, int64_t *size)
{
	const struct settings *own = channel->spec.own;
	const struct state *state = channel->state;
	int64_t pause = 0, until = sinew_after(SETTLE);
	struct msqid_ds ds;
	int r;

	do {
		r = sinew__msgq_look(state->id, &ds);
		if (r < 0)
			return open_failed(channel, r);
		*size = (int64_t)ds.msg_qbytes;
		if (own->size < 0 || own->size == *size)
			return 0;
	} while (sinew__pause(channel, &pause, until) == 0);
	return sinew__fail(EEXIST,
		"%s: the queue is there with size=%lld, not size=%lld; remove it first (sinew rm) "
		"or leave the option out",
		channel->spec.text, (long long)*size, (long long)own->size);
}

/* Room for the largest message there can be, and a byte more to tell a larger one by. */
static int make_letter(struct sinew_channel *channel)
{
	struct state *state = channel->state;
	int64_t most = limit_of(DIRECTORY "msgmax", USUAL_SIZE);

	state->room = (size_t)(most > channel->spec.common.max ? most : channel->spec.common.max) +
		      SINEW__FRAME_MOST + 1;
	void *letter = sinew__sys.mmap(NULL, sizeof(struct letter) + state->room,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (letter == MAP_FAILED)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	state->letter = letter;
	return 0;
}

static long type_to_receive(const struct settings *own)
{
	return own->select >= 0 ? (long)own->select : -SINEW__QUEUE_PRIORITIES;
}

/* ---- moving messages ---- */

static uint32_t priority_of(const struct settings *own, long type)
{
	if (own->select < 0)
		return (uint32_t)(SINEW__QUEUE_PRIORITIES - type);
	return own->select > 0 ? 0 : type > UINT32_MAX ? UINT32_MAX : (uint32_t)type;
}

static long type_to_send(const struct settings *own, const struct sinew_msg *msg)
{
	if (own->select < 0)
		return SINEW__QUEUE_PRIORITIES - (long)msg->priority;
	return own->select > 0 ? (long)own->select : 1;
}

/* A queue that was removed is EIDRM to who waits and, the slot being free, EINVAL to who comes. */
static ssize_t take(const struct state *state, long type, bool wait)
{
	ssize_t r = sinew__result(sinew__sys.msgrcv(state->id, state->letter, state->room, type,
		MSG_NOERROR | (wait ? 0 : IPC_NOWAIT)));

	return r == -ENOMSG ? -EAGAIN : r == -EINVAL ? -EIDRM : r;
}

/* As take(), with the empty message that the thread may hold in its place: what is in the queue of the
 * same priority came later. */
static ssize_t take_beside(const struct state *state, long *kept)
{
	ssize_t r = -EAGAIN;

	if (!*kept)
		return take(state, state->type, false);
	if (state->type < 0 && *kept > 1)
		r = take(state, 1 - *kept, false);
	if (r >= 0)
		return r;
	state->letter->type = *kept;
	*kept = 0;
	return 0;
}

static ssize_t take_watched(const struct state *state, int fd, bool wait)
{
	struct pollfd poll = {.fd = fd, .events = POLLIN};

	for (;;) {
		long kept = sinew__watch_begin(state->watch);
		ssize_t r = take_beside(state, &kept);
		int unheard = sinew__watch_end(state->watch, kept, r == -EAGAIN);
		if (unheard < 0)
			return unheard;
		if (r != -EAGAIN || !wait)
			return r;
		if (sinew__sys.ppoll(&poll, 1, NULL, NULL) < 0)
			return -errno;
	}
}

HOT static ssize_t receive(
	struct sinew__link *link, struct iovec *iov, int n, struct sinew__about *about, bool wait)
{
	const struct state *state = link->channel->state;

	ssize_t r = state->watch ? take_watched(state, link->rfd, wait)
				 : take(state, state->type, wait);
	if (r < 0)
		return r;
	about->priority = priority_of(link->channel->spec.own, state->letter->type);
	sinew__queue_split(iov, n, state->letter->data, (size_t)r);
	return r;
}

HOT static ssize_t transmit(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	const struct state *state = link->channel->state;
	struct letter *letter = (struct letter *)link->out.data;

	if (about->peer && about->peer != link->id)
		return -ESTALE;
	if (about->priority >= SINEW__QUEUE_PRIORITIES)
		return -EDOM;
	letter->type = type_to_send(link->channel->spec.own, about);
	size_t size = sinew__queue_join(iov, n, letter->data);
	if (size > state->room)
		return -EMSGSIZE;
	int r = sinew__sys.msgsnd(state->id, letter, size, wait ? 0 : IPC_NOWAIT);
	if (r < 0 && errno == EAGAIN && state->watch)
		sinew__watch_full(state->watch, size);
	return r < 0 ? -errno : r;
}

static int too_large(const struct sinew__link *link, const struct sinew_msg *msg)
{
	const struct state *state = link->channel->state;

	return sinew__fail(EMSGSIZE,
		"send to %s: the message has %zu bytes, the limit is %zu (max=; with its frame "
		"%zu, "
		"for size= and " DIRECTORY "msgmax)",
		link->channel->spec.text, msg->size, (size_t)link->channel->caps.max_message,
		state->room);
}

/* EINVAL: the queue is gone, or msgmax was lowered since we opened it. */
static int send_failed(const struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const struct state *state = link->channel->state;
	const char *text = link->channel->spec.text;

	if (error == -EINVAL && limit_of(DIRECTORY "msgmax", USUAL_SIZE) < (int64_t)state->room &&
		(int64_t)msg->size > limit_of(DIRECTORY "msgmax", USUAL_SIZE))
		error = -EMSGSIZE;
	switch (-error) {
	case EINVAL:
	case EIDRM:
		return sinew__fail(EIDRM, "send to %s: the queue was removed", text);
	case EMSGSIZE:
		return too_large(link, msg);
	case ESTALE:
		return sinew__fail(ESTALE, "%s: there is no such peer", text);
	case EDOM:
		return sinew__fail(EINVAL, "send to %s: priority %u is not possible: 0 to %d", text,
			(unsigned)msg->priority, SINEW__QUEUE_PRIORITIES - 1);
	default:
		return sinew__fail(-error, "send to %s: %s", text, strerror(-error));
	}
}

static int explain(struct sinew__link *link, const struct sinew_msg *msg, int error)
{
	const char *text = link->channel->spec.text;

	if (msg)
		return send_failed(link, msg, error);
	if (error == -EIDRM)
		return sinew__fail(EIDRM, "receive on %s: the queue was removed", text);
	return sinew__fail(-error, "receive on %s: %s", text, strerror(-error));
}

static const struct sinew__link_ops ops = {
	.receive = receive,
	.transmit = transmit,
	.explain = explain,
};

/* ---- the transport ---- */

static int check(const struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;

	int r = sinew__queue_check_direction(channel, "queue");
	if (r == 0 && own->temp == 1 && *channel->spec.uri.rest &&
		!sinew__msgq_is_path(&channel->spec))
		r = sinew__fail(EINVAL,
			"%s: temp=yes needs a path: users are counted by a lock on its file, and a "
			"key has none",
			channel->spec.text);
	return r;
}

static int make_watch(struct sinew_channel *channel, bool in, int *fd)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;

	if (own->poll != POLL_THREAD)
		return 0;
	int r = sinew__watch_open(&state->watch, state->id, state->type, !in, fd);
	return r < 0 ? sinew__fail(-r, "%s: poll=thread: cannot start a thread: %s",
			       channel->spec.text, strerror(-r))
		     : 0;
}

static int make_link(struct sinew_channel *channel, int64_t size)
{
	struct state *state = channel->state;
	bool in = channel->flags & SINEW_IN;
	int r = 0;
	int fd = -1;

	state->type = type_to_receive(channel->spec.own);
	if (in)
		r = make_letter(channel);
	else
		state->room = (size_t)largest(size);
	if (r == 0)
		r = sinew__link_make(channel, &ops, -1, -1, &channel->one);
	if (r == 0)
		r = make_watch(channel, in, &fd);
	if (r < 0)
		return r;
	channel->one->rfd = in ? fd : -1;
	channel->one->wfd = in ? -1 : fd;
	channel->one->pollable = fd >= 0;
	channel->one->ours = true;
	return 0;
}

static int msgq_open(struct sinew_channel *channel, int64_t until)
{
	int64_t size = 0;

	int r = check(channel);
	if (r < 0)
		return r;
	struct state *state = channel->state = calloc(1, sizeof *state);
	if (!state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	state->key.fd = -1;
	r = open_patiently(channel, until);
	if (r == 0)
		r = check_size(channel, &size);
	if (r == 0)
		r = sinew__queue_most(&channel->spec, largest(size), "the queue's size or msgmax",
			&channel->caps.max_message);
	if (r == 0)
		r = make_link(channel, size);
	if (r < 0)
		undo(channel);
	return r;
}

/* An empty message that the thread took, and nobody asked for, goes back. */
static void end_watch(struct state *state, bool ours)
{
	if (!state->watch)
		return;
	struct letter back = {.type = ours ? sinew__watch_close(state->watch) : 0};
	if (!ours)
		sinew__watch_forget(state->watch);
	if (back.type > 0)
		sinew__sys.msgsnd(state->id, &back, 0, IPC_NOWAIT);
}

static void msgq_close(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	struct state *state = channel->state;
	bool ours = channel->process && sinew__process_is(channel->process);

	if (!state)
		return;
	end_watch(state, ours);
	if (ours && own->temp == 1 && state->key.fd >= 0 &&
		sinew__sys.flock(state->key.fd, LOCK_EX | LOCK_NB) == 0) {
		sinew__sys.msgctl(state->id, IPC_RMID, NULL);
		sinew__msgq_key_remove(&channel->spec, state->key.fd, false);
	}
	sinew__close_fd(&state->key.fd);
	if (state->letter)
		sinew__sys.munmap(state->letter, sizeof(struct letter) + state->room);
}

static int remove_failed(const struct sinew__spec *spec, int error)
{
	const char *why = error == -EBUSY    ? "a sinew channel uses a queue of this path"
			  : error == -EPERM  ? "it is another user's"
			  : error == -ENOENT ? "there is no such queue"
					     : strerror(-error);

	return sinew__fail(-error, "remove %s: %s", spec->text, why);
}

/* Whoever finds that another was quicker looks whether there is a queue still. */
static int remove_queue(key_t key)
{
	int r = -EIDRM;

	for (int tries = 0; tries < 3 && (r == -EIDRM || r == -EINVAL); tries++) {
		int id = sinew__sys.msgget(key, 0);
		if (id < 0)
			return -errno;
		r = (int)sinew__result(sinew__sys.msgctl(id, IPC_RMID, NULL));
	}
	return r == -EIDRM || r == -EINVAL ? -ENOENT : r;
}

static int msgq_remove(const struct sinew__spec *spec)
{
	const struct settings *own = spec->own;
	struct stat st;
	int claimed = -1;
	key_t key = 0;

	int r = sinew__msgq_key_find(spec, (int)own->id, &key);
	if (r < 0)
		return r == -ENOENT ? remove_failed(spec, r) : r;
	r = sinew__msgq_key_claim(spec, &claimed, &st);
	CLEANUP_FD int fd = claimed;
	if (r == 0)
		r = remove_queue(key);
	if (r < 0)
		return remove_failed(spec, r);
	if (fd >= 0)
		sinew__msgq_key_drop(spec, &st);
	return 0;
}

const struct sinew__transport sinew__transport_msgq = {
	.scheme =
		{
			.shown = {"msgq", "msgq:/path or msgq:0xKEY",
				"a System V queue: priorities or types, kept by the kernel until "
				"removed"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = msgq_open,
	.remove = msgq_remove,
	.close = msgq_close,
};
