/* SPDX-License-Identifier: MIT
 *
 * pipe_io.c - reads and writes on pipes: one system call, no SIGPIPE, no changed flag.
 *
 * preadv2/pwritev2 with RWF_NOWAIT and RWF_NOSIGNAL say it call by call. A fifo never takes NOWAIT; its
 * link has a second, non-blocking description of the same fifo (`quick`). Kernels without them (NOWAIT
 * on pipes: before 6.5; NOSIGNAL: before 6.18) get the longer way: poll first, and write no more than
 * PIPE_BUF, for which a pipe that polls writable has room; block SIGPIPE in this thread and take the
 * one we caused. Which way is found out by trying, once.
 */
#include "pipe_io.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

enum { SUITABLE = 1 << 18 }; /* bytes: room for long messages, still in the cache */

static _Atomic bool no_nosignal; /* of the kernel: the same for every file */

static bool is_unknown(ssize_t r)
{
	return r == -EOPNOTSUPP || r == -EINVAL || r == -ENOSYS || r == -ESPIPE;
}

static bool ready(int fd, short events)
{
	struct pollfd poll = {.fd = fd, .events = events};
	struct timespec zero = {0};

	return sinew__sys.ppoll(&poll, 1, &zero, NULL) == 1;
}

static ssize_t read_without_waiting(struct sinew__link *link, struct iovec *iov, int n)
{
	if (link->quick >= 0)
		return sinew__result(sinew__sys.readv(link->quick, iov, n));
	if (!link->no_nowait) {
		ssize_t r = sinew__result(sinew__sys.preadv2(link->rfd, iov, n, -1, RWF_NOWAIT));
		if (!is_unknown(r))
			return r;
		link->no_nowait = true;
	}
	if (!ready(link->rfd, POLLIN))
		return -EAGAIN;
	return sinew__result(sinew__sys.readv(link->rfd, iov, n));
}

HOT static ssize_t pipe_read(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	if (!wait)
		return read_without_waiting(link, iov, n);
	if (n == 1)
		return sinew__result(sinew__sys.read(link->rfd, iov->iov_base, iov->iov_len));
	return sinew__result(sinew__sys.readv(link->rfd, iov, n));
}

/* Writes with SIGPIPE blocked in this thread, and swallows the one it caused. */
static ssize_t write_quietly(int fd, const struct iovec *iov, int n)
{
	const struct timespec zero = {0};
	sigset_t pipe, before, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	bool was_pending = sigismember(&before, SIGPIPE) && sigpending(&pending) == 0 &&
			   sigismember(&pending, SIGPIPE);
	ssize_t r = sinew__result(sinew__sys.writev(fd, iov, n));
	if (r == -EPIPE && !was_pending)
		while (sigtimedwait(&pipe, NULL, &zero) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* At most PIPE_BUF bytes, of the first part: what a pipe that polls writable takes at once. */
static ssize_t write_polled(struct sinew__link *link, const struct iovec *iov)
{
	struct iovec first = *iov;

	if (first.iov_len > PIPE_BUF)
		first.iov_len = PIPE_BUF;
	if (!ready(link->wfd, POLLOUT))
		return -EAGAIN;
	return write_quietly(link->wfd, &first, 1);
}

/* One write without SIGPIPE, which waits or not as the descriptor and the flags say. */
static inline ssize_t write_once(int fd, const struct iovec *iov, int n, int flags)
{
	if (USUALLY(!atomic_load_explicit(&no_nosignal, memory_order_relaxed))) {
		ssize_t r = sinew__sys.pwritev2(fd, iov, n, -1, RWF_NOSIGNAL | flags);
		if (USUALLY(r >= 0) || !is_unknown(r = -errno) || flags)
			return r;
		atomic_store_explicit(&no_nosignal, true, memory_order_relaxed);
	}
	return flags ? -EOPNOTSUPP : write_quietly(fd, iov, n);
}

static ssize_t write_without_waiting(struct sinew__link *link, const struct iovec *iov, int n)
{
	if (link->quick >= 0)
		return write_once(link->quick, iov, n, 0);
	if (!link->no_nowait) {
		ssize_t r = write_once(link->wfd, iov, n, RWF_NOWAIT);
		if (!is_unknown(r))
			return r;
		link->no_nowait = true;
	}
	return write_polled(link, iov);
}

HOT static ssize_t pipe_write(struct sinew__link *link, const struct iovec *iov, int n, bool wait)
{
	return wait ? write_once(link->wfd, iov, n, 0) : write_without_waiting(link, iov, n);
}

/* We alone hold this end, unless a relative still does: closing it is how a pipe ends. */
static int pipe_finish(struct sinew__link *link)
{
	sinew__sys.close(link->wfd);
	link->wfd = -1;
	sinew__close_fd(&link->quick);
	return 0;
}

const struct sinew__link_ops sinew__pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.finish = pipe_finish,
};

int sinew__pipe_capacity(const struct sinew_channel *channel, int fd, int64_t size)
{
	int wanted = size > 0 ? (int)size : SUITABLE;

	if (sinew__sys.fcntl(fd, F_SETPIPE_SZ, (uintptr_t)wanted) >= 0 || size <= 0)
		return 0;
	if (errno == EPERM)
		return sinew__fail(EPERM,
			"%s: capacity=%lld is above the system's limit "
			"(/proc/sys/fs/pipe-max-size, or this user's pipe-user-pages-soft)",
			channel->spec.text, (long long)size);
	if (errno == EBUSY)
		return sinew__fail(EBUSY,
			"%s: capacity=%lld is less than what already waits in the pipe",
			channel->spec.text, (long long)size);
	return sinew__fail(errno, "%s: capacity=%lld: %m", channel->spec.text, (long long)size);
}
