/* SPDX-License-Identifier: MIT
 *
 * socket.c - connected sockets.
 */
#include "socket.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "copy.h"
#include "error.h"
#include "wait.h"

enum { MOST_UNREAD = 1024 }; /* reads of what nobody will read, at a close */

HOT static ssize_t stream_read(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	int flags = wait ? 0 : MSG_DONTWAIT;

	if (n == 1)
		return sinew__result(
			sinew__sys.recv(link->rfd, iov->iov_base, iov->iov_len, flags));
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
	return sinew__result(sinew__sys.recvmsg(link->rfd, &message, flags));
}

HOT ssize_t sinew__socket_write(struct sinew__link *link, const struct iovec *iov, int n, bool wait)
{
	int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);

	if (n == 1)
		return sinew__result(
			sinew__sys.send(link->wfd, iov->iov_base, iov->iov_len, flags));
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	return sinew__result(sinew__sys.sendmsg(link->wfd, &message, flags));
}

int sinew__socket_finish(struct sinew__link *link)
{
	if (sinew__sys.shutdown(link->wfd, SHUT_WR) < 0 && errno != ENOTCONN)
		return sinew__fail(errno, "%s: shutdown: %m", link->channel->spec.text);
	return 0;
}

/* A Unix socket is "reset" when the peer left without reading all that we sent, which says nothing of
 * what it sent: that is told once, and the next read finds the rest of it, or its end. */
HOT static ssize_t local_read(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	ssize_t r = stream_read(link, iov, n, wait);

	if (r == -ECONNRESET)
		r = stream_read(link, iov, n, wait);
	return r == -ECONNRESET ? 0 : r;
}

HOT void sinew__packet_place(struct iovec *iov, int n, size_t before, size_t size)
{
	struct iovec *inbox = &iov[n - 1];
	uint8_t *message = (uint8_t *)inbox->iov_base + before;

	if (n == 1) {
		inbox->iov_base = message;
		return;
	}
	if (size > inbox->iov_len - before)
		size = inbox->iov_len - before;
	size_t first = size < iov->iov_len ? size : iov->iov_len;
	sinew__copy(iov->iov_base, message, first);
	if (size > first)
		memmove(inbox->iov_base, message + first, size - first);
}

const struct sinew__link_ops sinew__local_stream_ops = {
	.read = local_read,
	.write = sinew__socket_write,
	.finish = sinew__socket_finish,
	.part = sinew__socket_part,
};

const struct sinew__link_ops sinew__stream_socket_ops = {
	.read = stream_read,
	.write = sinew__socket_write,
	.finish = sinew__socket_finish,
	.part = sinew__socket_part,
};

void sinew__socket_part(struct sinew__link *link)
{
	char unread[4096];

	if (sinew__sys.shutdown(link->wfd, SHUT_WR) < 0)
		return;
	for (int i = 0; i < MOST_UNREAD; i++)
		if (sinew__sys.recv(link->rfd, unread, sizeof unread, MSG_DONTWAIT) <= 0)
			return;
}

static void set_buffer(int fd, int64_t size, int forced, int allowed)
{
	int half = size > INT32_MAX / 2 ? INT32_MAX / 2 : (int)size;

	if (sinew__sys.setsockopt(fd, SOL_SOCKET, forced, &half, sizeof half) < 0)
		sinew__sys.setsockopt(fd, SOL_SOCKET, allowed, &half, sizeof half);
}

void sinew__socket_buffer(int fd, int64_t size)
{
	set_buffer(fd, size, SO_SNDBUFFORCE, SO_SNDBUF);
}

void sinew__socket_receive_buffer(int fd, int64_t size)
{
	set_buffer(fd, size, SO_RCVBUFFORCE, SO_RCVBUF);
}
