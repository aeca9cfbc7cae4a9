/* SPDX-License-Identifier: MIT
 *
 * renew.c - connections of tcp: that break, and those that renew them, seen from a bare peer: nothing is
 * lost in silence, nothing is sent or delivered twice, and the order is kept.
 */
#include <endian.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "faults.h"
#include "sys.h"

enum { SIZE = 1000, FRAME = 4 + SIZE, HELLO = 24 };

/* ---- what the network may say ---- */

/* Once, as of a real socket; then it is closed. */
static int network_says;

static ssize_t broken_recv(int fd, void *buf, size_t size, int flags)
{
	(void)fd, (void)buf, (void)size, (void)flags;
	errno = network_says;
	network_says = EPIPE;
	return -1;
}

static ssize_t broken_send(int fd, const void *buf, size_t size, int flags)
{
	return broken_recv(fd, (void *)buf, size, flags);
}

/* Whatever it says of a way that is gone, the connection broke; its words are kept. */
TEST(way_is_gone_by_any_name)
{
	static const int names[] = {ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN, ENETUNREACH, ENETDOWN};
	sinew_channel *server = NULL, *client = NULL;
	struct sinew_msg msg = {.data = "a", .size = 1};
	char uri[100], byte;

	CHECK_OK(sinew_open(&server, "tcp:127.0.0.1:0", SINEW_LISTEN, soon(1000)));
	CHECK_OK(sinew_name(server, uri, sizeof uri));
	sinew__sys.recv = broken_recv;
	sinew__sys.send = broken_send;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK_OK(sinew_open(&client, uri, 0, soon(5000)));
		network_says = names[i];
		CHECK_ERR(sinew_send(client, &msg, 1, soon(1000)), -ECONNABORTED);
		CHECK(strstr(sinew_error_text(), strerror(names[i])));
		network_says = names[i];
		CHECK_ERR(sinew_send(client, &msg, 1, SINEW_FOREVER), -ECONNABORTED);
		network_says = names[i];
		CHECK_ERR(sinew_recv(client, &byte, 1, &msg, soon(1000)), -ECONNABORTED);
		CHECK(strstr(sinew_error_text(), strerror(names[i])));
		CHECK_OK(sinew_close(client));
		msg = (struct sinew_msg){.data = "a", .size = 1};
	}
	CHECK_OK(sinew_close(server));
}

static ssize_t (*real_send)(int fd, const void *buf, size_t size, int flags);

/* Once. */
static ssize_t send_without_memory(int fd, const void *buf, size_t size, int flags)
{
	(void)fd, (void)buf, (void)size, (void)flags;
	sinew__sys.send = real_send;
	errno = ENOBUFS;
	return -1;
}

/* A small message goes with the connection that is there, by a call with a deadline or without one. */
TEST(lack_of_memory_breaks_nothing)
{
	sinew_channel *server = NULL, *client = NULL;
	struct sinew_msg msg = {.data = "a", .size = 1}, got;
	struct sinew_stats stats;
	char uri[100], whole[120], byte;

	CHECK_OK(sinew_open(&server, "tcp:127.0.0.1:0?keep-open=yes", SINEW_LISTEN, soon(1000)));
	CHECK_OK(sinew_name(server, uri, sizeof uri));
	snprintf(whole, sizeof whole, "%s?reconnect=20s", uri);
	CHECK_OK(sinew_open(&client, whole, SINEW_OUT, soon(5000)));
	real_send = sinew__sys.send;
	for (unsigned i = 0; i < 4; i++) {
		int64_t until = i % 2 ? SINEW_FOREVER : soon(5000);
		sinew__sys.send = send_without_memory;
		int r = sinew_send(client, &msg, 1, until);
		if (r == -ENOBUFS)
			r = sinew_send(client, &msg, 1, until);
		CHECK_EQ(CHECK_OK(r), 1);
		CHECK_EQ(CHECK_OK(sinew_recv(server, &byte, 1, &got, soon(5000))), 1);
	}
	CHECK_OK(sinew_stats(server, &stats));
	CHECK_EQ(stats.joined, 1);
	CHECK_OK(sinew_close(client));
	CHECK_OK(sinew_close(server));
}

