/* SPDX-License-Identifier: MIT
 *
 * passed.c - holds descriptors that came with messages, until somebody takes them; closes those
 * that have gone. No message is made or cut here.
 *
 * A group is what one receive brought: the kernel attaches it to the first byte of what was sent with
 * it, and never reads past bytes that had one. So the group of a frame comes with a read that ends
 * behind the frame's first byte (group.until), and at most two frames can wait at a time: the one
 * being read, and the next.
 */
#include "passed.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"

enum { GROUPS = 2, PIDFD = 4 /* SCM_PIDFD, which older headers do not have */ };

struct group {
	uint64_t until; /* it belongs to a frame that begins before this byte of the stream */
	unsigned count;
	bool lost; /* some could not be taken in: none is here */
};

struct sinew__queue {
	unsigned most;  /* of one message */
	unsigned count; /* groups, the oldest first; their descriptors stand in fds, in order */
	bool flooded;   /* one more came than any message can have waiting */
	struct group groups[GROUPS];
	int fds[];
};

/* What a delivered message has lent to the caller: -1 where he took it. */
struct sinew__lent {
	unsigned count;
	int fds[];
};

int sinew__passed_setup(struct sinew_channel *channel, int64_t most)
{
	channel->most_fds = (unsigned)most;
	if (most == 0)
		return 0;
	channel->lent = calloc(1, sizeof *channel->lent + (size_t)most * sizeof(int));
	return channel->lent ? 0 : sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
}

int sinew__passed_open(struct sinew__link *link)
{
	size_t most = link->channel->most_fds;

	if (most == 0 || !(link->channel->flags & SINEW_IN))
		return 0;
	link->passed = calloc(1, sizeof *link->passed + GROUPS * most * sizeof(int));
	if (!link->passed)
		return sinew__fail(ENOMEM, "%s: no memory", link->channel->spec.text);
	link->passed->most = (unsigned)most;
	return 0;
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fds[i] >= 0)
			sinew__sys.close(fds[i]);
}

static unsigned held(const struct sinew__queue *queue)
{
	unsigned n = 0;

	for (unsigned i = 0; i < queue->count; i++)
		n += queue->groups[i].count;
	return n;
}

void sinew__passed_close(struct sinew__queue *queue)
{
	if (!queue)
		return;
	close_all(queue->fds, held(queue));
	free(queue);
}

void sinew__passed_let_go(struct sinew__lent *lent)
{
	if (!lent)
		return;
	close_all(lent->fds, lent->count);
	lent->count = 0;
}

/* Descriptors that nobody asked for but the socket's former owner, by an option of it. */
static void close_strange(const struct cmsghdr *c)
{
	int fd;

	if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != PIDFD)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	if (fd >= 0)
		sinew__sys.close(fd);
}

/* What came, of which the kernel makes one control message. *fds points into it. */
static unsigned find_rights(struct msghdr *message, const int **fds)
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			close_strange(c);
			continue;
		}
		*fds = (const int *)CMSG_DATA(c);
		count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	}
	return count;
}

unsigned sinew__passed_take_in(struct sinew__link *link, struct msghdr *message, uint64_t until)
{
	struct sinew__queue *queue = link->passed;
	const int *fds = NULL;
	unsigned count = find_rights(message, &fds);
	bool lost = message->msg_flags & MSG_CTRUNC || count > (queue ? queue->most : 0);

	if (!count && !lost)
		return 0;
	bool full = !queue || queue->count == GROUPS;
	if (lost || full) {
		close_all(fds, count);
		count = 0;
	}
	if (full) {
		if (queue)
			queue->flooded = true;
		return lost ? SINEW_MSG_FDS_LOST : 0;
	}
	if (count)
		memcpy(queue->fds + held(queue), fds, count * sizeof *fds);
	queue->groups[queue->count++] =
		(struct group){.until = until, .count = count, .lost = lost};
	return lost ? SINEW_MSG_FDS_LOST : 0;
}

/* Where in the stream the head of the inbox is. */
static uint64_t position(const struct sinew__inbox *in)
{
	return in->taken - (in->tail - in->head);
}

bool sinew__passed_astray(const struct sinew__link *link, size_t behind)
{
	const struct sinew__queue *queue = link->passed;

	if (!queue)
		return false;
	return queue->flooded ||
	       (queue->count && queue->groups[0].until <= position(&link->in) + behind);
}

