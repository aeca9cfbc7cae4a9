/* SPDX-License-Identifier: MIT
 *
 * zmq.c - libzmq over ipc, PAIR to PAIR, one I/O thread a process as it comes.
 *
 * The context is made after the fork, in each process, so its threads run on the CPU of that process: each
 * process has one CPU, as the others here do. Its own settings stay: other high-water marks and free
 * placement were tried and were slower.
 */
#include <stdio.h>
#include <zmq.h>

#include "../crew.h"
#include "../peers.h"

static void check(int result, const char *what)
{
	if (result < 0)
		crew_fail("libzmq %s: %s", what, zmq_strerror(zmq_errno()));
}

static void join(struct link *link, enum role role)
{
	char endpoint[256];
	void *context = zmq_ctx_new();

	link->state = zmq_socket(context, ZMQ_PAIR);
	if (!link->state)
		crew_fail("libzmq socket: %s", zmq_strerror(zmq_errno()));
	snprintf(endpoint, sizeof(endpoint), "ipc://%s/zmq", link->directory);
	if (role == SERVER)
		check(zmq_bind(link->state, endpoint), "bind");
	else
		check(zmq_connect(link->state, endpoint), "connect");
}

static void send_one(struct link *link, const void *data, size_t size)
{
	check(zmq_send(link->state, data, size, 0), "send");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	int n = zmq_recv(link->state, data, size, 0);

	check(n, "recv");
	if ((size_t)n != size)
		crew_fail("libzmq: a message of %d bytes instead of %zu", n, size);
}

PEER(BY_SOCKET, "libzmq", join, send_one, recv_one);
