/* SPDX-License-Identifier: MIT
 *
 * net_address.c - connections whose way is gone: an address that changes, at either end, a peer that
 * starts anew, a name that means another address. Who waits is told in bounded time; who renews goes on.
 */
#include "net_wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

enum {
	FEW = 3,       /* unanswered transmissions, where a case is about what comes after */
	SEVERAL = 8,   /* where it is about the time that takes: above a minute without a bound */
	UNREAD = 6000, /* ms: longer than keepalive=1s bears no answer */
	BOUND = 15000  /* ms: in which a broken connection has to be noticed */
};

#define RENEWING "keepalive=1s&reconnect=60s"

static void swap_address(
	const struct wire *wire, int side, const struct line *line, int from, int to)
{
	if (line->v6)
		wire_run(wire, side,
			"ip addr del fd77::%d/64 dev wire; ip addr add fd77::%d/64 dev wire nodad",
			from, to);
	else
		wire_run(wire, side,
			"ip addr del 10.77.0.%d/24 dev wire; ip addr add 10.77.0.%d/24 dev wire",
			from, to);
}

/* The kernel says that the connection is broken. */
static void await_break(sinew_channel *client)
{
	struct pollfd poll_fd = {.fd = CHECK_OK(sinew_fd(client, SINEW_IN)), .events = POLLIN};

	CHECK_EQ(poll(&poll_fd, 1, BOUND), 1);
}

/* ---- a client that does not renew ---- */

/* Is told so, whether it only waits or has sent something that nobody acknowledged. */
static void wait_to_be_told(struct scene *scene, bool unanswered)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), "keepalive=1s");
	struct sinew_msg msg = {0};
	char buf[10];

	CHECK_EQ(send_message(client, 100, 1, soon(10000)), 1);
	CHECK_EQ(sinew_recv(client, buf, sizeof buf, &msg, soon(10000)), 1);
	gate_reach(&scene->gate);
	gate_await(&scene->gate);
	if (unanswered)
		CHECK_EQ(send_message(client, 100, 2, soon(10000)), 1);
	struct patience patience = patience_begin(client);
	/* Over IPv6 the other machine may say so itself, from the address that it has no more. */
	int r = sinew_recv(client, buf, sizeof buf, &msg, soon(BOUND));
	CHECK(r == -ECONNABORTED || (r == -ECONNRESET && scene->line->v6));
	CHECK(strstr(sinew_error_text(), "the connection broke: "));
	CHECK(patience_calls(&patience) <= 4);
	CHECK_EQ(sinew_recv(client, buf, sizeof buf, &msg, SINEW_NOW), SINEW_END);
	CHECK_ERR(send_message(client, 100, 3, SINEW_NOW), -EPIPE);
	CHECK_OK(sinew_close(client));
}

static void wait_idly(struct scene *scene)
{
	wait_to_be_told(scene, false);
}

static void wait_unanswered(struct scene *scene)
{
	wait_to_be_told(scene, true);
}

static void come_later(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 7), "");

	CHECK_EQ(send_message(client, 70, 7, soon(10000)), 1);
	expect_message(client, 80, 8, 0);
	CHECK_OK(sinew_close(client));
}

static void answer(sinew_channel *server, size_t size, uint64_t number)
{
	char data[100];
	struct sinew_msg msg = {0}, reply = {.data = data, .size = size};

	do
		CHECK_EQ(sinew_recv(server, data, sizeof data, &msg, soon(BOUND)), 1);
	while (msg.size == 0);
	CHECK_EQ(msg.lost, 0);
	fill_message(data, size, number);
	reply.peer = msg.peer;
	CHECK_EQ(sinew_send(server, &reply, 1, soon(10000)), 1);
}

static void await_departures(sinew_channel *server, unsigned count)
{
	struct sinew_msg msg = {0};
	char byte[100];

	while (count > 0) {
		CHECK_EQ(sinew_recv(server, byte, sizeof byte, &msg, soon(2 * BOUND)), 1);
		count -= msg.flags & SINEW_MSG_LEFT ? 1 : 0;
	}
}

/* The address of this side is replaced. A listener on every address goes on: it serves who comes to the
 * new one, and lets those go whom it cannot hear any more. */
