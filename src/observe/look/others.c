/* SPDX-License-Identifier: MIT
 *
 * others.c - who is at the other side of what threads wait for: one walk over the descriptors of all
 * processes that we may see, for all that is wanted. A process whose descriptors we may not see could
 * hold it, too: then what was found is not all. We ourselves are left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"
#include "lines.h"

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

void sinew__want(
	struct sinew__look *look, const struct sinew__facts *facts, const struct sinew__want *want)
{
	if (!look->others_too)
		return;
	if (look->want_count == look->want_room) {
		size_t room = look->want_room ? 2 * look->want_room : 64;
		struct sinew__want *wants = realloc(look->wants, room * sizeof *wants);
		if (!wants)
			return;
		look->wants = wants;
		look->want_room = room;
	}
	look->wants[look->want_count] = *want;
	look->wants[look->want_count].hash = hash_of(want->link);
	look->wants[look->want_count++].thread = (uint32_t)(facts - look->threads);
}

void sinew__add_other(struct sinew__facts *facts, uint32_t tid)
{
	for (unsigned i = 0; i < facts->other_count; i++)
		if (facts->others[i] == tid)
			return;
	if (facts->other_count < SINEW__LOOK_OTHERS)
		facts->others[facts->other_count++] = tid;
	else
		facts->others_known = false;
}

/* A descriptor of a process. What is asked of it is asked once, however many want it. */
struct held {
	uint32_t pid, hash;
	int dir; /* open on /proc/PID/fd */
	const char *name, *link;
	bool has_link, has_file, has_id;
	struct stat as_link, file;
	uint64_t id;
};

/* The permissions of the link are those of the descriptor. */
static bool has_mode(struct held *held, unsigned mode)
{
	if (mode && !held->has_link)
		held->has_link =
			fstatat(held->dir, held->name, &held->as_link, AT_SYMLINK_NOFOLLOW) == 0;
	return !mode || (held->has_link && (held->as_link.st_mode >> 6 & mode) == mode);
}

static bool is_same_file(struct held *held, const struct sinew__want *want)
{
	if (want->ino && !held->has_file)
		held->has_file = fstatat(held->dir, held->name, &held->file, 0) == 0;
	return !want->ino ||
	       (held->has_file && held->file.st_ino == want->ino && held->file.st_dev == want->dev);
}

static bool is_same_event(struct held *held, const struct sinew__want *want)
{
	char text[1024];

	if (want->id && !held->has_id)
		held->has_id = sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/fdinfo/%s",
				       held->pid, held->name) > 0 &&
			       sinew__parse_field(text, "eventfd-id", &held->id);
	return !want->id || (held->has_id && held->id == want->id);
}

/* The descriptor that is waited on is no other side, also where it is open both ways. */
static bool is_own(
	const struct sinew__look *look, const struct held *held, const struct sinew__want *want)
{
	return look->threads[want->thread].pid == held->pid &&
	       strtol(held->name, NULL, 10) == want->fd;
}

static void match(struct sinew__look *look, struct held *held)
{
	for (size_t i = 0; i < look->want_count; i++) {
		const struct sinew__want *want = &look->wants[i];
		if (want->hash == held->hash && strcmp(want->link, held->link) == 0 &&
			!is_own(look, held, want) && is_same_file(held, want) &&
			is_same_event(held, want) && has_mode(held, want->mode))
			sinew__add_other(&look->threads[want->thread], held->pid);
	}
}

/* False: we may not see them. */
static bool walk(struct sinew__look *look, uint32_t pid)
{
	char path[40], link[sizeof look->wants->link];
	const struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ESRCH;
	while ((entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		struct held held = {.pid = pid,
			.hash = hash_of(link),
			.dir = dirfd(dir),
			.name = entry->d_name,
			.link = link};
		match(look, &held);
	}
	closedir(dir);
	return true;
}

void sinew__find_others(struct sinew__look *look)
{
	bool all = true;
	uint32_t last = 0;

	if (look->want_count == 0)
		return;
	for (size_t i = 0; i < look->want_count; i++)
		look->threads[look->wants[i].thread].others_known = true;
	for (size_t i = 0; i < look->count; i++) {
		const struct sinew__facts *facts = &look->threads[i];
		if (facts->pid == last || facts->kernel || facts->pid == (uint32_t)getpid())
			continue;
		last = facts->pid;
		all = walk(look, last) && all;
	}
	for (size_t i = 0; i < look->want_count && !all; i++)
		look->threads[look->wants[i].thread].others_known = false;
}
