/* SPDX-License-Identifier: MIT
 *
 * names_unix.c - what a Unix socket is called. The kernel is asked by the number of its inode
 * (sock_diag(7)), which knows the sockets of our own network namespace; the list in /proc/PID/net/unix has
 * those of another. An end without a name of its own, or with one of the kernel's choice, is called by that
 * of its peer, which it is connected to.
 */
#include "names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "look/unix_diag.h"
#include "names_inside.h"
#include "public_name.h"

#include "../banned.h"

enum { ANSWER = 8192 };

static bool ask(int fd, uint32_t ino, struct sinew__unix_said *said)
{
	const struct sinew__unix_question question = sinew__unix_question(ino);
	_Alignas(struct nlmsghdr) char room[ANSWER];
	const struct nlmsghdr *message = (const void *)room;

	if (send(fd, &question, sizeof question, 0) != sizeof question)
		return false;
	ssize_t n = recv(fd, room, sizeof room, MSG_DONTWAIT);
	return n >= 0 && NLMSG_OK(message, (size_t)n) && sinew__unix_said(said, message) == 0;
}

/* Whether it is a Unix socket that can be seen from here; and its name, if it has one. */
static bool ask_kernel(uint32_t ino, char *text)
{
	struct sinew__unix_said own, peer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool known = fd >= 0 && ask(fd, ino, &own);

	if (known && own.peer && ask(fd, own.peer, &peer) &&
		sinew__called_by_peer(own.name, peer.name))
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
