/* SPDX-License-Identifier: MIT
 *
 * crew.c - leader and measured processes: started, watched, never left behind.
 *
 * Signals that end the driver are blocked in it and asked for at the points where it waits, so that
 * there is one way out and the private directory is removed on it. The children do not block them.
 */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct note {
	atomic_flag taken;
	char text[200];
};

static struct note *note;
static sigset_t watched; /* what the driver waits for */
static sigset_t previous;
static int interrupted;

void *crew_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "sinew: no memory: %s\n", strerror(errno));
		exit(3);
	}
	return memory;
}

void crew_init(void)
{
	note = crew_share(sizeof(*note));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&watched);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, &previous);
}

/* Waits for a signal, `seconds` at most; its number, or -1. */
static int await_signal(time_t seconds)
{
	int number = sigtimedwait(&watched, NULL, &(struct timespec){.tv_sec = seconds});

	if (number > 0 && number != SIGCHLD)
		interrupted = number;
	return number;
}

int crew_interrupted(void)
{
	while (!interrupted && await_signal(0) > 0)
		;
	return interrupted;
}

const char *crew_error(void)
{
	return note->text;
}

void crew_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!note)
		vfprintf(stderr, format, args);
	else if (!atomic_flag_test_and_set(&note->taken))
		vsnprintf(note->text, sizeof(note->text), format, args);
	va_end(args);
	_exit(1);
}

pid_t crew_fork(void (*body)(void *), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		crew_fail("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	body(arg);
	_exit(0);
}

void crew_wait(const pid_t *pids, unsigned count)
{
	for (unsigned left = count; left > 0; left--) {
		int status;
		pid_t pid = wait(&status);

		if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		for (unsigned i = 0; i < count; i++)
			if (pids[i] != pid)
				kill(pids[i], SIGKILL);
		if (WIFSIGNALED(status))
			crew_fail("a measured process was ended by signal %d", WTERMSIG(status));
		crew_fail("a measured process failed without a reason");
	}
}

struct start {
	void (*leader)(void *);
	void *arg;
};

static void lead(void *arg)
{
	struct start *start = arg;

	sigprocmask(SIG_SETMASK, &previous, NULL);
	start->leader(start->arg);
}

/* The measured processes die with their leader and come to us. What they used is not removed while they live. */
static void bury_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Until the leader has ended, an interrupt, or the time is over. Whether it ended well. */
static int await_leader(pid_t leader, unsigned seconds)
{
	int status;

	while (waitpid(leader, &status, WNOHANG) == 0) {
		if (await_signal(seconds) == SIGCHLD)
			continue;
		if (interrupted || errno == EAGAIN) {
			kill(leader, SIGKILL);
			bury_all();
			snprintf(note->text, sizeof(note->text), "%s",
				interrupted ? "interrupted" : "stalled, ended");
			return 0;
		}
	}
	if (status)
		bury_all();
	if (WIFSIGNALED(status) && !atomic_flag_test_and_set(&note->taken))
		snprintf(note->text, sizeof(note->text), "ended by signal %d", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int crew_run(void (*leader)(void *), void *arg, unsigned seconds)
{
	struct start start = {leader, arg};

	memset(note, 0, sizeof(*note));
	fflush(NULL);
	return await_leader(crew_fork(lead, &start), seconds) ? 0 : -1;
}
