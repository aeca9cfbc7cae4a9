/* SPDX-License-Identifier: MIT
 *
 * tracefs.c - an instance in tracefs, made and removed again. The file system need not be mounted: it is
 * taken from the kernel as it is (fsopen(2)), and only looked for where people mount it if that fails.
 *
 * Whoever is killed leaves an instance behind. The kernel lets its buffer go and stops it (free_buffer with
 * disable_on_free); the next one of us removes it.
 */
#include "tracefs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

#include "../banned.h"

#define PREFIX "sinew-"

/* ---- the file system ---- */

static int take_from_kernel(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC), fd = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	int error = errno;
	if (context >= 0)
		close(context);
	errno = error;
	return fd;
}

static int find_mounted(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	struct stat st;

	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && fstatat(fd, "instances", &st, 0) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static int open_root(struct sinew__tracefs *fs)
{
	fs->root = take_from_kernel();
	int error = errno;
	if (fs->root < 0)
		fs->root = find_mounted();
	if (fs->root >= 0)
		return 0;
	if (error == EPERM || error == EACCES)
		return sinew__observe_fail(
			error, "the kernel's tracer needs root, or the capability CAP_SYS_ADMIN");
	if (error == ENODEV || error == ENOSYS)
		return sinew__observe_fail(error, "this kernel has no tracefs, or it is not "
						  "mounted at /sys/kernel/tracing");
	return sinew__observe_fail(error, "tracefs: %s", strerror(error));
}

/* ---- instances ---- */

static bool is_dead(const char *name)
{
	size_t n = strlen(PREFIX);
	char *end;

	if (strncmp(name, PREFIX, n) != 0)
		return false;
	long pid = strtol(name + n, &end, 10);
	return pid > 0 && !*end && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static void remove_dead(const struct sinew__tracefs *fs)
{
	int fd = openat(fs->root, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)))
		if (is_dead(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
}

static int make(struct sinew__tracefs *fs)
{
	snprintf(fs->name, sizeof fs->name, "instances/" PREFIX "%d", (int)getpid());
	if (mkdirat(fs->root, fs->name, 0700) < 0) {
		int error = errno;
		fs->name[0] = '\0';
		return sinew__observe_fail(
			error, "an instance of the kernel's tracer: %s", strerror(error));
	}
	fs->instance = openat(fs->root, fs->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->instance < 0)
		return sinew__observe_fail(errno, "tracefs: %s", strerror(errno));
	return 0;
}

static int set_up(struct sinew__tracefs *fs, unsigned long kib)
{
	char size[32];

	snprintf(size, sizeof size, "%lu", kib ? kib : 1);
	int r = sinew__tracefs_write(fs, "tracing_on", "0");
	if (r == 0 && sinew__tracefs_write(fs, "trace_clock", "mono") < 0)
		return sinew__observe_fail(
			ENOTSUP, "this kernel's tracer has no clock that counts as others do");
	if (r == 0)
		r = sinew__tracefs_write(fs, "buffer_size_kb", size);
	if (r < 0)
		return sinew__observe_fail(-r, "tracefs: %s", strerror(-r));
	if (sinew__tracefs_write(fs, "options/disable_on_free", "1") == 0)
		fs->keeper = openat(fs->instance, "free_buffer", O_WRONLY | O_CLOEXEC);
	return 0;
}

int sinew__tracefs_open(struct sinew__tracefs *fs, unsigned long kib)
{
	*fs = (struct sinew__tracefs){.root = -1, .instance = -1, .keeper = -1};
	int r = open_root(fs);

	if (r == 0) {
		remove_dead(fs);
		r = make(fs);
	}
	if (r == 0)
		r = set_up(fs, kib);
	if (r < 0)
		sinew__tracefs_close(fs);
	return r;
}

void sinew__tracefs_close(struct sinew__tracefs *fs)
{
	if (fs->instance >= 0) {
		sinew__tracefs_write(fs, "tracing_on", "0");
		close(fs->instance);
	}
	if (fs->keeper >= 0)
		close(fs->keeper);
	if (fs->name[0])
		unlinkat(fs->root, fs->name, AT_REMOVEDIR);
	if (fs->root >= 0)
		close(fs->root);
	*fs = (struct sinew__tracefs){.root = -1, .instance = -1, .keeper = -1};
}

/* ---- files ---- */

int sinew__tracefs_write(const struct sinew__tracefs *fs, const char *file, const char *text)
{
	int fd = openat(fs->instance, file, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(text);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, size);
	int error = n < 0 ? errno : EIO;
	close(fd);
	return n == (ssize_t)size ? 0 : -error;
}

ssize_t sinew__tracefs_format(
	const struct sinew__tracefs *fs, const char *event, char *text, size_t room)
{
	char path[96];

	snprintf(path, sizeof path, "events/%s/format", event);
	int fd = openat(fs->instance, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, room - 1);
	int error = errno;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -error : n;
}

int sinew__tracefs_pages(const struct sinew__tracefs *fs, unsigned cpu)
{
	char path[64];

	snprintf(path, sizeof path, "per_cpu/cpu%u/trace_pipe_raw", cpu);
	int fd = openat(fs->instance, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