/* ---- messages that had come before the break ---- */

enum { BATCH = 64, READ = 20 };

static void send_batch(void *uri)
{
	static uint8_t data[BATCH][SIZE];
	struct sinew_msg msgs[BATCH] = {0};
	sinew_channel *client = NULL;

	for (unsigned i = 0; i < BATCH; i++) {
		msgs[i] = (struct sinew_msg){.data = data[i], .size = SIZE};
		fill_message(data[i], SIZE, i);
	}
	CHECK_OK(sinew_open(&client, uri, 0, soon(5000)));
	CHECK_EQ(sinew_send(client, msgs, BATCH, soon(20000)), BATCH);
	CHECK_OK(sinew_close(client));
}

/* A connection of a listener that is not ours. The number its client says it begins with. */
static int accept_hello(int listener, uint64_t *next)
{
	int fd = CHECK_SYS(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	uint8_t hello[HELLO];

	CHECK_EQ(recv(fd, hello, HELLO, MSG_WAITALL), HELLO);
	CHECK_EQ(hello[4], 3);
	*next = hello[HELLO - 1];
	return fd;
}

static void read_frames(int fd, uint64_t from, uint64_t to)
{
	uint8_t frame[FRAME], want[SIZE];

	for (; from < to; from++) {
		CHECK_EQ(recv(fd, frame, FRAME, MSG_WAITALL), FRAME);
		fill_message(want, SIZE, from);
		CHECK_MEM(frame + 4, SIZE, want, SIZE);
	}
}

/* Each by a call that waits as long as it takes: what the connection breaks in goes whole on the next one. */
static void send_each(void *arg)
{
	char data[SIZE];
	struct sinew_msg msg = {.data = data, .size = SIZE};
	sinew_channel *client = NULL;

	CHECK_OK(sinew_open(&client, arg, 0, soon(20000)));
	for (unsigned i = 0; i < BATCH; i++) {
		fill_message(data, SIZE, i);
		CHECK_EQ(CHECK_OK(sinew_send(client, &msg, 1, SINEW_FOREVER)), 1);
	}
	CHECK_OK(sinew_close(client));
}

/* The connection breaks while half of the messages are on it: what had gone is not sent again. */
static void check_way_lost(void (*sender)(void *))
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t size = sizeof address;
	const int room = 4096;
	uint64_t next;
	char uri[100];

	int listener = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
	CHECK_SYS(bind(listener, (struct sockaddr *)&address, size));
	CHECK_SYS(listen(listener, 5));
	CHECK_SYS(getsockname(listener, (struct sockaddr *)&address, &size));
	snprintf(uri, sizeof uri, "tcp:127.0.0.1:%d?reconnect=20s&buffer=4K",
		ntohs(address.sin_port));
	pid_t pid = test_fork(sender, uri);
	int fd = accept_hello(listener, &next);
	CHECK_EQ(next, 0);
	read_frames(fd, 0, READ);
	test_blocked(pid, -1);
	close(fd);
	fd = accept_hello(listener, &next);
	CHECK(next >= READ);
	CHECK(next < BATCH);
	read_frames(fd, next, BATCH);
	CHECK_EQ(test_wait(pid), 0);
	close(fd);
	close(listener);
}

TEST(nothing_twice_of_a_batch)
{
	check_way_lost(send_batch);
}

TEST(nothing_twice_of_single_messages)
{
	check_way_lost(send_each);
}

/* ---- several connections of one sender, before the listener looks ---- */

enum { EACH = 5 };

static int connect_bare(const char *uri)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(strrchr(uri, ':') + 1, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	CHECK_SYS(connect(fd, (const struct sockaddr *)&address, sizeof address));
	return fd;
}

