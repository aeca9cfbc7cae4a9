/* SPDX-License-Identifier: MIT
 *
 * faults_full.c - queues that are full, with a deadline that is now, soon or never; deadlines in
 * the middle of a message. Nothing is torn, nothing is sent twice, and nobody burns the processor
 * while waiting.
 */
#include "faults.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { WAIT = 200, BUSY = 60 }; /* ms: a wait, and the CPU time it may never take */

/* A wait until `until` lasted that long and cost next to nothing. */
#define CHECK_WAITS(call, error)                                                                   \
	do {                                                                                       \
		int64_t start_ = test_now(), used_ = cpu_ms();                                     \
		CHECK_ERR(call, error);                                                            \
		CHECK(test_now() - start_ >= WAIT * INT64_C(1000000));                             \
		CHECK(cpu_ms() - used_ < BUSY);                                                    \
	} while (0)

/* ---- a reader that does not read ---- */

struct full {
	struct place place;
	struct gate gate;
	size_t size;
};

/* Sends numbered messages until no more goes, with any deadline; then without a deadline, until told to stop; the
 * last message is one byte shorter. A TCP
 * connection that was full takes more as its buffers grow, so the last wait is the one that counts;
 * a pipe that polls as full may have room in its last page still, so one more need not block. */
static void fill_up(void *argument)
{
	struct full *full = argument;
	sinew_channel *writer = open_writer(&full->place, "", 0);
	int64_t start, used;
	uint64_t n = 0;
	int r;

	while ((r = send_message(writer, full->size, n, SINEW_NOW)) == 1)
		n++;
	CHECK_EQ(r, -EAGAIN);
	do {
		start = test_now();
		used = cpu_ms();
		r = send_message(writer, full->size, n, soon(WAIT));
		n += r == 1;
	} while (r == 1);
	CHECK_EQ(r, -ETIMEDOUT);
	CHECK(test_now() - start >= WAIT * INT64_C(1000000));
	CHECK(cpu_ms() - used < BUSY);
	CHECK_EQ(write(full->gate.reached[1], &n, sizeof n), (ssize_t)sizeof n);
	while (!gate_is_passed(&full->gate))
		CHECK_EQ(send_message(writer, full->size, n++, SINEW_FOREVER), 1);
	CHECK_EQ(send_message(writer, full->size - 1, n, SINEW_FOREVER), 1);
	CHECK_OK(sinew_flush(writer, SINEW_FOREVER));
	CHECK_OK(sinew_close(writer));
}

/* All that was sent, each once, in order. */
static void check_numbers(sinew_channel *reader, size_t size, uint64_t least)
{
	uint8_t *want = malloc(size), *got = malloc(size);
	struct sinew_msg msg = {.size = size};
	uint64_t n = 0;

	CHECK(want && got);
	while (msg.size == size) {
		CHECK_EQ(sinew_recv(reader, got, size, &msg, soon(20000)), 1);
		fill_message(want, size, n++);
		CHECK_MEM(got, msg.size, want, msg.size < size ? size - 1 : size);
	}
	CHECK(n > least);
	free(want);
	free(got);
}

static void check_full(const struct mechanism *m, size_t size)
{
	struct full full = {.size = size};
	uint64_t n;

	gate_open(&full.gate);
	place_init(&full.place, m);
	sinew_channel *reader = open_reader(&full.place, "", 0);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		place_no_reader(&full.place);
		fill_up(&full);
		exit(0);
	}
	place_no_writer(&full.place);
	CHECK_EQ(read(full.gate.reached[0], &n, sizeof n), (ssize_t)sizeof n);
	CHECK(n > 0);
	test_blocked(pid, -1);
	gate_pass(&full.gate);
	check_numbers(reader, size, n);
	CHECK_EQ(test_wait(pid), 0);
	if (m->ends)
		expect_end(reader, 0);
	else
		CHECK_ERR(send_message(reader, 1, 0, SINEW_NOW), -EBADF);
	CHECK_OK(sinew_close(reader));
	gate_close(&full.gate);
}