bool sinew__passed_match(const struct sinew__link *link, unsigned announced)
{
	const struct sinew__queue *queue = link->passed;

	if (!queue)
		return true; /* none are taken in, be they there or not */
	return queue->count && (queue->groups[0].lost || queue->groups[0].count == announced);
}

/* The oldest group leaves the queue, its descriptors to `fds`, which may be NULL: they are closed. */
static struct group take_out(struct sinew__queue *queue, int *fds)
{
	struct group group = queue->groups[0];
	unsigned rest = held(queue) - group.count;

	if (fds)
		memcpy(fds, queue->fds, group.count * sizeof *fds);
	else
		close_all(queue->fds, group.count);
	memmove(queue->fds, queue->fds + group.count, rest * sizeof *queue->fds);
	queue->count--;
	memmove(queue->groups, queue->groups + 1, queue->count * sizeof *queue->groups);
	return group;
}

void sinew__passed_lend(struct sinew__link *link, struct sinew_msg *msg)
{
	struct sinew__queue *queue = link->passed;
	struct sinew__lent *lent = link->channel->lent;

	if (!queue || !queue->count)
		return;
	struct group group = take_out(queue, lent->fds);
	lent->count = group.count;
	msg->fds = group.count ? lent->fds : NULL;
	msg->fd_count = group.count;
	msg->flags |= group.lost ? SINEW_MSG_FDS_LOST : 0;
}

void sinew__passed_drop(struct sinew__link *link)
{
	if (link->passed && link->passed->count)
		take_out(link->passed, NULL);
}

void sinew__passed_drop_all(struct sinew__link *link)
{
	if (!link->passed)
		return;
	while (link->passed->count)
		take_out(link->passed, NULL);
	link->passed->flooded = false;
}

/* ---- sending ---- */

void sinew__passed_attach(
	struct msghdr *message, union sinew__control *control, const struct sinew_msg *msg)
{
	size_t size = msg->fd_count * sizeof(int);

	if (!msg->fd_count)
		return;
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(size);
	control->header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control->header), msg->fds, size);
}

/* The same descriptor may stand there more than once. */
static void close_sent(int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int fd = fds[i];
		if (fd < 0)
			continue;
		sinew__sys.close(fd);
		for (unsigned k = i; k < count; k++)
			if (fds[k] == fd)
				fds[k] = -1;
	}
}

void sinew__passed_sent(const struct sinew_msg *msgs, unsigned count)
{
	for (unsigned m = 0; m < count; m++)
		close_sent(msgs[m].fds, msgs[m].fd_count);
}

bool sinew__passed_refused(const struct sinew_msg *msg, ssize_t error)
{
	static const int refusals[] = {EBADF, ETOOMANYREFS, EINVAL, ENOMEM, EPERM, EACCES};

	for (unsigned i = 0; msg->fd_count && i < sizeof refusals / sizeof *refusals; i++)
		if (error == -refusals[i])
			return true;
	return false;
}

/* The first that is not open; -1: all are. */
static int find_closed(const struct sinew_msg *msg, int *fd)
{
	for (unsigned i = 0; i < msg->fd_count; i++)
		if (sinew__sys.fcntl(msg->fds[i], F_GETFD, 0) < 0) {
			*fd = msg->fds[i];
			return 0;
		}
	return -1;
}

int sinew__passed_explain(
	const struct sinew_channel *channel, const struct sinew_msg *msg, int error)
{
	const char *uri = channel->spec.text;
	struct rlimit limit = {0};
	int fd;

	if (error == -EBADF && find_closed(msg, &fd) == 0)
		return sinew__fail(EBADF, "send to %s: descriptor %d is not open", uri, fd);
	if (error != -ETOOMANYREFS)
		return sinew__fail(-error, "send to %s: the kernel refused its descriptors: %s",
			uri, strerror(-error));
	sinew__sys.getrlimit(RLIMIT_NOFILE, &limit);
	return sinew__fail(ETOOMANYREFS,
		"send to %s: this user has more than %llu descriptors under way that nobody has "
		"received (RLIMIT_NOFILE), or sockets are nested too deep in each other",
		uri, (unsigned long long)limit.rlim_cur);
}
