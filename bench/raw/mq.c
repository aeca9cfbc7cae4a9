/* SPDX-License-Identifier: MIT
 *
 * mq.c - two POSIX queues of the system's usual shape, one each way. Receiving needs room for the
 * largest message; so much memory each side has.
 */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../crew.h"

struct room {
	size_t size;
	char data[];
};

/* Both sides inherit the queues: their names can go at once. */
static void prepare(struct link *link)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
	char name[64];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "/sinew-bench.%d.%u", (int)getpid(), i);
		link->fds[i] = raw_check(mq_open(name, flags, 0600, NULL), "mq_open");
		raw_check(mq_unlink(name), "mq_unlink");
	}
}

static void join(struct link *link, enum role role)
{
	struct mq_attr shape;

	link->in = link->fds[role == SERVER ? 0 : 1];
	link->out = link->fds[role == SERVER ? 1 : 0];
	raw_check(mq_getattr(link->in, &shape), "mq_getattr");
	struct room *room = malloc(sizeof(*room) + (size_t)shape.mq_msgsize);
	if (!room)
		crew_fail("no memory");
	room->size = (size_t)shape.mq_msgsize;
	link->state = room;
}

static void send_one(struct link *link, const void *data, size_t size)
{
	link->calls++;
	raw_check(mq_send(link->out, data, size, 0), "mq_send");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct room *room = link->state;
	bool fits = size >= room->size;

	link->calls++;
	ssize_t n = mq_receive(link->in, fits ? data : room->data, fits ? size : room->size, NULL);
	if (n != (ssize_t)size)
		crew_fail("bare mq_receive: %s", n < 0 ? strerror(errno) : "another size");
	if (!fits)
		memcpy(data, room->data, size);
}

const struct contender bare_mq = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = raw_put,
	.get = raw_get,
};
