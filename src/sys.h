/* SPDX-License-Identifier: MIT
 *
 * sys.h - every system call on the path of a channel goes through this table, so that a test can
 * make any of them fail, once, with any errno. The list stands here once; whoever walks it (the
 * table, its default, a fault sweep) follows it by the macro: X(result, name, (parameters), (arguments)).
 * What is variadic in C stands here with all its parameters.
 */
#ifndef SINEW_SYS_H
#define SINEW_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* semctl's last argument, which no header declares. */
union sinew__semun {
	int value;
	struct semid_ds *ds;
	unsigned short *values;
};

/* One call a line. */
/* clang-format off */
#define SINEW__SYSCALLS(X) \
	X(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags)) \
	X(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
	X(int, chmod, (const char *path, mode_t mode), (path, mode)) \
	X(int, close, (int fd), (fd)) \
	X(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
	X(int, dup3, (int from, int to, int flags), (from, to, flags)) \
	X(int, epoll_create1, (int flags), (flags)) \
	X(int, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *e), (epoll, op, fd, e)) \
	X(int, epoll_wait, (int epoll, struct epoll_event *e, int n, int timeout), (epoll, e, n, timeout)) \
	X(int, eventfd, (unsigned value, int flags), (value, flags)) \
	X(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size)) \
	X(int, fchmod, (int fd, mode_t mode), (fd, mode)) \
	X(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid)) \
	X(int, fcntl, (int fd, int command, uintptr_t argument), (fd, command, argument)) \
	X(int, flock, (int fd, int operation), (fd, operation)) \
	X(int, fstat, (int fd, struct stat *st), (fd, st)) \
	X(int, fstatvfs, (int fd, struct statvfs *vfs), (fd, vfs)) \
	X(int, fsync, (int fd), (fd)) \
	X(int, ftruncate, (int fd, off_t size), (fd, size)) \
	X(long, futex, (const uint32_t *word, int op, uint32_t value, const struct timespec *until, uint32_t mask), (word, op, value, until, mask)) \
	X(long, futex_waitv, (void *words, unsigned n, unsigned flags, const struct timespec *until, int clock), (words, n, flags, until, clock)) \
	X(ssize_t, getrandom, (void *buf, size_t size, unsigned flags), (buf, size, flags)) \
	X(int, getrlimit, (int resource, struct rlimit *limit), (resource, limit)) \
	X(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n)) \
	X(int, getsockopt, (int fd, int level, int name, void *v, socklen_t *n), (fd, level, name, v, n)) \
	X(int, kill, (pid_t pid, int sig), (pid, sig)) \
	X(int, lchown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid)) \
	X(int, link, (const char *from, const char *to), (from, to)) \
	X(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags), (from_dir, from, to_dir, to, flags)) \
	X(int, listen, (int fd, int backlog), (fd, backlog)) \
	X(int, lstat, (const char *path, struct stat *st), (path, st)) \
	X(int, madvise, (void *at, size_t size, int advice), (at, size, advice)) \
	X(int, membarrier, (int command, unsigned flags, int cpu), (command, flags, cpu)) \
	X(int, memfd_create, (const char *name, unsigned flags), (name, flags)) \
	X(int, mkfifo, (const char *path, mode_t mode), (path, mode)) \
	X(void *, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t offset), (at, size, prot, flags, fd, offset)) \
	X(int, mq_getattr, (mqd_t q, struct mq_attr *attr), (q, attr)) \
	X(mqd_t, mq_open, (const char *name, int flags, mode_t mode, struct mq_attr *attr), (name, flags, mode, attr)) \
	X(ssize_t, mq_timedreceive, (mqd_t q, char *buf, size_t size, unsigned *priority, const struct timespec *until), (q, buf, size, priority, until)) \
	X(int, mq_timedsend, (mqd_t q, const char *buf, size_t size, unsigned priority, const struct timespec *until), (q, buf, size, priority, until)) \
	X(int, mq_unlink, (const char *name), (name)) \
	X(int, msgctl, (int id, int command, struct msqid_ds *ds), (id, command, ds)) \
	X(int, msgget, (key_t key, int flags), (key, flags)) \
	X(ssize_t, msgrcv, (int id, void *buf, size_t size, long type, int flags), (id, buf, size, type, flags)) \
	X(int, msgsnd, (int id, const void *buf, size_t size, int flags), (id, buf, size, flags)) \
	X(int, msync, (void *at, size_t size, int flags), (at, size, flags)) \
	X(int, munmap, (void *at, size_t size), (at, size)) \
	X(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode)) \
	X(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags)) \
	X(int, pidfd_send_signal, (int pidfd, int sig, siginfo_t *info, unsigned flags), (pidfd, sig, info, flags)) \
	X(int, pipe2, (int fds[2], int flags), (fds, flags)) \
	X(int, ppoll, (struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask), (fds, n, timeout, mask)) \
	X(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags)) \
	X(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old)) \
	X(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags)) \
	X(ssize_t, read, (int fd, void *buf, size_t size), (fd, buf, size)) \
	X(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n)) \
	X(ssize_t, recv, (int fd, void *buf, size_t size, int flags), (fd, buf, size, flags)) \
	X(ssize_t, recvfrom, (int fd, void *buf, size_t size, int flags, struct sockaddr *a, socklen_t *n), (fd, buf, size, flags, a, n)) \
	X(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags)) \
	X(int, rename, (const char *from, const char *to), (from, to)) \
	X(int, renameat2, (int from_dir, const char *from, int to_dir, const char *to, unsigned flags), (from_dir, from, to_dir, to, flags)) \
	X(int, sem_clockwait, (sem_t *sem, clockid_t clock, const struct timespec *until), (sem, clock, until)) \
	X(int, sem_close, (sem_t *sem), (sem)) \
	X(sem_t *, sem_open, (const char *name, int flags), (name, flags)) \
	X(int, sem_post, (sem_t *sem), (sem)) \
	X(int, sem_trywait, (sem_t *sem), (sem)) \
	X(int, sem_unlink, (const char *name), (name)) \
	X(int, sem_wait, (sem_t *sem), (sem)) \
	X(int, semctl, (int id, int n, int command, union sinew__semun argument), (id, n, command, argument)) \
	X(int, semget, (key_t key, int count, int flags), (key, count, flags)) \
	X(int, semtimedop, (int id, struct sembuf *steps, size_t n, const struct timespec *timeout), (id, steps, n, timeout)) \
	X(ssize_t, send, (int fd, const void *buf, size_t size, int flags), (fd, buf, size, flags)) \
	X(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags)) \
	X(ssize_t, sendto, (int fd, const void *buf, size_t size, int flags, const struct sockaddr *a, socklen_t n), (fd, buf, size, flags, a, n)) \
	X(int, setsockopt, (int fd, int level, int name, const void *v, socklen_t n), (fd, level, name, v, n)) \
	X(void *, shmat, (int id, const void *at, int flags), (id, at, flags)) \
	X(int, shmctl, (int id, int command, struct shmid_ds *ds), (id, command, ds)) \
	X(int, shmdt, (const void *at), (at)) \
	X(int, shmget, (key_t key, size_t size, int flags), (key, size, flags)) \
	X(int, shutdown, (int fd, int how), (fd, how)) \
	X(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags)) \
	X(int, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *timeout), (set, info, timeout)) \
	X(int, socket, (int domain, int type, int protocol), (domain, type, protocol)) \
	X(int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds)) \
	X(int, timerfd_create, (int clock, int flags), (clock, flags)) \
	X(int, timerfd_settime, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), (fd, flags, new, old)) \
	X(int, unlink, (const char *path), (path)) \
	X(ssize_t, write, (int fd, const void *buf, size_t size), (fd, buf, size)) \
	X(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
/* clang-format on */

struct sinew__sys {
#define SINEW__SYS_FIELD(result, name, parameters, arguments) result(*name) parameters;
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
