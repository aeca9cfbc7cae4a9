/* SPDX-License-Identifier: MIT
 *
 * unix_list.c - all Unix sockets: the kernel is asked (sock_diag(7)), which tells the other ends, too; else
 * /proc/PID/net/unix is read, which does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "../../banned.h"
#include "files.h"
#include "spaces.h"
#include "unix_diag.h"

/* ---- asked ---- */

static int take_socket(struct sinew__socket_list *list, const struct nlmsghdr *message)
{
	struct sinew__unix_said said;

	if (sinew__unix_said(&said, message) < 0)
		return -EIO;
	struct sinew__socket *row = sinew__socket_add(list);
	if (!row)
		return -ENOMEM;
	row->ino = said.ino;
	row->scheme = "unix";
	row->peer = said.peer;
	row->file = said.file;
	snprintf(row->name, sizeof row->name, "%s", said.name);
	return 0;
}

/* 1: more will come, 0: that was all, -errno. */
static int take_answer(struct sinew__socket_list *list, const void *data, size_t size)
{
	const struct nlmsghdr *message = data;
	int r = 0;

	for (; NLMSG_OK(message, size) && r == 0; message = NLMSG_NEXT(message, size)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		r = take_socket(list, message);
	}
	return r < 0 ? r : 1;
}

int sinew__unix_ask(struct sinew__socket_list *list)
{
	const struct sinew__unix_question request = sinew__unix_question(0);
	enum { ROOM = 65536 };
	LOOK_FREE void *data = malloc(ROOM);
	LOOK_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r = 1;

	if (!data || fd < 0 || send(fd, &request, sizeof request, 0) < 0)
		return data ? -errno : -ENOMEM;
	while (r > 0) {
		ssize_t n = recv(fd, data, ROOM, 0);
		if (n < 0 && errno == EINTR)
			continue;
		r = n <= 0 ? -EIO : take_answer(list, data, (size_t)n);
	}
	return r;
}

/* ---- read ---- */

/* "ffff: 00000002 00000000 00010000 0001 01 8123 /run/a.sock" */
static void take_line(struct sinew__socket_list *list, char *line)
{
	uint64_t ino;
	int end = 0;

	if (sscanf(line, "%*s %*s %*s %*s %*s %*s %" SCNu64 "%n", &ino, &end) != 1)
		return;
	struct sinew__socket *row = sinew__socket_add(list);
	if (!row)
		return;
	row->ino = ino;
	row->scheme = "unix";
	if (line[end] == ' ')
		snprintf(row->name, sizeof row->name, "%s", line + end + 1);
}

void sinew__unix_read(struct sinew__socket_list *list, const char *pid)
{
	int error;
	char *rest, *line;
	LOOK_FREE char *text = sinew__slurp_all(&error, "/proc/%s/net/unix", pid);

	if (!text)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(list, line);
}
