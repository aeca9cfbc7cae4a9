/* SPDX-License-Identifier: MIT
 *
 * unix_diag.c - the question and the answer, attribute by attribute.
 */
#include "unix_diag.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../../banned.h"

/* Abstract names begin with NUL, and may have more of them, shown as @. */
static void take_name(struct sinew__unix_said *said, const char *name, size_t size)
{
	if (size >= sizeof said->name)
		size = sizeof said->name - 1;
	memcpy(said->name, name, size);
	said->name[size] = '\0';
	const bool abstract = size && !said->name[0];
	for (size_t i = 0; abstract && i < size; i++)
		if (!said->name[i])
			said->name[i] = '@';
}

static void take_attribute(struct sinew__unix_said *said, const struct rtattr *at)
{
	const size_t size = RTA_PAYLOAD(at);
	struct unix_diag_vfs file;

	if (at->rta_type == UNIX_DIAG_NAME) {
		take_name(said, RTA_DATA(at), size);
	} else if (at->rta_type == UNIX_DIAG_PEER && size >= sizeof said->peer) {
		memcpy(&said->peer, RTA_DATA(at), sizeof said->peer);
	} else if (at->rta_type == UNIX_DIAG_VFS && size >= sizeof file) {
		memcpy(&file, RTA_DATA(at), sizeof file);
		said->file = file.udiag_vfs_ino;
	}
}

int sinew__unix_said(struct sinew__unix_said *said, const struct nlmsghdr *message)
{
	const struct unix_diag_msg *found = NLMSG_DATA(message);
	int left = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof *found);
	const struct rtattr *at = (const void *)(found + 1);

	*said = (struct sinew__unix_said){0};
	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || left < 0)
		return -EBADMSG;
	said->ino = found->udiag_ino;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		take_attribute(said, at);
	return 0;
}

struct sinew__unix_question sinew__unix_question(uint32_t ino)
{
	return (struct sinew__unix_question){
		.head = {.nlmsg_len = sizeof(struct sinew__unix_question),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | (ino ? 0 : NLM_F_DUMP)},
		.ask = {.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_ino = ino,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_VFS,
			.udiag_cookie = {UINT32_MAX, UINT32_MAX}},
	};
}
