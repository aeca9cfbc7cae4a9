/* SPDX-License-Identifier: MIT
 *
 * ready.c - level-triggered descriptors for receiving and for sending.
 *
 * Reading: the set watches the link, or the table's own set, and the eventfd. Writing: with one link
 * the set watches it for room; with a table, whose peers fill up one by one, the eventfd is armed
 * but for the time between a send that found no room and the moment a peer that was full has some.
 */
#include "ready.h"

#include "cleanup.h"
#include "error.h"
#include "pool.h"
#include "table.h"

enum { RETRY = 50000000 }; /* ns between looks at a connection that is broken */

/* What keeps an eventfd from being written or read does not last. */
static void set_armed(int fd, bool *armed, bool want)
{
	for (int tries = 0; *armed != want && tries < 2; tries++) {
		uint64_t one = 1;
		ssize_t r = want ? sinew__sys.write(fd, &one, sizeof one)
				 : sinew__sys.read(fd, &one, sizeof one);
		if (r == sizeof one)
			*armed = want;
	}
}

static int watch(int set, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return sinew__sys.epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
}

/* A set with an eventfd inside. 0 or -errno. */
static int make_set(struct sinew_channel *channel, int *set_fd, int *event_fd)
{
	CLEANUP_FD int set = sinew__sys.epoll_create1(EPOLL_CLOEXEC);
	CLEANUP_FD int event = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (set < 0 || event < 0 || watch(set, event, EPOLLIN) < 0)
		return sinew__fail(
			errno, "%s: cannot make a descriptor to poll: %m", channel->spec.text);
	*set_fd = sinew__steal_fd(&set);
	*event_fd = sinew__steal_fd(&event);
	return 0;
}

static void close_set(int *set_fd, int *event_fd)
{
	sinew__close_fd(set_fd);
	sinew__close_fd(event_fd);
	*set_fd = *event_fd = -1;
}

static int make_readable(struct sinew_channel *channel)
{
	if (channel->ready_fd >= 0)
		return channel->ready_fd;
	int fd = channel->one ? channel->one->rfd : sinew__table_poll_fd(channel);
	int r = fd < 0 ? fd : make_set(channel, &channel->ready_fd, &channel->armed_fd);
	if (r < 0)
		return r;
	if (watch(channel->ready_fd, fd, EPOLLIN) < 0) {
		r = sinew__fail(errno, "%s: cannot be polled: %m", channel->spec.text);
		close_set(&channel->ready_fd, &channel->armed_fd);
		return r;
	}
	channel->armed = false;
	sinew__ready_update(channel);
	return channel->ready_fd;
}

static int make_writable(struct sinew_channel *channel)
{
	if (channel->room_fd >= 0)
		return channel->room_fd;
	int r = make_set(channel, &channel->room_fd, &channel->room_armed_fd);
	if (r < 0)
		return r;
	if (channel->one && channel->one->pollable &&
		watch(channel->room_fd, channel->one->wfd, EPOLLOUT) < 0) {
		r = sinew__fail(errno, "%s: cannot be polled: %m", channel->spec.text);
		close_set(&channel->room_fd, &channel->room_armed_fd);
		return r;
	}
	channel->room_armed = false;
	sinew__room_update(channel, NULL);
	return channel->room_fd;
}

int sinew__ready_fd(struct sinew_channel *channel, unsigned direction)
{
	if (!(channel->caps.bits & SINEW_CAP_POLLABLE))
		return sinew__fail(EOPNOTSUPP, "%s: cannot be polled", channel->spec.text);
	if (direction == SINEW_IN && channel->flags & SINEW_IN)
		return make_readable(channel);
	if (direction == SINEW_OUT && channel->flags & SINEW_OUT)
		return make_writable(channel);
	return sinew__fail(EINVAL, "%s: is not open in that direction", channel->spec.text);
}

void sinew__ready_update(struct sinew_channel *channel)
{
	if (channel->ready_fd < 0)
		return;
	bool more = channel->io->buffered(channel, 1) || sinew__table_has_event(channel) ||
		    (channel->one && channel->one->ended) ||
		    (channel->pool && channel->pool->look) ||
		    (channel->table && sinew__table_ended(channel));
	set_armed(channel->armed_fd, &channel->armed, more);
}

static void set_timer(int fd, long ns)
{
	const struct itimerspec in = {.it_value.tv_nsec = ns};

	if (fd >= 0)
		sinew__sys.timerfd_settime(fd, 0, &in, NULL);
}

void sinew__room_update(struct sinew_channel *channel, const struct sinew__link *full)
{
	if (channel->room_fd < 0 || (channel->one && channel->one->pollable))
		return;
	if (channel->pool && channel->pool->out_later) {
		set_timer(channel->retry_fd[0], 0);
		channel->pool->out_later = false;
	}
	if (full) {
		struct epoll_event e = {.events = EPOLLOUT | EPOLLONESHOT, .data.fd = full->wfd};
		if (sinew__sys.epoll_ctl(channel->room_fd, EPOLL_CTL_MOD, full->wfd, &e) < 0 &&
			sinew__sys.epoll_ctl(channel->room_fd, EPOLL_CTL_ADD, full->wfd, &e) < 0)
			full = NULL;
	}
	set_armed(channel->room_armed_fd, &channel->room_armed, !full);
}

void sinew__ready_forget(struct sinew_channel *channel, unsigned direction)
{
	bool in = direction == SINEW_IN;
	int set = in ? channel->ready_fd : channel->room_fd;

	if (set >= 0)
		sinew__sys.epoll_ctl(
			set, EPOLL_CTL_DEL, in ? channel->one->rfd : channel->one->wfd, NULL);
}

void sinew__ready_renew(struct sinew_channel *channel, unsigned direction)
{
	bool in = direction == SINEW_IN;

	if (in)
		channel->renewing = false;
	if (in && channel->ready_fd >= 0)
		watch(channel->ready_fd, channel->one->rfd, EPOLLIN);
	if (!in && channel->room_fd >= 0)
		watch(channel->room_fd, channel->one->wfd, EPOLLOUT);
}

/* Makes the set ready after a while. */
static void retry_later(int set, int *timer)
{
	if (*timer < 0) {
		*timer = sinew__sys.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (*timer >= 0)
			watch(set, *timer, EPOLLIN);
	}
	set_timer(*timer, RETRY);
}

void sinew__room_later(struct sinew_channel *channel)
{
	if (channel->room_fd < 0)
		return;
	set_armed(channel->room_armed_fd, &channel->room_armed, false);
	retry_later(channel->room_fd, &channel->retry_fd[0]);
	channel->pool->out_later = true;
}

void sinew__ready_retry(struct sinew_channel *channel, unsigned direction)
{
	bool receiving = direction == SINEW_IN;
	int set = receiving ? channel->ready_fd : channel->room_fd;

	if (receiving)
		channel->renewing = true;
	if (set < 0)
		return;
	sinew__ready_forget(channel, direction);
	retry_later(set, &channel->retry_fd[receiving]);
}

void sinew__ready_close(struct sinew_channel *channel)
{
	int *fds[] = {&channel->ready_fd, &channel->armed_fd, &channel->room_fd,
		&channel->room_armed_fd, &channel->cancel_fd, &channel->retry_fd[0],
		&channel->retry_fd[1]};

	for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++) {
		sinew__close_fd(fds[i]);
		*fds[i] = -1;
	}
}
