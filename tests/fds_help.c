/* SPDX-License-Identifier: MIT
 *
 * fds_help.c - the table of ways, and the helpers of fds.h.
 */
#include "fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame.h"

enum { STREAMS = 4, FAMILIES = 3, MOST = 1 << 20 };

static const struct mechanism rows[] = {
	{"stream", "unix", "s", "fds=253", false},
	{"stream-one", "unix", "s", "fds=253&peers=1", true},
	{"stream-abstract", "unix", "@", "fds=253", false},
	{"stream-pair", "unix", NULL, "fds=253&type=stream", true},
	{"seqpacket-pair", "unix", NULL, "fds=253&type=seqpacket", true},
	{"dgram-pair", "unix", NULL, "fds=253&type=dgram", true},
	{"seqpacket", "unix", "s", "fds=253&type=seqpacket", false},
	{"seqpacket-length", "unix", "s", "fds=253&type=seqpacket&frame=length", false},
	{"seqpacket-abstract", "unix", "@", "fds=253&type=seqpacket", false},
	{"dgram", "unix", "s", "fds=253&type=dgram", true},
	{"dgram-length", "unix", "s", "fds=253&type=dgram&frame=length", true},
	{"dgram-abstract", "unix", "@", "fds=253&type=dgram", true},
};

#define SLICE(name_, first_, count_)                                                               \
	{                                                                                          \
		.name = name_, .rows = rows + (first_), .count = (count_), .size = sizeof *rows    \
	}

struct test_suite passing = SLICE("passing", 0, sizeof rows / sizeof *rows);
struct test_suite streams = SLICE("passing", 0, STREAMS);
struct test_suite families = SLICE("passing", STREAMS - 1, FAMILIES);

int file_of(unsigned bytes)
{
	int fd = CHECK_SYS(memfd_create("file", MFD_CLOEXEC));

	CHECK_SYS(ftruncate(fd, bytes));
	return fd;
}

void expect_file(int fd, unsigned bytes)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(st.st_size, bytes);
	CHECK(CHECK_SYS(fcntl(fd, F_GETFD)) & FD_CLOEXEC);
}

void probe_open(struct probe *probe)
{
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	*probe = (struct probe){fds[0], fds[1]};
}

bool probe_is_gone(const struct probe *probe)
{
	struct pollfd poll_fd = {.fd = probe->near, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLHUP;
}

void probe_close(struct probe *probe)
{
	WAIT_UNTIL(probe_is_gone(probe), 10000);
	close(probe->near);
}

bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

unsigned count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int send_with(
	sinew_channel *out, size_t size, unsigned seed, int *fds, unsigned count, int64_t until)
{
	char *data = malloc(size + 1);
	struct sinew_msg msg = {.data = data, .size = size, .fds = fds, .fd_count = count};

	fill(data, size, seed);
	int r = sinew_send(out, &msg, 1, until);
	free(data);
	return r;
}

void expect_with(sinew_channel *in, size_t size, unsigned seed, unsigned count, bool take,
	struct sinew_msg *msg)
{
	static char want[MOST + 1], got[MOST + 1];

	fill(want, size, seed);
	int r = take ? sinew_take(in, msg, 1, soon())
		     : sinew_recv(in, got, sizeof got, msg, soon());
	CHECK_EQ(CHECK_OK(r), 1);
	CHECK_MEM(msg->data, msg->size, want, size);
	CHECK_EQ(msg->fd_count, count);
	CHECK_EQ(msg->fds != NULL, count > 0);
	CHECK_EQ(msg->flags, 0);
	CHECK_EQ(msg->lost, 0);
}

int take_fd(struct sinew_msg *msg, unsigned index)
{
	int fd = msg->fds[index];

	msg->fds[index] = -1;
	return fd;
}

static struct cmsghdr *put_control(
	struct msghdr *message, struct cmsghdr *at, int type, const void *data, size_t size)
{
	at->cmsg_level = SOL_SOCKET;
	at->cmsg_type = type;
	at->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(at), data, size);
	return CMSG_NXTHDR(message, at);
}

void send_bare(
	int fd, const void *data, size_t size, const int *fds, unsigned count, bool credentials)
{
	const struct ucred cred = {getpid(), getuid(), getgid()};
	char control[CMSG_SPACE(sizeof cred) + CMSG_SPACE(MOST_FDS * sizeof(int))] = {0};
	struct iovec iov = {(void *)data, size};
	size_t fds_space = count ? CMSG_SPACE(count * sizeof(int)) : 0;
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	message.msg_controllen = (credentials ? CMSG_SPACE(sizeof cred) : 0) + fds_space;
	message.msg_control = message.msg_controllen ? control : NULL;
	struct cmsghdr *at = CMSG_FIRSTHDR(&message);
	if (credentials)
		at = put_control(&message, at, SCM_CREDENTIALS, &cred, sizeof cred);
	if (count)
		put_control(&message, at, SCM_RIGHTS, fds, count * sizeof(int));
	CHECK_EQ(CHECK_SYS(sendmsg(fd, &message, MSG_NOSIGNAL)), size);
}

size_t put_announcement(unsigned char *p, unsigned announced, uint32_t size)
{
	const struct sinew__frame frame = {
		.type = SINEW__FRAME_FDS, .fds = (uint8_t)announced, .size = size};

	return sinew__frame_write(p, &frame);
}
