/* SPDX-License-Identifier: MIT
 *
 * packet.c - packets from peers that keep to no rules. Where many peers are served, one that sends
 * what cannot be received never ends a call for the others; it costs that peer its message. And empty
 * packets, which read as the end does, from peers of every kind.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mechanisms.h"

static const struct mechanism rows[] = {
	{"seqpacket", "unix", "s", "type=seqpacket&frame=length", false},
	{"dgram", "unix", "s", "type=dgram&frame=length", false},
};

TEST_SUITE(packets, rows);

static void check_survived(struct ends *e, bool take)
{
	struct sinew_msg msg;
	char buf[64];

	int r = take ? sinew_take(e->in, &msg, 1, soon())
		     : sinew_recv(e->in, buf, sizeof buf, &msg, soon());
	CHECK_EQ(CHECK_OK(r), 1);
	CHECK_MEM(msg.data, msg.size, "good", 4);
	CHECK_EQ(msg.lost, 1);
}

static void check_bad_packet(const struct mechanism *m, const void *bad, size_t size, bool take)
{
	struct sinew_msg msg = {.data = "good", .size = 4};
	struct ends e;

	ends_listen(m, &e, 0, "max=32");
	e.out = ends_join(&e, 0);
	CHECK_EQ(CHECK_SYS(send(raw_fd(e.out), bad, size, MSG_NOSIGNAL)), size);
	sinew_channel *good = ends_join(&e, 0);
	CHECK_EQ(CHECK_OK(sinew_send(good, &msg, 1, soon())), 1);
	check_survived(&e, take);
	sinew_close(good);
	ends_close(&e);
}

TEST_EACH(packets, a_bad_frame_costs_only_itself, struct mechanism, m)
{
	check_bad_packet(m, "no frame at all", 15, false);
	check_bad_packet(m, "no frame at all", 15, true);
	check_bad_packet(m, "\0\0\0\7short", 9, false);
}

TEST_EACH(packets, a_too_large_packet_costs_only_itself, struct mechanism, m)
{
	char large[200] = "\0\0\0\304";

	check_bad_packet(m, large, sizeof large, false);
	check_bad_packet(m, large, sizeof large, true);
}

static void take_one(sinew_channel *in, const char *data, size_t size, uint64_t lost)
{
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, soon())), 1);
	CHECK_MEM(msg.data, msg.size, data, size);
	CHECK_EQ(msg.lost, lost);
}

static const struct mechanism single_rows[] = {
	{"seqpacket-one", "unix", "s", "type=seqpacket&peers=1&max=32", true},
	{"seqpacket-pair", "unix", NULL, "type=seqpacket&max=32", true},
	{"dgram-pair", "unix", NULL, "type=dgram&max=32", true},
	{"dgram", "unix", "s", "type=dgram&max=32", true},
};

TEST_SUITE(singles, single_rows);

/* What is too large is counted, and told where there can be no other peer; what a receive had no room for
 * is kept. */
TEST_EACH(singles, taken_one_by_one, struct mechanism, m)
{
	static const char large[40];
	struct sinew_msg msg;
	struct ends e;
	char small[2];

	ends_listen(m, &e, 0, "");
	e.out = ends_join(&e, 0);
	int fd = raw_fd(e.out);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(CHECK_SYS(send(fd, "good", 4, MSG_NOSIGNAL)), 4);
		take_one(e.in, "good", 4, 0);
		CHECK_EQ(CHECK_SYS(send(fd, large, sizeof large, MSG_NOSIGNAL)), sizeof large);
		CHECK_EQ(CHECK_SYS(send(fd, "", 0, MSG_NOSIGNAL)), 0);
		if (!m->place) {
			CHECK_ERR(sinew_take(e.in, &msg, 1, soon()), -EMSGSIZE);
			CHECK_EQ(msg.size, sizeof large);
		}
		take_one(e.in, "", 0, 1);
		CHECK_EQ(CHECK_SYS(send(fd, "kept", 4, MSG_NOSIGNAL)), 4);
		CHECK_ERR(sinew_recv(e.in, small, sizeof small, &msg, soon()), -EMSGSIZE);
		CHECK_EQ(CHECK_SYS(send(fd, "next", 4, MSG_NOSIGNAL)), 4);
		take_one(e.in, "kept", 4, 0);
		take_one(e.in, "next", 4, 0);
	}
	sinew_close(e.out);
	e.out = NULL;
	if (mechanism_bits(m) & SINEW_CAP_END)
		CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), SINEW_END);
	ends_close(&e);
}

/* ---- empty packets, and the end ---- */

/* Who sends on a connected socket: a program of its own, or one of our channels. */
struct sender {
	const char *name;
	bool ours, named, listens;
};

static const struct sender senders[] = {
	{"client", true, true, false},
	{"server", true, true, true},
	{"stranger", false, false, false},
	{"stranger_with_a_name", false, true, false},
};

TEST_SUITE(ends_and_empties, senders);

enum { LONG = 10000 };

static const size_t sizes[] = {0, 5, 0, LONG, 0, LONG, LONG, 0};

static int connect_stranger(const char *name, bool named)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, own = address;
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	if (named)
		CHECK_SYS(bind(fd, (struct sockaddr *)&own, sizeof own.sun_family));
	memcpy(address.sun_path + 1, name, strlen(name));
	CHECK_SYS(connect(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
	return fd;
}

static void send_all(sinew_channel *out, int fd)
{
	static char data[LONG];

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sinew_msg msg = {.data = data, .size = sizes[i]};
		if (out)
			CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
		else
			CHECK_EQ(CHECK_SYS(send(fd, data, sizes[i], MSG_NOSIGNAL)), sizes[i]);
	}
}

/* Whoever sent has left before anything is received. */
TEST_EACH(ends_and_empties, an_empty_packet_is_not_the_end, struct sender, sender)
{
	char name[64], uri[128], buf[LONG];
	sinew_channel *server, *client = NULL;
	struct sinew_msg msg;
	int fd = -1;

	snprintf(name, sizeof name, "sinew-packet.%d.%s", (int)getpid(), sender->name);
	snprintf(uri, sizeof uri, "unix:@%s?type=seqpacket&peers=1", name);
	CHECK_OK(sinew_open(&server, uri, SINEW_LISTEN, soon()));
	if (sender->ours)
		CHECK_OK(sinew_open(&client, uri, SINEW_CONNECT, soon()));
	else
		fd = connect_stranger(name, sender->named);
	send_all(sender->listens ? server : client, fd);
	if (sender->listens)
		CHECK_OK(sinew_close(server));
	else if (client)
		CHECK_OK(sinew_close(client));
	else
		close(fd);
	sinew_channel *in = sender->listens ? client : server;
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, SINEW_FOREVER)), 1);
		CHECK_EQ(msg.size, sizes[i]);
	}
	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, SINEW_FOREVER)), SINEW_END);
	sinew_close(in);
}
