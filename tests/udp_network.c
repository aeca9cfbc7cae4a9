/* SPDX-License-Identifier: MIT
 *
 * udp_network.c - udp and the network below it: nobody there, and then somebody; what fits a datagram;
 * peers that know nothing of sinew; what the kernel says of a send or a receive. Nothing of it ends a
 * channel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datagrams.h"
#include "sys.h"

enum { HEADER = SINEW__SEQUENCE_HEADER };

/* ---- nobody there ---- */

TEST(nobody_there_and_then_somebody)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	uint16_t port = port_of(in);
	uint64_t number = 0;
	char uri[64];

	sinew_close(in);
	sinew_channel *out = connect_to(port, "");
	unsigned refused = 0;
	while (refused < 5) {
		int r = try_send(out, number);
		CHECK(r == 1 || r == -EPIPE);
		if (r == -EPIPE)
			CHECK(strstr(sinew_error_text(), "nobody receives there"));
		number += r == 1;
		refused += r == -EPIPE;
	}
	CHECK(number >= 4);
	expect_nothing(out);
	snprintf(uri, sizeof uri, "udp:127.0.0.1:%u", port);
	in = listen_on(uri);
	if (try_send(out, number) != 1)
		CHECK_EQ(CHECK_OK(try_send(out, number)), 1);
	expect_plain(in, number, number);
	sinew_close(in);
	sinew_close(out);
}

/* A reader that waits is not ended by the news that nobody is there. */
TEST(a_receive_passes_over_errors_of_the_network)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	uint16_t port = port_of(in);
	struct sinew_msg msg;
	char buf[16];

	sinew_close(in);
	sinew_channel *out = connect_to(port, "");
	for (unsigned i = 0; i < 5; i++) {
		try_send(out, i);
		CHECK_ERR(sinew_recv(out, buf, sizeof buf, &msg, after_ms(20)), -ETIMEDOUT);
		expect_nothing(out);
	}
	sinew_close(out);
}

/* ---- sizes ---- */

static void check_largest(const char *address, const char *options, uint64_t want)
{
	char uri[80], *data = calloc(1, 70000);
	struct sinew_caps caps;
	struct ends e;

	const struct mechanism m = {"", "udp", address, options, true};
	mechanism_uri(&m, "", uri, sizeof uri);
	CHECK_OK(sinew_caps(uri, &caps));
	CHECK_EQ(caps.max_message, want);
	ends_open(&m, &e, 0, "");
	for (uint64_t size = want - 1; size <= want; size++) {
		send_filled(e.out, size, 3);
		expect_filled(e.in, size, 3);
	}
	struct sinew_msg msg = {.data = data, .size = want + 1};
	CHECK_ERR(sinew_send(e.out, &msg, 1, soon()), -EMSGSIZE);
	send_filled(e.out, 0, 0);
	expect_filled(e.in, 0, 0);
	free(data);
	ends_close(&e);
}

TEST(the_largest_datagram_is_known)
{
	check_largest("127.0.0.1:0", "", 65487);
	check_largest("127.0.0.1:0", "frame=raw", 65507);
	check_largest("127.0.0.1:0", "frame=length", 65471);
	check_largest("127.0.0.1:0", "frame=length&seq=off", 65491);
	check_largest("[::1]:0", "", 65507);
	check_largest("[::1]:0", "seq=off", 65527);
	check_largest("127.0.0.1:0", "max=10", 10);
}

TEST(one_above_max_is_skipped_and_counted)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0?max=3");
	int fd = bare(in);

	craft(fd, 7, 1);
	craft(fd, 7, 12345);
	craft(fd, 7, 12346);
	craft(fd, 7, 2);
	expect_plain(in, 1, 1);
	/* Those before it that are missing, and two themselves. */
	CHECK_EQ(stats_of(in).lost, 1);
	close(fd);
	fd = bare(in);
	craft(fd, 8, 0);
	expect_plain(in, 0, 12343 + 2);
	close(fd);
	sinew_close(in);
}

/* With both headers before it, received either way. */
TEST(a_tagged_message_may_fill_max)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0?max=10&frame=length");
	sinew_channel *out = connect_to(port_of(in), "?max=10&frame=length");
	struct sinew_msg msg = {
		.data = "0123456789", .size = 10, .tag = UINT64_MAX, .flags = SINEW_MSG_TAGGED};
	struct sinew_msg got;
	char buf[10];

	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &got, soon())), 1);
	CHECK_MEM(buf, got.size, msg.data, 10);
	CHECK_EQ(got.tag, UINT64_MAX);
	CHECK_EQ(CHECK_OK(sinew_take(in, &got, 1, soon())), 1);
	CHECK_MEM(got.data, got.size, msg.data, 10);
	CHECK_EQ(got.tag, UINT64_MAX);
	sinew_close(in);
	sinew_close(out);
}

