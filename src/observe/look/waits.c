/* SPDX-License-Identifier: MIT
 *
 * waits.c - what a thread that sleeps in a system call waits for: a row for each call says why, and how
 * its object is found.
 */
#include <string.h>

#include "../../banned.h"
#include "../calls.h"
#include "inside.h"

#if defined(__x86_64__)
enum { MACHINE = SINEW__MACHINE_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = SINEW__MACHINE_AARCH64 };
#else
enum { MACHINE = 0 };
#endif

enum how {
	NOTHING,
	FILE_0, /* the descriptor is the first argument */
	FUTEX,
	FUTEX_NEW,
	BY_ROW, /* row->find */
};

enum { TO_READ = 4, TO_WRITE = 2 };

static const struct row {
	const char *call, *cause;
	enum how how;
	unsigned mode; /* what it does with the descriptor */
	void (*find)(struct sinew__look *look, struct sinew__facts *facts);
} rows[] = {
	{"read", "waits for data", FILE_0, TO_READ, NULL},
	{"readv", "waits for data", FILE_0, TO_READ, NULL},
	{"pread64", "waits for data", FILE_0, TO_READ, NULL},
	{"preadv", "waits for data", FILE_0, TO_READ, NULL},
	{"preadv2", "waits for data", FILE_0, TO_READ, NULL},
	{"recvfrom", "waits for data", FILE_0, TO_READ, NULL},
	{"recvmsg", "waits for data", FILE_0, TO_READ, NULL},
	{"recvmmsg", "waits for data", FILE_0, TO_READ, NULL},
	{"write", "waits for room", FILE_0, TO_WRITE, NULL},
	{"writev", "waits for room", FILE_0, TO_WRITE, NULL},
	{"pwrite64", "waits for room", FILE_0, TO_WRITE, NULL},
	{"pwritev", "waits for room", FILE_0, TO_WRITE, NULL},
	{"pwritev2", "waits for room", FILE_0, TO_WRITE, NULL},
	{"sendto", "waits for room", FILE_0, TO_WRITE, NULL},
	{"sendmsg", "waits for room", FILE_0, TO_WRITE, NULL},
	{"sendmmsg", "waits for room", FILE_0, TO_WRITE, NULL},
	{"sendfile", "waits for room", FILE_0, TO_WRITE, NULL},
	{"vmsplice", "waits for room", FILE_0, TO_WRITE, NULL},
	{"splice", "waits for data or room", FILE_0, TO_READ, NULL},
	{"tee", "waits for data or room", FILE_0, TO_READ, NULL},
	{"accept", "waits for a connection", FILE_0, 0, NULL},
	{"accept4", "waits for a connection", FILE_0, 0, NULL},
	{"connect", "waits to be accepted", BY_ROW, 0, sinew__address_object},
	{"open", "waits for the other side", BY_ROW, 0, sinew__open_object},
	{"openat", "waits for the other side", BY_ROW, 0, sinew__open_object},
	{"creat", "waits for the other side", BY_ROW, 0, sinew__open_object},
	{"openat2", "waits for the other side", BY_ROW, 0, sinew__open_object},
	{"flock", "waits for a lock", BY_ROW, 0, sinew__lock_object},
	{"fcntl", "waits for a lock", BY_ROW, 0, sinew__lock_object},
	{"futex", "waits for a word", FUTEX, 0, NULL},
	{"futex_wait", "waits for a word", FUTEX_NEW, 0, NULL},
	{"futex_waitv", "waits for one of several words", NOTHING, 0, NULL},
	{"semop", "waits for a semaphore", BY_ROW, 0, sinew__sem_object},
	{"semtimedop", "waits for a semaphore", BY_ROW, 0, sinew__sem_object},
	{"msgrcv", "waits for a message", BY_ROW, 0, sinew__queue_object},
	{"msgsnd", "waits for room", BY_ROW, 0, sinew__queue_object},
	{"mq_timedreceive", "waits for a message", FILE_0, TO_READ, NULL},
	{"mq_timedsend", "waits for room", FILE_0, TO_WRITE, NULL},
	{"wait4", "waits for a child", BY_ROW, 0, sinew__child_object},
	{"waitid", "waits for a child", BY_ROW, 0, sinew__child_object},
	{"vfork", "waits for its vfork child", BY_ROW, 0, sinew__vfork_object},
	{"clone", "waits for its vfork child", BY_ROW, 0, sinew__vfork_object},
	{"clone3", "waits for its vfork child", BY_ROW, 0, sinew__vfork_object},
	{"nanosleep", "sleeps", NOTHING, 0, NULL},
	{"clock_nanosleep", "sleeps", NOTHING, 0, NULL},
	/* one of those that end at some time, stopped and continued: which, is not told */
	{"restart_syscall", "waits for a time at most", NOTHING, 0, NULL},
	{"poll", "waits for events", BY_ROW, 0, sinew__poll_object},
	{"ppoll", "waits for events", BY_ROW, 0, sinew__poll_object},
	{"select", "waits for events", BY_ROW, 0, sinew__select_object},
	{"pselect6", "waits for events", BY_ROW, 0, sinew__select_object},
	{"epoll_wait", "waits for events", BY_ROW, 0, sinew__epoll_object},
	{"epoll_pwait", "waits for events", BY_ROW, 0, sinew__epoll_object},
	{"epoll_pwait2", "waits for events", BY_ROW, 0, sinew__epoll_object},
	{"io_uring_enter", "waits for completions", FILE_0, 0, NULL},
	{"io_getevents", "waits for completions", NOTHING, 0, NULL},
	{"io_pgetevents", "waits for completions", NOTHING, 0, NULL},
	{"pause", "waits for a signal", NOTHING, 0, NULL},
	{"rt_sigsuspend", "waits for a signal", NOTHING, 0, NULL},
	{"rt_sigtimedwait", "waits for a signal", BY_ROW, 0, sinew__signals_object},
	{"fsync", "waits for the disk", FILE_0, 0, NULL},
	{"fdatasync", "waits for the disk", FILE_0, 0, NULL},
	{"syncfs", "waits for the disk", FILE_0, 0, NULL},
	{"sync", "waits for the disk", NOTHING, 0, NULL},
	{"ioctl", "waits in the kernel", FILE_0, 0, NULL},
};

