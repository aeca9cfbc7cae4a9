/* SPDX-License-Identifier: MIT
 *
 * wait_look.c - from /proc/PID/syscall to a descriptor, and from there to the file behind it.
 */
#include "wait_look.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "call_args.h"
#include "look/files.h"
#include "look/lines.h"
#include "state.h"

#include "../banned.h"

enum { ANONYMOUS = 0x09041934 };

/* How links to anonymous files begin. */
static const struct row {
	const char *link;
	enum sinew__anonymous kind;
} rows[] = {
	{"anon_inode:[eventfd]", SINEW__ANONYMOUS_EVENTFD},
	{"anon_inode:[eventpoll]", SINEW__ANONYMOUS_EPOLL},
	{"anon_inode:[timerfd]", SINEW__ANONYMOUS_TIMERFD},
	{"anon_inode:[signalfd]", SINEW__ANONYMOUS_SIGNALFD},
	{"anon_inode:inotify", SINEW__ANONYMOUS_INOTIFY},
	{"anon_inode:[userfaultfd]", SINEW__ANONYMOUS_USERFAULTFD},
	{"anon_inode:[io_uring]", SINEW__ANONYMOUS_URING},
	{"anon_inode:[pidfd]", SINEW__ANONYMOUS_PIDFD},
};

static enum sinew__anonymous kind_of(const char *path)
{
	char link[64];

	if (sinew__read_link(link, sizeof link, "%s", path) > 0)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (strncmp(link, rows[i].link, strlen(rows[i].link)) == 0)
				return rows[i].kind;
	return SINEW__ANONYMOUS_OTHER;
}

/* An eventfd has a number; others are told apart by where they were met. */
static uint32_t anonymous_detail(
	uint32_t tgid, uint32_t tid, const char *path, const struct sinew__wait *wait)
{
	enum sinew__anonymous kind = kind_of(path);
	char text[1024];
	uint64_t number = (tgid * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint32_t)wait->fd;

	if (kind == SINEW__ANONYMOUS_EVENTFD &&
		sinew__slurp(text, sizeof text,
			"/proc/%" PRIu32 "/task/%" PRIu32 "/fdinfo/%" PRId32, tgid, tid,
			wait->fd) > 0)
		sinew__parse_field(text, "eventfd-id", &number);
	return (uint32_t)kind << 24 | (uint32_t)(number & 0xffffff);
}

static void look_at_file(uint32_t tgid, uint32_t tid, struct sinew__wait *wait)
{
	char path[80];
	struct stat st;
	struct statfs fs;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task/%" PRIu32 "/fd/%" PRId32, tgid, tid,
		wait->fd);
	if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
		return;
	wait->magic = (uint32_t)fs.f_type;
	wait->dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	wait->ino = st.st_ino;
	if (wait->magic == ANONYMOUS)
		wait->detail = anonymous_detail(tgid, tid, path, wait);
}

static int32_t descriptor(uint32_t tid, const struct sinew__facts *facts)
{
	int32_t fd = -1;

	switch (sinew__call_args_of(facts->number) & SINEW__STATE_ARGUMENT) {
	case 1:
		return (int32_t)facts->args[0];
	case 2:
		return (int32_t)facts->args[1];
	case SINEW__STATE_POLLFD:
		return facts->args[1] && sinew__peek(tid, facts->args[0], &fd, sizeof fd) == 0 ? fd
											       : -1;
	default:
		return -1;
	}
}

static void fill(
	uint32_t tgid, uint32_t tid, const struct sinew__facts *facts, struct sinew__wait *wait)
{
	wait->call = facts->number;
	wait->arg0 = facts->args[0];
	wait->arg1 = (uint32_t)facts->args[1];
	wait->arg2 = (uint32_t)facts->args[2];
	wait->fd = descriptor(tid, facts);
	if (wait->fd >= 0)
		look_at_file(tgid, tid, wait);
}

enum sinew__wait_seen sinew__wait_look(uint32_t tgid, uint32_t tid, struct sinew__wait *wait)
{
	struct sinew__facts facts = {.number = -1};
	char text[512];

	*wait = SINEW__NO_WAIT;
	if (sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/task/%" PRIu32 "/syscall", tgid,
		    tid) <= 0 ||
		!sinew__parse_syscall(text, &facts))
		return SINEW__WAIT_HIDDEN;
	if (facts.in == SINEW__IN_RUNNING)
		return SINEW__WAIT_AWAKE;
	if (facts.in == SINEW__IN_NONE)
		return SINEW__WAIT_NO_CALL;
	fill(tgid, tid, &facts, wait);
	return SINEW__WAIT_CALL;
}

uint32_t sinew__wait_state(char letter)
{
	static const struct {
		char letter;
		uint32_t state;
	} states[] = {{'S', 1}, {'D', 2}, {'T', 4}, {'t', 8}, {'I', 0x402}, {'P', 0x40}};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (states[i].letter == letter)
			return states[i].state;
	return 0;
}
