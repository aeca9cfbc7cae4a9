/* SPDX-License-Identifier: MIT
 *
 * net_wire.c - messages between two machines: over a good wire, over one that loses, doubles, delays and
 * reorders packets, and over one that is cut and mended.
 */
#include "net_wire.h"

#include <sys/mman.h>

#include "sys.h"

enum { WAIT = 200, TOLERANCE = 1000 }; /* ms */

#define TCP_ROW(name_, v6_)                                                                        \
	{                                                                                          \
		.name = (name_), .scheme = "tcp", .v6 = (v6_), .sure = true, .largest = 1 << 20    \
	}

#define UDP_ROW(name_, v6_)                                                                        \
	{                                                                                          \
		.name = (name_), .scheme = "udp", .v6 = (v6_), .largest = 8000                     \
	}

static const struct line lines_rows[] = {TCP_ROW("tcp-v4", false), TCP_ROW("tcp-v6", true),
	UDP_ROW("udp-v4", false), UDP_ROW("udp-v6", true)};
static const struct line connected_rows[] = {TCP_ROW("tcp-v4", false), TCP_ROW("tcp-v6", true)};

static const struct line datagrams_rows[] = {UDP_ROW("udp-v4", false), UDP_ROW("udp-v6", true)};

TEST_SUITE(lines, lines_rows);
TEST_SUITE(datagrams, datagrams_rows);
TEST_SUITE(connected, connected_rows);

/* ---- scenes ---- */

void scene_open(struct scene *scene, const struct line *line, enum wire_kind kind,
	const struct wire_rule *rule)
{
	*scene = (struct scene){.line = line};
	if (line->v6 && access("/proc/sys/net/ipv6", F_OK) != 0)
		SKIP("this kernel has no IPv6");
	wire_open(&scene->wire, kind, rule);
	gate_open(&scene->gate);
	scene->told = mmap(NULL, sizeof *scene->told, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(scene->told != MAP_FAILED);
}

void scene_close(struct scene *scene)
{
	munmap(scene->told, sizeof *scene->told);
	gate_close(&scene->gate);
	wire_close(&scene->wire);
}

pid_t scene_fork(struct scene *scene, void (*fn)(struct scene *))
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		wire_enter(&scene->wire, RIGHT);
		fn(scene);
		exit(0);
	}
	return pid;
}

const char *line_host(const struct line *line, unsigned number)
{
	static char hosts[8][40];
	static unsigned next;
	char *host = hosts[next++ % 8];

	snprintf(host, sizeof hosts[0], line->v6 ? "[fd77::%u]" : "10.77.0.%u", number);
	return host;
}

const char *line_uri(const struct line *line, const char *host, const char *options)
{
	static char uris[8][160];
	static unsigned next;
	char *uri = uris[next++ % 8];

	if (strcmp(host, "*") == 0 && line->v6)
		host = "[::]";
	snprintf(uri, sizeof uris[0], "%s:%s:%d?%s", line->scheme, host, PORT, options);
	return uri;
}

/* Children inherit channels that they never touch: leak checkers have to find them there. */
static sinew_channel *volatile listening __attribute__((unused));

sinew_channel *listen_at(
	const struct line *line, const char *host, const char *options, unsigned flags)
{
	sinew_channel *channel = NULL;

	CHECK_OK(sinew_open(&channel, line_uri(line, host, options),
		flags | SINEW_LISTEN | SINEW_IN | SINEW_OUT, soon(10000)));
	listening = channel;
	return channel;
}

sinew_channel *connect_to(const struct line *line, const char *host, const char *options)
{
	sinew_channel *channel = NULL;

	CHECK_OK(sinew_open(
		&channel, line_uri(line, host, options), SINEW_IN | SINEW_OUT, soon(20000)));
	return channel;
}

static uint64_t calls_of(sinew_channel *channel)
{
	struct sinew_stats stats;

	CHECK_OK(sinew_stats(channel, &stats));
	return stats.calls;
}

struct patience patience_begin(sinew_channel *channel)
{
	return (struct patience){test_now(), calls_of(channel), channel};
}

uint64_t patience_calls(const struct patience *patience)
{
	return calls_of(patience->channel) - patience->calls;
}

void patience_check(const struct patience *patience, int64_t ms, unsigned calls)
{
	int64_t latest = test_limit(TOLERANCE) - test_now() + patience->start + ms * 1000000;

	CHECK(test_now() >= patience->start + ms * 1000000);
	CHECK(test_now() < latest);
	CHECK(patience_calls(patience) <= calls);
}

