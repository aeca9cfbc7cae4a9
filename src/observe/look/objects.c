/* SPDX-License-Identifier: MIT
 *
 * objects.c - what a descriptor of another process leads to: a name that people know, and by what its
 * other side is found.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"
#include "lines.h"

enum { TO_READ = 4, TO_WRITE = 2, MQUEUE = 0x19800202, ROOM = SINEW__LOOK_OBJECT };

/* ---- anonymous ones ---- */

/* How a descriptor's link begins, what it is, and why one sleeps in reading it. */
static const struct row {
	const char *link;
	enum sinew__file_kind kind;
	const char *name, *cause;
} rows[] = {
	{"pipe:[", SINEW__FILE_PIPE, NULL, NULL},
	{"socket:[", SINEW__FILE_SOCKET, NULL, NULL},
	{"anon_inode:[eventfd]", SINEW__FILE_EVENTFD, "eventfd", "waits for an event"},
	{"anon_inode:[signalfd]", SINEW__FILE_OTHER, "signalfd", "waits for a signal"},
	{"anon_inode:[timerfd]", SINEW__FILE_OTHER, "timerfd", "sleeps"},
	{"anon_inode:[eventpoll]", SINEW__FILE_OTHER, "epoll set", NULL},
	{"anon_inode:inotify", SINEW__FILE_OTHER, "inotify", "waits for events"},
	{"anon_inode:[userfaultfd]", SINEW__FILE_OTHER, "userfaultfd", "waits for page faults"},
	{"anon_inode:[io_uring]", SINEW__FILE_OTHER, "io_uring", NULL},
	{"anon_inode:[pidfd]", SINEW__FILE_OTHER, "pidfd", NULL},
};

static const struct row *row_of(const char *link)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strncmp(rows[i].link, link, strlen(rows[i].link)) == 0)
			return &rows[i];
	return NULL;
}

static bool fdinfo(struct sinew__facts *facts, int32_t fd, char *text, size_t room)
{
	if (sinew__slurp(text, room, "/proc/%" PRIu32 "/task/%" PRIu32 "/fdinfo/%" PRId32,
		    facts->pid, facts->tid, fd) <= 0)
		return false;
	facts->evidence |= SINEW__BY_FDINFO;
	return true;
}

static void look_at_eventfd(struct sinew__facts *facts, int32_t fd, struct sinew__file *file)
{
	char text[1024];

	if (fdinfo(facts, fd, text, sizeof text) &&
		sinew__parse_field(text, "eventfd-id", &file->id))
		snprintf(file->text, ROOM, "eventfd:[%" PRIu64 "]", file->id);
}

/* "sigmask:	0000000000000200" */
static void look_at_signalfd(struct sinew__facts *facts, int32_t fd, struct sinew__file *file)
{
	char text[1024], names[ROOM - 16];
	const char *at;
	uint64_t mask;

	if (!fdinfo(facts, fd, text, sizeof text) || !(at = strstr(text, "sigmask:")) ||
		sscanf(at, "sigmask: %" SCNx64, &mask) != 1)
		return;
	sinew__signals_text(mask, names, sizeof names);
	snprintf(file->text, ROOM, "signalfd:[%s]", names);
}

/* ---- sockets ---- */

static void look_at_socket(
	struct sinew__look *look, struct sinew__facts *facts, struct sinew__file *file)
{
	uint64_t ino = strtoull(file->link + strlen("socket:["), NULL, 10);
	const struct sinew__socket *socket =
		sinew__sockets_find(look->sockets, facts->pid, ino, &facts->evidence);

	snprintf(file->text, ROOM, "socket:[%" PRIu64 "]", ino);
	if (!socket)
		return;
	const struct sinew__socket *peer = sinew__sockets_peer(look->sockets, facts->pid, socket);
	file->peer = peer ? peer->ino : 0;
	sinew__socket_text(look->sockets, facts->pid, socket, file->text, ROOM);
}

/* ---- what has a path ---- */

