/* SPDX-License-Identifier: MIT
 *
 * faults_death.c - peers that die before, in and after a message, peers that talk nonsense, readers
 * that are gone. A partial message is never delivered, a lost one always counted, and a peer's fault
 * stays its own.
 */
#include "faults.h"

#include <signal.h>
#include <sys/syscall.h>

/* ---- a writer killed ---- */

struct doomed {
	struct place place;
	struct gate gate;
	unsigned whole; /* messages before its death */
	size_t last;    /* bytes of one more, which blocks half-way; or 0 */
};

static void send_and_linger(struct doomed *doomed)
{
	sinew_channel *writer = open_writer(&doomed->place, "max=8M", 0);

	for (unsigned i = 0; i < doomed->whole; i++)
		CHECK_EQ(send_message(writer, 500, i, soon(5000)), 1);
	gate_reach(&doomed->gate);
	if (doomed->last)
		send_message(writer, doomed->last, 99, SINEW_FOREVER);
	gate_await(&doomed->gate);
}

static pid_t fork_doomed(struct doomed *doomed)
{
	gate_open(&doomed->gate);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		place_no_reader(&doomed->place);
		send_and_linger(doomed);
		exit(0);
	}
	place_no_writer(&doomed->place);
	gate_wait(&doomed->gate, 1);
	test_blocked(pid, -1);
	return pid;
}

static void check_death(struct doomed *doomed, const struct mechanism *m)
{
	place_init(&doomed->place, m);
	sinew_channel *reader = open_reader(&doomed->place, "max=8M", 0);
	kill_child(fork_doomed(doomed));
	for (unsigned i = 0; i < doomed->whole; i++)
		expect_message(reader, 500, i, 0);
	expect_end(reader, doomed->last > 0);
	CHECK_OK(sinew_close(reader));
	gate_close(&doomed->gate);
}

TEST_EACH(ending, killed_before, struct mechanism, m)
{
	check_death(&(struct doomed){.whole = 0}, m);
}

TEST_EACH(ending, killed_after, struct mechanism, m)
{
	check_death(&(struct doomed){.whole = 10}, m);
}

TEST_EACH(bytes, killed_inside, struct mechanism, m)
{
	check_death(&(struct doomed){.whole = 3, .last = 7 << 20}, m);
}

TEST_EACH(bytes, killed_inside_the_first, struct mechanism, m)
{
	check_death(&(struct doomed){.whole = 0, .last = 7 << 20}, m);
}

static void flood(struct doomed *doomed)
{
	sinew_channel *writer = open_writer(&doomed->place, "", 0);

	gate_reach(&doomed->gate);
	for (uint64_t i = 0; send_message(writer, 700, i, SINEW_FOREVER) == 1; i++)
		;
}

/* Killed while the queue is full: what the reader gets is a beginning of what was sent. */
TEST_EACH(every, killed_while_full, struct mechanism, m)
{
	uint8_t buf[700], want[700];
	struct doomed doomed;
	struct sinew_msg msg = {0};
	uint64_t n = 0;
	int r;

	gate_open(&doomed.gate);
	place_init(&doomed.place, m);
	sinew_channel *reader = open_reader(&doomed.place, "", 0);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		place_no_reader(&doomed.place);
		flood(&doomed);
		exit(0);
	}
	place_no_writer(&doomed.place);
	gate_wait(&doomed.gate, 1);
	test_blocked(pid, -1);
	kill_child(pid);
	while ((r = sinew_recv(reader, buf, sizeof buf, &msg, m->ends ? soon(9000) : SINEW_NOW)) ==
		1) {
		fill_message(want, sizeof want, n++);
		CHECK_MEM(buf, msg.size, want, sizeof want);
		CHECK_EQ(msg.lost, 0);
	}
	CHECK(n > 5);
	CHECK_EQ(r, m->ends ? SINEW_END : -EAGAIN);
	CHECK(r < 0 || msg.lost <= 1);
	CHECK_OK(sinew_close(reader));
	gate_close(&doomed.gate);
}