/* ---- messages ---- */

enum { MESSAGES = 240, LARGE = 80 };

/* Mostly small ones, from none to a kilobyte; some as large as can be. */
static size_t size_of(const struct line *line, uint64_t number)
{
	return number % LARGE == LARGE - 1 ? line->largest : number * 37 % 1000;
}

static void send_all(const struct line *line, sinew_channel *channel)
{
	for (uint64_t i = 0; i < MESSAGES; i++)
		CHECK_EQ(send_message(channel, size_of(line, i), i, soon(20000)), 1);
}

static void expect_all(const struct line *line, sinew_channel *channel)
{
	for (uint64_t i = 0; i < MESSAGES; i++)
		expect_message(channel, size_of(line, i), i, 0);
}

static void send_and_expect(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), "");
	struct tally tally = {0};

	if (scene->line->sure) {
		send_all(scene->line, client);
		expect_all(scene->line, client);
	} else {
		send_counted(scene, client, SINEW_ANY_PEER, 0);
		expect_counted(scene, client, 1, &tally);
	}
	CHECK_OK(sinew_close(client));
}

static void expect_and_send(struct scene *scene, sinew_channel *server, struct tally *tally)
{
	if (scene->line->sure) {
		expect_all(scene->line, server);
		send_all(scene->line, server);
		expect_end(server, 0);
	} else {
		expect_counted(scene, server, 0, tally);
		send_counted(scene, server, tally->peer, 1);
	}
}

static void check_harm(const struct wire_counts *did)
{
	CHECK(did->passed > MESSAGES);
	CHECK(did->dropped > 10);
	CHECK(did->doubled > 10);
	CHECK(did->delayed > 10);
}

static void check_messages(
	const struct line *line, enum wire_kind kind, const struct wire_rule *rule)
{
	struct tally tally = {0};
	struct scene scene;

	scene_open(&scene, line, kind, rule);
	sinew_channel *server = listen_at(line, line_host(line, 1), "", 0);
	pid_t pid = scene_fork(&scene, send_and_expect);
	expect_and_send(&scene, server, &tally);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	if (rule)
		check_harm(scene.wire.counts);
	if (rule && !line->sure)
		CHECK(tally.lost > tally.late && tally.late > 0 && tally.copies > 0);
	scene_close(&scene);
}

TEST_EACH(lines, messages, struct line, line)
{
	check_messages(line, WIRE_PLAIN, NULL);
}

TEST_EACH(lines, messages_through_netem, struct line, line, .timeout = 90)
{
	check_messages(line, WIRE_NETEM, NULL);
}

TEST_EACH(lines, messages_through_loss, struct line, line, .timeout = 90)
{
	static const struct wire_rule rule = {.seed = 20261122,
		.drop = 50,
		.twice = 20,
		.late = 50,
		.delay = 500,
		.lateness = 4000};

	check_messages(line, WIRE_LOSSY, &rule);
}

TEST_EACH(lines, messages_through_heavy_loss, struct line, line, .timeout = 90)
{
	static const struct wire_rule rule = {
		.seed = 7, .drop = 100, .twice = 100, .late = 200, .delay = 200, .lateness = 2000};

	check_messages(line, WIRE_LOSSY, &rule);
}

/* ---- a wire that is cut ---- */

enum { PAYLOAD = 16000 };

/* Sends numbered messages until told to stop; the last one is a byte shorter. A deadline that passes
 * during the outage is kept, and the message was not accepted. */
static void send_through_outage(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), "");
	uint64_t n = 0;

	while (!gate_is_passed(&scene->gate)) {
		struct patience patience = patience_begin(client);
		int r = send_message(client, PAYLOAD, n, soon(WAIT));
		if (r == 1) {
			n++;
			continue;
		}
		CHECK_EQ(r, -ETIMEDOUT);
		patience_check(&patience, WAIT, 10);
		atomic_fetch_add(&scene->told->timeouts, 1);
	}
	CHECK_EQ(send_message(client, PAYLOAD - 1, n, soon(20000)), 1);
	CHECK_OK(sinew_flush(client, soon(20000)));
	CHECK_OK(sinew_close(client));
}