static void write_hello(int fd, uint64_t next)
{
	uint8_t hello[HELLO] = {
		0x80, 0, 0, HELLO - 4, 3, 0, 0, 0, 's', 'e', 's', 's', 'i', 'o', 'n'};

	next = htobe64(next);
	memcpy(hello + HELLO - sizeof next, &next, sizeof next);
	write_bare(fd, hello, sizeof hello);
}

static void write_messages(int fd, uint64_t from, uint64_t to)
{
	uint8_t frame[FRAME] = {0, 0, SIZE >> 8, SIZE & 0xff};

	for (; from < to; from++) {
		fill_message(frame + 4, SIZE, from);
		write_bare(fd, frame, sizeof frame);
	}
}

static int begin(const char *uri, uint64_t next)
{
	int fd = connect_bare(uri);

	write_hello(fd, next);
	write_messages(fd, next, next + EACH);
	return fd;
}

static sinew_channel *listen_bare(char *uri, size_t size)
{
	sinew_channel *server = NULL;

	CHECK_OK(sinew_open(&server, "tcp:127.0.0.1:0?keep-open=yes", SINEW_LISTEN, soon(1000)));
	CHECK_OK(sinew_name(server, uri, size));
	return server;
}

static void expect_row(sinew_channel *server, uint64_t from, uint64_t to, uint64_t lost)
{
	for (; from < to; from++) {
		expect_message(server, SIZE, from, lost);
		lost = 0;
	}
}

/* Broken and renewed again and again; some are closed, some just silent. In any order of arrival. */
static void check_renewals(unsigned silent, bool backwards)
{
	enum { COUNT = 5 };
	struct sinew_stats stats;
	int fds[COUNT];
	char uri[100];

	sinew_channel *server = listen_bare(uri, sizeof uri);
	fds[0] = begin(uri, 0);
	expect_row(server, 0, 1, 0);
	for (unsigned i = 1; i < COUNT; i++) {
		unsigned nth = backwards ? COUNT - i : i;
		fds[nth] = begin(uri, nth * EACH);
		if (!(silent & 1U << nth))
			CHECK_SYS(shutdown(fds[nth], SHUT_WR));
	}
	expect_row(server, 1, (uint64_t)COUNT * EACH, 0);
	if (silent & 1U << (COUNT - 1)) { /* the newest lives on */
		write_messages(fds[COUNT - 1], (uint64_t)COUNT * EACH, (uint64_t)COUNT * EACH + 1);
		expect_row(server, (uint64_t)COUNT * EACH, (uint64_t)COUNT * EACH + 1, 0);
	}
	CHECK_OK(sinew_stats(server, &stats));
	CHECK_EQ(stats.lost, 0);
	for (unsigned i = 0; i < COUNT; i++)
		close(fds[i]);
	CHECK_OK(sinew_close(server));
}

TEST(renewed_several_times_before_it_is_read)
{
	for (unsigned silent = 0; silent < 32; silent++) {
		check_renewals(silent, false);
		check_renewals(silent, true);
	}
}

/* A connection that was overtaken by the one that renewed it: its messages were counted as lost. */
TEST(older_connection_comes_after_the_newer)
{
	char uri[100];

	sinew_channel *server = listen_bare(uri, sizeof uri);
	int newer = begin(uri, 2 * EACH);
	expect_row(server, 2 * EACH, 3 * EACH, 0);
	int newest = begin(uri, 4 * EACH);
	expect_row(server, 4 * EACH, 5 * EACH, EACH);
	int older = begin(uri, 3 * EACH);
	write_messages(newest, 5 * EACH, 6 * EACH);
	expect_row(server, 5 * EACH, 6 * EACH, 0);
	CHECK_ERR(sinew_recv(server, NULL, 0, &(struct sinew_msg){0}, soon(50)), -ETIMEDOUT);
	write_messages(newest, 6 * EACH, 7 * EACH);
	expect_row(server, 6 * EACH, 7 * EACH, 0);
	close(newer);
	close(newest);
	close(older);
	CHECK_OK(sinew_close(server));
}