/* Cut at each byte of the frame: the header, its end, the payload. */
TEST_EACH(bytes, cut_at_every_byte, struct mechanism, m)
{
	static const uint8_t frame[] = {0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};

	for (size_t cut = 0; cut <= sizeof frame; cut++) {
		struct place place;
		place_init(&place, m);
		sinew_channel *reader = open_reader(&place, "", 0);
		int fd = open_bare(&place);
		write_frame(fd, 20, 20);
		if (cut)
			write_bare(fd, frame, cut);
		close(fd);
		expect_message(reader, 20, 20, 0);
		if (cut == sizeof frame) {
			char buf[5];
			struct sinew_msg msg;
			CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), 1);
			CHECK_MEM(buf, msg.size, "hello", 5);
		}
		expect_end(reader, cut > 0 && cut < sizeof frame);
		CHECK_OK(sinew_close(reader));
	}
}

/* The one message left of each of two peers, in either order, and so many lost. */
static void check_rest(sinew_channel *reader, uint64_t lost)
{
	struct sinew_msg msg = {0};
	char buf[600];
	uint64_t sizes = 0;
	int r;

	while ((r = sinew_recv(reader, buf, sizeof buf, &msg, soon(9000))) == 1) {
		sizes += msg.size;
		lost -= msg.lost;
	}
	CHECK_EQ(r, SINEW_END);
	CHECK_EQ(lost, msg.lost);
	CHECK_EQ(sizes, 500 + 50);
}

/* One of several peers dies half-way; what it had sent whole still comes, and the others go on. */
TEST_EACH(served, one_of_many_killed, struct mechanism, m)
{
	struct doomed doomed = {.whole = 2, .last = m->bytes ? 7 << 20 : 0};
	struct sinew_stats stats;

	place_init(&doomed.place, m);
	sinew_channel *reader = open_reader(&doomed.place, "max=8M", 0);
	pid_t pid = fork_doomed(&doomed);
	expect_message(reader, 500, 0, 0);
	sinew_channel *writer = open_writer(&doomed.place, "", 0);
	CHECK_EQ(send_message(writer, 50, 10, soon(5000)), 1);
	kill_child(pid);
	CHECK_OK(sinew_close(writer));
	check_rest(reader, doomed.last > 0);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.joined, 2);
	CHECK_EQ(stats.peers, 0);
	CHECK_OK(sinew_close(reader));
	gate_close(&doomed.gate);
}

/* ---- a fifo's pieces ---- */

static const struct mechanism pieces = {.name = "fifo",
	.base = "fifo:%s/name",
	.options = "chunk=yes&",
	.bytes = true,
	.ends = true};

TEST(fifo_pieces_of_the_dead)
{
	struct doomed doomed = {.whole = 1, .last = 1 << 20};

	place_init(&doomed.place, &pieces);
	sinew_channel *reader = open_reader(&doomed.place, "max=8M", 0);
	pid_t pid = fork_doomed(&doomed);
	sinew_channel *writer = open_writer(&doomed.place, "", 0);
	kill_child(pid);
	expect_message(reader, 500, 0, 0);
	/* The dead one's pieces fill the fifo: they are read while this one is waited for. */
	char byte;
	struct sinew_msg msg;
	CHECK_ERR(sinew_recv(reader, &byte, 1, &msg, SINEW_NOW), -EAGAIN);
	CHECK_EQ(send_message(writer, 50000, 5, soon(5000)), 1);
	expect_message(reader, 50000, 5, 1);
	CHECK_OK(sinew_close(writer));
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
	gate_close(&doomed.gate);
}

TEST(fifo_pieces_of_the_last)
{
	check_death(&(struct doomed){.whole = 4, .last = 1 << 20}, &pieces);
}

static void write_pieces(void *place)
{
	uint64_t writer = (uint64_t)getpid();
	sinew_channel *channel = open_writer(place, "", 0);

	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(send_message(channel, 20000 + writer % 1000, writer, SINEW_FOREVER), 1);
	CHECK_OK(sinew_close(channel));
}

