/* SPDX-License-Identifier: MIT
 *
 * pair.c - two ends of a ring without a name, for relatives; and an end handed to a program.
 *
 * Each end has descriptors of its own: an open file of the memory, which holds the lock of its slot, a
 * connection to the other end, and the bells of both. A relative that inherits them keeps them alive, so
 * an end has left when nobody has it open any more. A program gets all of them in one message that
 * waits in a socket.
 */
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "ring.h"

enum { BELLS = 4, PASSED = 2 + BELLS };

static int no_pair(const struct sinew__ring *ring, int error)
{
	return sinew__fail(
		error, "%s: cannot make a pair: %s", ring->channel->spec.text, strerror(error));
}

static int make_memory(const struct sinew__ring_make *make, int *made)
{
	const size_t size = (size_t)sinew__ring_total(make);
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	CLEANUP_FD int fd = sinew__sys.memfd_create("sinew", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct sinew__ring_make plan = *make;
	struct sinew__ring_header header;

	sinew__ring_format(&header, size, &plan);
	if (fd < 0 || sinew__sys.ftruncate(fd, (off_t)size) < 0 ||
		sinew__sys.fallocate(fd, 0, 0, (off_t)size) < 0)
		return -errno;
	ssize_t n = sinew__sys.write(fd, &header, sizeof header);
	if (n != sizeof header)
		return n < 0 ? -errno : -EIO;
	if (sinew__sys.fcntl(fd, F_ADD_SEALS, (uintptr_t)seals) < 0)
		return -errno;
	*made = sinew__steal_fd(&fd);
	return 0;
}

/* An open file of its own, so that the locks taken by it are its own. */
static int open_again(int fd)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return (int)sinew__result(sinew__sys.open(path, O_RDWR | O_CLOEXEC, 0));
}

static int open_end(struct sinew__ring *ring, const struct sinew__region_guests *bells, int memory,
	int *link, size_t size)
{
	struct sinew__region_guests *guests = ring->guests;

	guests->links[guests->link_count++] = sinew__steal_fd(link);
	ring->fd = open_again(memory);
	if (ring->fd < 0)
		return no_pair(ring, -ring->fd);
	ring->owns_fd = true;
	for (; guests->fd_count < BELLS; guests->fd_count++) {
		int fd = sinew__sys.fcntl(bells->fds[guests->fd_count], F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return no_pair(ring, errno);
		guests->fds[guests->fd_count] = fd;
	}
	return sinew__ring_map(ring, size);
}

static int make_ends(struct sinew__ring *const rings[2], const struct sinew__ring_make *make,
	struct sinew__region_guests *bells, int links[2])
{
	CLEANUP_FD int memory = -1;

	int r = sinew__ring_make_bells(bells, 2);
	if (r == 0 && sinew__sys.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links) < 0)
		r = -errno;
	if (r == 0)
		r = make_memory(make, &memory);
	if (r < 0)
		return no_pair(rings[0], -r);
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = open_end(rings[i], bells, memory, &links[i], (size_t)sinew__ring_total(make));
		if (r == 0)
			r = sinew__ring_join(rings[i], i, SINEW_NOW);
	}
	return r;
}

int sinew__ring_pair(struct sinew__ring *const rings[2], const struct sinew__ring_make *make)
{
	struct sinew__region_guests bells = {0};
	int links[2] = {-1, -1};

	int r = make_ends(rings, make, &bells, links);
	for (unsigned i = 0; i < 2; i++) {
		sinew__close_fd(&links[i]);
		if (r == 0)
			sinew__ring_is_alone(rings[i]); /* each meets the other */
	}
	for (unsigned i = 0; i < bells.fd_count; i++)
		sinew__sys.close(bells.fds[i]);
	return r;
}

/* ---- for a program ---- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PASSED * sizeof(int))];
};

static int pack(const struct sinew__ring *ring, int socket)
{
	const struct sinew__region_guests *guests = ring->guests;
	int fds[PASSED] = {ring->fd, guests->links[0]};
	union control control = {.bytes = {0}};
	uint32_t slot = ring->slot;
	struct iovec iov = {&slot, sizeof slot};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	memcpy(fds + 2, guests->fds, BELLS * sizeof *fds);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	return (int)sinew__result(sinew__sys.sendmsg(socket, &message, MSG_NOSIGNAL));
}

int sinew__ring_hand_on(struct sinew__ring *ring, char *uri, size_t size)
{
	int ends[2];

	if (!ring->guests || ring->guests->link_count != 1)
		return sinew__fail(EPIPE, "%s: the other end has left", ring->channel->spec.text);
	if (ring->parcel < 0) {
		if (sinew__sys.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
			return no_pair(ring, errno);
		int r = pack(ring, ends[1]);
		sinew__sys.close(ends[1]);
		if (r < 0) {
			sinew__sys.close(ends[0]);
			return no_pair(ring, -r);
		}
		ring->parcel = ends[0];
	}
	return snprintf(uri, size, "ring:?fd=%d", ring->parcel);
}

/* What waits in the socket, which stays there: who fails may try again. */
static int unpack(int socket, uint32_t *slot, int fds[PASSED])
{
	union control control;
	struct iovec iov = {slot, sizeof *slot};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};

	ssize_t n =
		sinew__sys.recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_PEEK);
	if (n < 0)
		return -errno;
	const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	const unsigned count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
	memcpy(fds, CMSG_DATA(c), (count < PASSED ? count : PASSED) * sizeof *fds);
	if (n == sizeof *slot && count == PASSED && *slot < 2)
		return 0;
	for (unsigned i = 0; i < count && i < PASSED; i++)
		sinew__sys.close(fds[i]);
	return -EBADMSG;
}

int sinew__ring_adopt(struct sinew__ring *ring, int socket)
{
	struct sinew__region_guests *guests = ring->guests;
	const char *uri = ring->channel->spec.text;
	int fds[PASSED];
	uint32_t slot;
	struct stat st;

	int r = unpack(socket, &slot, fds);
	if (r < 0)
		return sinew__fail(-r, "open %s: descriptor %d holds no end of a pair of rings: %s",
			uri, socket, strerror(-r));
	ring->fd = fds[0];
	ring->owns_fd = true;
	guests->links[guests->link_count++] = fds[1];
	memcpy(guests->fds, fds + 2, BELLS * sizeof *fds);
	guests->fd_count = BELLS;
	if (sinew__sys.fstat(ring->fd, &st) < 0)
		return sinew__fail(errno, "open %s: %m", uri);
	r = sinew__ring_map(ring, (size_t)st.st_size);
	if (r == 0)
		r = sinew__ring_take_over(ring, slot);
	if (r < 0)
		return r;
	ring->parcel = socket; /* ours now, with what is in it */
	return 0;
}
