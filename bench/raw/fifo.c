/* SPDX-License-Identifier: MIT
 *
 * fifo.c - two FIFOs in the private directory, one each way.
 */
#include "raw.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static void name(const struct link *link, const char *way, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/bare-%s", link->directory, way);
}

static int open_way(const struct link *link, const char *way, int flags)
{
	char path[PATH_MAX];
	int fd;

	name(link, way, path);
	fd = raw_check(open(path, flags | O_CLOEXEC), path);
	if (link->tuning.buffer)
		raw_check(fcntl(fd, F_SETPIPE_SZ, link->tuning.buffer), "F_SETPIPE_SZ");
	return fd;
}

static void prepare(struct link *link)
{
	char path[PATH_MAX];

	name(link, "there", path);
	raw_check(mkfifo(path, 0600), path);
	name(link, "back", path);
	raw_check(mkfifo(path, 0600), path);
}

/* Both open "there" first: an open waits for the other side. */
static void join(struct link *link, enum role role)
{
	if (role == SERVER) {
		link->in = open_way(link, "there", O_RDONLY);
		link->out = open_way(link, "back", O_WRONLY);
	} else {
		link->out = open_way(link, "there", O_WRONLY);
		link->in = open_way(link, "back", O_RDONLY);
	}
}

const struct contender bare_fifo = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = raw_write,
	.recv = raw_read,
	.put = raw_put,
	.get = raw_get,
};
