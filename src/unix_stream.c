/* SPDX-License-Identifier: MIT
 *
 * unix_stream.c - bytes on Unix stream sockets, with descriptors: what comes with a read is queued in
 * the link before the bytes are looked at.
 */
#include "unix_stream.h"

#include "passed.h"
#include "socket.h"

HOT static ssize_t read_once(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
	union sinew__control control;

	sinew__passed_expect(link, &message, &control);
	ssize_t r = sinew__result(sinew__sys.recvmsg(
		link->rfd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT)));
	if (r > 0)
		sinew__passed_take_in(link, &message, link->in.taken + (uint64_t)r);
	return r;
}

/* "Reset" is told once, and what the peer sent follows: as with bytes alone (socket.c). */
HOT static ssize_t passing_read(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	ssize_t r = read_once(link, iov, n, wait);

	if (r == -ECONNRESET)
		r = read_once(link, iov, n, wait);
	return r == -ECONNRESET ? 0 : r;
}

ssize_t sinew__unix_pass(struct sinew__link *link, const struct iovec *iov, int n,
	const struct sinew_msg *about, bool wait)
{
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	union sinew__control control;

	sinew__passed_attach(&message, &control, about);
	return sinew__result(
		sinew__sys.sendmsg(link->wfd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)));
}

const struct sinew__link_ops sinew__passing_stream_ops = {
	.read = passing_read,
	.write = sinew__socket_write,
	.pass = sinew__unix_pass,
	.finish = sinew__socket_finish,
	.part = sinew__socket_part,
};
