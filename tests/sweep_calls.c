/* SPDX-License-Identifier: MIT
 *
 * sweep_calls.c - makes one system call fail, by wrappers that follow the library's table.
 *
 * Each call has a list of errnos, ERRNOS_call: those its man page names, and those that the pages of
 * the protocols add (socket(7), unix(7), ip(7), tcp(7)). A call that is added to the table without a
 * list does not compile.
 */
#include "sweep.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/* clang-format off */
#define ERRNOS_accept4 EAGAIN, EBADF, ECONNABORTED, EFAULT, EINTR, EINVAL, EMFILE, ENFILE, \
	ENOBUFS, ENOMEM, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, \
	ENONET, EHOSTUNREACH, ENETUNREACH
#define ERRNOS_bind EACCES, EADDRINUSE, EBADF, EINVAL, ENOTSOCK, EADDRNOTAVAIL, EFAULT, ELOOP, \
	ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS, ENOSPC, EIO, EPERM
#define ERRNOS_chmod EACCES, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, \
	ENOTDIR, ENOTSUP, EPERM, EROFS
#define ERRNOS_close EBADF, EINTR, EIO, ENOSPC, EDQUOT
#define ERRNOS_connect EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, \
	EALREADY, EBADF, ECONNREFUSED, EFAULT, EINPROGRESS, EINTR, EISCONN, ENETUNREACH, ENOTSOCK, \
	EPROTOTYPE, ETIMEDOUT, ENOENT, ECONNRESET, EHOSTUNREACH, ENETDOWN, EINVAL, ENOMEM, ENOBUFS, \
	ELOOP, ENOTDIR, EPIPE
#define ERRNOS_dup3 EBADF, EBUSY, EINTR, EINVAL, EMFILE
#define ERRNOS_epoll_create1 EINVAL, EMFILE, ENFILE, ENOMEM
#define ERRNOS_epoll_ctl EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM
#define ERRNOS_epoll_wait EBADF, EFAULT, EINTR, EINVAL, ENOMEM
#define ERRNOS_eventfd EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM
#define ERRNOS_fallocate EBADF, EFBIG, EINTR, EINVAL, EIO, ENODEV, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, ESPIPE, ETXTBSY
#define ERRNOS_fchmod EBADF, EIO, EPERM, EROFS, EINVAL, ENOTSUP
#define ERRNOS_fchown EBADF, EIO, EPERM, EROFS, EINVAL, EDQUOT
#define ERRNOS_fcntl EACCES, EAGAIN, EBADF, EBUSY, EDEADLK, EFAULT, EINTR, EINVAL, EMFILE, \
	ENOLCK, ENOTDIR, EPERM
#define ERRNOS_flock EBADF, EINTR, EINVAL, ENOLCK, EAGAIN, ENOMEM
#define ERRNOS_fstat EBADF, EFAULT, ENOMEM, EOVERFLOW
#define ERRNOS_fstatvfs EBADF, EFAULT, EINTR, EIO, ENOMEM, ENOSYS, EOVERFLOW
#define ERRNOS_fsync EBADF, EINTR, EIO, ENOSPC, EROFS, EINVAL, EDQUOT
#define ERRNOS_ftruncate EACCES, EBADF, EFBIG, EINTR, EINVAL, EIO, EPERM, EROFS, ETXTBSY
#define ERRNOS_futex EACCES, EAGAIN, EFAULT, EINTR, EINVAL, ENOSYS, ETIMEDOUT
#define ERRNOS_futex_waitv EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, ENOSYS, ETIMEDOUT
#define ERRNOS_getrandom EAGAIN, EFAULT, EINTR, EINVAL, ENOSYS
#define ERRNOS_getrlimit EFAULT, EINVAL
#define ERRNOS_getsockname EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK
#define ERRNOS_getsockopt EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOBUFS, ENOMEM, \
	EACCES
#define ERRNOS_kill EINVAL, EPERM, ESRCH
#define ERRNOS_lchown EACCES, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, \
	ENOTDIR, EPERM, EROFS
#define ERRNOS_link EACCES, EDQUOT, EEXIST, EFAULT, EIO, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, \
	ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS, EXDEV, EBADF, EINVAL
#define ERRNOS_linkat EACCES, EBADF, EDQUOT, EEXIST, EIO, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, \
	ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS, EXDEV
