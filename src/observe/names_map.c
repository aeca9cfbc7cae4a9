/* SPDX-License-Identifier: MIT
 *
 * names_map.c - which file is mapped where a thread waits on a word in shared memory: what it shares with
 * others has a name, and one of sinew's rings is known by its first bytes.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "names_inside.h"
#include "public_name.h"

#include "../banned.h"

enum { TMPFS = 0x01021994, LINE = 4096 + 128 };

/* "7f00…-7f01… rw-s 00000000 00:1a 8123    /dev/shm/quotes" */
struct mapping {
	uint64_t from, to, offset, ino;
	unsigned major, minor;
	char may_share;
	const char *path;
};

static bool parse(const char *line, struct mapping *at)
{
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*3s%c %" SCNx64 " %x:%x %" SCNu64 " %n",
		    &at->from, &at->to, &at->may_share, &at->offset, &at->major, &at->minor,
		    &at->ino, &path) != 7)
		return false;
	at->path = line + path;
	return true;
}

static bool find_mapping(uint32_t tid, uint64_t address, char *line, struct mapping *at)
{
	char path[64];
	bool found = false;

	snprintf(path, sizeof path, "/proc/%u/maps", tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	line[0] = '\0'; /* the dead have no line */
	while (!found && fgets(line, LINE, file))
		found = parse(line, at) && at->from <= address && address < at->to;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return found && at->may_share == 's' && at->ino;
}

static bool is_ring(uint32_t tid, const struct mapping *at)
{
	char first[8];
	struct iovec here = {first, sizeof first}, there = {(void *)(uintptr_t)at->from, 8};

	return at->offset == 0 && process_vm_readv((pid_t)tid, &here, 1, &there, 1, 0) == 8 &&
	       memcmp(first, "snewring", 8) == 0;
}

static uint32_t magic_of(uint32_t tid, const struct mapping *at)
{
	char path[96];
	struct statfs fs;

	snprintf(path, sizeof path, "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, tid, at->from,
		at->to);
	return statfs(path, &fs) == 0 && fs.f_type ? (uint32_t)fs.f_type : TMPFS;
}

/* A memfd's name ends in " (deleted)", as its file has none. */
static void put_name(const char *path, char *text)
{
	static const char shm[] = "/dev/shm/", memfd[] = "/memfd:", deleted[] = " (deleted)";
	size_t length = strlen(path), end = strlen(deleted);

	if (strncmp(path, shm, strlen(shm)) == 0) {
		snprintf(text, SINEW__NAME_MOST, "shm:%s", path + strlen(shm) - 1);
	} else if (strncmp(path, memfd, strlen(memfd)) == 0) {
		if (length > end && strcmp(path + length - end, deleted) == 0)
			length -= end;
		snprintf(text, SINEW__NAME_MOST, "memfd:%.*s", (int)(length - strlen(memfd)),
			path + strlen(memfd));
	} else {
		snprintf(text, SINEW__NAME_MOST, "file:%s", path);
	}
}

bool sinew__name_mapped(uint32_t tid, uint64_t address, struct sinew__mapped *mapped, char *text)
{
	char *line = malloc(LINE);
	struct mapping at;
	bool found = line && find_mapping(tid, address, line, &at);

	if (found) {
		*mapped = (struct sinew__mapped){
			at.ino, magic_of(tid, &at), at.major << 20 | at.minor};
		if (is_ring(tid, &at))
			sinew__ring_name(at.path, text, SINEW__NAME_MOST);
		else
			put_name(at.path, text);
	}
	free(line);
	return found;
}
