/* SPDX-License-Identifier: MIT
 *
 * life.c - a child's life: made, run, ended, reaped. Parent and child read the same clock and write into memory
 * that both have; what a contender calls its use is one stretch between two of these times.
 *
 * The child is bound to the CPU of its parent, as both are where a parent makes one to wait for it: it runs when
 * the parent gives way.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"
#include "crew.h"
#include "play.h"

/* Each in ns; later ones are not before earlier ones, but the parent may go on after the child has run. */
struct life {
	uint64_t called;    /* the parent calls fork() or posix_spawn() */
	uint64_t returned;  /* it has returned there */
	uint64_t first_run; /* the first thing that the child does */
	uint64_t leaving;   /* the last one */
	uint64_t reaped;
};

static void prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct life));
}

static void join(struct link *link, enum role role)
{
	(void)link, (void)role;
}

static void reap(struct link *link, pid_t pid)
{
	struct life *life = link->state;
	int status;

	link->calls += 2;
	if (waitpid(pid, &status, 0) != pid || status)
		crew_fail("a child did not end well");
	life->reaped = turn_clock();
}

static _Noreturn void live(volatile struct life *life)
{
	life->first_run = turn_clock();
	life->leaving = turn_clock();
	_exit(0);
}

static void fork_and_reap(struct link *link, const void *data, size_t size)
{
	struct life *life = link->state;

	(void)data, (void)size;
	life->called = turn_clock();
	pid_t pid = fork();
	if (pid == 0)
		live(life);
	life->returned = turn_clock();
	if (pid < 0)
		crew_fail("fork: %s", strerror(errno));
	reap(link, pid);
}

static void exec_and_reap(struct link *link, const void *data, size_t size)
{
	static char *const words[] = {"true", NULL}, *const nothing[] = {NULL};
	struct life *life = link->state;
	pid_t pid;

	(void)data, (void)size;
	life->called = turn_clock();
	int error = posix_spawn(&pid, "/bin/true", NULL, NULL, words, nothing);
	life->returned = turn_clock();
	if (error)
		crew_fail("posix_spawn /bin/true: %s", strerror(error));
	reap(link, pid);
}

/* ---- the stretches ---- */

static uint64_t until_return(struct link *link)
{
	const struct life *life = link->state;

	return life->returned - life->called;
}

static uint64_t until_first_run(struct link *link)
{
	const struct life *life = link->state;

	return life->first_run - life->called;
}

static uint64_t until_reaped(struct link *link)
{
	const struct life *life = link->state;

	return life->reaped - life->leaving;
}

#define LIFE(use, stretch)                                                                         \
	{                                                                                          \
		.name = "kernel", .prepare = prepare, .join = join, .send = (use),                 \
		.took = (stretch)                                                                  \
	}

const struct contender fork_use = LIFE(fork_and_reap, NULL);
const struct contender fork_return = LIFE(fork_and_reap, until_return);
const struct contender fork_first_run = LIFE(fork_and_reap, until_first_run);
const struct contender fork_reap = LIFE(fork_and_reap, until_reaped);
const struct contender exec_use = LIFE(exec_and_reap, NULL);
const struct contender exec_return = LIFE(exec_and_reap, until_return);
