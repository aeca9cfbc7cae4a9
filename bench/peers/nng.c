/* SPDX-License-Identifier: MIT
 *
 * nng.c - nng over ipc, one pair socket at each side. Its threads are made after the fork, on the CPU of their
 * process.
 */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>
#include <stdlib.h>

#include "../crew.h"
#include "../peers.h"

static void check(int result, const char *what)
{
	if (result)
		crew_fail("nng %s: %s", what, nng_strerror(result));
}

static void join(struct link *link, enum role role)
{
	char endpoint[256];
	nng_socket *socket = malloc(sizeof *socket);

	if (!socket)
		crew_fail("no memory");
	link->state = socket;
	check(nng_pair0_open(socket), "open");
	check(nng_socket_set_size(*socket, NNG_OPT_RECVMAXSZ, 0), "option");
	snprintf(endpoint, sizeof endpoint, "ipc://%s/nng", link->directory);
	check(role == SERVER ? nng_listen(*socket, endpoint, NULL, 0)
			     : nng_dial(*socket, endpoint, NULL, NNG_FLAG_NONBLOCK),
		"join");
}

static void send_one(struct link *link, const void *data, size_t size)
{
	check(nng_send(*(nng_socket *)link->state, (void *)data, size, 0), "send");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	size_t got = size;

	check(nng_recv(*(nng_socket *)link->state, data, &got, 0), "recv");
	if (got != size)
		crew_fail("nng: a message of %zu bytes instead of %zu", got, size);
}

PEER(BY_SOCKET, "nng", join, send_one, recv_one);
