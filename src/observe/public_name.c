/* SPDX-License-Identifier: MIT
 *
 * public_name.c - a socket keeps the name that it was bound to. sinew binds beside the name that it is to be
 * found by, and renames when it is ready: "/run/a.sock.9f1c2d" or "/run/a.sock.1000.new" (../path.c).
 */
#include "public_name.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "../banned.h"

enum { SALT = 6 };

/* Where such an end begins, a dot, or NULL. */
static char *private_end(char *path)
{
	static const char owner[] = ".new";
	const size_t size = strlen(path);
	char *end = strrchr(path, '.');

	if (!end)
		return NULL;
	if (strcmp(end, owner) != 0)
		return strspn(end + 1, "0123456789abcdef") == SALT && !end[1 + SALT] ? end : NULL;
	char *at = path + size - strlen(owner);
	while (at > path && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return at > path && at[-1] == '.' && at < end ? at - 1 : NULL;
}

void sinew__public_name(char *path, uint32_t file)
{
	struct stat st;
	char *end = *path == '/' && file ? private_end(path) : NULL;

	if (!end)
		return;
	*end = '\0';
	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || (uint32_t)st.st_ino != file)
		*end = '.';
}

static bool is_of_the_kernel(const char *name)
{
	enum { DIGITS = 5 };

	return *name == '@' && strspn(name + 1, "0123456789abcdef") == DIGITS && !name[1 + DIGITS];
}

bool sinew__called_by_peer(const char *own, const char *peer)
{
	return *peer && (!*own || (is_of_the_kernel(own) && !is_of_the_kernel(peer)));
}

void sinew__ring_name(const char *path, char *text, size_t room)
{
	static const char shm[] = "/dev/shm/", memfd[] = "/memfd:";

	if (strncmp(path, memfd, strlen(memfd)) == 0)
		snprintf(text, room, "ring:memfd");
	else if (strncmp(path, shm, strlen(shm)) == 0)
		snprintf(text, room, "ring:shm:%.256s", path + strlen(shm) - 1);
	else
		snprintf(text, room, "ring:file:%.256s", path);
}