#define ERRNOS_listen EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP, EINVAL
#define ERRNOS_lstat EACCES, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, \
	EOVERFLOW, EIO
#define ERRNOS_madvise EACCES, EAGAIN, EBADF, EINVAL, EIO, ENOMEM, EPERM
#define ERRNOS_membarrier EINVAL, ENOSYS, EPERM
#define ERRNOS_memfd_create EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM
#define ERRNOS_mkfifo EACCES, EBADF, EDQUOT, EEXIST, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, \
	EROFS
#define ERRNOS_mmap EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, \
	EPERM, ETXTBSY
#define ERRNOS_mq_getattr EBADF, EINVAL
#define ERRNOS_mq_open EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, \
	ENOSPC
#define ERRNOS_mq_timedreceive EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT
#define ERRNOS_mq_timedsend EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT
#define ERRNOS_mq_unlink EACCES, ENAMETOOLONG, ENOENT
#define ERRNOS_msgctl EACCES, EFAULT, EIDRM, EINVAL, EPERM
#define ERRNOS_msgget EACCES, EEXIST, ENOENT, ENOMEM, ENOSPC
#define ERRNOS_msgrcv E2BIG, EACCES, EFAULT, EIDRM, EINTR, EINVAL, ENOMSG, ENOSYS
#define ERRNOS_msgsnd EACCES, EAGAIN, EFAULT, EIDRM, EINTR, EINVAL, ENOMEM
#define ERRNOS_msync EBUSY, EINVAL, ENOMEM, EIO
#define ERRNOS_munmap EINVAL, ENOMEM
#define ERRNOS_open EACCES, EBADF, EBUSY, EDQUOT, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, \
	EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, \
	EOVERFLOW, EPERM, EROFS, ETXTBSY, EAGAIN, ENOTSUP, EIO
#define ERRNOS_pidfd_open EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ESRCH
#define ERRNOS_pidfd_send_signal EAGAIN, EBADF, EINVAL, EPERM, ESRCH
#define ERRNOS_pipe2 EFAULT, EINVAL, EMFILE, ENFILE, ENOPKG
#define ERRNOS_ppoll EFAULT, EINTR, EINVAL, ENOMEM
#define ERRNOS_preadv2 EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR, EOPNOTSUPP, ENOSYS, \
	ESPIPE, ENXIO, EOVERFLOW
#define ERRNOS_pthread_sigmask EFAULT, EINVAL
#define ERRNOS_pwritev2 EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, \
	EIO, ENOSPC, EPERM, EPIPE, EOPNOTSUPP, ENOSYS, ESPIPE, ENXIO, EOVERFLOW
#define ERRNOS_read EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR
#define ERRNOS_readv EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR
#define ERRNOS_recv EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, \
	ENOTSOCK, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EPIPE, ENOBUFS, EIO
#define ERRNOS_recvfrom ERRNOS_recv
#define ERRNOS_recvmsg EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, \
	ENOTSOCK, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EPIPE, ENOBUFS, EIO
#define ERRNOS_rename EACCES, EBUSY, EDQUOT, EFAULT, EINVAL, EISDIR, ELOOP, EMLINK, \
	ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENOTEMPTY, EEXIST, EPERM, EROFS, EXDEV, EBADF
#define ERRNOS_renameat2 EACCES, EBUSY, EDQUOT, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, \
	ENOMEM, ENOSPC, ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV, ENOSYS
#define ERRNOS_sem_clockwait EINTR, EINVAL, ETIMEDOUT
#define ERRNOS_sem_close EINVAL
#define ERRNOS_sem_open EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM
#define ERRNOS_sem_post EINVAL, EOVERFLOW
#define ERRNOS_sem_trywait EAGAIN, EINTR, EINVAL
#define ERRNOS_sem_unlink EACCES, ENAMETOOLONG, ENOENT
#define ERRNOS_sem_wait EINTR, EINVAL
#define ERRNOS_semctl EACCES, EFAULT, EIDRM, EINVAL, EPERM, ERANGE
#define ERRNOS_semget EACCES, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC
#define ERRNOS_semtimedop E2BIG, EACCES, EAGAIN, EFAULT, EFBIG, EIDRM, EINTR, EINVAL, ENOMEM, ERANGE
#define ERRNOS_send EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR, \
	EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, \
	ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPERM, ENOENT, ENOTDIR, \
	ETOOMANYREFS
