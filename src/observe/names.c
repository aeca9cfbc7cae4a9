/* SPDX-License-Identifier: MIT
 *
 * names.c - objects by their names: what /proc/PID/fd/N leads to, and for sockets what the lists of
 * their network namespace say. The number of the inode is compared, since the descriptor may be another
 * by now: a name that is not certain is not told.
 */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names_inside.h"
#include "source.h"

#include "../banned.h"

enum {
	SLOTS = 1 << 14, /* a power of two */
	MOST = SLOTS / 2,
	TEXT = SINEW__NAME_MOST,
	PLACES = 1 << 10, /* a power of two */
	PIPEFS = 0x50495045,
	SOCKFS = 0x534f434b,
	ANONYMOUS = 0x09041934,
	MQUEUE = 0x19800202,
};

struct key {
	uint64_t ino;
	uint32_t magic, dev, detail;
	uint32_t used;
};

/* Where a thread waited on a word in memory, and what is mapped there. */
struct place {
	struct sinew__who who;
	uint64_t address;
	struct sinew__mapped mapped; /* magic 0: nothing that is shared */
};

struct sinew__names {
	unsigned count;
	struct key keys[SLOTS];
	struct place places[PLACES];
	union {
		struct sinew__object_name record;
		char room[sizeof(struct sinew__object_name) + TEXT];
	} told;
};

struct sinew__names *sinew__names_open(void)
{
	return calloc(1, sizeof(struct sinew__names));
}

void sinew__names_close(struct sinew__names *names)
{
	free(names);
}

/* Whether it is the first time. */
static bool is_new(struct sinew__names *names, const struct sinew__wait *wait)
{
	uint64_t hash = (wait->ino ^ (uint64_t)wait->dev << 40 ^ (uint64_t)wait->detail << 20) *
			0x9e3779b97f4a7c15u;
	uint32_t detail = wait->magic == ANONYMOUS ? wait->detail : 0;
	struct key key = {wait->ino, wait->magic, wait->dev, detail, 1};

	for (unsigned i = (unsigned)(hash >> 50);; i = (i + 1) % SLOTS) {
		struct key *slot = &names->keys[i % SLOTS];
		if (!slot->used) {
			if (names->count == MOST)
				return false;
			names->count++;
			*slot = key;
			return true;
		}
		if (memcmp(slot, &key, sizeof key) == 0)
			return false;
	}
}

/* ---- sockets ---- */

/* The line of a list in /proc/net whose inode stands in this column. */
bool sinew__name_line(
	uint32_t tid, const char *list, unsigned column, uint64_t ino, char *line, int size)
{
	char path[64];
	bool found = false;

	snprintf(path, sizeof path, "/proc/%u/net/%s", tid, list);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, size, file)) {
		const char *at = line;
		for (unsigned i = 0; i < column; i++) {
			at += strspn(at, " \t");
			at += strcspn(at, " \t\n");
		}
		found = strtoull(at, NULL, 10) == ino;
	}
	fclose(file);
	return found;
}

/* "0100007F:1B58": the address as the machine stores it, the port in plain hexadecimal. */
static bool name_inet4(const char *scheme, const char *line, char *text)
{
	unsigned from, to, from_port, to_port;

	if (sscanf(line, "%*s %x:%x %x:%x", &from, &from_port, &to, &to_port) != 4)
		return false;
	const unsigned char *a = (const unsigned char *)&from, *b = (const unsigned char *)&to;
	int n = snprintf(
		text, TEXT, "%s:%u.%u.%u.%u:%u", scheme, a[0], a[1], a[2], a[3], from_port);
	if (to_port)
		snprintf(text + n, TEXT - (size_t)n, " to %u.%u.%u.%u:%u", b[0], b[1], b[2], b[3],
			to_port);
	return true;
}

/* Four words, each as the machine stores it: "[::1]:7000". */
static bool put_inet6(const char *digits, unsigned port, char *text, size_t room)
{
	uint32_t words[4];
	char plain[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < 4; i++)
		if (sscanf(digits + (size_t)8 * i, "%8" SCNx32, &words[i]) != 1)
			return false;
	if (!inet_ntop(AF_INET6, words, plain, sizeof plain))
		return false;
	snprintf(text, room, "[%s]:%u", plain, port);
	return true;
}

static bool name_inet6(const char *scheme, const char *line, char *text)
{
	char from[33], to[33], here[64], there[64];
	unsigned from_port, to_port;

	if (sscanf(line, "%*s %32[0-9A-F]:%x %32[0-9A-F]:%x", from, &from_port, to, &to_port) !=
			4 ||
		strlen(from) != 32 || strlen(to) != 32 ||
		!put_inet6(from, from_port, here, sizeof here) ||
		!put_inet6(to, to_port, there, sizeof there))
		return false;
	snprintf(
		text, TEXT, "%s:%s%s%s", scheme, here, to_port ? " to " : "", to_port ? there : "");
	return true;
}