/* Short and long ones by turns take different ways in; a buffer that is too small cuts none of them. */
TEST(short_and_long_by_turns)
{
	static const size_t sizes[] = {3, 5000, 4000, 60000, 60000, 0, 9, 4076, 4077, 65487, 1};
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");
	struct sinew_msg msg;
	char buf[2000];

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		send_filled(out, sizes[i], i);
		size_t cap = sizes[i] / 2 < sizeof buf ? sizes[i] / 2 : sizeof buf;
		if (sizes[i])
			CHECK_ERR(sinew_recv(in, buf, cap, &msg, soon()), -EMSGSIZE);
		expect_filled(in, sizes[i], i);
	}
	sinew_close(in);
	sinew_close(out);
}

TEST(contradictions_are_refused)
{
	struct sinew_caps caps;

	CHECK_ERR(sinew_caps("udp:127.0.0.1:0?frame=raw&seq=on", &caps), -EINVAL);
	CHECK(strstr(sinew_error_text(), "seq=on"));
	CHECK_ERR(sinew_caps("udp:127.0.0.1:0?frame=line", &caps), -EINVAL);
	CHECK_ERR(sinew_caps("udp:127.0.0.1:0?seq=maybe", &caps), -EINVAL);
	CHECK_OK(sinew_caps("udp:127.0.0.1:0?frame=raw&seq=off", &caps));
	CHECK(!(caps.bits & SINEW_CAP_COUNTED));
	CHECK_OK(sinew_caps("udp:127.0.0.1:0?seq=on&frame=length", &caps));
	CHECK(caps.bits & SINEW_CAP_COUNTED && caps.bits & SINEW_CAP_TAGS);
	CHECK(!(caps.bits & (SINEW_CAP_RELIABLE | SINEW_CAP_END | SINEW_CAP_PAIR)));
	CHECK_ERR(sinew_remove("udp:127.0.0.1:7000"), -EOPNOTSUPP);
	sinew_channel *out = NULL;
	CHECK_ERR(sinew_open(&out, "udp:127.0.0.1:0", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&out, "udp:[::1]:0", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&out, "udp:*:7000", 0, SINEW_NOW), -EINVAL);
}

TEST(a_second_listener_is_told)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0"), *second = NULL;
	char uri[64];

	CHECK_OK(sinew_name(in, uri, sizeof uri));
	CHECK_ERR(sinew_open(&second, uri, SINEW_LISTEN, SINEW_NOW), -EADDRINUSE);
	CHECK(strstr(sinew_error_text(), "somebody"));
	sinew_close(in);
	second = listen_on(uri);
	sinew_close(second);
}

/* ---- strangers to sinew ---- */

TEST(without_numbers_anybody_can_be_heard_and_answered)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0?seq=off");
	struct sinew_msg msg, answer = {.data = "yes", .size = 3};
	int fd = bare(in);
	char buf[16];

	CHECK_EQ(CHECK_SYS(send(fd, "hello", 5, 0)), 5);
	CHECK_EQ(CHECK_SYS(send(fd, "hello", 5, 0)), 5);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
		CHECK_MEM(buf, msg.size, "hello", 5);
		CHECK_EQ(msg.lost, 0);
	}
	answer.peer = msg.peer;
	CHECK_EQ(CHECK_OK(sinew_send(in, &answer, 1, soon())), 1);
	CHECK_EQ(CHECK_SYS(recv(fd, buf, sizeof buf, 0)), 3);
	CHECK_MEM(buf, 3, "yes", 3);
	answer.peer = SINEW_ANY_PEER;
	CHECK_ERR(sinew_send(in, &answer, 1, soon()), -EDESTADDRREQ);
	close(fd);
	sinew_close(in);
}

/* Who is asked at one of many addresses answers from it, or a connected peer would not hear it. */
static void check_any(const char *uri, const char *options)
{
	struct sinew_msg msg, answer = {.data = "yes", .size = 3};
	char text[64], buf[HEADER + 16];

	snprintf(text, sizeof text, "%s%s", uri, options);
	sinew_channel *in = listen_on(text);
	for (uint32_t host = INADDR_LOOPBACK; host < INADDR_LOOPBACK + 3; host++) {
		int fd = bare_at(host, port_of(in));
		craft(fd, host, 0);
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
		answer.peer = msg.peer;
		CHECK_EQ(CHECK_OK(sinew_send(in, &answer, 1, soon())), 1);
		CHECK_EQ(CHECK_SYS(recv(fd, buf, sizeof buf, 0)), *options ? 3 : HEADER + 3);
		close(fd);
	}
	sinew_close(in);
}

TEST(an_answer_comes_from_where_it_was_asked)
{
	check_any("udp:*:0", "");
	check_any("udp:*:0", "?seq=off");
	check_any("udp:[::]:0", "");
}

/* ---- what the kernel says ---- */

static int failures, failure;
static struct sinew__sys real;

static bool fails(void)
{
	if (failures == 0)
		return false;
	failures--;
	errno = failure;
	return true;
}

