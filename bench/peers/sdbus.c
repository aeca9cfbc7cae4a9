/* SPDX-License-Identifier: MIT
 *
 * sdbus.c - sd-bus from peer to peer over a socket pair, with no bus in between: a message is a signal that holds
 * an array of bytes. The handshake of both sides is over before anything is measured: the warm-up waits for it.
 */
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "../crew.h"
#include "../peers.h"

static int check(int result, const char *what)
{
	if (result < 0)
		crew_fail("sd-bus %s: %s", what, strerror(-result));
	return result;
}

static void prepare(struct link *link)
{
	raw_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link->fds),
		"socketpair");
}

static void join(struct link *link, enum role role)
{
	sd_bus *bus = NULL;

	check(sd_bus_new(&bus), "sd_bus_new");
	check(sd_bus_set_fd(bus, link->fds[role], link->fds[role]), "sd_bus_set_fd");
	if (role == SERVER)
		check(sd_bus_set_server(bus, 1, (sd_id128_t){.bytes = {1}}), "sd_bus_set_server");
	check(sd_bus_start(bus), "sd_bus_start");
	link->state = bus;
}

static void send_one(struct link *link, const void *data, size_t size)
{
	sd_bus_message *message = NULL;

	check(sd_bus_message_new_signal(
		      link->state, &message, "/sinew/bench", "sinew.bench", "Message"),
		"a new signal");
	check(sd_bus_message_append_array(message, 'y', data, size), "append");
	check(sd_bus_send(link->state, message, NULL), "sd_bus_send");
	check(sd_bus_flush(link->state), "sd_bus_flush");
	sd_bus_message_unref(message);
}

static sd_bus_message *next_message(sd_bus *bus)
{
	sd_bus_message *message = NULL;

	while (!message)
		if (check(sd_bus_process(bus, &message), "sd_bus_process") == 0)
			check(sd_bus_wait(bus, UINT64_MAX), "sd_bus_wait");
	return message;
}

static void recv_one(struct link *link, void *data, size_t size)
{
	sd_bus_message *message = next_message(link->state);
	const void *bytes;
	size_t got;

	check(sd_bus_message_read_array(message, 'y', &bytes, &got), "sd_bus_message_read_array");
	if (got != size)
		crew_fail("sd-bus: a message of %zu bytes instead of %zu", got, size);
	memcpy(data, bytes, size);
	sd_bus_message_unref(message);
}

PEER_PREPARED(BY_SOCKET, "sd-bus", prepare, join, send_one, recv_one);