static bool name_inet(uint32_t tid, uint64_t ino, unsigned type, bool six, char *text)
{
	const char *scheme = type == SOCK_STREAM ? "tcp" : "udp";
	char list[8], line[512];

	snprintf(list, sizeof list, "%s%s", scheme, six ? "6" : "");
	if (!sinew__name_line(tid, list, 9, ino, line, sizeof line))
		return false;
	return six ? name_inet6(scheme, line, text) : name_inet4(scheme, line, text);
}

/* Who looked from outside does not know the kind. */
bool sinew__name_any(uint32_t tid, uint64_t ino, char *text)
{
	for (unsigned i = 0; i < 4; i++)
		if (name_inet(tid, ino, i & 2 ? SOCK_DGRAM : SOCK_STREAM, i & 1, text))
			return true;
	return sinew__name_unix(tid, ino, text);
}

static bool name_socket(uint32_t tid, const struct sinew__wait *wait, char *text)
{
	unsigned family = wait->detail >> 16, type = wait->detail & 0xffff;

	switch (family) {
	case AF_UNSPEC:
		return sinew__name_any(tid, wait->ino, text);
	case AF_UNIX:
		sinew__name_unix(tid, wait->ino, text);
		return true;
	case AF_INET:
	case AF_INET6:
		return name_inet(tid, wait->ino, type, family == AF_INET6, text);
	default:
		return false;
	}
}

/* ---- files ---- */

static bool name_file(uint32_t tid, const struct sinew__wait *wait, char *text)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%u/fd/%d", tid, wait->fd);
	if (stat(path, &st) < 0 || st.st_ino != wait->ino)
		return false;
	const char *scheme = wait->magic == MQUEUE ? "mq:" : S_ISFIFO(st.st_mode) ? "fifo:" : "";
	if (wait->magic == PIPEFS || wait->magic == ANONYMOUS)
		scheme = "";
	size_t n = strlen(scheme);
	memcpy(text, scheme, n);
	ssize_t length = readlink(path, text + n, TEXT - 1 - n);
	if (length <= 0)
		return false;
	text[n + (size_t)length] = '\0';
	return true;
}

static bool find_name(uint32_t tid, const struct sinew__wait *wait, char *text)
{
	struct sinew__mapped mapped;

	if (wait->magic == SOCKFS && name_socket(tid, wait, text))
		return true;
	if (wait->fd < 0)
		return sinew__name_mapped(tid, wait->arg0, &mapped, text) &&
		       mapped.ino == wait->ino;
	if (wait->magic == ANONYMOUS && wait->detail >> 24 == SINEW__ANONYMOUS_EPOLL &&
		sinew__name_epoll(tid, wait->fd, text))
		return true;
	return name_file(tid, wait, text);
}

/* ---- words in shared memory ---- */

static bool waits_on_shared_word(const struct sinew__wait *wait)
{
	unsigned command = wait->arg1 & (unsigned)FUTEX_CMD_MASK;

	return wait->state && wait->call == SYS_futex && !(wait->arg1 & FUTEX_PRIVATE_FLAG) &&
	       (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI);
}

void sinew__names_place(
	struct sinew__names *names, const struct sinew__who *who, struct sinew__wait *wait)
{
	char text[TEXT];

	if (wait->magic || !waits_on_shared_word(wait))
		return;
	uint64_t hash = (wait->arg0 ^ (uint64_t)who->tid << 40) * 0x9e3779b97f4a7c15u;
	struct place *place = &names->places[hash >> 54];
	if (place->address != wait->arg0 || place->who.tid != who->tid ||
		place->who.start != who->start) {
		*place = (struct place){*who, wait->arg0, {0}};
		if (!sinew__name_mapped(who->tid, wait->arg0, &place->mapped, text))
			place->mapped = (struct sinew__mapped){0};
	}
	wait->magic = place->mapped.magic;
	wait->dev = place->mapped.dev;
	wait->ino = place->mapped.ino;
}

const struct sinew__record *sinew__names_look(
	struct sinew__names *names, const struct sinew__who *who, const struct sinew__wait *wait)
{
	struct sinew__object_name *told = &names->told.record;
	char *text = told->text;

	if (!wait->magic || !is_new(names, wait))
		return NULL;
	memset(&names->told, 0, sizeof names->told);
	if (!find_name(who->tid, wait, text))
		return NULL;
	told->length = (uint32_t)strlen(text);
	told->head = (struct sinew__record){SINEW__RECORD_OBJECT,
		(uint16_t)(sizeof *told + (told->length + 7) / 8 * 8), 0, 0, sinew__observe_now()};
	told->magic = wait->magic;
	told->dev = wait->dev;
	told->ino = wait->ino;
	told->detail = wait->detail;
	return &told->head;
}
