/* SPDX-License-Identifier: MIT
 *
 * wait.c - waits for readiness with a deadline and a way out.
 */
#include "wait.h"

#include <time.h>

#include "error.h"

enum { FIRST_PAUSE = 500000, LONGEST_PAUSE = 10000000 };

int64_t sinew__now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t sinew_after(int64_t ns)
{
	int64_t until;

	if (ns <= 0)
		return SINEW_NOW;
	return __builtin_add_overflow(sinew__now(), ns, &until) ? SINEW_FOREVER : until;
}

/* What is left, as ppoll wants it; NULL for ever. */
static const struct timespec *remaining(struct timespec *t, int64_t until)
{
	if (until == SINEW_FOREVER)
		return NULL;
	int64_t left = until - sinew__now();
	if (left < 0)
		left = 0;
	t->tv_sec = left / 1000000000;
	t->tv_nsec = left % 1000000000;
	return t;
}

int sinew__interrupted(struct sinew_channel *channel)
{
	if (channel->flags & SINEW_INTERRUPTIBLE)
		return sinew__answer(EINTR, "a signal ended the wait");
	return 0;
}

/* Waits for any of the descriptors: 0 some are ready, or the reason why not. */
static int wait_any(struct pollfd *fds, nfds_t n, int64_t until, bool interruptible)
{
	struct timespec t;

	for (;;) {
		int r = sinew__sys.ppoll(fds, n, remaining(&t, until), NULL);
		if (r > 0)
			return 0;
		if (r == 0 && until != SINEW_FOREVER && sinew__now() >= until)
			return sinew__answer(ETIMEDOUT, "the deadline passed");
		if (r < 0 && errno == EINTR && interruptible)
			return sinew__answer(EINTR, "a signal ended the wait");
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return sinew__fail(errno, "poll: %m");
	}
}

int sinew__wait_fd(int fd, short events, int64_t until, bool interruptible)
{
	struct pollfd poll = {.fd = fd, .events = events};

	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	return wait_any(&poll, 1, until, interruptible);
}

int sinew__wait_either(int fd, short events, int cancel_fd, int64_t until, bool interruptible)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};

	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	int r = wait_any(fds, cancel_fd >= 0 ? 2 : 1, until, interruptible);
	if (r == 0 && fds[1].revents)
		return sinew__answer(ECANCELED, "cancelled");
	return r;
}

int sinew__wait(struct sinew_channel *channel, int fd, short events, int64_t until)
{
	if (until != SINEW_NOW) {
		sinew__add(&channel->count.calls[events == POLLOUT], 1);
		sinew__add(&channel->count.waits[events == POLLOUT], 1);
	}
	return sinew__wait_either(
		fd, events, channel->cancel_fd, until, channel->flags & SINEW_INTERRUPTIBLE);
}

int sinew__pause(struct sinew_channel *channel, int64_t *pause, int64_t until)
{
	*pause = *pause == 0 ? FIRST_PAUSE : sinew__sooner(*pause * 2, LONGEST_PAUSE);
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	if (until != SINEW_FOREVER && sinew__now() >= until)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	int64_t look = sinew__sooner(sinew_after(*pause), until);
	int r = channel ? sinew__wait(channel, -1, POLLIN, look)
			: sinew__wait_fd(-1, 0, look, false);
	return r == -ETIMEDOUT ? 0 : r;
}
