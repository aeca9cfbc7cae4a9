/* SPDX-License-Identifier: MIT
 *
 * sys.h - every system call on the path of a channel goes through this table, so that a test can
 * make any of them fail, once, with any errno. The list stands here once; whoever walks it (the
 * table, its default, a fault sweep) follows it by the macro.
 */
#ifndef SINEW_SYS_H
#define SINEW_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define SINEW__SYSCALLS(X)                                                                         \
	X(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags))                     \
	X(int, bind, (int fd, const struct sockaddr *a, socklen_t n))                              \
	X(int, close, (int fd))                                                                    \
	X(int, connect, (int fd, const struct sockaddr *a, socklen_t n))                           \
	X(int, dup3, (int from, int to, int flags))                                                \
	X(int, epoll_create1, (int flags))                                                         \
	X(int, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *e))                      \
	X(int, epoll_wait, (int epoll, struct epoll_event *e, int n, int timeout))                 \
	X(int, eventfd, (unsigned value, int flags))                                               \
	X(int, fchmod, (int fd, mode_t mode))                                                      \
	X(int, fcntl, (int fd, int command, ...))                                                  \
	X(int, flock, (int fd, int operation))                                                     \
	X(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n))                            \
	X(int, getsockopt, (int fd, int level, int name, void *v, socklen_t *n))                   \
	X(int, link, (const char *from, const char *to))                                           \
	X(int, listen, (int fd, int backlog))                                                      \
	X(int, lstat, (const char *path, struct stat *st))                                         \
	X(int, fstat, (int fd, struct stat *st))                                                   \
	X(int, mkfifo, (const char *path, mode_t mode))                                            \
	X(void *, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t offset))        \
	X(int, munmap, (void *at, size_t size))                                                    \
	X(int, open, (const char *path, int flags, ...))                                           \
	X(int, pipe2, (int fds[2], int flags))                                                     \
	X(int, ppoll,                                                                              \
		(struct pollfd * fds, nfds_t n, const struct timespec *timeout,                    \
			const sigset_t *m))                                                        \
	X(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t at, int flags))         \
	X(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t at, int flags))        \
	X(ssize_t, read, (int fd, void *buf, size_t size))                                         \
	X(ssize_t, readv, (int fd, const struct iovec *iov, int n))                                \
	X(ssize_t, recv, (int fd, void *buf, size_t size, int flags))                              \
	X(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags))                                 \
	X(int, rename, (const char *from, const char *to))                                         \
	X(ssize_t, send, (int fd, const void *buf, size_t size, int flags))                        \
	X(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags))                           \
	X(int, setsockopt, (int fd, int level, int name, const void *v, socklen_t n))              \
	X(int, shutdown, (int fd, int how))                                                        \
	X(int, socket, (int domain, int type, int protocol))                                       \
	X(int, socketpair, (int domain, int type, int protocol, int fds[2]))                       \
	X(int, unlink, (const char *path))                                                         \
	X(int, chmod, (const char *path, mode_t mode))                                             \
	X(int, timerfd_create, (int clock, int flags))                                             \
	X(int, timerfd_settime,                                                                    \
		(int fd, int flags, const struct itimerspec *new, struct itimerspec *old))         \
	X(ssize_t, write, (int fd, const void *buf, size_t size))                                  \
	X(ssize_t, writev, (int fd, const struct iovec *iov, int n))

struct sinew__sys {
#define SINEW__SYS_FIELD(result, name, parameters) result(*name) parameters;
	SINEW__SYSCALLS(SINEW__SYS_FIELD)
#undef SINEW__SYS_FIELD
};

extern struct sinew__sys sinew__sys;

/* A libc result as ours: what it was, or -errno. */
static inline ssize_t sinew__result(ssize_t result)
{
	return result < 0 ? -errno : result;
}

#endif
