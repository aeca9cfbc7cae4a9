/* SPDX-License-Identifier: MIT
 *
 * faults.c - the mechanisms and the helpers of the fault tests; the cases stand in faults_*.c.
 */
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PIPE_ROW                                                                                   \
	{                                                                                          \
		.name = "pipe", .base = "pipe:", .options = "", .bytes = true, .ends = true        \
	}
#define FIFO_ROW                                                                                   \
	{                                                                                          \
		.name = "fifo", .base = "fifo:%s/name", .options = "writers=1&", .bytes = true,    \
		.ends = true                                                                       \
	}
#define STREAM_ROW                                                                                 \
	{                                                                                          \
		.name = "unix-stream", .base = "unix:%s/name", .options = "",                      \
		.socket_type = SOCK_STREAM, .bytes = true, .ends = true, .peers = true             \
	}
#define SEQPACKET_ROW                                                                              \
	{                                                                                          \
		.name = "unix-seqpacket", .base = "unix:%s/name", .options = "type=seqpacket&",    \
		.socket_type = SOCK_SEQPACKET, .ends = true, .peers = true                         \
	}
#define DGRAM_ROW                                                                                  \
	{                                                                                          \
		.name = "unix-dgram", .base = "unix:%s/name", .options = "type=dgram&",            \
		.socket_type = SOCK_DGRAM, .peers = true                                           \
	}
#define TCP_ROW                                                                                    \
	{                                                                                          \
		.name = "tcp", .base = "tcp:127.0.0.1:0", .options = "", .bytes = true,            \
		.ends = true, .peers = true                                                        \
	}

#define UDP_ROW                                                                                    \
	{                                                                                          \
		.name = "udp", .base = "udp:127.0.0.1:0", .options = ""                            \
	}

#define MQ_ROW                                                                                     \
	{                                                                                          \
		.name = "mq", .base = "mq:/sinew-faults", .options = "", .queue = true             \
	}
#define MSGQ_ROW                                                                                   \
	{                                                                                          \
		.name = "msgq", .base = "msgq:%s/name", .options = "", .queue = true               \
	}

static const struct mechanism every_rows[] = {
	PIPE_ROW, FIFO_ROW, STREAM_ROW, SEQPACKET_ROW, DGRAM_ROW, TCP_ROW, MQ_ROW, MSGQ_ROW};
static const struct mechanism lossy_too_rows[] = {PIPE_ROW, FIFO_ROW, STREAM_ROW, SEQPACKET_ROW,
	DGRAM_ROW, TCP_ROW, MQ_ROW, MSGQ_ROW, UDP_ROW};
static const struct mechanism bytes_rows[] = {PIPE_ROW, FIFO_ROW, STREAM_ROW, TCP_ROW};
static const struct mechanism served_rows[] = {STREAM_ROW, SEQPACKET_ROW, TCP_ROW};
static const struct mechanism sockets_rows[] = {STREAM_ROW, SEQPACKET_ROW, DGRAM_ROW};
static const struct mechanism ending_rows[] = {
	PIPE_ROW, FIFO_ROW, STREAM_ROW, SEQPACKET_ROW, TCP_ROW};

TEST_SUITE(every, every_rows);
TEST_SUITE(lossy_too, lossy_too_rows);
TEST_SUITE(bytes, bytes_rows);
TEST_SUITE(served, served_rows);
TEST_SUITE(sockets, sockets_rows);
TEST_SUITE(ending, ending_rows);

__attribute__((constructor)) static void words(void)
{
	test_error_text = sinew_error_text;
}

/* ---- places ---- */

void place_init(struct place *place, const struct mechanism *mechanism)
{
	*place = (struct place){.mechanism = mechanism, .fds = {-1, -1}};
	/* Each case has its own queues, which vanish with it. */
	if (unshare(CLONE_NEWIPC) < 0)
		errno = 0;
	if (strcmp(mechanism->base, "pipe:") == 0)
		CHECK_SYS(pipe2(place->fds, O_CLOEXEC));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(place->uri, sizeof place->uri, mechanism->base, test_tmpdir());
#pragma GCC diagnostic pop
}

size_t at_most(const struct mechanism *mechanism, size_t size)
{
	return mechanism->queue && size > 8000 ? 8000 : size;
}

static void close_end(struct place *place, int end)
{
	if (place->fds[end] >= 0)
		close(place->fds[end]);
	place->fds[end] = -1;
}

void place_no_reader(struct place *place)
{
	close_end(place, 0);
}

void place_no_writer(struct place *place)
{
	close_end(place, 1);
}

const char *place_uri(const struct place *place, bool reader, const char *options)
{
	static char uri[512];
	int fd = place->fds[!reader];

	if (fd >= 0)
		snprintf(uri, sizeof uri, "pipe:?%s=%d&%s", reader ? "read" : "write", fd, options);
	else
		snprintf(
			uri, sizeof uri, "%s?%s%s", place->uri, place->mechanism->options, options);
	return uri;
}

/* Children inherit channels that they never touch: leak checkers have to find them there. */
static void remember(sinew_channel *channel)
{
	static sinew_channel *volatile opened[256] __attribute__((unused));
	static unsigned next;

	opened[next++ % 256] = channel;
}

int try_reader(sinew_channel **channel, struct place *place, const char *options, unsigned flags)
{
	int r = sinew_open(channel, place_uri(place, true, options),
		flags | SINEW_IN | SINEW_LISTEN, sinew_after(INT64_C(10000000000)));

	if (r == 0) {
		place->fds[0] = -1;
		remember(*channel);
	}
	return r;
}

