/* SPDX-License-Identifier: MIT
 *
 * packet.c - fuzz target: messages out of packets, Unix seqpacket and dgram, bare or with a frame.
 *
 * An input says how packets are carried and read, then one byte for each packet - kind in the low
 * two bits, with one to three descriptors attached if bit 2 is set, a parameter p in the rest - and,
 * big-endian:
 *   0 literal   p bytes, as they are
 *   1 message   size(2) + p * 64 KiB, with a frame that fits
 *   2 tagged    size(2) tag(1), with a frame that fits
 *   3 filling   size(2) bytes without a frame
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "receiver.h"

enum { PACKET_MOST = 1 << 18, HEADER_MOST = 32, PACKETS_MOST = 200, FDS_MOST = 3 };

/* The fourth byte of an input. */
enum { WITH_TAKE = 1, WITH_RECV = 2, WITH_POLL = 4, WITH_DEADLINE = 8, WITH_WAIT = 16 };

struct plan {
	bool dgram, framed;
	unsigned fds; /* so many may come with a packet: 0 or 2 */
	size_t max, cap;
	unsigned with;
};

struct packet {
	uint8_t bytes[PACKET_MOST];
	size_t size;
	unsigned fds;
};

static struct plan read_plan(struct input *in)
{
	static const size_t sizes[] = {1, 2, 7, 16, 32, 100, 1000, 4096, 65536, 100000, 1 << 20};
	struct plan plan = {0};

	uint8_t kind = take_byte(in);
	plan.dgram = kind & 1;
	plan.framed = kind & 2;
	plan.fds = kind & 4 ? 2 : 0;
	plan.max = sizes[take_byte(in) % (sizeof sizes / sizeof *sizes)];
	plan.cap = sizes[take_byte(in) % (sizeof sizes / sizeof *sizes)];
	plan.with = take_byte(in);
	return plan;
}

static int open_ends(const struct plan *plan, sinew_channel **channel)
{
	char uri[128];
	int fds[2], type = plan->dgram ? SOCK_DGRAM : SOCK_SEQPACKET;

	REQUIRE(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0, "%m");
	snprintf(uri, sizeof uri, "unix:?fd=%d&type=%s&frame=%s&max=%zu&fds=%u", fds[0],
		plan->dgram ? "dgram" : "seqpacket", plan->framed ? "length" : "raw", plan->max,
		plan->fds);
	REQUIRE(sinew_open(channel, uri, 0, SINEW_NOW) == 0, "%s", sinew_error_text());
	return fds[1];
}

/* ---- packets ---- */

static void put(struct packet *packet, uint64_t value, unsigned bytes)
{
	while (bytes--)
		packet->bytes[packet->size++] = (uint8_t)(value >> 8 * bytes);
}

static void put_filling(struct packet *packet, size_t size)
{
	for (; size > 0 && packet->size < PACKET_MOST; size--) {
		packet->bytes[packet->size] = (uint8_t)(packet->size * 167);
		packet->size++;
	}
}

static void read_packet(struct packet *packet, struct input *in)
{
	unsigned byte = take_byte(in);
	size_t size = byte >> 3;

	packet->size = 0;
	packet->fds = byte & 4 ? 1 + byte / 8 % FDS_MOST : 0;
	if ((byte & 3) == 0) {
		const uint8_t *bytes = take_bytes(in, &size);
		for (size_t i = 0; i < size; i++)
			put(packet, bytes[i], 1);
		return;
	}
	size = (size * 65536 + take_number(in, 2)) % (PACKET_MOST - HEADER_MOST);
	if ((byte & 3) == 1)
		put(packet, size, 4);
	if ((byte & 3) == 2) {
		put(packet, UINT64_C(0x8000000c) + size, 4);
		put(packet, 0x01000000, 4);
		put(packet, take_byte(in), 8);
	}
	put_filling(packet, size);
}