#define ERRNOS_sendmsg EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, \
	EINTR, EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, \
	ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPERM, ENOENT, ENOTDIR, \
	ETOOMANYREFS
#define ERRNOS_sendto ERRNOS_send
#define ERRNOS_setsockopt EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EPERM, ENOMEM, \
	ENOBUFS, EDOM, EACCES
#define ERRNOS_shmat EACCES, EIDRM, EINVAL, ENOMEM
#define ERRNOS_shmctl EACCES, EFAULT, EIDRM, EINVAL, ENOMEM, EOVERFLOW, EPERM
#define ERRNOS_shmdt EINVAL
#define ERRNOS_shmget EACCES, EEXIST, EINVAL, ENFILE, ENOENT, ENOMEM, ENOSPC, EPERM
#define ERRNOS_shutdown EBADF, EINVAL, ENOTCONN, ENOTSOCK
#define ERRNOS_signalfd EBADF, EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM
#define ERRNOS_sigtimedwait EAGAIN, EINTR, EINVAL
#define ERRNOS_socket EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, \
	EPROTONOSUPPORT
#define ERRNOS_socketpair EAFNOSUPPORT, EFAULT, EMFILE, ENFILE, EOPNOTSUPP, EPROTONOSUPPORT, \
	EACCES, EINVAL, ENOBUFS, ENOMEM
#define ERRNOS_timerfd_create EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, EPERM
#define ERRNOS_timerfd_settime EBADF, ECANCELED, EFAULT, EINVAL
#define ERRNOS_unlink EACCES, EBUSY, EFAULT, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, \
	ENOTDIR, EPERM, EROFS, EBADF, EINVAL
#define ERRNOS_write EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, \
	ENOSPC, EPERM, EPIPE
#define ERRNOS_writev EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, \
	ENOSPC, EPERM, EPIPE
/* clang-format on */

#define LIST(result, name, parameters, arguments)                                                  \
	static const int errnos_##name[] = {ERRNOS_##name};
SINEW__SYSCALLS(LIST)
#undef LIST

