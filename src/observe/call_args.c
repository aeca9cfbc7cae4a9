/* SPDX-License-Identifier: MIT
 *
 * call_args.c - which system calls wait on a descriptor, which is in their arguments, and which may make
 * packets for another socket. Numbers are those of the machine for which this is built.
 */
#include "call_args.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "state.h"

#include "../banned.h"

enum { SENDS = SINEW__STATE_SENDS, WATCHES = SINEW__STATE_WATCHES };

const struct sinew__call_args sinew__call_args[] = {
	{SYS_read, 1 | SENDS},
	{SYS_write, 1 | SENDS},
	{SYS_readv, 1 | SENDS},
	{SYS_writev, 1 | SENDS},
	{SYS_pread64, 1},
	{SYS_pwrite64, 1},
	{SYS_preadv, 1},
	{SYS_pwritev, 1},
	{SYS_preadv2, 1},
	{SYS_pwritev2, 1},
	{SYS_recvfrom, 1 | SENDS},
	{SYS_recvmsg, 1 | SENDS},
	{SYS_recvmmsg, 1 | SENDS},
	{SYS_sendto, 1 | SENDS},
	{SYS_sendmsg, 1 | SENDS},
	{SYS_sendmmsg, 1 | SENDS},
	{SYS_accept, 1 | SENDS},
	{SYS_accept4, 1 | SENDS},
	{SYS_connect, 1 | SENDS},
	{SYS_ioctl, 1},
	{SYS_fcntl, 1},
	{SYS_flock, 1},
	{SYS_fsync, 1},
	{SYS_fdatasync, 1},
	{SYS_ftruncate, 1},
	{SYS_fallocate, 1},
	{SYS_getdents64, 1},
	{SYS_epoll_pwait, 1 | WATCHES},
	{SYS_mq_timedsend, 1},
	{SYS_mq_timedreceive, 1},
	{SYS_splice, 1 | SENDS},
	{SYS_tee, 1},
	{SYS_vmsplice, 1},
	{SYS_sendfile, 2 | SENDS},
	{SYS_copy_file_range, 1},
	{SYS_io_uring_enter, 1},
	{SYS_close, SENDS},
	{SYS_shutdown, SENDS},
	{SYS_exit, SENDS},
	{SYS_exit_group, SENDS},
	{SYS_pselect6, WATCHES},
	{SYS_ppoll, SINEW__STATE_POLLFD | WATCHES},
#ifdef SYS_poll
	{SYS_poll, SINEW__STATE_POLLFD | WATCHES},
#endif
#ifdef SYS_select
	{SYS_select, WATCHES},
#endif
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, 1 | WATCHES},
#endif
#ifdef SYS_epoll_pwait2
	{SYS_epoll_pwait2, 1 | WATCHES},
#endif
	{-1, 0},
};

unsigned sinew__call_args_of(int32_t call)
{
	for (const struct sinew__call_args *row = sinew__call_args; row->call >= 0; row++)
		if (row->call == call)
			return row->of;
	return 0;
}