static ssize_t transmit(int fd, const struct packet *packet)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(packet->fds * sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	const int other = STDERR_FILENO;
	struct iovec iov = {(void *)packet->bytes, packet->size};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = packet->fds ? &control : NULL,
		.msg_controllen = packet->fds ? CMSG_SPACE(packet->fds * sizeof(int)) : 0};

	for (unsigned i = 0; i < packet->fds; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof other, &other, sizeof other);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- what must come ---- */

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	struct input in = {p, bytes};

	return take_number(&in, bytes);
}

/* The header's size if the frame is a message's that fills the packet; 0: it is not. */
static size_t frame_header(const struct packet *packet)
{
	const uint8_t *p = packet->bytes;

	if (packet->size >= 4 && number(p, 4) == packet->size - 4)
		return 4;
	if (packet->size >= 16 && number(p, 4) == UINT64_C(0x80000000) + packet->size - 4 &&
		number(p + 4, 4) == 0x01000000)
		return 16;
	return 0;
}

static void expect(const struct plan *plan, const struct packet *packet, struct reference *expected)
{
	bool read = plan->framed && packet->size <= plan->max + HEADER_MOST;
	size_t header = read ? frame_header(packet) : 0;
	size_t size = packet->size - header;

	if ((read && header == 0) || size > plan->max)
		reference_lose(expected);
	if (read && header == 0) {
		reference_add(expected, VERDICT_CORRUPT, NULL, 0);
	} else if (size > plan->max) {
		reference_add(expected, VERDICT_TOO_LARGE, NULL, size);
	} else {
		struct expected *row =
			reference_add(expected, VERDICT_MESSAGE, packet->bytes + header, size);
		row->tagged = header == 16;
		/* seqpacket without fds= does not learn of them */
		row->fds_lost = packet->fds > plan->fds && (plan->dgram || plan->fds);
		row->fds = packet->fds > plan->fds ? 0 : packet->fds;
		row->tag = row->tagged ? number(packet->bytes + 8, 8) : 0;
	}
}

/* ---- the run ---- */

/* Sends one packet as soon as there is room; one that the socket cannot take is left out. */
static void feed(const struct plan *plan, const struct packet *packet, int fd,
	struct receiver *receiver, struct reference *expected)
{
	int64_t until = plan->with & WITH_DEADLINE ? 1 : SINEW_NOW;
	ssize_t n;

	while ((n = transmit(fd, packet)) < 0 && errno == EAGAIN)
		REQUIRE(receiver_drain(receiver, until), "the queue is full and nobody reads it");
	REQUIRE(n == (ssize_t)packet->size || errno == EMSGSIZE, "send: %m");
	if (n >= 0)
		expect(plan, packet, expected);
}

static void run(const struct plan *plan, struct input *in)
{
	static struct packet packet;
	struct reference expected = {0};
	struct receiver receiver = {.expected = &expected,
		.max = plan->max,
		.cap = plan->cap,
		.batch = plan->with & WITH_TAKE ? 1 + plan->with % 5 : 0,
		.alternate = plan->with & WITH_RECV,
		.polls = plan->with & WITH_POLL,
		.packets = true,
		.endless = plan->dgram};
	bool wait = plan->with & WITH_WAIT && !plan->dgram;

	int fd = open_ends(plan, &receiver.channel);
	for (unsigned n = 0; in->left && n < PACKETS_MOST; n++) {
		read_packet(&packet, in);
		feed(plan, &packet, fd, &receiver, &expected);
	}
	close(fd);
	if (!plan->dgram)
		reference_add(&expected, VERDICT_END, NULL, 0);
	receiver_drain(&receiver, wait ? SINEW_FOREVER : SINEW_NOW);
	receiver_check_end(&receiver);
	REQUIRE(sinew_close(receiver.channel) == 0, "unread after the end");
	reference_fini(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	int fd = lowest_fd();

	guard_buffers();
	const struct plan plan = read_plan(&in);
	run(&plan, &in);
	REQUIRE(lowest_fd() == fd, "a descriptor leaked");
	return 0;
}
