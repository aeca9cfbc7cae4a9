/* SPDX-License-Identifier: MIT
 *
 * names_epoll.c - what an epoll set is called: by the sockets, pipes and files that are in it when it is first
 * waited for; of a large one, by the first that are. Events and timers, with which programs wake themselves,
 * do not name it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "names_inside.h"

#include "../banned.h"

enum { SHOWN = 3, LOOKED_AT = 16 };

struct members {
	unsigned count;
	bool more; /* than are told */
	char texts[SHOWN][SINEW__NAME_MOST];
};

/* The name of a descriptor; false: it names nothing, or nobody may see it. */
static bool name_member(uint32_t tid, int fd, char *text)
{
	char path[64], link[256];
	uint64_t ino;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/fd/%d", tid, fd);
	ssize_t length = readlink(path, link, sizeof link - 1);
	if (length <= 0)
		return false;
	link[length] = '\0';
	if (strncmp(link, "anon_inode:", 11) == 0)
		return false;
	if (sscanf(link, "socket:[%" SCNu64 "]", &ino) == 1)
		return sinew__name_any(tid, ino, text); /* not if it is gone by now */
	snprintf(text, SINEW__NAME_MOST, "%s", link);
	return true;
}

/* A listener and those who came to it have one name. */
static void add(struct members *members, const char *text)
{
	for (unsigned i = 0; i < members->count; i++)
		if (strcmp(members->texts[i], text) == 0)
			return;
	if (members->count < SHOWN)
		snprintf(members->texts[members->count++], SINEW__NAME_MOST, "%s", text);
	else
		members->more = true;
}

/* Cut where there is no room. */
static void put(char *text, const char *before, const char *words)
{
	size_t n = strlen(text);

	snprintf(text + n, SINEW__NAME_MOST - n, "%s%s", before, words);
}

bool sinew__name_epoll(uint32_t tid, int fd, char *text)
{
	struct members members = {0};
	char path[64], line[256], name[SINEW__NAME_MOST];
	unsigned looked = 0;
	int member;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/fdinfo/%d", tid, fd);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "tfd: %d", &member) != 1)
			continue;
		if (looked++ == LOOKED_AT) {
			members.more = true;
			break;
		}
		if (name_member(tid, member, name))
			add(&members, name);
	}
	fclose(file);
	if (!members.count)
		return false;
	snprintf(text, SINEW__NAME_MOST, "epoll of ");
	for (unsigned i = 0; i < members.count; i++)
		put(text, i ? ", " : "", members.texts[i]);
	if (members.more)
		put(text, " ", "and more");
	return true;
}
