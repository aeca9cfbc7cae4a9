/* SPDX-License-Identifier: MIT
 *
 * datagrams.c - the bare sockets and short ways of the tests of udp.
 */
#include "datagrams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = SINEW__SEQUENCE_HEADER };

sinew_channel *listen_on(const char *uri)
{
	sinew_channel *in;

	CHECK_OK(sinew_open(&in, uri, SINEW_LISTEN, SINEW_NOW));
	return in;
}

uint16_t port_of(sinew_channel *channel)
{
	char uri[128];

	CHECK_OK(sinew_name(channel, uri, sizeof uri));
	return (uint16_t)strtoul(strrchr(uri, ':') + 1, NULL, 10);
}

sinew_channel *connect_to(uint16_t port, const char *options)
{
	sinew_channel *out;
	char uri[128];

	snprintf(uri, sizeof uri, "udp:127.0.0.1:%u%s", port, options);
	CHECK_OK(sinew_open(&out, uri, 0, SINEW_NOW));
	return out;
}

struct sockaddr_in loopback(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

int bare_at(uint32_t host, uint16_t port)
{
	const struct sockaddr_in to = loopback(host, port);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	CHECK_SYS(connect(fd, (const struct sockaddr *)&to, sizeof to));
	return fd;
}

int bare(sinew_channel *to)
{
	return bare_at(INADDR_LOOPBACK, port_of(to));
}

void craft(int fd, uint64_t session, uint64_t number)
{
	uint8_t data[HEADER + 24];

	sinew__sequence_write(data, session, number);
	int n = snprintf((char *)data + HEADER, 24, "%llu", (unsigned long long)number);
	CHECK_EQ(CHECK_SYS(send(fd, data, HEADER + (size_t)n, 0)), HEADER + n);
}

struct sinew_msg expect(sinew_channel *in, uint64_t number, uint64_t lost)
{
	char got[64] = "", want[64];
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_recv(in, got, sizeof got - 1, &msg, soon())), 1);
	snprintf(want, sizeof want, "%llu", (unsigned long long)number);
	got[msg.size] = '\0';
	CHECK_STR(got, want);
	CHECK_EQ(msg.lost, lost);
	return msg;
}

void expect_plain(sinew_channel *in, uint64_t number, uint64_t lost)
{
	struct sinew_msg msg = expect(in, number, lost);

	CHECK_EQ(msg.flags, 0);
	CHECK_EQ(msg.copies, 0);
}

void expect_late(sinew_channel *in, uint64_t number)
{
	CHECK_EQ(expect(in, number, 0).flags, SINEW_MSG_LATE);
}

void expect_nothing(sinew_channel *in)
{
	struct sinew_msg msg;
	char buf[64];

	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
}

struct sinew_stats stats_of(sinew_channel *channel)
{
	struct sinew_stats stats;

	CHECK_OK(sinew_stats(channel, &stats));
	return stats;
}

int try_send(sinew_channel *out, uint64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	const struct sinew_msg msg = {.data = text, .size = (size_t)n};

	return sinew_send(out, &msg, 1, SINEW_FOREVER);
}
