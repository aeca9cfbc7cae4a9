/* SPDX-License-Identifier: MIT
 *
 * judge.c - claims about sockets tried out: who numbers and acknowledges, who pushes back, who loses.
 */
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "raw/raw.h"

enum {
	SIZE = 64,
	TRIES = 1000,        /* messages over TCP */
	PAUSE = 2000000,     /* ns, of the slow reader, */
	PAUSE_AFTER = 10000, /* after so many messages */
	SECONDS = 120,
};

/* ---- loopback ---- */

/* A device that offers to make checksums is not given any: that of loopback never makes them. */
static int checksums_left_out(void)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
	struct ifreq request = {.ifr_name = "lo", .ifr_data = (void *)&value};
	int fd = raw_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	int result = ioctl(fd, SIOCETHTOOL, &request);

	close(fd);
	return result ? -1 : value.data != 0;
}

static struct sockaddr_in bind_loopback(int fd)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;

	raw_check(bind(fd, (struct sockaddr *)&address, size), "bind");
	raw_check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	return address;
}

static void tcp_pair(int fds[2])
{
	int listener = raw_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	struct sockaddr_in address = bind_loopback(listener);

	raw_check(listen(listener, 1), "listen");
	fds[0] = raw_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	raw_check(connect(fds[0], (struct sockaddr *)&address, sizeof address), "connect");
	fds[1] = raw_check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
	raw_check(setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)),
		"TCP_NODELAY");
	close(listener);
}

static void udp_pair(int fds[2])
{
	struct sockaddr_in address;

	fds[0] = raw_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	fds[1] = raw_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	address = bind_loopback(fds[1]);
	raw_check(connect(fds[0], (struct sockaddr *)&address, sizeof address), "connect");
}

static struct tcp_info ask_tcp(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;

	raw_check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
	return info;
}

static void try_tcp(struct evidence *evidence)
{
	socklen_t size = sizeof evidence->tcp_control - 1;
	char message[SIZE] = {0};
	int fds[2];

	tcp_pair(fds);
	struct tcp_info writer = ask_tcp(fds[0]), reader = ask_tcp(fds[1]);
	for (unsigned i = 0; i < TRIES; i++) {
		raw_check((int)send(fds[0], message, SIZE, MSG_NOSIGNAL), "send");
		raw_check((int)recv(fds[1], message, SIZE, MSG_WAITALL), "recv");
	}
	struct tcp_info written = ask_tcp(fds[0]), read = ask_tcp(fds[1]);
	evidence->tcp_messages = TRIES;
	evidence->tcp_segments = written.tcpi_data_segs_out - writer.tcpi_data_segs_out;
	evidence->tcp_answers = read.tcpi_segs_out - reader.tcpi_segs_out;
	evidence->tcp_resent = written.tcpi_total_retrans;
	evidence->tcp_window = written.tcpi_snd_cwnd;
	getsockopt(fds[0], IPPROTO_TCP, TCP_CONGESTION, evidence->tcp_control, &size);
	close(fds[0]);
	close(fds[1]);
}

/* ---- nobody reads ---- */

static bool write_one(int fd)
{
	static const char message[SIZE];
	ssize_t n = send(fd, message, SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		raw_check(-1, "send");
	return n == SIZE;
}

/* Reads until a write succeeds again: a stream may want more room than one message leaves. */
static bool has_room_again(const int fds[2])
{
	char message[SIZE];

	while (recv(fds[1], message, SIZE, MSG_DONTWAIT) > 0)
		if (write_one(fds[0]))
			return true;
	return write_one(fds[0]);
}

static struct fill fill_up(const int fds[2])
{
	struct fill fill = {0};

	while (write_one(fds[0]))
		fill.messages++;
	fill.bytes = fill.messages * SIZE;
	fill.pushed_back = has_room_again(fds);
	close(fds[0]);
	close(fds[1]);
	return fill;
}

static struct fill fill_unix(int type)
{
	int fds[2];

	raw_check(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), "socketpair");
	return fill_up(fds);
}

static struct fill fill_tcp(void)
{
	int fds[2];

	tcp_pair(fds);
	return fill_up(fds);
}

/* ---- a slow reader ---- */

struct stream {
	int fds[2];
	uint64_t messages;
};

/* Blocking: what there is no room for waits, unless the network throws it away. At the end comes the number
 * after the last, until the reader is gone. */
static void write_numbers(void *arg)
{
	struct stream *stream = arg;
	char message[SIZE] = {0};

	close(stream->fds[1]);
	for (uint64_t i = 0; i < stream->messages; i++) {
		memcpy(message, &i, sizeof i);
		if (send(stream->fds[0], message, SIZE, MSG_NOSIGNAL) != SIZE)
			crew_fail("send: %s", strerror(errno));
	}
	memcpy(message, &stream->messages, sizeof stream->messages);
	while (send(stream->fds[0], message, SIZE, MSG_NOSIGNAL) == SIZE)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void read_numbers(struct stream *stream, struct delivery *delivery)
{
	const struct timespec pause = {.tv_nsec = PAUSE};
	uint64_t next = 0, number;
	char message[SIZE];

	for (;;) {
		raw_check((int)recv(stream->fds[1], message, SIZE, 0), "recv");
		memcpy(&number, message, sizeof number);
		if (number == stream->messages)
			break;
		delivery->received++;
		delivery->reordered += number < next;
		next = number + 1;
		if (delivery->received % PAUSE_AFTER == 0)
			nanosleep(&pause, NULL);
	}
	delivery->sent = stream->messages;
	delivery->lost = delivery->sent - delivery->received;
}

static struct delivery deliver(struct stream *stream)
{
	struct delivery delivery = {0};
	pid_t writer = crew_fork(write_numbers, stream);

	close(stream->fds[0]);
	read_numbers(stream, &delivery);
	close(stream->fds[1]);
	crew_wait(&writer, 1);
	return delivery;
}

static struct delivery deliver_unix(int type, uint64_t messages)
{
	struct stream stream = {.messages = messages};

	raw_check(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, stream.fds), "socketpair");
	return deliver(&stream);
}

static struct delivery deliver_udp(uint64_t messages)
{
	struct stream stream = {.messages = messages};

	udp_pair(stream.fds);
	return deliver(&stream);
}

/* ---- all of it ---- */

struct trial {
	struct evidence evidence;
	uint64_t messages;
};

static void lead(void *arg)
{
	struct trial *trial = arg;
	struct evidence *evidence = &trial->evidence;

	evidence->checksums_left_out = checksums_left_out();
	try_tcp(evidence);
	evidence->unix_stream = fill_unix(SOCK_STREAM);
	evidence->unix_dgram = fill_unix(SOCK_DGRAM);
	evidence->unix_seqpacket = fill_unix(SOCK_SEQPACKET);
	evidence->tcp = fill_tcp();
	evidence->dgram = deliver_unix(SOCK_DGRAM, trial->messages);
	evidence->seqpacket = deliver_unix(SOCK_SEQPACKET, trial->messages);
	evidence->udp = deliver_udp(trial->messages);
	judge_signals(evidence);
}

bool judge(struct evidence *evidence, uint64_t messages)
{
	static struct trial *trial;
	int result;

	if (!trial)
		trial = crew_share(sizeof *trial);
	*trial = (struct trial){.messages = messages};
	result = crew_run(lead, trial, SECONDS);
	*evidence = trial->evidence;
	evidence->tried = result == 0;
	if (result)
		snprintf(evidence->error, sizeof evidence->error, "%s", crew_error());
	return evidence->tried;
}
