/* SPDX-License-Identifier: MIT
 *
 * unix_list.c - all Unix sockets: the kernel is asked (sock_diag(7)), which tells the other ends, too; else
 * /proc/PID/net/unix is read, which does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "../../banned.h"
#include "files.h"
#include "spaces.h"

/* ---- asked ---- */

/* Abstract names begin with NUL, and may have more of them, shown as @. */
static void take_name(struct sinew__socket *row, const char *name, size_t size)
{
	if (size >= sizeof row->name)
		size = sizeof row->name - 1;
	memcpy(row->name, name, size);
	row->name[size] = '\0';
	const bool abstract = size && !row->name[0];
	for (size_t i = 0; abstract && i < size; i++)
		if (!row->name[i])
			row->name[i] = '@';
}

static void take_attribute(struct sinew__socket *row, const struct rtattr *at)
{
	const size_t size = RTA_PAYLOAD(at);
	struct unix_diag_vfs file;
	uint32_t peer;

	if (at->rta_type == UNIX_DIAG_NAME) {
		take_name(row, RTA_DATA(at), size);
	} else if (at->rta_type == UNIX_DIAG_PEER && size >= sizeof peer) {
		memcpy(&peer, RTA_DATA(at), sizeof peer);
		row->peer = peer;
	} else if (at->rta_type == UNIX_DIAG_VFS && size >= sizeof file) {
		memcpy(&file, RTA_DATA(at), sizeof file);
		row->file = file.udiag_vfs_ino;
	}
}

static int take_socket(struct sinew__socket_list *list, const struct nlmsghdr *message)
{
	const struct unix_diag_msg *found = NLMSG_DATA(message);
	int left = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof *found);
	const struct rtattr *at = (const void *)(found + 1);
	struct sinew__socket *row = left < 0 ? NULL : sinew__socket_add(list);

	if (!row)
		return -ENOMEM;
	row->ino = found->udiag_ino;
	row->scheme = "unix";
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		take_attribute(row, at);
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
	struct {
		struct nlmsghdr head;
		struct unix_diag_req ask;
	} request = {{.nlmsg_len = sizeof request,
			     .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		{.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_VFS}};
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