static void check_swap(const struct line *line, int side)
{
	struct sinew_msg msg = {0};
	struct scene scene;
	pid_t pids[3];
	char byte;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	wire_retries(&scene.wire, SEVERAL);
	sinew_channel *server = listen_at(line, "*", "keepalive=1s", SINEW_EVENTS);
	pids[0] = scene_fork(&scene, wait_idly);
	pids[1] = scene_fork(&scene, wait_unanswered);
	answer(server, 10, 1);
	answer(server, 10, 1);
	gate_wait(&scene.gate, 2);
	swap_address(&scene.wire, side, line, side + 1, 7);
	gate_pass(&scene.gate);
	if (side == LEFT) {
		pids[2] = scene_fork(&scene, come_later);
		answer(server, 80, 8);
		CHECK_EQ(test_wait(pids[2]), 0);
	}
	await_departures(server, side == LEFT ? 3 : 2);
	CHECK_EQ(sinew_recv(server, &byte, 1, &msg, SINEW_NOW), SINEW_END);
	CHECK_EQ(test_wait(pids[0]), 0);
	CHECK_EQ(test_wait(pids[1]), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

TEST_EACH(connected, address_of_listener_changes, struct line, line, .timeout = 60)
{
	check_swap(line, LEFT);
}

TEST_EACH(connected, address_of_client_changes, struct line, line, .timeout = 60)
{
	check_swap(line, RIGHT);
}

/* A peer that answers, and only does not read, is not taken for one that is gone. */
TEST_EACH(connected, slow_reader_is_not_gone, struct line, line, .timeout = 60)
{
	struct scene scene;
	uint64_t sent = 0, n = 0;
	int r;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	wire_retries(&scene.wire, FEW);
	sinew_channel *server = listen_at(line, line_host(line, 1), "", 0);
	wire_enter(&scene.wire, RIGHT);
	sinew_channel *client = connect_to(line, line_host(line, 1), "keepalive=1s");
	while ((r = send_message(client, 50000, sent, soon(200))) == 1)
		sent++;
	CHECK_EQ(r, -ETIMEDOUT);
	CHECK(sent > 10);
	/* The buffers may have grown meanwhile. */
	while ((r = send_message(client, 50000, sent, soon(UNREAD))) == 1)
		sent++;
	CHECK_EQ(r, -ETIMEDOUT);
	/* The rest of what was sent in part goes with the next call. */
	for (; n < sent; n++) {
		if (sinew_flush(client, SINEW_NOW) < 0)
			test_checked();
		expect_message(server, 50000, n, 0);
	}
	CHECK_OK(sinew_close(client));
	expect_end(server, 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

/* ---- clients that renew ---- */

/* Messages before the connection breaks, and on the way when it does. */
enum { BEFORE = 10, LOST = 7 };

static void send_numbers(sinew_channel *client, uint64_t *number, unsigned count)
{
	while (count-- > 0)
		CHECK_EQ(send_message(client, 100, (*number)++, soon(20000)), 1);
}

static void lose_some(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), RENEWING);
	uint64_t n = 0;

	send_numbers(client, &n, BEFORE);
	gate_reach(&scene->gate);
	gate_await(&scene->gate);
	send_numbers(client, &n, LOST);
	await_break(client);
	struct patience patience = patience_begin(client);
	CHECK_ERR(send_message(client, 100, n, soon(200)), -ETIMEDOUT);
	CHECK(strstr(sinew_error_text(), "is not renewed yet"));
	patience_check(&patience, 200, 60);
	gate_reach(&scene->gate);
	send_numbers(client, &n, BEFORE);
	CHECK_OK(sinew_close(client));
}

static void expect_numbers(sinew_channel *server, uint64_t *number, unsigned count, uint64_t lost)
{
	*number += lost;
	while (count-- > 0) {
		expect_message(server, 100, (*number)++, lost);
		lost = 0;
	}
}

/* The path disappears, at this side, and comes back. */
static void check_renewal(const struct line *line, const char *cut, const char *mend, int side)
{
	struct scene scene;
	uint64_t n = 0;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	wire_retries(&scene.wire, FEW);
	sinew_channel *server = listen_at(line, "*", "keep-open=yes", 0);
	pid_t pid = scene_fork(&scene, lose_some);
	expect_numbers(server, &n, BEFORE, 0);
	gate_wait(&scene.gate, 1);
	wire_run(&scene.wire, side, "%s", cut);
	gate_pass(&scene.gate);
	gate_wait(&scene.gate, 1);
	wire_run(&scene.wire, side, "%s", mend);
	expect_numbers(server, &n, BEFORE, LOST);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

/* The connection breaks for want of a link; the listener lives on and knows what it has missed. */
TEST_EACH(connected, renewed_after_outage, struct line, line)
{
	check_renewal(line, "ip link set wire down", "ip link set wire up", LEFT);
}

TEST_EACH(connected, renewed_after_outage_at_client, struct line, line)
{
	check_renewal(line, "ip link set wire down", "ip link set wire up", RIGHT);
}

/* The client gets another address: it renews from that one. */
TEST_EACH(connected, renewed_from_another_address, struct line, line)
{
	check_renewal(line, "ip addr flush dev wire scope global",
		line->v6 ? "ip addr add fd77::9/64 dev wire nodad"
			 : "ip addr add 10.77.0.9/24 dev wire",
		RIGHT);
}

/* The listener's machine loses its address for a while. */
TEST_EACH(connected, renewed_to_the_address_that_came_back, struct line, line)
{
	check_renewal(line, "ip addr flush dev wire scope global",
		line->v6 ? "ip addr add fd77::1/64 dev wire nodad"
			 : "ip addr add 10.77.0.1/24 dev wire",
		LEFT);
}

/* ---- a peer that starts anew ---- */

/* Long enough that the outage stops one in the middle; the last is one byte longer. */
enum { LONG = 50000 };

static int send_count(sinew_channel *client, uint64_t number, bool last, int64_t until)
{
	static uint64_t words[LONG / 8 + 1];
	const struct sinew_msg msg = {.data = words, .size = LONG + last};

	words[0] = number;
	return sinew_send(client, &msg, 1, until);
}

static bool expect_count(sinew_channel *server, uint64_t *number)
{
	struct sinew_msg msg = {0};
	static uint64_t words[LONG / 8 + 1];

	CHECK_EQ(sinew_recv(server, words, sizeof words, &msg, soon(20000)), 1);
	CHECK_EQ(msg.lost, 0);
	*number = words[0];
	return msg.size == LONG;
}

static void count_up(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), RENEWING);
	uint64_t n = 0;

	while (!gate_is_passed(&scene->gate))
		if (send_count(client, n, false, soon(100)) == 1)
			n++;
		else
			atomic_fetch_add(&scene->told->timeouts, 1);
	CHECK_EQ(send_count(client, n, true, soon(20000)), 1);
	CHECK_OK(sinew_close(client));
}

static void serve_until_killed(struct scene *scene)
{
	wire_enter(&scene->wire, LEFT);
	sinew_channel *server = listen_at(scene->line, line_host(scene->line, 1), "", 0);

	for (uint64_t i = 0, number;; i++) {
		CHECK(expect_count(server, &number));
		CHECK_EQ(number, i);
		if (i == BEFORE)
			gate_reach(&scene->gate);
	}
}

/* Joins the row somewhere; from there on none is missing and none comes twice. */
static void follow(struct scene *scene, sinew_channel *server)
{
	uint64_t first, next, number;

	CHECK(expect_count(server, &first));
	CHECK(first > BEFORE);
	for (next = first + 1; expect_count(server, &number); next++) {
		CHECK_EQ(number, next);
		if (next == first + 100)
			gate_pass(&scene->gate);
	}
	CHECK_EQ(number, next);
}

/* The listener's machine is cut off and restarts meanwhile: the connection means nothing to it any more,
 * and it says so when it is back. */
TEST_EACH(connected, renewed_to_a_peer_that_restarted, struct line, line)
{
	struct scene scene;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	pid_t first = scene_fork(&scene, serve_until_killed);
	pid_t client = scene_fork(&scene, count_up);
	gate_wait(&scene.gate, 1);
	wire_run(&scene.wire, LEFT, "ip link set wire down");
	kill_child(first);
	WAIT_UNTIL(scene.told->timeouts >= 2, 10000);
	sinew_channel *server = listen_at(line, line_host(line, 1), "", 0);
	wire_run(&scene.wire, LEFT, "ip link set wire up");
	follow(&scene, server);
	CHECK_EQ(test_wait(client), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

/* ---- names ---- */

/* This case's own /etc/hosts, where the listener has this number. */
static void write_hosts(const struct line *line, unsigned number)
{
	const char *path = test_path("hosts");
	char text[80];
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	snprintf(text, sizeof text,
		line->v6 ? "fd77::%u listener.test\n" : "10.77.0.%u listener.test\n", number);
	write_bare(fd, text, strlen(text));
	close(fd);
}

static void own_hosts(const struct line *line)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("mounting over a file needs root, and not in a chroot");
	write_hosts(line, 1);
	CHECK_SYS(mount(test_path("hosts"), "/etc/hosts", NULL, MS_BIND, NULL));
}

static void renew_by_name(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, "listener.test", RENEWING "&resolve=yes");
	uint64_t n = 0;

	send_numbers(client, &n, BEFORE);
	gate_reach(&scene->gate);
	gate_await(&scene->gate);
	send_numbers(client, &n, LOST);
	await_break(client);
	/* It asks at the old address, where nobody answers, when the name gets a new one. */
	CHECK_ERR(send_message(client, 100, n, soon(200)), -ETIMEDOUT);
	write_hosts(scene->line, 7);
	send_numbers(client, &n, BEFORE);
	CHECK_OK(sinew_close(client));
}

TEST_EACH(connected, renewed_to_where_the_name_leads_now, struct line, line, .timeout = 60)
{
	struct scene scene;
	uint64_t n = 0;

	own_hosts(line);
	scene_open(&scene, line, WIRE_PLAIN, NULL);
	wire_retries(&scene.wire, FEW);
	sinew_channel *server = listen_at(line, "*", "keep-open=yes", 0);
	pid_t pid = scene_fork(&scene, renew_by_name);
	expect_numbers(server, &n, BEFORE, 0);
	gate_wait(&scene.gate, 1);
	swap_address(&scene.wire, LEFT, line, 1, 7);
	gate_pass(&scene.gate);
	expect_numbers(server, &n, BEFORE, LOST);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

/* ---- an address that is not there ---- */

TEST_EACH(lines, no_such_address, struct line, line)
{
	sinew_channel *channel = NULL;
	struct scene scene;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	const char *uri = line_uri(line, line_host(line, 5), "");
	CHECK_ERR(sinew_open(&channel, uri, SINEW_LISTEN, soon(1000)), -EADDRNOTAVAIL);
	CHECK(strstr(sinew_error_text(), uri));
	CHECK(strstr(sinew_error_text(), "this machine has no such address"));
	scene_close(&scene);
}
