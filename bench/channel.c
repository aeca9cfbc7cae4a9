/* SPDX-License-Identifier: MIT
 *
 * channel.c - the contenders that go through sinew, by its public header alone.
 *
 * A round trip is one sinew_send() and one sinew_recv(); a stream goes through arrays of messages
 * and sinew_take(). One code for every mechanism: only the URI differs.
 * Where each reader is sent to by itself, the readers connect to the writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "crew.h"
#include "raw/raw.h"

enum { OPEN_SECONDS = 10 };

static int64_t soon(void)
{
	return sinew_after(INT64_C(1000000000) * OPEN_SECONDS);
}

static void check(int result, const struct link *link, const char *what)
{
	if (result < 0)
		crew_fail("sinew %s %s: %s", what, link->uri, sinew_error_text());
}

static bool is_pair(const struct link *link)
{
	return strncmp(link->uri, "pipe:", 5) == 0;
}

static void prepare(struct link *link)
{
	if (is_pair(link))
		check(sinew_pair(link->ends, link->uri, 0), link, "pair");
}

static sinew_channel *open_one(struct link *link, const char *uri, unsigned flags)
{
	sinew_channel *channel = NULL;

	check(sinew_open(&channel, uri, flags, soon()), link, "open");
	return channel;
}

static void join(struct link *link, enum role role)
{
	unsigned side = role == SERVER ? SINEW_LISTEN : SINEW_CONNECT;
	struct sinew_msg *msgs = calloc(TAKE, sizeof(*msgs));

	if (!msgs)
		crew_fail("no memory");
	link->state = msgs;
	if (is_pair(link)) {
		sinew_close(link->ends[role == SERVER]);
		link->reading = link->writing = link->ends[role != SERVER];
	} else if (link->both && !link->back) {
		link->reading = link->writing = open_one(link, link->uri, side);
	} else if (role == SERVER) {
		link->reading = open_one(link, link->uri, SINEW_IN | side);
		if (link->both)
			link->writing = open_one(link, link->back, SINEW_OUT | SINEW_CONNECT);
	} else {
		link->writing = open_one(link, link->uri, SINEW_OUT | side);
		if (link->both)
			link->reading = open_one(link, link->back, SINEW_IN | SINEW_LISTEN);
	}
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct sinew_msg msg = {.data = data, .size = size, .peer = link->peer};
	int n = sinew_send(link->writing, &msg, 1, SINEW_FOREVER);

	check(n, link, "send");
	if (n != 1)
		crew_fail("sinew send %s: nothing was accepted", link->uri);
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct sinew_msg msg;
	int n = sinew_recv(link->reading, data, size, &msg, SINEW_FOREVER);

	check(n, link, "recv");
	if (n != 1 || msg.size != size || (msg.lost && !link->lossy))
		crew_fail("sinew recv %s: an end, a loss or a message of another size", link->uri);
	link->peer = link->reading == link->writing ? msg.peer : SINEW_ANY_PEER;
}

static void put(struct link *link, const unsigned char *first, unsigned count)
{
	struct sinew_msg *msgs = link->state;
	unsigned sent = 0;

	for (unsigned i = 0; i < count; i++) {
		msgs[i].data = first + i * link->size;
		msgs[i].size = link->size;
	}
	while (sent < count) {
		int n = sinew_send(link->writing, msgs + sent, count - sent, SINEW_FOREVER);

		check(n, link, "send");
		sent += (unsigned)n;
	}
}

static unsigned get(struct link *link, const unsigned char **data, unsigned count)
{
	struct sinew_msg *msgs = link->state;
	int n = sinew_take(link->reading, msgs, count, SINEW_FOREVER);

	check(n, link, "take");
	if (n == SINEW_END)
		crew_fail("sinew take %s: ended too early", link->uri);
	for (int i = 0; i < n; i++) {
		if (msgs[i].size != link->size || (msgs[i].lost && !link->lossy))
			crew_fail("sinew take %s: a loss or another size", link->uri);
		data[i] = msgs[i].data;
	}
	return (unsigned)n;
}

static void done(struct link *link, unsigned count)
{
	sinew_release(link->reading, link->state, count);
}

static uint64_t calls(struct link *link)
{
	struct sinew_stats in = {0}, out = {0};

	if (link->reading)
		sinew_stats(link->reading, &in);
	if (link->writing && link->writing != link->reading)
		sinew_stats(link->writing, &out);
	return in.calls + in.yields + out.calls + out.yields;
}

const struct contender sinew_contender = {
	.name = "sinew",
	.prepare = prepare,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = put,
	.get = get,
	.done = done,
	.calls = calls,
};

/* ---- to each reader by itself; link->fds: a pipe that tells the readers that they can come ---- */

static void prepare_gate(struct link *link)
{
	if (pipe2(link->fds, O_CLOEXEC))
		crew_fail("pipe2: %s", strerror(errno));
}

/* Says something, so that it is known also where nobody connects. */
static void come(struct link *link)
{
	char byte;

	if (read(link->fds[0], &byte, 1) != 1)
		crew_fail("sinew %s: the writer is gone", link->uri);
	join(link, CLIENT);
	send_one(link, link->buffer, link->size);
}

static void welcome(struct link *link)
{
	join(link, SERVER);
	for (unsigned i = 0; i < link->readers; i++)
		if (write(link->fds[1], "", 1) != 1)
			crew_fail("sinew %s: the readers are gone", link->uri);
	for (unsigned i = 0; i < link->readers; i++) {
		recv_one(link, link->buffer, link->size);
		link->peers[i] = link->peer;
	}
}

static void join_one_by_one(struct link *link, enum role role)
{
	link->both = true;
	if (role == SERVER)
		come(link);
	else
		welcome(link);
}

static void send_to_each(struct link *link, const void *data, size_t size)
{
	for (unsigned i = 0; i < link->readers; i++) {
		link->peer = link->peers[i];
		send_one(link, data, size);
	}
}

const struct contender sinew_one_by_one = {
	.name = "sinew",
	.prepare = prepare_gate,
	.join = join_one_by_one,
	.send = send_to_each,
	.put = raw_put,
	.get = get,
	.done = done,
	.calls = calls,
};
