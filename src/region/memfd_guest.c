/* SPDX-License-Identifier: MIT
 *
 * memfd_guest.c - being given a sealed memory by its maker. The receiver believes the kernel alone: who listens
 * (SO_PEERCRED), the seals, the size.
 */
#include "memfd.h"

#include <poll.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../wait.h"

static int address_of(struct sinew_region *region, const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (*path != '/' && *path != '.')
		return sinew__fail(EINVAL, "%s: write memfd:/path", region->spec.text);
	if (strlen(path) > sizeof a->sun_path - SINEW__MEMFD_PRIVATE)
		return sinew__fail(ENAMETOOLONG, "%s: a path has at most %zu bytes",
			region->spec.text, sizeof a->sun_path - SINEW__MEMFD_PRIVATE);
	snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
	return 0;
}

/* The maker's listening socket; it vouches for who listens. */
static int connect_maker(struct sinew_region *region, int *connected)
{
	const char *path = region->spec.uri.rest;
	struct sockaddr_un address;
	struct ucred maker;
	struct stat st;
	bool family;

	int r = address_of(region, path, &address);
	if (r < 0)
		return r;
	if (sinew__sys.lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return sinew__fail(EEXIST, "%s: exists and is not a socket", region->spec.text);
	CLEANUP_FD int fd =
		sinew__sys.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sinew__memfd_failed(region, "open", errno);
	if (sinew__sys.connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return SINEW__REGION_ABSENT;
		if (errno == EAGAIN || errno == EINTR)
			return SINEW__REGION_BUSY;
		return sinew__memfd_failed(region, "open", errno == EPROTOTYPE ? EEXIST : errno);
	}
	r = sinew__memfd_peer(fd, &maker);
	if (r < 0)
		return sinew__memfd_failed(region, "open", -r);
	if (!sinew__memfd_is_friend(region->spec.own, maker.uid, &family))
		return sinew__fail(EPERM,
			"open %s: uid %u hands it out, which is not in allow=", region->spec.text,
			(unsigned)maker.uid);
	*connected = sinew__steal_fd(&fd);
	return 0;
}

/* Takes the descriptors out of a message: how many there were; those beyond `most` are closed. */
static unsigned take_fds(struct msghdr *message, int *fds, unsigned most)
{
	unsigned count = 0;
	int fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof fd; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count < most)
				fds[count++] = fd;
			else
				sinew__sys.close(fd);
		}
	}
	return count;
}

/* The maker's other descriptors take the place of our own. */
static void welcome(struct sinew_region *region, int *fds, unsigned count)
{
	struct sinew__region_guests *guests = region->guests;

	if (!guests) {
		for (unsigned i = 0; i < count; i++)
			sinew__sys.close(fds[i]);
		return;
	}
	for (unsigned i = 0; i < guests->fd_count; i++)
		sinew__sys.close(guests->fds[i]);
	memcpy(guests->fds, fds, count * sizeof *fds);
	guests->fd_count = count;
}

static int receive_grant(
	struct sinew_region *region, int fd, struct sinew__memfd_grant *grant, int fds[2])
{
	int all[SINEW__MEMFD_FDS] = {-1, -1};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof all)];
	} control;
	struct iovec iov = {grant, sizeof *grant};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};

	int r = sinew__wait_fd(fd, POLLIN, region->until, false);
	if (r == -EAGAIN || r == -ETIMEDOUT)
		return sinew__fail(-r,
			"open %s: its maker has not answered (does it call "
			"sinew_region_serve()?)",
			region->spec.text);
	if (r < 0)
		return r;
	ssize_t n = sinew__sys.recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EAGAIN || errno == EINTR)))
		return SINEW__REGION_AGAIN; /* it left before it answered */
	if (n < 0)
		return sinew__memfd_failed(region, "open", errno);
	unsigned count = take_fds(&message, all, SINEW__MEMFD_FDS);
	fds[0] = all[0];
	fds[1] = all[1];
	if (count > 2)
		welcome(region, all + 2, count - 2);
	if (n != sizeof *grant || grant->magic != SINEW__MEMFD_MAGIC ||
		grant->version != SINEW__MEMFD_VERSION)
		return sinew__fail(EEXIST, "open %s: what listens there hands out no region",
			region->spec.text);
	if (count == 0)
		return sinew__fail(
			EPERM, "open %s: its maker does not allow it (allow=)", region->spec.text);
	if (count < 2 && region->flags & SINEW_OUT)
		return sinew__fail(EPERM, "open %s: its maker allows reading alone (others=)",
			region->spec.text);
	return 0;
}

/* The maker's word is not enough: nobody may be able to shrink it any more. */
static int check_memory(struct sinew_region *region, int fd, uint64_t size)
{
	struct stat st;

	if (sinew__sys.fstat(fd, &st) < 0)
		return sinew__memfd_failed(region, "open", errno);
	int have = sinew__sys.fcntl(fd, F_GET_SEALS, 0);
	if (have < 0 || (have & SINEW__MEMFD_SEALS) != SINEW__MEMFD_SEALS || !S_ISREG(st.st_mode))
		return sinew__fail(EPERM, "open %s: what was handed out is not sealed memory",
			region->spec.text);
	if ((uint64_t)st.st_size != size)
		return sinew__fail(EPERM, "open %s: it has %llu bytes, its maker says %llu",
			region->spec.text, (unsigned long long)st.st_size,
			(unsigned long long)size);
	return sinew__region_fits(region, size);
}

int sinew__memfd_attach(struct sinew_region *region)
{
	CLEANUP_FD int fd = -1, reader = -1, writer = -1;
	int fds[2] = {-1, -1};
	struct sinew__memfd_grant grant;

	int r = connect_maker(region, &fd);
	if (r == 0)
		r = receive_grant(region, fd, &grant, fds);
	reader = fds[0];
	writer = fds[1];
	int *wanted = region->flags & SINEW_OUT ? &writer : &reader;
	if (r == 0)
		r = check_memory(region, *wanted, grant.size);
	if (r == 0)
		r = sinew__region_map(region, *wanted, (size_t)grant.size);
	if (r == 0)
		region->fd = sinew__steal_fd(wanted);
	if (r == 0 && region->guests)
		sinew__memfd_keep_link(region->guests, &fd);
	return r;
}