/* Receives the next message if it comes by the deadline: its size, or -errno. */
static ssize_t expect_next(sinew_channel *server, uint64_t *number, int64_t until)
{
	static uint8_t got[PAYLOAD], want[PAYLOAD];
	struct sinew_msg msg = {0};

	int r = sinew_recv(server, got, sizeof got, &msg, until);
	if (r < 0)
		return r;
	CHECK_EQ(r, 1);
	CHECK_EQ(msg.lost, 0);
	fill_message(want, sizeof want, (*number)++);
	CHECK_MEM(got, msg.size, want, msg.size < PAYLOAD ? PAYLOAD - 1 : PAYLOAD);
	return (ssize_t)msg.size;
}

static void check_outage(const struct line *line, int side)
{
	struct scene scene;
	uint64_t n = 0;
	ssize_t r;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	sinew_channel *server = listen_at(line, line_host(line, 1), "", 0);
	pid_t pid = scene_fork(&scene, send_through_outage);
	while (n < 200)
		CHECK_EQ(expect_next(server, &n, soon(10000)), PAYLOAD);
	wire_run(&scene.wire, side, "ip link set wire down");
	struct patience patience;
	do
		patience = patience_begin(server);
	while ((r = expect_next(server, &n, soon(WAIT))) == PAYLOAD);
	CHECK_EQ(r, -ETIMEDOUT);
	patience_check(&patience, WAIT, 10);
	WAIT_UNTIL(scene.told->timeouts >= 2, 10000);
	CHECK_ERR(expect_next(server, &n, SINEW_NOW), -EAGAIN);
	wire_run(&scene.wire, side, "ip link set wire up");
	CHECK_EQ(expect_next(server, &n, soon(20000)), PAYLOAD);
	gate_pass(&scene.gate);
	while ((r = expect_next(server, &n, soon(20000))) == PAYLOAD)
		;
	CHECK_EQ(r, PAYLOAD - 1);
	expect_end(server, 0);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

TEST_EACH(connected, link_down_at_reader, struct line, line)
{
	check_outage(line, LEFT);
}

TEST_EACH(connected, link_down_at_writer, struct line, line)
{
	check_outage(line, RIGHT);
}

/* ---- no wire yet ---- */

static struct told *counting;
static int (*real_connect)(int fd, const struct sockaddr *address, socklen_t size);

static int count_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	int r = real_connect(fd, address, size);

	atomic_fetch_add(&counting->connects, 1);
	return r;
}

static void count_connects(struct told *told)
{
	counting = told;
	real_connect = sinew__sys.connect;
	sinew__sys.connect = count_connect;
}

static bool is_unreachable(int r)
{
	return r == -ETIMEDOUT || r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EADDRNOTAVAIL;
}

static void check_refusal(const struct line *line)
{
	const char *uri = line_uri(line, line_host(line, 1), "");
	sinew_channel *channel = NULL;
	int64_t start = test_now();

	int r = sinew_open(&channel, uri, 0, soon(WAIT));
	CHECK(is_unreachable(r));
	CHECK(test_now() - start >= WAIT * INT64_C(1000000));
	CHECK(test_limit(0) - start < (WAIT + TOLERANCE) * INT64_C(1000000));
	CHECK(strstr(sinew_error_text(), uri));
	CHECK(strstr(sinew_error_text(), "no answer") ||
		strstr(sinew_error_text(), "unreachable") ||
		strstr(sinew_error_text(), "No route to host") ||
		strstr(sinew_error_text(), "assign requested address"));
	r = sinew_open(&channel, uri, 0, SINEW_NOW);
	CHECK(r == -EAGAIN || is_unreachable(r));
}

static void connect_meanwhile(struct scene *scene)
{
	check_refusal(scene->line);
	count_connects(scene->told);
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), "");
	CHECK_EQ(send_message(client, 100, 1, soon(10000)), 1);
	CHECK_OK(sinew_close(client));
}

static void check_connect(const struct line *line, int side)
{
	struct scene scene;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	sinew_channel *server = listen_at(line, line_host(line, 1), "", 0);
	wire_run(&scene.wire, side, "ip link set wire down");
	pid_t pid = scene_fork(&scene, connect_meanwhile);
	WAIT_UNTIL(scene.told->connects > 0, 10000);
	wire_run(&scene.wire, side, "ip link set wire up");
	expect_message(server, 100, 1, 0);
	expect_end(server, 0);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
}

TEST_EACH(connected, connect_while_down, struct line, line)
{
	check_connect(line, RIGHT);
}

TEST_EACH(connected, connect_while_down_at_listener, struct line, line)
{
	check_connect(line, LEFT);
}
