/* SPDX-License-Identifier: MIT
 *
 * pipe.c - two pipes, one each way, made before the fork.
 */
#include "raw.h"

#include <fcntl.h>
#include <unistd.h>

static void prepare(struct link *link)
{
	raw_check(pipe2(link->fds, O_CLOEXEC), "pipe2");
	raw_check(pipe2(link->fds + 2, O_CLOEXEC), "pipe2");
	for (unsigned i = 0; link->tuning.buffer && i < 4; i += 2)
		raw_check(fcntl(link->fds[i], F_SETPIPE_SZ, link->tuning.buffer), "F_SETPIPE_SZ");
}

static void join(struct link *link, enum role role)
{
	link->in = link->fds[role == SERVER ? 0 : 2];
	link->out = link->fds[role == SERVER ? 3 : 1];
	close(link->fds[role == SERVER ? 1 : 3]);
	close(link->fds[role == SERVER ? 2 : 0]);
}

const struct contender bare_pipe = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = raw_write,
	.recv = raw_read,
	.put = raw_put,
	.get = raw_get,
};