static void find_object(struct sinew__look *look, struct sinew__facts *facts, const struct row *row)
{
	switch (row->how) {
	case FILE_0:
		sinew__file_object(look, facts, (int32_t)facts->args[0], row->mode);
		break;
	case FUTEX:
		sinew__futex_object(look, facts, facts->args[0], (uint32_t)facts->args[1],
			(uint32_t)facts->args[2]);
		break;
	case FUTEX_NEW: /* its flags have a bit of their own for private ones */
		sinew__futex_object(look, facts, facts->args[0], (uint32_t)facts->args[3] & 128,
			facts->args[1]);
		break;
	case BY_ROW:
		row->find(look, facts);
		break;
	case NOTHING:
		break;
	}
}

static void explain_call(struct sinew__look *look, struct sinew__facts *facts)
{
	facts->cause = "waits in the kernel";
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].call, facts->call) == 0) {
			facts->cause = rows[i].cause;
			find_object(look, facts, &rows[i]);
			return;
		}
}

/* The stack of a 32-bit program lies below 4 GiB, and its calls have the numbers of another table. */
static bool is_narrow(const struct sinew__facts *facts)
{
	return sizeof(void *) == 8 && facts->stack < UINT64_C(1) << 32;
}

static void name_call(struct sinew__facts *facts)
{
	const char *name = is_narrow(facts) ? NULL : sinew__call_name(MACHINE, facts->number);

	facts->call = name ? name : facts->call_text;
	snprintf(facts->call_text, sizeof facts->call_text, "%scall %d",
		is_narrow(facts) ? "32-bit " : "", facts->number);
}

static void explain_none(struct sinew__facts *facts)
{
	facts->cause = "page fault";
	if (!*facts->wchan)
		sinew__proc_wchan(facts);
	if (strncmp(facts->wchan, "handle_userfault", 16) == 0)
		snprintf(facts->object, sizeof facts->object, "userfaultfd");
}

void sinew__explain(struct sinew__look *look, struct sinew__facts *facts)
{
	switch (facts->in) {
	case SINEW__IN_CALL:
		name_call(facts);
		explain_call(look, facts);
		break;
	case SINEW__IN_NONE:
		explain_none(facts);
		break;
	case SINEW__IN_RUNNING: /* it wakes whenever it is looked at */
	case SINEW__IN_UNKNOWN:
		facts->cause = facts->call = "unknown";
		snprintf(facts->object, sizeof facts->object, "unknown");
		break;
	}
}
