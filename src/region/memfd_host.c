/* SPDX-License-Identifier: MIT
 *
 * memfd_host.c - handing a sealed memory out to who connects and may have it, by a call or by a thread.
 */
#include "memfd.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"

enum { REST = 10000000 }; /* ns, after a failure */

/* What this user may have: 0 nothing, 1 to read, 2 to write. */
static unsigned rights_of(const struct sinew__memfd_settings *own, int fd)
{
	struct ucred peer;
	bool family;

	if (sinew__memfd_peer(fd, &peer) < 0 || !sinew__memfd_is_friend(own, peer.uid, &family))
		return 0;
	return family || own->others == SINEW__MEMFD_OTHERS_WRITE ? 2 : 1;
}

/* A guest that writes gets an open file of its own, so that the locks it takes are its own. */
static int writer_for(const struct sinew_region *region)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", region->fd);
	return sinew__sys.open(path, O_RDWR | O_CLOEXEC, 0);
}

static int send_grant(const struct sinew_region *region, int fd, unsigned count)
{
	const struct sinew__memfd_state *state = region->state;
	const struct sinew__region_guests *guests = region->guests;
	CLEANUP_FD int own = guests ? writer_for(region) : -1;
	int fds[SINEW__MEMFD_FDS] = {state->reader, guests ? own : region->fd};
	struct sinew__memfd_grant grant = {SINEW__MEMFD_MAGIC, SINEW__MEMFD_VERSION, region->size};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof fds)];
	} control = {.bytes = {0}};
	struct iovec iov = {&grant, sizeof grant};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (guests && own < 0)
		return -errno;
	if (count == 2 && guests) {
		memcpy(fds + 2, guests->fds, guests->fd_count * sizeof *fds);
		count += guests->fd_count;
	}
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
	}
	return (int)sinew__result(sinew__sys.sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

unsigned sinew__region_tidy(struct sinew__region_guests *guests)
{
	const struct timespec at_once = {0};
	unsigned closed = 0;

	pthread_mutex_lock(&guests->lock);
	for (unsigned i = guests->link_count; i-- > 0;) {
		struct pollfd link = {.fd = guests->links[i], .events = POLLIN};
		if (sinew__sys.ppoll(&link, 1, &at_once, NULL) <= 0)
			continue;
		sinew__sys.close(link.fd);
		guests->links[i] = guests->links[--guests->link_count];
		closed++;
	}
	pthread_mutex_unlock(&guests->lock);
	return closed;
}

/* Those who went while their maker was busy keep nobody out. */
static bool is_full(struct sinew__region_guests *guests)
{
	return guests && guests->link_count == SINEW__REGION_LINKS &&
	       sinew__region_tidy(guests) == 0;
}

void sinew__memfd_keep_link(struct sinew__region_guests *guests, int *fd)
{
	pthread_mutex_lock(&guests->lock);
	guests->links[guests->link_count++] = sinew__steal_fd(fd);
	pthread_mutex_unlock(&guests->lock);
}

int sinew__memfd_serve(struct sinew_region *region)
{
	const struct sinew__memfd_state *state = region->state;

	CLEANUP_FD int fd = sinew__sys.accept4(state->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		bool nobody = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
		return nobody ? 0 : sinew__memfd_failed(region, "serve", errno);
	}
	struct sinew__region_guests *guests = region->guests;
	unsigned count = is_full(guests) ? 0 : rights_of(region->spec.own, fd);
	int r = send_grant(region, fd, count);
	if (r == -EPIPE || r == -ECONNRESET) /* it did not wait for the answer */
		return 0;
	if (r >= 0 && count == 2 && guests)
		sinew__memfd_keep_link(guests, &fd);
	return r < 0 ? sinew__memfd_failed(region, "serve", -r) : count > 0;
}

static void *serve_on(void *context)
{
	struct sinew_region *region = context;
	const struct sinew__memfd_state *state = region->state;
	struct pollfd fds[2] = {
		{.fd = state->stop, .events = POLLIN}, {.fd = state->listener, .events = POLLIN}};
	const struct timespec rest = {.tv_nsec = REST};

	for (;;) {
		sinew__sys.ppoll(fds, 2, NULL, NULL);
		if (fds[0].revents)
			return NULL;
		if (sinew__memfd_serve(region) < 0) /* no descriptor left, or the like */
			sinew__sys.ppoll(fds, 1, &rest, NULL);
	}
}

/* No signal of the host's shall run its handlers on our thread. */
int sinew__memfd_start_thread(struct sinew_region *region)
{
	struct sinew__memfd_state *state = region->state;
	sigset_t all, before;

	state->stop = sinew__sys.eventfd(0, EFD_CLOEXEC);
	if (state->stop < 0)
		return -errno;
	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* of a guarded region; it is the thread's own doing */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&state->thread, NULL, serve_on, region);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	state->threaded = error == 0;
	return -error;
}
