/* SPDX-License-Identifier: MIT
 *
 * proc_find.c - who is there, by /proc: all, those of a cgroup, or some and their children.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "fault.h"
#include "look/files.h"
#include "proc_find.h"

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

static void meet_threads(struct sinew__find *find, uint32_t tgid)
{
	char path[64];
	const struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", tgid);
	OPEN_DIR(dir, path);
	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name))
			find->meet(find->arg, tgid, number(entry->d_name));
}

/* "12 34 56 " */
static void visit_numbers(struct sinew__find *find, const char *text)
{
	char *end;

	for (;; text = end) {
		unsigned long pid = strtoul(text, &end, 10);
		if (end == text || pid == 0 || pid > INT32_MAX)
			return;
		sinew__find_from(find, (uint32_t)pid);
	}
}

static void visit_children(struct sinew__find *find, uint32_t tgid)
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
			visit_numbers(find, text);
	}
}

void sinew__find_from(struct sinew__find *find, uint32_t tgid)
{
	if (tgid == find->self)
		return;
	meet_threads(find, tgid);
	if (find->is_new(find->arg, tgid))
		visit_children(find, tgid);
}

static void find_all(struct sinew__find *find)
{
	const struct dirent *entry;
	OPEN_DIR(dir, "/proc");

	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name) && number(entry->d_name) != find->self)
			meet_threads(find, number(entry->d_name));
}

/* ---- cgroups ---- */

static void find_in_cgroup(struct sinew__find *find, const char *path)
{
	char below[4096];
	const struct dirent *entry;
	int error;
	char *at, *text = sinew__slurp_all(&error, "%s/cgroup.procs", path);

	for (char *line = text ? strtok_r(text, "\n", &at) : NULL; line;
		line = strtok_r(NULL, "\n", &at))
		if (number(line) && number(line) != find->self)
			meet_threads(find, number(line));
	free(text);
	OPEN_DIR(dir, path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
			find_in_cgroup(find, below);
	}
}

static int check_cgroup(const char *path)
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

/* ---- what is asked for ---- */

int sinew__find_check(const struct sinew__request *request)
{
	if (request->scope == SINEW__SCOPE_CGROUP)
		return check_cgroup(request->cgroup);
	for (unsigned i = 0; i < request->pid_count; i++)
		if (kill((pid_t)request->pids[i], 0) < 0 && errno == ESRCH)
			return sinew__observe_fail(
				ESRCH, "no process has the number %u", request->pids[i]);
	return 0;
}

void sinew__find(struct sinew__find *find, const struct sinew__request *request)
{
	if (request->scope == SINEW__SCOPE_ALL)
		find_all(find);
	else if (request->scope == SINEW__SCOPE_CGROUP)
		find_in_cgroup(find, request->cgroup);
	for (unsigned i = 0; i < request->pid_count; i++)
		sinew__find_from(find, request->pids[i]);
}
