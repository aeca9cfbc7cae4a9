/* SPDX-License-Identifier: MIT
 *
 * names_unix.c - what a Unix socket is called. The kernel is asked by the number of its inode
 * (sock_diag(7)), which knows the sockets of our own network namespace; the list in /proc/PID/net/unix has
 * those of another. An end without a name of its own is called by that of its peer, which it is connected
 * to.
 */
#include "names.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "names_inside.h"
#include "public_name.h"

#include "../banned.h"

enum { ANSWER = 8192 };

/* What the kernel said of one socket. */
struct answer {
	char name[SINEW__NAME_MOST];
	uint32_t peer; /* inode; 0: none, or not told */
	uint32_t file; /* the inode of its name; 0: it has none, or is not told */
};

/* A name that begins with NUL is abstract, which people write as @. */
static void take_name(struct answer *answer, const char *name, size_t length)
{
	if (length > sizeof answer->name - 1)
		length = sizeof answer->name - 1;
	memcpy(answer->name, name, length);
	answer->name[length] = '\0';
	if (length && *name == '\0')
		answer->name[0] = '@';
}

static void take_attributes(struct answer *answer, const struct nlmsghdr *message)
{
	const struct unix_diag_msg *socket = NLMSG_DATA(message);
	const struct rtattr *attribute = (const void *)(socket + 1);
	int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof *socket));

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == UNIX_DIAG_NAME)
			take_name(answer, RTA_DATA(attribute), RTA_PAYLOAD(attribute));
		else if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) == 4)
			memcpy(&answer->peer, RTA_DATA(attribute), 4);
		else if (attribute->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(attribute) >= 4)
			memcpy(&answer->file, RTA_DATA(attribute), 4);
	}
}

static bool ask(int fd, uint32_t ino, struct answer *answer)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req request;
	} question = {
		.head = {sizeof question, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
		.request = {.sdiag_family = AF_UNIX,
			.udiag_states = ~0u,
			.udiag_ino = ino,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_VFS,
			.udiag_cookie = {~0u, ~0u}},
	};
	_Alignas(struct nlmsghdr) char room[ANSWER];
	const struct nlmsghdr *message = (const void *)room;

	*answer = (struct answer){0};
	if (send(fd, &question, sizeof question, 0) != sizeof question)
		return false;
	ssize_t n = recv(fd, room, sizeof room, MSG_DONTWAIT);
	if (n < 0 || !NLMSG_OK(message, (size_t)n) || message->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	take_attributes(answer, message);
	return true;
}

/* Whether it is a Unix socket that can be seen from here; and its name, if it has one. */
static bool ask_kernel(uint32_t ino, char *text)
{
	struct answer own, peer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool known = fd >= 0 && ask(fd, ino, &own);

	if (known && !own.name[0] && own.peer && ask(fd, own.peer, &peer))
		own = peer;
	if (fd >= 0)
		close(fd);
	if (!known || !own.name[0])
		return known;
	sinew__public_name(own.name, own.file);
	snprintf(text, SINEW__NAME_MOST, "unix:%.500s", own.name);
	return true;
}

/* "00010000 00000001 … 8123 /run/a.sock" */
static bool look_into_list(uint32_t tid, uint64_t ino, char *text)
{
	char line[512], path[256];

	if (!sinew__name_line(tid, "unix", 6, ino, line, sizeof line))
		return false;
	if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %255[^\n]", path) == 1)
		snprintf(text, SINEW__NAME_MOST, "unix:%s", path);
	return true;
}

/* The numbers of sockets are the same in all namespaces: what is found is it. */
bool sinew__name_unix(uint32_t tid, uint64_t ino, char *text)
{
	snprintf(text, SINEW__NAME_MOST, "unix:[%" PRIu64 "]", ino);
	return ask_kernel((uint32_t)ino, text) || look_into_list(tid, ino, text);
}