TEST_EACH(every, full_of_small, struct mechanism, m)
{
	check_full(m, 100);
}

TEST_EACH(every, full_of_large, struct mechanism, m)
{
	check_full(m, at_most(m, 150000));
}

/* An empty queue: now, soon. */
TEST_EACH(lossy_too, nothing_to_read, struct mechanism, m)
{
	struct sinew_msg msg;
	struct place place;
	char buf[10];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	for (unsigned connected = 0; connected < 2; connected++) {
		sinew_channel *writer = connected ? open_writer(&place, "", 0) : NULL;
		CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
		CHECK_WAITS(sinew_recv(reader, buf, sizeof buf, &msg, soon(WAIT)), -ETIMEDOUT);
		CHECK_ERR(sinew_take(reader, &msg, 1, SINEW_NOW), -EAGAIN);
		CHECK_WAITS(sinew_take(reader, &msg, 1, soon(WAIT)), -ETIMEDOUT);
		CHECK_OK(sinew_close(writer));
	}
	CHECK_OK(sinew_close(reader));
}

/* Answers to a peer that does not read stop that peer's answers only. A dgram server is the exception
 * that sinew_unix(7) names: what its peers have not read shares its one send buffer. */
TEST_EACH(sockets, full_peer_alone, struct mechanism, m)
{
	struct place place;
	sinew_channel *deaf = NULL, *good = NULL;
	struct sinew_msg from[2] = {0};
	char buf[100];

	place_init(&place, m);
	sinew_channel *server = open_reader(&place, "dir=both", 0);
	CHECK_OK(sinew_open(&deaf, place_uri(&place, false, ""), 0, soon(5000)));
	CHECK_EQ(send_message(deaf, 10, 1, soon(5000)), 1);
	CHECK_EQ(sinew_recv(server, buf, sizeof buf, &from[0], soon(5000)), 1);
	CHECK_OK(sinew_open(&good, place_uri(&place, false, ""), 0, soon(5000)));
	CHECK_EQ(send_message(good, 10, 1, soon(5000)), 1);
	CHECK_EQ(sinew_recv(server, buf, sizeof buf, &from[1], soon(5000)), 1);

	struct sinew_msg msg = {.data = buf, .size = 100, .peer = from[0].peer};
	int r;
	while ((r = sinew_send(server, &msg, 1, SINEW_NOW)) == 1)
		;
	CHECK_EQ(r, -EAGAIN);
	CHECK_WAITS(sinew_send(server, &msg, 1, soon(WAIT)), -ETIMEDOUT);
	memset(buf, 'x', sizeof buf);
	msg.peer = from[1].peer;
	bool shared = strstr(m->name, "dgram");
	CHECK_EQ(sinew_send(server, &msg, 1, SINEW_NOW), shared ? -EAGAIN : 1);
	if (shared) { /* room comes back with the peer that held it */
		sinew_close(deaf);
		deaf = NULL;
		CHECK_EQ(sinew_send(server, &msg, 1, soon(5000)), 1);
	}
	char answer[100];
	CHECK_EQ(sinew_recv(good, answer, sizeof answer, &msg, soon(5000)), 1);
	CHECK_MEM(answer, msg.size, buf, sizeof buf);
	sinew_close(deaf);
	sinew_close(good);
	CHECK_OK(sinew_close(server));
}

/* ---- a deadline in the middle of a message ---- */

enum { HUGE = 6 << 20, HUGE_TOO = 900000 };

static void send_in_steps(void *argument)
{
	struct full *full = argument;
	sinew_channel *writer = open_writer(&full->place, "max=8M", 0);

	/* Begun, so accepted; its rest is kept, and is what the next calls wait for. */
	CHECK_EQ(send_message(writer, HUGE, 1, SINEW_NOW), 1);
	CHECK_ERR(send_message(writer, 10, 2, SINEW_NOW), -EAGAIN);
	CHECK_WAITS(sinew_flush(writer, soon(WAIT)), -ETIMEDOUT);
	CHECK_WAITS(send_message(writer, 10, 2, soon(WAIT)), -ETIMEDOUT);
	gate_reach(&full->gate);
	CHECK_EQ(send_message(writer, HUGE_TOO, 2, SINEW_FOREVER), 1);
	CHECK_EQ(sinew_flush(writer, SINEW_FOREVER), 0);
	CHECK_EQ(send_message(writer, 30, 3, SINEW_NOW), 1);
	CHECK_OK(sinew_close(writer));
}

