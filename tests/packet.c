/* SPDX-License-Identifier: MIT
 *
 * packet.c - packets from peers that keep to no rules. Where many peers are served, one that sends
 * what cannot be received never ends a call for the others; it costs that peer its message.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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
