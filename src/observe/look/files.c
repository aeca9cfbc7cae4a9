/* SPDX-License-Identifier: MIT
 *
 * files.c - reading without waiting for what may be gone.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>

#include "../../banned.h"
#include "lines.h"

enum { NAME_ROOM = 4096 + 64, MOST = 64 << 20 };

static int open_named(const char *format, va_list args)
{
	char name[NAME_ROOM];
	int n = vsnprintf(name, sizeof name, format, args);

	if (n < 0 || n >= (int)sizeof name)
		return -ENAMETOOLONG;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Until `room` is full or the file ends. */
static ssize_t fill(int fd, char *text, size_t room)
{
	size_t used = 0;

	while (used < room) {
		ssize_t n = read(fd, text + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

ssize_t sinew__slurp(char *text, size_t room, const char *format, ...)
{
	va_list args;

	*text = '\0';
	va_start(args, format);
	LOOK_FD int fd = open_named(format, args);
	va_end(args);
	if (fd < 0)
		return fd;
	ssize_t n = fill(fd, text, room - 1);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

static char *grow(int fd, int *error)
{
	size_t room = 16384, used = 0;
	char *text = NULL;

	for (; room <= MOST; room *= 2) {
		char *more = realloc(text, room);
		*error = -ENOMEM;
		if (!more)
			break;
		text = more;
		ssize_t n = fill(fd, text + used, room - 1 - used);
		*error = (int)n;
		if (n < 0)
			break;
		used += (size_t)n;
		text[used] = '\0';
		if (used < room - 1)
			return text;
		*error = -EFBIG;
	}
	free(text);
	return NULL;
}

char *sinew__slurp_all(int *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	LOOK_FD int fd = open_named(format, args);
	va_end(args);
	*error = fd;
	return fd < 0 ? NULL : grow(fd, error);
}

ssize_t sinew__read_link(char *text, size_t room, const char *format, ...)
{
	char name[NAME_ROOM];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof name, format, args);
	va_end(args);
	ssize_t n = readlink(name, text, room - 1);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -errno : n;
}

uint32_t sinew__process_of(uint32_t tid)
{
	char text[4096];
	uint64_t pid;

	if (sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/status", tid) <= 0 ||
		!sinew__parse_field(text, "Tgid", &pid))
		return 0;
	return (uint32_t)pid;
}

int sinew__peek(uint32_t pid, uint64_t address, void *data, size_t size)
{
	struct iovec here = {data, size}, there = {(void *)(uintptr_t)address, size};
	ssize_t n = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

/* Up to the end of each page at a time: what comes after the NUL may not be mapped. */
int sinew__peek_text(uint32_t pid, uint64_t address, char *text, size_t room)
{
	for (size_t used = 0; used < room;) {
		size_t part = 4096 - (address + used) % 4096;
		if (part > room - used)
			part = room - used;
		int r = sinew__peek(pid, address + used, text + used, part);
		if (r < 0)
			return r;
		if (memchr(text + used, '\0', part))
			return 0;
		used += part;
	}
	return -ENAMETOOLONG;
}
