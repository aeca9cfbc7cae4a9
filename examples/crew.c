/* SPDX-License-Identifier: MIT
 *
 * crew.c - starting, killing and replacing processes.
 */
#include "crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void crew_check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, sinew_error_text());
	exit(1);
}

const char *crew_uri(const char *name)
{
	static char uri[80];

	snprintf(uri, sizeof uri, "shm:/example-%s-%d?temp=yes", name, (int)getpid());
	return uri;
}

sinew_region *crew_region(const char *uri, size_t size, sinew_region_init init)
{
	sinew_region *region = NULL;

	crew_check(sinew_region_make(&region, uri, size, init, NULL, SINEW_NOW), "make");
	return region;
}

/* Each finds the region by its name, as a program of its own would. */
static void start(struct crew *crew, unsigned me)
{
	sinew_region *region = NULL;

	crew->pids[me] = fork();
	if (crew->pids[me] < 0)
		exit(1);
	if (crew->pids[me] > 0)
		return;
	crew_check(sinew_region_open(&region, crew->uri, 0, 0, sinew_after(5000000000)), "open");
	crew->work(me, sinew_region_data(region));
	sinew_region_close(region);
	_exit(0);
}

/* Waits for it: whether it came to its end, or was killed, which is not its fault. */
static bool wait_for(pid_t pid, bool *killed)
{
	int status = 0;

	waitpid(pid, &status, 0);
	*killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return *killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void pause_a_moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = rand() % 1500000}, NULL);
}

bool crew_run(struct crew *crew, unsigned kills)
{
	bool good = true, killed;

	srand((unsigned)getpid());
	for (unsigned i = 0; i < crew->count; i++)
		start(crew, i);
	for (unsigned n = 0; n < kills && good; n++) {
		unsigned i = (unsigned)rand() % crew->count;
		pause_a_moment();
		kill(crew->pids[i], SIGKILL);
		good = wait_for(crew->pids[i], &killed);
		start(crew, i);
	}
	for (unsigned i = 0; i < crew->count; i++)
		good &= wait_for(crew->pids[i], &killed) && !killed;
	return good;
}