static const struct {
	const char *name;
	const int *errnos;
	unsigned count;
} calls[] = {
#define ROW(result, name, parameters, arguments)                                                   \
	{#name, errnos_##name, sizeof errnos_##name / sizeof *errnos_##name},
	SINEW__SYSCALLS(ROW)
#undef ROW
};

const char *sweep_at = "";

static struct sinew__sys real;

static struct {
	struct sweep_fault fault;
	bool armed;
	atomic_uint counts[SWEEP_CALLS];
	atomic_ulong total;
	unsigned long most;
	atomic_int given;
	bool shortened;
	const char *fired_at;
} now;
static atomic_long mappings;

static void *(*kernel_mmap)(void *, size_t, int, int, int, off_t);

/* What replaces a part of another mapping is counted with that. */
static void *mmap_once(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *mapped = kernel_mmap(at, size, prot, flags, fd, offset);

	if (mapped != MAP_FAILED && flags & MAP_FIXED)
		mappings--;
	return mapped;
}
static bool old_kernel;

const char *sweep_call_name(int call)
{
	return calls[call].name;
}

const int *sweep_errnos(int call, unsigned *count)
{
	*count = calls[call].count;
	return calls[call].errnos;
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an errno";
}

void sweep_describe(const struct sweep_fault *fault, char *text, size_t size)
{
	static const char *const kinds[] = {"", ":short", ":short-fails"};

	snprintf(text, size, "%s:%u:%s%s", calls[fault->call].name, fault->nth,
		error_name(fault->error), kinds[fault->kind]);
}

const char *sweep_words(void)
{
	static char words[256];
	char fault[64] = "none";

	if (now.armed)
		sweep_describe(&now.fault, fault, sizeof fault);
	snprintf(words, sizeof words, "SWEEP=%s, %s%s, at %s", fault,
		now.fired_at ? "given in " : "not given yet", now.fired_at ? now.fired_at : "",
		sweep_at);
	return words;
}

/* ---- the wrappers ---- */

/* Of this thread alone the calls come in the same order each time: a channel's own thread is left alone. */
static _Thread_local bool swept;

/* A call is about to be made: the errno to give instead, or 0. */
static int step(int call)
{
	if (!swept)
		return 0;
	unsigned nth = ++now.counts[call];
	const struct sweep_fault *fault = &now.fault;
	bool due = now.armed && fault->call == call && !now.given &&
		   (fault->kind == SWEEP_FAILS ? nth == fault->nth : now.shortened);

	if (++now.total > now.most && now.most) {
		unsigned long most = now.most;
		now.most = 0;
		BAD("a busy loop: more than %lu system calls, the last of them %s", most,
			calls[call].name);
	}
	if (fault->kind == SWEEP_SHORT)
		due = false;
	if (due) {
		now.given = fault->error;
		now.fired_at = sweep_at;
	}
	return due ? fault->error : 0;
}

/* A pipe takes so many bytes at once or not at all. */
static bool is_atomic(int call, int fd, size_t size)
{
	bool writes = call == SWEEP_write || call == SWEEP_writev || call == SWEEP_pwritev2;
	struct stat st;

	return writes && size <= PIPE_BUF && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Whether the call, already counted, is to move no more than one byte. */
static bool shorten(int call, int fd, size_t size)
{
	if (!swept || !now.armed || now.fault.kind == SWEEP_FAILS || now.shortened ||
		now.fault.call != call || now.counts[call] < now.fault.nth ||
		size <= sizeof(uint64_t) || is_atomic(call, fd, size))
		return false;
	now.shortened = true;
	now.fired_at = sweep_at;
	return true;
}

static void account(int call, bool done)
{
	if (call == SWEEP_mmap && done)
		mappings++;
	if (call == SWEEP_munmap && done)
		mappings--;
}

/* A descriptor that close() gave up on is gone all the same; close(2) says so of Linux. */
#define WRAPPER(result, name, parameters, arguments)                                               \
	static result wrapped_##name parameters                                                    \
	{                                                                                          \
		int error = step(SWEEP_##name);                                                    \
		if (error && SWEEP_##name == (int)SWEEP_close)                                     \
			(void)real.name arguments;                                                 \
		if (error) {                                                                       \
			errno = error;                                                             \
			return (result)(intptr_t)-1;                                               \
		}                                                                                  \
		result r = real.name arguments;                                                    \
		account(SWEEP_##name, r != (result)(intptr_t)-1);                                  \
		return r;                                                                          \
	}
SINEW__SYSCALLS(WRAPPER)
#undef WRAPPER

/* A connect that is said to go on does go on; over a network also one that a signal ended. */
static int going_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	int error = step(SWEEP_connect);
	bool going = error == EINPROGRESS || (error == EINTR && a->sa_family != AF_UNIX);

	int r = error && !going ? -1 : real.connect(fd, a, n);
	if (!error)
		return r;
	errno = error;
	return -1;
}

static size_t size_of(const struct iovec *iov, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += iov[i].iov_len;
	return size;
}

/* The first byte there is. */
static struct iovec first_byte(const struct iovec *iov)
{
	while (iov->iov_len == 0)
		iov++;
	return (struct iovec){iov->iov_base, 1};
}

/* Calls with one buffer, with a vector, with a message header: what follows them in the parameters. */
#define SHORT_BUFFER(name, type, more, arguments)                                                  \
	static ssize_t short_##name(int fd, type buf, size_t size more)                            \
	{                                                                                          \
		int error = step(SWEEP_##name);                                                    \
		errno = error;                                                                     \
		size = shorten(SWEEP_##name, fd, size) ? 1 : size;                                 \
		return error ? -1 : real.name arguments;                                           \
	}
#define COMMA ,
SHORT_BUFFER(read, void *, , (fd, buf, size))
SHORT_BUFFER(write, const void *, , (fd, buf, size))
SHORT_BUFFER(recv, void *, COMMA int flags, (fd, buf, size, flags))
SHORT_BUFFER(send, const void *, COMMA int flags, (fd, buf, size, flags))

#define SHORT_VECTOR(name, more, arguments)                                                        \
	static ssize_t short_##name(int fd, const struct iovec *iov, int n more)                   \
	{                                                                                          \
		int error = step(SWEEP_##name);                                                    \
		errno = error;                                                                     \
		struct iovec byte;                                                                 \
		if (shorten(SWEEP_##name, fd, size_of(iov, (size_t)n))) {                          \
			byte = first_byte(iov);                                                    \
			iov = &byte;                                                               \
			n = 1;                                                                     \
		}                                                                                  \
		return error ? -1 : real.name arguments;                                           \
	}
SHORT_VECTOR(readv, , (fd, iov, n))
SHORT_VECTOR(writev, , (fd, iov, n))
SHORT_VECTOR(preadv2, COMMA off_t at COMMA int flags, (fd, iov, n, at, flags))
SHORT_VECTOR(pwritev2, COMMA off_t at COMMA int flags, (fd, iov, n, at, flags))

static ssize_t short_sendmsg(int fd, const struct msghdr *m, int flags)
{
	int error = step(SWEEP_sendmsg);
	errno = error;
	struct iovec byte;
	struct msghdr copy = *m;
	if (shorten(SWEEP_sendmsg, fd, size_of(m->msg_iov, m->msg_iovlen))) {
		byte = first_byte(m->msg_iov);
		copy.msg_iov = &byte;
		copy.msg_iovlen = 1;
	}
	return error ? -1 : real.sendmsg(fd, &copy, flags);
}

/* What the kernel writes beside the bytes is the caller's. */
static ssize_t short_recvmsg(int fd, struct msghdr *m, int flags)
{
	int error = step(SWEEP_recvmsg);
	errno = error;
	struct iovec byte;
	const struct msghdr whole = *m;
	if (shorten(SWEEP_recvmsg, fd, size_of(m->msg_iov, m->msg_iovlen))) {
		byte = first_byte(m->msg_iov);
		m->msg_iov = &byte;
		m->msg_iovlen = 1;
	}
	ssize_t r = error ? -1 : real.recvmsg(fd, m, flags);
	m->msg_iov = whole.msg_iov;
	m->msg_iovlen = whole.msg_iovlen;
	return r;
}

#define TRANSFERS(X)                                                                               \
	X(read)                                                                                    \
	X(write) X(recv) X(send) X(readv) X(writev) X(preadv2) X(pwritev2) X(sendmsg) X(recvmsg)

bool sweep_is_transfer(int call)
{
#define IS(name) case SWEEP_##name:
	switch (call) {
		TRANSFERS(IS)
		return true;
	default:
		return false;
	}
#undef IS
}

static bool may_shorten(void)
{
	return now.armed && now.fault.kind != SWEEP_FAILS;
}

/* ---- arming ---- */

static ssize_t no_preadv2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	(void)fd, (void)iov, (void)n, (void)at, (void)flags;
	errno = EOPNOTSUPP;
	return -1;
}

void sweep_old_kernel(void)
{
	old_kernel = true;
}

__attribute__((constructor)) static void remember(void)
{
	real = sinew__sys;
	kernel_mmap = real.mmap;
	real.mmap = mmap_once;
}

void sweep_begin(const struct sweep_fault *fault, unsigned long most)
{
	if (old_kernel)
		real.preadv2 = real.pwritev2 = no_preadv2;
	memset(&now, 0, sizeof now);
	swept = true;
	now.most = most;
	if (fault) {
		now.fault = *fault;
		now.armed = true;
	}
#define WRAP(result, name, parameters, arguments) sinew__sys.name = wrapped_##name;
	SINEW__SYSCALLS(WRAP)
#undef WRAP
	sinew__sys.connect = going_connect;
#define CUT(name) sinew__sys.name = short_##name;
	if (may_shorten()) {
		TRANSFERS(CUT)
	}
#undef CUT
}

void sweep_end(void)
{
	sinew__sys = real;
	now.armed = false;
	now.most = 0;
}

unsigned sweep_count(int call)
{
	return now.counts[call];
}

unsigned long sweep_total(void)
{
	return now.total;
}

bool sweep_fired(void)
{
	return now.given || now.shortened;
}

int sweep_given(void)
{
	return now.given;
}

int sweep_failed_call(void)
{
	return now.given ? now.fault.call : -1;
}

long sweep_mappings(void)
{
	return mappings;
}

/* ---- answers ---- */

void sweep_prepare(const char *what)
{
	sweep_at = what;
	sinew__answer(0, ""); /* words of this call, not of one before */
}

int sweep_judge_words(int r)
{
	if (r < 0 && !*sinew_error_text())
		BAD("%s comes without words", error_name(-r));
	return r;
}

int sweep_judge(int r)
{
	sweep_judge_words(r);
	if (r < 0 && !sweep_fired())
		BAD("%s, %s, and nothing was wrong", error_name(-r), sinew_error_text());
	return r;
}
