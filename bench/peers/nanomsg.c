/* SPDX-License-Identifier: MIT
 *
 * nanomsg.c - nanomsg over ipc, one pair socket at each side.
 */
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <stdio.h>

#include "../crew.h"
#include "../peers.h"

static int check(int result, const char *what)
{
	if (result < 0)
		crew_fail("nanomsg %s: %s", what, nn_strerror(nn_errno()));
	return result;
}

static void join(struct link *link, enum role role)
{
	int unbounded = -1;
	char endpoint[256];

	link->in = link->out = check(nn_socket(AF_SP, NN_PAIR), "socket");
	check(nn_setsockopt(link->in, NN_SOL_SOCKET, NN_RCVMAXSIZE, &unbounded, sizeof unbounded),
		"option");
	snprintf(endpoint, sizeof endpoint, "ipc://%s/nanomsg", link->directory);
	check(role == SERVER ? nn_bind(link->in, endpoint) : nn_connect(link->in, endpoint),
		"join");
}

static void send_one(struct link *link, const void *data, size_t size)
{
	check(nn_send(link->out, data, size, 0), "send");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	int n = check(nn_recv(link->in, data, size, 0), "recv");

	if ((size_t)n != size)
		crew_fail("nanomsg: a message of %d bytes instead of %zu", n, size);
}

PEER(BY_SOCKET, "nanomsg", join, send_one, recv_one);