int try_writer(sinew_channel **channel, struct place *place, const char *options, unsigned flags)
{
	int r = sinew_open(channel, place_uri(place, false, options), flags | SINEW_OUT,
		sinew_after(INT64_C(10000000000)));

	if (r == 0) {
		place->fds[1] = -1;
		remember(*channel);
	}
	return r;
}

sinew_channel *open_reader(struct place *place, const char *options, unsigned flags)
{
	sinew_channel *channel = NULL;

	CHECK_OK(try_reader(&channel, place, options, flags));
	if (strncmp(place->uri, "tcp:", 4) == 0 || strncmp(place->uri, "udp:", 4) == 0)
		CHECK_OK(sinew_name(channel, place->uri, sizeof place->uri));
	return channel;
}

sinew_channel *open_writer(struct place *place, const char *options, unsigned flags)
{
	sinew_channel *channel = NULL;

	CHECK_OK(try_writer(&channel, place, options, flags));
	return channel;
}

static int connect_bare(const struct sockaddr *address, socklen_t size, int type)
{
	int fd = CHECK_SYS(socket(address->sa_family, type | SOCK_CLOEXEC, 0));

	CHECK_SYS(connect(fd, address, size));
	return fd;
}

int open_bare(struct place *place)
{
	const char *name = strchr(place->uri, ':') + 1;
	int fd = place->fds[1];

	if (fd >= 0) {
		place->fds[1] = -1;
		return fd;
	}
	if (place->mechanism->socket_type) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
		return connect_bare(
			(struct sockaddr *)&address, sizeof address, place->mechanism->socket_type);
	}
	if (strncmp(place->uri, "tcp:", 4) == 0) {
		struct sockaddr_in address = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)strtoul(strrchr(name, ':') + 1, NULL, 10)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		return connect_bare((struct sockaddr *)&address, sizeof address, SOCK_STREAM);
	}
	return CHECK_SYS(open(name, O_WRONLY | O_CLOEXEC));
}

void write_bare(int fd, const void *data, size_t size)
{
	CHECK_EQ(write(fd, data, size), (ssize_t)size);
}

void write_frame(int fd, uint32_t announced, size_t given)
{
	uint8_t *frame = calloc(1, given + sizeof announced);
	const uint32_t word = htonl(announced);

	CHECK(frame);
	memcpy(frame, &word, sizeof word);
	fill_message(frame + sizeof word, given, announced);
	write_bare(fd, frame, given + sizeof word);
	free(frame);
}

/* ---- children ---- */

pid_t fork_writer(struct place *place, void (*fn)(void *))
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		place_no_reader(place);
		fn(place);
		exit(0);
	}
	place_no_writer(place);
	return pid;
}

void kill_child(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

int64_t soon(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

void gate_open(struct gate *gate)
{
	CHECK_SYS(pipe2(gate->reached, O_CLOEXEC));
	CHECK_SYS(pipe2(gate->go, O_CLOEXEC));
}

void gate_close(struct gate *gate)
{
	close(gate->reached[0]);
	close(gate->reached[1]);
	close(gate->go[0]);
	if (gate->go[1] >= 0)
		close(gate->go[1]);
}

void gate_reach(struct gate *gate)
{
	write_bare(gate->reached[1], ".", 1);
}

void gate_wait(struct gate *gate, unsigned count)
{
	char byte;

	while (count--)
		CHECK_EQ(read(gate->reached[0], &byte, 1), 1);
}

void gate_await(struct gate *gate)
{
	char byte;

	close(gate->go[1]);
	CHECK_EQ(read(gate->go[0], &byte, 1), 0);
}

bool gate_is_passed(struct gate *gate)
{
	struct pollfd poll_fd = {.fd = gate->go[0], .events = POLLIN};

	if (gate->go[1] >= 0)
		close(gate->go[1]);
	gate->go[1] = -1;
	return poll(&poll_fd, 1, 0) != 0;
}

void gate_pass(struct gate *gate)
{
	close(gate->go[1]);
	gate->go[1] = -1;
}

/* ---- messages ---- */

void fill_message(void *data, size_t size, uint64_t number)
{
	uint8_t *at = data;

	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(number * 131 + i * 7 + (i >> 8));
}

int send_message(sinew_channel *channel, size_t size, uint64_t number, int64_t until)
{
	uint8_t *data = malloc(size + 1);
	struct sinew_msg msg = {.data = data, .size = size};

	CHECK(data);
	fill_message(data, size, number);
	int r = sinew_send(channel, &msg, 1, until);
	free(data);
	return r;
}

void expect_message(sinew_channel *channel, size_t size, uint64_t number, uint64_t lost)
{
	uint8_t *want = malloc(size + 1), *got = malloc(size + 1);
	struct sinew_msg msg = {0};

	CHECK(want && got);
	fill_message(want, size, number);
	CHECK_EQ(sinew_recv(channel, got, size + 1, &msg, soon(20000)), 1);
	CHECK_EQ(msg.lost, lost);
	CHECK_MEM(got, msg.size, want, size);
	free(want);
	free(got);
}

void expect_end(sinew_channel *channel, uint64_t lost)
{
	char byte[64];
	struct sinew_msg msg = {0};

	CHECK_EQ(sinew_recv(channel, byte, sizeof byte, &msg, soon(20000)), SINEW_END);
	CHECK_EQ(msg.lost, lost);
}

/* ---- what there is ---- */

unsigned count_entries(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	unsigned n = 0;

	CHECK(directory);
	while ((entry = readdir(directory)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return n;
}

unsigned count_descriptors(void)
{
	return count_entries("/proc/self/fd") - 1;
}

int64_t cpu_ms(void)
{
	struct rusage use;

	CHECK_SYS(getrusage(RUSAGE_SELF, &use));
	return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * INT64_C(1000) +
	       (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}