/* Many writers of long messages at once, each of them whole. */
TEST(fifo_pieces_of_many)
{
	static uint8_t buf[1 << 20], want[1 << 20];
	struct sinew_msg msg;
	struct place place;
	pid_t pids[6];
	unsigned got = 0;

	place_init(&place, &pieces);
	sinew_channel *reader = open_reader(&place, "keep-open=1", 0);
	for (unsigned i = 0; i < 6; i++)
		pids[i] = fork_writer(&place, write_pieces);
	while (got < 240) {
		CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(20000)), 1);
		CHECK_EQ(msg.lost, 0);
		for (unsigned i = 0; i < 6; i++) {
			size_t size = 20000 + (uint64_t)pids[i] % 1000;
			fill_message(want, size, (uint64_t)pids[i]);
			if (msg.size == size && memcmp(buf, want, size) == 0) {
				got++;
				break;
			}
			if (i == 5)
				FAIL("a message of %zu bytes is nobody's", msg.size);
		}
	}
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	CHECK_OK(sinew_close(reader));
}

/* ---- a reader gone ---- */

static int sigpipes;

static void on_sigpipe(int number)
{
	(void)number;
	sigpipes++;
}

/* -EPIPE, now and for ever, and no signal. */
static void check_no_reader(sinew_channel *writer)
{
	struct sigaction before = {.sa_handler = on_sigpipe}, after;
	sigset_t pending, mask;
	int r;

	CHECK_SYS(sigaction(SIGPIPE, &before, NULL));
	while ((r = send_message(writer, 1000, 1, soon(5000))) == 1)
		;
	CHECK_EQ(r, -EPIPE);
	CHECK_ERR(send_message(writer, 10, 2, SINEW_NOW), -EPIPE);
	CHECK_ERR(send_message(writer, 10, 2, SINEW_FOREVER), -EPIPE);
	CHECK_EQ(sigpipes, 0);
	CHECK_SYS(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGPIPE));
	CHECK_SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK(!sigismember(&mask, SIGPIPE));
	CHECK_SYS(sigaction(SIGPIPE, NULL, &after));
	CHECK(after.sa_handler == on_sigpipe);
}

TEST_EACH(every, reader_closed, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
	expect_message(reader, 10, 1, 0);
	CHECK_OK(sinew_close(reader));
	if (m->queue) { /* it needs no reader, and keeps what comes for the next */
		CHECK_EQ(send_message(writer, 10, 2, SINEW_NOW), 1);
		reader = open_reader(&place, "", 0);
		expect_message(reader, 10, 2, 0);
		CHECK_OK(sinew_close(reader));
	} else {
		check_no_reader(writer);
	}
	sinew_close(writer);
}

static void read_one_and_linger(struct doomed *doomed)
{
	sinew_channel *reader = open_reader(&doomed->place, "", 0);

	gate_reach(&doomed->gate);
	gate_await(&doomed->gate);
	sinew_close(reader);
}

/* A writer that is blocked wakes when its reader is killed. */
TEST_EACH(sockets, reader_killed, struct mechanism, m)
{
	struct doomed doomed = {0};

	gate_open(&doomed.gate);
	place_init(&doomed.place, m);
	pid_t reader = CHECK_SYS(fork());
	if (reader == 0) {
		read_one_and_linger(&doomed);
		exit(0);
	}
	gate_wait(&doomed.gate, 1);
	pid_t writer = CHECK_SYS(fork());
	if (writer == 0) {
		sinew_channel *channel = open_writer(&doomed.place, "", 0);
		int r;
		gate_reach(&doomed.gate);
		while ((r = send_message(channel, 1000, 1, SINEW_FOREVER)) == 1)
			;
		CHECK_EQ(r, -EPIPE);
		sinew_close(channel);
		exit(0);
	}
	gate_wait(&doomed.gate, 1);
	test_blocked(writer, -1);
	kill_child(reader);
	CHECK_EQ(test_wait(writer), 0);
	gate_close(&doomed.gate);
}

