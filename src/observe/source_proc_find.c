/* SPDX-License-Identifier: MIT
 *
 * source_proc_find.c - who is there? For a command or named processes: they, their children, and whoever
 * was known once, even if its parent is another one by now.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "fault.h"
#include "look/files.h"
#include "source_proc.h"

#include "../banned.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define OPEN_DIR(name_, path_) __attribute__((cleanup(close_dir))) DIR *name_ = opendir(path_)

static uint32_t number(const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	return isdigit((unsigned char)*name) && !*end && n <= INT32_MAX ? (uint32_t)n : 0;
}

static void meet_threads(struct sinew__proc_source *this, uint32_t tgid)
{
	char path[64];
	const struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", tgid);
	OPEN_DIR(dir, path);
	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name))
			sinew__proc_meet(this, tgid, number(entry->d_name));
}

static void visit(struct sinew__proc_source *this, uint32_t tgid);

/* "12 34 56 " */
static void visit_numbers(struct sinew__proc_source *this, const char *text)
{
	char *end;

	for (;; text = end) {
		unsigned long pid = strtoul(text, &end, 10);
		if (end == text || pid == 0 || pid > INT32_MAX)
			return;
		visit(this, (uint32_t)pid);
	}
}

static void visit_children(struct sinew__proc_source *this, uint32_t tgid)
{
	char path[64];
	const struct dirent *entry;
	int error;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", tgid);
	OPEN_DIR(dir, path);
	while (dir && (entry = readdir(dir))) {
		if (!number(entry->d_name))
			continue;
		LOOK_FREE char *text = sinew__slurp_all(
			&error, "/proc/%" PRIu32 "/task/%s/children", tgid, entry->d_name);
		if (text)
			visit_numbers(this, text);
	}
}

/* Once in each look. */
static void visit(struct sinew__proc_source *this, uint32_t tgid)
{
	struct sinew__seen *seen;

	if (tgid == this->self)
		return;
	meet_threads(this, tgid);
	seen = sinew__proc_known(this, tgid);
	if (!seen || seen->visit == this->visit)
		return;
	seen->visit = this->visit;
	visit_children(this, tgid);
}

static void find_descendants(struct sinew__proc_source *this)
{
	for (unsigned i = 0; i < this->root_count; i++)
		visit(this, this->roots[i]);
	for (unsigned i = 0; i < SINEW__SEEN_BUCKETS; i++)
		for (struct sinew__seen *seen = this->buckets[i]; seen; seen = seen->next)
			if (seen->who.tid == seen->who.tgid)
				visit(this, seen->who.tgid);
}

static void find_all(struct sinew__proc_source *this)
{
	const struct dirent *entry;
	OPEN_DIR(dir, "/proc");

	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name) && number(entry->d_name) != this->self)
			meet_threads(this, number(entry->d_name));
}

/* ---- cgroups ---- */

static void find_in_cgroup(struct sinew__proc_source *this, const char *path)
{
	char below[4096];
	const struct dirent *entry;
	int error;
	char *at, *text = sinew__slurp_all(&error, "%s/cgroup.procs", path);

	for (char *line = text ? strtok_r(text, "\n", &at) : NULL; line;
		line = strtok_r(NULL, "\n", &at))
		if (number(line) && number(line) != this->self)
			meet_threads(this, number(line));
	free(text);
	OPEN_DIR(dir, path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
			find_in_cgroup(this, below);
	}
}

int sinew__proc_find_cgroup(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return sinew__observe_fail(errno == ENOENT || errno == ENOTDIR ? ESRCH : errno,
			"cgroup %s: %s", path, strerror(errno));
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return sinew__observe_fail(
			EINVAL, "cgroup %s: is not a directory of a cgroup2 file system", path);
	return 0;
}

void sinew__proc_find(struct sinew__proc_source *this)
{
	this->visit++;
	if (this->source.request->scope == SINEW__SCOPE_ALL)
		find_all(this);
	else if (this->source.request->scope == SINEW__SCOPE_CGROUP)
		find_in_cgroup(this, this->source.request->cgroup);
	else
		find_descendants(this);
}
