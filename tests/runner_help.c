/* SPDX-License-Identifier: MIT
 *
 * runner_help.c - processes, files, waiting and time for tests.
 *
 * Every wait here ends when a state has been observed, never because some time has passed; the
 * limits only bound how long a case that fails takes to say so.
 */
#include "runner_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int runner_factor = 1;

int64_t test_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t test_limit(int64_t ms)
{
	return test_now() + ms * 1000000 * runner_factor;
}

void test_pause(void)
{
	poll(NULL, 0, 1);
}

/* ---- leak checkers ----
 *
 * A process that was forked while another thread was at work may have inherited a lock of the leak
 * checker that this thread held; its check at the exit would wait for it for ever. Such a child is not
 * checked; its parent is. */

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)

static bool several_threads, unchecked;

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return unchecked;
}

static void before_fork(void)
{
	struct stat tasks;

	/* "." and "..", and a directory a thread. */
	several_threads = stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3;
}

static void in_child(void)
{
	unchecked = unchecked || several_threads;
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, NULL, in_child);
}

#endif

/* ---- processes ---- */

pid_t test_fork(void (*fn)(void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid > 0)
		return pid;
	fn(arg);
	exit(0);
}

static void become_user(uid_t uid)
{
	gid_t gid = (gid_t)uid;

	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(gid, gid, gid));
	CHECK_SYS(setresuid(uid, uid, uid));
	/* Leak checkers trace their own process, which a change of user forbids. */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

pid_t test_fork_as(uid_t uid, void (*fn)(void *), void *arg)
{
	pid_t pid;

	if (geteuid() != 0)
		SKIP("becoming uid %d needs root", (int)uid);
	pid = CHECK_SYS(fork());
	if (pid > 0)
		return pid;
	become_user(uid);
	fn(arg);
	exit(0);
}

int test_wait(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		FAIL("waiting for process %d: %s", (int)pid, strerrorname_np(errno));
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

__attribute__((noreturn)) static void execute(int output, char *const argv[])
{
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int test_run(char *out, size_t size, char *const argv[])
{
	size_t filled = 0;
	char beyond[4096];
	ssize_t got;
	int ends[2];
	pid_t pid;

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (pid == 0)
		execute(ends[1], argv);
	close(ends[1]);
	while (true) {
		bool fits = filled + 1 < size;

		got = read(ends[0], fits ? out + filled : beyond,
			fits ? size - 1 - filled : sizeof(beyond));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		filled += fits ? (size_t)got : 0;
	}
	out[filled] = '\0';
	close(ends[0]);
	return test_wait(pid);
}

/* How often a thread was switched away from: while it sleeps on, the number stays. -1: gone. */
static long switches(pid_t tid)
{
	long voluntary = 0, forced = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)tid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "voluntary_ctxt_switches: %ld", &voluntary);
		sscanf(line, "nonvoluntary_ctxt_switches: %ld", &forced);
	}
	fclose(file);
	return voluntary + forced;
}

/* -1 if it runs, has ended, or the kernel does not say. */
static long current_call(pid_t tid)
{
	char path[64], line[256] = "";
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)tid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file))
		sscanf(line, "%ld", &number);
	fclose(file);
	return number;
}

static bool asleep(pid_t tid)
{
	struct process process;

	return runner_process(&process, tid, true) && process.state == 'S';
}

static bool settled(pid_t tid, long syscall_number)
{
	long before = switches(tid);

	if (!asleep(tid))
		return false;
	if (syscall_number >= 0)
		return current_call(tid) == syscall_number;
	test_pause();
	return asleep(tid) && switches(tid) == before;
}

static bool has_ended(pid_t tid)
{
	struct process process;

	return !runner_process(&process, tid, true) || process.state == 'Z' || process.state == 'X';
}

void test_blocked_at(const char *file, int line, pid_t tid, long syscall_number)
{
	int64_t until = test_limit(10000);
	struct process process = {0};

	while (!settled(tid, syscall_number)) {
		if (has_ended(tid))
			test_fail(file, line, "process %d has ended; it should block", (int)tid);
		if (test_now() >= until) {
			runner_process(&process, tid, true);
			test_fail(file, line,
				"process %d does not block in system call %ld: state %c, system "
				"call "
				"%ld",
				(int)tid, syscall_number, process.state, current_call(tid));
		}
		test_pause();
	}
	test_checked();
}

const char *test_tmpdir(void)
{
	return runner_state->tmpdir;
}

const char *test_path(const char *name)
{
	static _Thread_local char paths[16][256];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 16];

	if (snprintf(path, sizeof(paths[0]), "%s/%s", test_tmpdir(), name) >= 256)
		FAIL("test_path: \"%s\" is too long", name);
	return path;
}