/* SIGPIPE that was pending or blocked before stays as it was. */
TEST(pipe_keeps_pending_sigpipe)
{
	sinew_channel *ends[2];
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(sinew_pair(ends, "pipe:", 0));
	CHECK_OK(sinew_close(ends[0]));
	CHECK_ERR(send_message(ends[1], 10, 1, SINEW_FOREVER), -EPIPE);
	CHECK_SYS(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGPIPE));
	CHECK_EQ(raise(SIGPIPE), 0);
	CHECK_ERR(send_message(ends[1], 10, 1, SINEW_NOW), -EPIPE);
	CHECK_SYS(sigpending(&pending));
	CHECK(sigismember(&pending, SIGPIPE));
	CHECK_OK(sinew_close(ends[1]));
}

/* A listener that closes: its peers see the end, and can send no more. */
TEST_EACH(served, listener_closed, struct mechanism, m)
{
	sinew_channel *clients[5];
	struct place place;

	place_init(&place, m);
	sinew_channel *server = open_reader(&place, "dir=both", 0);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_OK(sinew_open(&clients[i], place_uri(&place, false, ""), 0, soon(5000)));
		CHECK_EQ(send_message(clients[i], 10, i, soon(5000)), 1);
		expect_message(server, 10, i, 0);
	}
	CHECK_OK(sinew_close(server));
	for (unsigned i = 0; i < 5; i++) {
		expect_end(clients[i], 0);
		check_no_reader(clients[i]);
		sinew_close(clients[i]);
	}
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

/* ---- peers that talk nonsense ---- */

struct nonsense {
	const char *name;
	uint8_t bytes[32];
	size_t size;
	int error; /* with one peer; afterwards: */
	bool over; /* the peer was cut off */
};

static const struct nonsense nonsenses[] = {
	{"ones", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 32, -EBADMSG, true},
	{"text", "GET / HTTP/1.1\r\n\r\n", 18, -EBADMSG, true},
	{"four_gib", {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 8, -EBADMSG, true},
	{"four_gib_tagged", {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 16,
		-EBADMSG, true},
	{"four_gib_in_pieces", {0xff, 0xff, 0xff, 0xff, 2}, 24, -EBADMSG, true},
	{"four_gib_ignored", {0xff, 0xff, 0xff, 0xff, 0x80}, 8, -EBADMSG, true},
	{"two_gib", {0x7f, 0xff, 0xff, 0xff, 1, 2, 3}, 7, -EBADMSG, true},
	{"one_gib", {0x40, 0, 0, 0, 1, 2, 3}, 7, -EMSGSIZE, false},
	{"one_gib_tagged", {0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 16, -EMSGSIZE,
		false},
	{"just_above", {0x00, 0x10, 0x00, 0x01, 1, 2, 3}, 7, -EMSGSIZE, false},
	{"control_of_nothing", {0x80, 0, 0, 0, 0, 0, 0, 0}, 8, -EBADMSG, true},
	{"control_unknown", {0x80, 0, 0, 4, 0x3f, 0, 0, 0}, 8, -EBADMSG, true},
	{"control_reserved", {0x80, 0, 0, 12, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16, -EBADMSG,
		true},
	{"tag_too_short", {0x80, 0, 0, 5, 1, 0, 0, 0, 9}, 9, -EBADMSG, true},
};

static void check_nonsense(const struct mechanism *m, const struct nonsense *row)
{
	struct sinew_msg msg = {0};
	struct place place;
	char buf[64];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	int fd = open_bare(&place);
	write_frame(fd, 20, 20);
	write_bare(fd, row->bytes, row->size);
	expect_message(reader, 20, 20, 0);
	if (!m->peers)
		CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), row->error);
	close(fd);
	/* What broke the framing, or announced too much, is one loss. */
	CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), SINEW_END);
	if (m->peers || !row->over)
		CHECK(msg.lost >= 1);
	CHECK_OK(sinew_close(reader));
}

TEST_EACH(bytes, nonsense, struct mechanism, m)
{
	for (size_t i = 0; i < sizeof nonsenses / sizeof *nonsenses; i++)
		check_nonsense(m, &nonsenses[i]);
}