static void look_at_path(struct sinew__facts *facts, int32_t fd, struct sinew__file *file)
{
	char path[80];
	const char *scheme = "";
	struct statfs fs;
	struct stat st;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task/%" PRIu32 "/fd/%" PRId32, facts->pid,
		facts->tid, fd);
	if (stat(path, &st) == 0) {
		file->dev = st.st_dev;
		file->ino = st.st_ino;
		file->kind = S_ISFIFO(st.st_mode)  ? SINEW__FILE_FIFO
			     : S_ISREG(st.st_mode) ? SINEW__FILE_REGULAR
						   : SINEW__FILE_OTHER;
		if (S_ISFIFO(st.st_mode))
			scheme = "fifo:";
		else if (S_ISREG(st.st_mode) && statfs(path, &fs) == 0 &&
			 (unsigned long)fs.f_type == MQUEUE) {
			file->kind = SINEW__FILE_MQ;
			scheme = "mq:";
		}
	}
	size_t n = strlen(scheme);
	memcpy(file->text, scheme, n);
	sinew__read_link(file->text + n, ROOM - n, "%s", path);
}

/* Where the descriptor leads to, as a link; -errno. */
static ssize_t read_link(struct sinew__facts *facts, int32_t fd, char *link, size_t room)
{
	uint64_t pipe = (int32_t)facts->args[0] == fd ? facts->pipe_at_0 : 0,
		 socket = (int32_t)facts->args[0] == fd ? facts->socket_at_0 : 0;

	if (pipe || socket)
		return snprintf(link, room, "%s:[%" PRIu64 "]", pipe ? "pipe" : "socket",
			pipe ? pipe : socket);
	ssize_t n = facts->tid == facts->pid
			    ? sinew__read_link(
				      link, room, "/proc/%" PRIu32 "/fd/%" PRId32, facts->pid, fd)
			    : sinew__read_link(link, room,
				      "/proc/%" PRIu32 "/task/%" PRIu32 "/fd/%" PRId32, facts->pid,
				      facts->tid, fd);
	if (n >= 0)
		facts->evidence |= SINEW__BY_FD;
	return n;
}

bool sinew__file_look(
	struct sinew__look *look, struct sinew__facts *facts, int32_t fd, struct sinew__file *file)
{
	*file = (struct sinew__file){.kind = SINEW__FILE_OTHER, .fd = fd, .text = "unknown"};
	ssize_t n = read_link(facts, fd, file->link, sizeof file->link);
	if (n == -EACCES || n == -EPERM)
		facts->evidence |= SINEW__NO_RIGHT;
	if (n < 0)
		return false;
	const struct row *row = row_of(file->link);
	if (row)
		file->kind = row->kind;
	snprintf(file->text, ROOM, "%s", row && row->name ? row->name : file->link);
	if (*file->link == '/')
		look_at_path(facts, fd, file);
	else if (file->kind == SINEW__FILE_SOCKET)
		look_at_socket(look, facts, file);
	else if (file->kind == SINEW__FILE_EVENTFD)
		look_at_eventfd(facts, fd, file);
	else if (row && strcmp(file->text, "signalfd") == 0)
		look_at_signalfd(facts, fd, file);
	return true;
}

/* ---- and all of it ---- */

void sinew__file_want(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__file *file, unsigned mode)
{
	struct sinew__want want = {.mode = mode == TO_READ    ? TO_WRITE
					   : mode == TO_WRITE ? TO_READ
							      : 0};

	if (file->kind > SINEW__FILE_MQ)
		return;
	want.dev = file->dev;
	want.ino = file->ino;
	want.id = file->id;
	want.fd = file->fd;
	if (file->kind != SINEW__FILE_SOCKET)
		snprintf(want.link, sizeof want.link, "%s", file->link);
	else if (file->peer)
		snprintf(want.link, sizeof want.link, "socket:[%" PRIu64 "]", file->peer);
	if (*want.link)
		sinew__want(look, facts, &want);
}

void sinew__file_object(
	struct sinew__look *look, struct sinew__facts *facts, int32_t fd, unsigned mode)
{
	struct sinew__file file;
	const struct row *row;

	if (sinew__file_look(look, facts, fd, &file)) {
		row = row_of(file.link);
		if (row && row->cause && mode == TO_READ)
			facts->cause = row->cause;
		if (file.kind == SINEW__FILE_REGULAR && mode)
			facts->cause = "waits for the disk";
		if (mode)
			sinew__file_want(look, facts, &file, mode);
	}
	snprintf(facts->object, sizeof facts->object, "%s", file.text);
}
