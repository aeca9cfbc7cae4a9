/* SPDX-License-Identifier: MIT
 *
 * net_datagrams.c - datagrams between two machines: what does not arrive is counted, what was overtaken
 * is marked, what comes twice is dropped, and nothing is delivered twice. Each carries its own number,
 * by which the test knows better.
 */
#include "net_wire.h"

/* AFTER: so many more are awaited, each a millisecond later, until what was late has come. */
enum { MESSAGES = 400, AFTER = 20, LONGEST = 8000 };

static size_t size_of(const struct line *line, uint64_t number)
{
	if (number >= MESSAGES)
		return sizeof number;
	return number % 80 == 79 ? line->largest : sizeof number + number * 37 % 1000;
}

static void fill(const struct line *line, uint8_t *data, uint64_t number)
{
	fill_message(data, size_of(line, number), number);
	memcpy(data, &number, sizeof number);
}

static int send_numbered(
	const struct line *line, sinew_channel *channel, uint64_t peer, uint64_t number)
{
	uint8_t data[LONGEST];
	const struct sinew_msg msg = {.data = data, .size = size_of(line, number), .peer = peer};

	fill(line, data, number);
	return sinew_send(channel, &msg, 1, soon(10000));
}

void send_counted(struct scene *scene, sinew_channel *channel, uint64_t peer, int way)
{
	/* The last ones may be lost, and nobody would know: until it is heard that one came. */
	for (uint64_t i = 0; i < MESSAGES || !atomic_load(&scene->told->heard[way]); i++) {
		CHECK_EQ(send_numbered(scene->line, channel, peer, i), 1);
		if (i >= MESSAGES)
			test_pause();
	}
}

/* Receives one, and adds to the tally. Its number. */
static uint64_t expect_numbered(
	const struct line *line, sinew_channel *channel, struct tally *tally)
{
	uint8_t got[LONGEST], want[LONGEST];
	struct sinew_msg msg = {0};
	uint64_t number;

	CHECK_EQ(sinew_recv(channel, got, sizeof got, &msg, soon(10000)), 1);
	CHECK(msg.size >= sizeof number);
	memcpy(&number, got, sizeof number);
	fill(line, want, number);
	CHECK_MEM(got, msg.size, want, size_of(line, number));
	if (msg.flags & SINEW_MSG_LATE) {
		CHECK(number < tally->next);
	} else {
		CHECK_EQ(number, tally->next + msg.lost);
		tally->next = number + 1;
	}
	tally->came++;
	tally->lost += msg.lost;
	tally->copies += msg.copies;
	tally->late += msg.flags & SINEW_MSG_LATE ? 1 : 0;
	tally->peer = msg.peer;
	return number;
}

void expect_counted(struct scene *scene, sinew_channel *channel, int way, struct tally *tally)
{
	bool seen[MESSAGES] = {false};

	while (tally->next <= MESSAGES + AFTER) {
		uint64_t number = expect_numbered(scene->line, channel, tally);
		if (number >= MESSAGES)
			continue;
		CHECK(!seen[number]);
		seen[number] = true;
	}
	CHECK_EQ(tally->came, tally->next - tally->lost + tally->late);
	atomic_store(&scene->told->heard[way], 1);
}

/* ---- outages and changes ---- */

enum { BEFORE = 10, MEANWHILE = 7 };

/* Sends some, then some while the network is as the parent made it, then more until one was heard. A
 * message that the network refuses has not gone, and has no number. */
static void send_through_change(struct scene *scene)
{
	sinew_channel *client = connect_to(scene->line, line_host(scene->line, 1), "");
	uint64_t n = 0;

	while (n < BEFORE)
		CHECK_EQ(send_numbered(scene->line, client, SINEW_ANY_PEER, n++), 1);
	gate_reach(&scene->gate);
	gate_await(&scene->gate);
	for (unsigned i = 0; i < MEANWHILE; i++)
		n += send_numbered(scene->line, client, SINEW_ANY_PEER, n) == 1;
	atomic_store(&scene->told->sent, (unsigned)n);
	gate_reach(&scene->gate);
	for (; !atomic_load(&scene->told->heard[0]); test_pause())
		n += send_numbered(scene->line, client, SINEW_ANY_PEER, n) == 1;
	CHECK_OK(sinew_close(client));
}

static struct tally check_change(
	const struct line *line, int side, const char *cut, const char *mend)
{
	struct tally tally = {0};
	struct scene scene;

	scene_open(&scene, line, WIRE_PLAIN, NULL);
	sinew_channel *server = listen_at(line, "*", "", 0);
	pid_t pid = scene_fork(&scene, send_through_change);
	while (tally.next < BEFORE)
		expect_numbered(line, server, &tally);
	CHECK_EQ(tally.lost, 0);
	tally.first_peer = tally.peer;
	gate_wait(&scene.gate, 1);
	wire_run(&scene.wire, side, "%s", cut);
	gate_pass(&scene.gate);
	gate_wait(&scene.gate, 1);
	wire_run(&scene.wire, side, "%s", mend);
	while (tally.next <= scene.told->sent)
		expect_numbered(line, server, &tally);
	CHECK_EQ(tally.came, tally.next - tally.lost + tally.late);
	atomic_store(&scene.told->heard[0], 1);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(server));
	scene_close(&scene);
	return tally;
}

TEST_EACH(datagrams, outage_is_counted, struct line, line)
{
	struct tally tally =
		check_change(line, LEFT, "ip link set wire down", "ip link set wire up");

	CHECK(tally.lost > 0);
}

TEST_EACH(datagrams, outage_at_sender, struct line, line)
{
	check_change(line, RIGHT, "ip link set wire down", "ip link set wire up");
}

/* The session goes on from another address; over IPv6 the kernel keeps to the old one. */
TEST_EACH(datagrams, address_of_sender_changes, struct line, line)
{
	struct tally tally = check_change(line, RIGHT, "ip addr flush dev wire scope global",
		line->v6 ? "ip addr add fd77::9/64 dev wire nodad"
			 : "ip addr add 10.77.0.9/24 dev wire");

	if (!line->v6)
		CHECK(tally.peer != tally.first_peer);
}