/* Among several peers only the one that talks nonsense suffers, and the reader learns of it. */
static void check_cut_off(const struct mechanism *m, const struct nonsense *row)
{
	struct sinew_msg msg = {0};
	struct sinew_stats stats;
	struct place place;
	uint64_t lost = 0, left = 0, joined = 0;
	char buf[64];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", SINEW_EVENTS);
	sinew_channel *good = open_writer(&place, "", 0);
	int bad = open_bare(&place);
	CHECK_EQ(send_message(good, 30, 1, soon(5000)), 1);
	write_bare(bad, row->bytes, row->size);
	while (joined < 2 || (row->over && left < 1)) {
		CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), 1);
		joined += msg.flags & SINEW_MSG_JOINED ? 1 : 0;
		left += msg.flags & SINEW_MSG_LEFT ? 1 : 0;
		lost += msg.lost;
		if (msg.flags & SINEW_MSG_LEFT)
			CHECK(msg.flags & SINEW_MSG_CORRUPT);
	}
	for (uint64_t i = 2; i < 5; i++)
		CHECK_EQ(send_message(good, 31, i, soon(5000)), 1);
	CHECK_OK(sinew_close(good));
	close(bad);
	for (unsigned messages = 0;;) {
		int r = sinew_recv(reader, buf, sizeof buf, &msg, soon(5000));
		lost += msg.lost;
		if (r == SINEW_END) {
			CHECK(messages >= 3);
			break;
		}
		CHECK_EQ(r, 1);
		messages += msg.size == 31;
	}
	CHECK_EQ(lost, 1);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.lost, 1);
	CHECK_OK(sinew_close(reader));
}

TEST_EACH(served, nonsense_among_many, struct mechanism, m)
{
	static const struct nonsense packet = {.bytes = {1, 2, 3}, .size = 3, .over = false};
	struct mechanism framed = *m;

	for (size_t i = 0; m->bytes && i < sizeof nonsenses / sizeof *nonsenses; i++)
		check_cut_off(m, &nonsenses[i]);
	framed.options = "type=seqpacket&frame=length&";
	if (!m->bytes)
		check_cut_off(&framed, &packet);
}

/* A packet that carries no frame where one is wanted costs that packet. */
static void check_packets(const struct mechanism *m, const char *options)
{
	struct mechanism framed = *m;
	struct sinew_stats stats;
	struct place place;

	framed.options = options;
	place_init(&place, &framed);
	sinew_channel *reader = open_reader(&place, "", 0);
	int bad = open_bare(&place);
	write_bare(bad, "abc", 3);
	write_bare(bad, "\0\0\0\5hell", 8);
	write_bare(bad, "\377\377\377\377", 4);
	write_bare(bad, "\0\0\0\3yes", 7);
	char buf[10];
	struct sinew_msg msg = {0};
	CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), 1);
	CHECK_MEM(buf, msg.size, "yes", 3);
	CHECK_EQ(msg.lost, 3);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.lost, 3);
	close(bad);
	CHECK_OK(sinew_close(reader));
}

TEST_EACH(sockets, packet_without_frame, struct mechanism, m)
{
	if (m->bytes)
		check_nonsense(m, &nonsenses[0]);
	else if (m->ends)
		check_packets(m, "type=seqpacket&frame=length&");
	else
		check_packets(m, "type=dgram&frame=length&");
}

/* A long silence inside a frame keeps the peer's memory bounded and others served. */
TEST_EACH(served, half_frames_of_many, struct mechanism, m)
{
	struct place place;
	int bare[20];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *good = open_writer(&place, "", 0);
	for (unsigned i = 0; m->bytes && i < 20; i++) {
		bare[i] = open_bare(&place);
		write_frame(bare[i], 1000 + i, 10);
	}
	for (uint64_t i = 0; i < 100; i++) {
		CHECK_EQ(send_message(good, 40, i, soon(5000)), 1);
		expect_message(reader, 40, i, 0);
	}
	CHECK_OK(sinew_close(good));
	for (unsigned i = 0; m->bytes && i < 20; i++)
		close(bare[i]);
	expect_end(reader, m->bytes ? 20 : 0);
	CHECK_OK(sinew_close(reader));
}
