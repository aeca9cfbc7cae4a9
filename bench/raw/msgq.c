/* SPDX-License-Identifier: MIT
 *
 * msgq.c - two System V queues of the system's usual size, one each way. The kernel wants the type in
 * front of the data, so a message is copied there and back.
 */
#include "raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>

#include "../crew.h"

enum { TYPE = 1, MOST = 1 << 16 };

struct letter {
	long type;
	char data[MOST];
};

static int make(struct link *link)
{
	for (unsigned i = 0; i < 2; i++)
		link->fds[i] = msgget(IPC_PRIVATE, 0600);
	return link->fds[0] < 0 || link->fds[1] < 0 ? -errno : 0;
}

static void unmake(struct link *link)
{
	for (unsigned i = 0; i < 2; i++)
		msgctl(link->fds[i], IPC_RMID, NULL);
}

static void join(struct link *link, enum role role)
{
	link->in = link->fds[role == SERVER ? 0 : 1];
	link->out = link->fds[role == SERVER ? 1 : 0];
	link->state = calloc(1, sizeof(struct letter));
	if (!link->state)
		crew_fail("no memory");
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct letter *letter = link->state;

	letter->type = TYPE;
	memcpy(letter->data, data, size);
	link->calls++;
	raw_check(msgsnd(link->out, letter, size, 0), "msgsnd");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct letter *letter = link->state;

	link->calls++;
	ssize_t n = msgrcv(link->in, letter, MOST, 0, 0);
	if (n != (ssize_t)size)
		crew_fail("bare msgrcv: %s", n < 0 ? strerror(errno) : "another size");
	memcpy(data, letter->data, size);
}

const struct contender bare_msgq = {
	.name = "bare",
	.make = make,
	.unmake = unmake,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = raw_put,
	.get = raw_get,
};
