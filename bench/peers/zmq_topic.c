/* SPDX-License-Identifier: MIT
 *
 * zmq_topic.c - messages of 64 bytes to all subscribers of a libzmq publisher, over ipc.
 *
 * An XPUB socket that waits for who is slow (ZMQ_XPUB_NODROP), so that nobody loses a message, and is told of
 * each subscription, so that all have subscribed before the clock starts. Contexts are made after the fork: the
 * I/O threads run on the CPU of their process.
 */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "../crew.h"
#include "../ring.h"

static int check(int result, const char *what)
{
	if (result < 0)
		crew_fail("libzmq %s: %s", what, zmq_strerror(zmq_errno()));
	return result;
}

static void *make_socket(int type)
{
	void *socket = zmq_socket(zmq_ctx_new(), type);

	check(socket ? 0 : -1, "socket");
	return socket;
}

static const char *endpoint(const struct job *job)
{
	static char text[256];

	snprintf(text, sizeof text, "ipc://%s/zmq", job->directory);
	return text;
}

static void subscribe(void *arg)
{
	struct job *job = arg;
	void *socket = make_socket(ZMQ_SUB);
	char data[64];

	check(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0), "subscription");
	check(zmq_connect(socket, endpoint(job)), "connect");
	ring_come(job);
	for (uint64_t i = 0; i < job->count; i++) {
		check(zmq_recv(socket, data, sizeof data, 0), "recv");
		ring_expect(data, i);
	}
	ring_has_all(job);
}

static void *publisher(struct job *job)
{
	const int yes = 1;
	void *socket = make_socket(ZMQ_XPUB);

	check(zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &yes, sizeof yes), "ZMQ_XPUB_NODROP");
	check(zmq_setsockopt(socket, ZMQ_XPUB_VERBOSE, &yes, sizeof yes), "ZMQ_XPUB_VERBOSE");
	check(zmq_bind(socket, endpoint(job)), "bind");
	return socket;
}

void ring_zmq_topic(struct job *job)
{
	pid_t pids[RING_READERS];
	char data[64] = {0};

	/* Nothing of libzmq before the fork: readers may connect before there is somebody. */
	ring_readers(job, subscribe, pids, job->writers);
	void *socket = publisher(job);
	for (unsigned i = 0; i < job->writers; i++)
		check(zmq_recv(socket, data, sizeof data, 0), "recv of a subscription");
	const double begun = ring_now();
	for (uint64_t i = 0; i < job->count; i++) {
		memcpy(data, &i, sizeof i);
		check(zmq_send(socket, data, sizeof data, 0), "send");
	}
	ring_until_last(job, begun, pids);
}