static ssize_t failing_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return fails() ? -1 : real.sendmsg(fd, m, flags);
}

static ssize_t failing_sendto(
	int fd, const void *buf, size_t size, int flags, const struct sockaddr *a, socklen_t n)
{
	return fails() ? -1 : real.sendto(fd, buf, size, flags, a, n);
}

static ssize_t failing_recvfrom(
	int fd, void *buf, size_t size, int flags, struct sockaddr *a, socklen_t *n)
{
	return fails() ? -1 : real.recvfrom(fd, buf, size, flags, a, n);
}

static ssize_t failing_recvmsg(int fd, struct msghdr *m, int flags)
{
	return fails() ? -1 : real.recvmsg(fd, m, flags);
}

static void fail_next(int times, int error)
{
	failures = times;
	failure = error;
	if (!real.sendmsg)
		real = sinew__sys;
	sinew__sys.sendmsg = failing_sendmsg;
	sinew__sys.sendto = failing_sendto;
	sinew__sys.recvmsg = failing_recvmsg;
	sinew__sys.recvfrom = failing_recvfrom;
}

/* A message that was refused has no number: the next one leaves no gap. */
TEST(a_send_that_fails_is_told_and_the_next_goes)
{
	static const struct {
		int error, told;
		const char *words;
	} cases[] = {{EPERM, EPERM, "firewall"}, {ENETDOWN, ENETDOWN, "has not gone"},
		{ENETUNREACH, ENETUNREACH, "has not gone"}, {EHOSTUNREACH, EHOSTUNREACH, "has not"},
		{ECONNREFUSED, EPIPE, "nobody receives there"}, {EMSGSIZE, EMSGSIZE, "too large"},
		{ENOMEM, ENOMEM, "has not gone"}};
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");

	for (uint64_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fail_next(1, cases[i].error);
		CHECK_ERR(try_send(out, 99), -cases[i].told);
		CHECK(strstr(sinew_error_text(), cases[i].words));
		CHECK_EQ(CHECK_OK(try_send(out, i)), 1);
		expect_plain(in, i, 0);
	}
	sinew_close(in);
	sinew_close(out);
}

TEST(a_shortage_is_waited_for)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");
	const struct sinew_msg msg = {.data = "0", .size = 1};

	fail_next(3, ENOBUFS);
	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_FOREVER)), 1);
	fail_next(3, ENOBUFS);
	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
	fail_next(1, ENOBUFS);
	CHECK_ERR(sinew_send(out, &msg, 1, SINEW_NOW), -EAGAIN);
	fail_next(1000000, ENOBUFS);
	CHECK_ERR(sinew_send(out, &msg, 1, after_ms(30)), -ETIMEDOUT);
	CHECK(failures > 1000000 - 100);
	fail_next(0, 0);
	expect_plain(in, 0, 0);
	expect_plain(in, 0, 0);
	sinew_close(in);
	sinew_close(out);
}

TEST(a_receive_that_fails_ends_nothing)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");
	struct sinew_msg msg;
	char buf[16];

	CHECK_EQ(CHECK_OK(try_send(out, 0)), 1);
	fail_next(3, EHOSTUNREACH);
	expect_plain(in, 0, 0);
	CHECK_EQ(CHECK_OK(try_send(out, 1)), 1);
	fail_next(1, ENOMEM);
	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -ENOMEM);
	expect_plain(in, 1, 0);
	fail_next(1000, ECONNREFUSED);
	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK(failures > 900);
	fail_next(0, 0);
	sinew_close(in);
	sinew_close(out);
}

/* The first address that is asked for is one that we have no more. */
static int moved_getsockname(int fd, struct sockaddr *a, socklen_t *n)
{
	int r = real.getsockname(fd, a, n);

	((struct sockaddr_in *)(void *)a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 76);
	sinew__sys.getsockname = real.getsockname;
	return r;
}

/* The address it sends from is gone: it connects again, from another, and its session goes on. */
TEST(a_lost_address_is_replaced)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");
	struct sinew_msg answer = {.data = "0", .size = 1};

	CHECK_EQ(CHECK_OK(try_send(out, 0)), 1);
	uint64_t before = expect(in, 0, 0).peer;
	fail_next(1, EINVAL);
	CHECK_ERR(try_send(out, 99), -EINVAL); /* it has the same address still */
	fail_next(1, EINVAL);
	sinew__sys.getsockname = moved_getsockname;
	CHECK_EQ(CHECK_OK(try_send(out, 1)), 1);
	struct sinew_msg msg = expect(in, 1, 0);
	CHECK(msg.peer != before);
	answer.peer = msg.peer;
	CHECK_EQ(CHECK_OK(sinew_send(in, &answer, 1, soon())), 1);
	expect_plain(out, 0, 0);
	CHECK_EQ(stats_of(in).lost, 0);
	sinew_close(in);
	sinew_close(out);
}
