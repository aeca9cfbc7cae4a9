/* SPDX-License-Identifier: MIT
 *
 * sockets.c - one sorted list for each network namespace that was asked for; read once, on demand.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../banned.h"
#include "../public_name.h"
#include "facts.h"
#include "files.h"
#include "spaces.h"

enum { SPACES = 16 };

struct space {
	char name[64]; /* "net:[4026531840]" */
	struct sinew__socket_list list;
};

struct sinew__sockets {
	char own[64];
	unsigned count;
	struct space spaces[SPACES];
};

struct sinew__socket *sinew__socket_add(struct sinew__socket_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		struct sinew__socket *rows = realloc(list->rows, room * sizeof *rows);
		if (!rows)
			return NULL;
		list->rows = rows;
		list->room = room;
	}
	struct sinew__socket *row = &list->rows[list->count++];
	*row = (struct sinew__socket){0};
	return row;
}

struct sinew__sockets *sinew__sockets_new(void)
{
	struct sinew__sockets *sockets = calloc(1, sizeof *sockets);

	if (sockets)
		sinew__read_link(sockets->own, sizeof sockets->own, "/proc/self/ns/net");
	return sockets;
}

void sinew__sockets_free(struct sinew__sockets *sockets)
{
	for (unsigned i = 0; sockets && i < sockets->count; i++)
		free(sockets->spaces[i].list.rows);
	free(sockets);
}

static int by_inode(const void *a, const void *b)
{
	const struct sinew__socket *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void read_space(struct space *space, bool own, uint32_t pid)
{
	struct sinew__socket_list *list = &space->list;
	char number[16];

	snprintf(number, sizeof number, "%" PRIu32, pid);
	list->evidence = SINEW__BY_NET;
	if (own && sinew__unix_ask(list) == 0) {
		list->evidence |= SINEW__BY_DIAG;
	} else {
		list->count = 0;
		sinew__unix_read(list, own ? "self" : number);
	}
	sinew__inet_read(list, own ? "self" : number);
	if (list->rows)
		qsort(list->rows, list->count, sizeof *list->rows, by_inode);
}

static struct space *space_of(struct sinew__sockets *sockets, uint32_t pid)
{
	char name[64];

	if (sinew__read_link(name, sizeof name, "/proc/%" PRIu32 "/ns/net", pid) < 0)
		return NULL;
	for (unsigned i = 0; i < sockets->count; i++)
		if (strcmp(sockets->spaces[i].name, name) == 0)
			return &sockets->spaces[i];
	if (sockets->count == SPACES)
		return NULL;
	struct space *space = &sockets->spaces[sockets->count++];
	snprintf(space->name, sizeof space->name, "%s", name);
	read_space(space, strcmp(name, sockets->own) == 0, pid);
	return space;
}

const struct sinew__socket *sinew__sockets_find(
	struct sinew__sockets *sockets, uint32_t pid, uint64_t ino, uint32_t *evidence)
{
	const struct sinew__socket key = {.ino = ino};
	struct space *space = space_of(sockets, pid);
	const struct sinew__socket *found;

	if (!space || !space->list.rows)
		return NULL;
	found = bsearch(&key, space->list.rows, space->list.count, sizeof key, by_inode);
	if (found)
		*evidence |= strcmp(found->scheme, "unix") == 0 &&
					     (space->list.evidence & SINEW__BY_DIAG)
				     ? (uint32_t)SINEW__BY_DIAG
				     : (uint32_t)SINEW__BY_NET;
	return found;
}

static bool is_reverse(const struct sinew__socket *a, const struct sinew__socket *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && a->ports[0] == b->ports[1] &&
	       a->ports[1] == b->ports[0] && a->six == b->six &&
	       memcmp(a->address, b->address + 16, 16) == 0 &&
	       memcmp(a->address + 16, b->address, 16) == 0;
}

const struct sinew__socket *sinew__sockets_peer(
	struct sinew__sockets *sockets, uint32_t pid, const struct sinew__socket *socket)
{
	struct space *space = space_of(sockets, pid);
	uint32_t evidence = 0;

	if (socket->peer)
		return sinew__sockets_find(sockets, pid, socket->peer, &evidence);
	for (size_t i = 0; space && socket->ports[1] && i < space->list.count; i++)
		if (is_reverse(socket, &space->list.rows[i]))
			return &space->list.rows[i];
	return NULL;
}

/* ---- names ---- */

static void put_address(const struct sinew__socket *socket, unsigned side, char *text, size_t room)
{
	char shown[INET6_ADDRSTRLEN];

	if (!inet_ntop(socket->six ? AF_INET6 : AF_INET, socket->address + 16 * side, shown,
		    sizeof shown))
		*shown = '\0';
	snprintf(text, room, socket->six ? "[%s]:%u" : "%s:%u", shown, socket->ports[side]);
}

static void put_unix(const struct sinew__socket *socket, char *text, size_t room)
{
	char name[sizeof socket->name];

	memcpy(name, socket->name, sizeof name);
	sinew__public_name(name, (uint32_t)socket->file);
	snprintf(text, room, "unix:%s", name);
}

void sinew__socket_text(struct sinew__sockets *sockets, uint32_t pid,
	const struct sinew__socket *socket, char *text, size_t room)
{
	char local[64], remote[64];

	if (strcmp(socket->scheme, "unix") == 0) {
		const struct sinew__socket *peer = sinew__sockets_peer(sockets, pid, socket);
		const struct sinew__socket *named =
			peer && sinew__called_by_peer(socket->name, peer->name) ? peer : socket;
		if (*named->name)
			put_unix(named, text, room);
		else
			snprintf(text, room, "unix:[%" PRIu64 "]", socket->ino);
		return;
	}
	put_address(socket, 0, local, sizeof local);
	put_address(socket, 1, remote, sizeof remote);
	snprintf(text, room, socket->ports[1] ? "%s:%s to %s" : "%s:%s", socket->scheme, local,
		remote);
}