TEST_EACH(bytes, deadline_inside_sending, struct mechanism, m)
{
	struct full full = {0};

	gate_open(&full.gate);
	place_init(&full.place, m);
	sinew_channel *reader = open_reader(&full.place, "max=8M", 0);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		place_no_reader(&full.place);
		send_in_steps(&full);
		exit(0);
	}
	place_no_writer(&full.place);
	gate_wait(&full.gate, 1);
	expect_message(reader, HUGE, 1, 0);
	expect_message(reader, HUGE_TOO, 2, 0);
	expect_message(reader, 30, 3, 0);
	CHECK_EQ(test_wait(pid), 0);
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
	gate_close(&full.gate);
}

/* Closing with the rest of a message says so; the reader loses that one and knows it. */
TEST_EACH(bytes, closed_inside_sending, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "max=8M", 0);
	sinew_channel *writer = open_writer(&place, "max=8M", 0);
	CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
	CHECK_EQ(send_message(writer, HUGE, 2, SINEW_NOW), 1);
	CHECK_ERR(sinew_close(writer), -EAGAIN);
	CHECK(strstr(sinew_error_text(), "no room"));
	expect_message(reader, 10, 1, 0);
	expect_end(reader, 1);
	CHECK_OK(sinew_close(reader));
}

/* A frame that comes byte by byte, and a long one that is read straight to its place. */
static void check_in_pieces(const struct mechanism *m, size_t size, size_t first)
{
	uint8_t *frame = malloc(size + 4), *buf = malloc(size);
	struct sinew_msg msg = {0};
	struct place place;

	CHECK(frame && buf);
	memcpy(frame,
		(uint8_t[]){(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
			(uint8_t)size},
		4);
	fill_message(frame + 4, size, 7);
	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	int fd = open_bare(&place);
	for (size_t at = 0; at < first; at++) {
		write_bare(fd, frame + at, 1);
		CHECK_ERR(sinew_recv(reader, buf, size, &msg, soon(1)), -ETIMEDOUT);
	}
	for (size_t at = first, n; at < size + 4; at += n) {
		n = size + 4 - at < 40000 ? size + 4 - at : 40000;
		write_bare(fd, frame + at, n);
		int r = sinew_recv(
			reader, buf, size, &msg, at + n == size + 4 ? soon(5000) : soon(1));
		CHECK_EQ(r, at + n == size + 4 ? 1 : -ETIMEDOUT);
	}
	CHECK_MEM(buf, msg.size, frame + 4, size);
	CHECK_EQ(msg.lost, 0);
	write_frame(fd, 30, 30);
	expect_message(reader, 30, 30, 0);
	close(fd);
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
	free(frame);
	free(buf);
}

TEST_EACH(bytes, deadline_inside_receiving, struct mechanism, m)
{
	check_in_pieces(m, 60, 63);
}

TEST_EACH(bytes, deadline_inside_a_long_one, struct mechanism, m)
{
	check_in_pieces(m, 600000, 5);
}

/* ---- a listener that does not accept ---- */

struct crowd {
	char uri[200];
	int64_t until;
	int error; /* expected; 0: it gets in */
};

static void knock(void *argument)
{
	struct crowd *crowd = argument;
	sinew_channel *channel = NULL;
	int64_t used = cpu_ms();

	int r = sinew_open(&channel, crowd->uri, SINEW_OUT, crowd->until);
	CHECK_EQ(r, crowd->error);
	CHECK(cpu_ms() - used < BUSY);
	if (r == 0)
		CHECK_OK(sinew_close(channel));
	else
		CHECK(strstr(sinew_error_text(), "backlog"));
}

static int listen_small(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = CHECK_SYS(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	CHECK_SYS(bind(fd, (struct sockaddr *)&address, sizeof address));
	CHECK_SYS(listen(fd, 0));
	return fd;
}

static void check_backlog(const char *type, int number)
{
	struct crowd crowd;

	snprintf(crowd.uri, sizeof crowd.uri, "unix:%s?type=%s", test_path("x"), type);
	int fd = listen_small(test_path("x"), number);
	crowd.until = soon(5000);
	crowd.error = 0;
	CHECK_EQ(test_wait(test_fork(knock, &crowd)), 0); /* fills it, and is gone again */
	crowd.until = SINEW_NOW;
	crowd.error = -EAGAIN;
	CHECK_EQ(test_wait(test_fork(knock, &crowd)), 0);
	int64_t start = test_now();
	crowd.until = soon(WAIT);
	crowd.error = -ETIMEDOUT;
	CHECK_EQ(test_wait(test_fork(knock, &crowd)), 0);
	CHECK(test_now() - start >= WAIT * INT64_C(1000000));
	crowd.until = SINEW_FOREVER;
	crowd.error = 0;
	pid_t pid = test_fork(knock, &crowd);
	test_blocked(pid, SYS_connect);
	int taken = CHECK_SYS(accept(fd, NULL, NULL));
	CHECK_EQ(test_wait(pid), 0);
	close(taken);
	close(fd);
}

TEST(backlog_of_stream)
{
	check_backlog("stream", SOCK_STREAM);
}

TEST(backlog_of_seqpacket)
{
	check_backlog("seqpacket", SOCK_SEQPACKET);
}

/* Nobody there: now, soon; and whoever waits gets in when the name appears. */
TEST_EACH(sockets, nobody_there, struct mechanism, m)
{
	struct place place;
	sinew_channel *channel;

	place_init(&place, m);
	CHECK_ERR(
		sinew_open(&channel, place_uri(&place, false, ""), SINEW_OUT, SINEW_NOW), -ENOENT);
	CHECK_WAITS(
		sinew_open(&channel, place_uri(&place, false, ""), SINEW_OUT, soon(WAIT)), -ENOENT);
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

TEST(nobody_there_on_tcp)
{
	static const struct mechanism tcp = {
		.name = "tcp", .base = "tcp:127.0.0.1:0", .options = ""};
	struct place place;
	sinew_channel *channel;

	place_init(&place, &tcp);
	CHECK_OK(sinew_close(open_reader(&place, "", 0)));
	CHECK_ERR(sinew_open(&channel, place.uri, SINEW_OUT, SINEW_NOW), -ECONNREFUSED);
	CHECK_WAITS(sinew_open(&channel, place.uri, SINEW_OUT, soon(WAIT)), -ECONNREFUSED);
}

/* A fifo without a reader. */
TEST(nobody_there_on_fifo)
{
	sinew_channel *channel;
	char uri[200];

	snprintf(uri, sizeof uri, "fifo:%s", test_path("x"));
	CHECK(sinew_open(&channel, uri, SINEW_OUT, SINEW_NOW) < 0);
	CHECK(strstr(sinew_error_text(), "nobody"));
	int64_t start = test_now(), used = cpu_ms();
	CHECK(sinew_open(&channel, uri, SINEW_OUT, soon(WAIT)) < 0);
	CHECK(test_now() - start >= WAIT * INT64_C(1000000));
	CHECK(cpu_ms() - used < BUSY);
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

static void come_late(void *place)
{
	sinew_channel *writer = open_writer(place, "", 0);

	CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
	CHECK_OK(sinew_close(writer));
}

TEST_EACH(sockets, waits_for_the_name, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	pid_t pid = fork_writer(&place, come_late);
	test_blocked(pid, SYS_ppoll);
	sinew_channel *reader = open_reader(&place, "", 0);
	expect_message(reader, 10, 1, 0);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(reader));
}
