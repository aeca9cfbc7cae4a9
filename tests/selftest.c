/* SPDX-License-Identifier: MIT
 *
 * selftest.c - proves that the test runner catches what it says it catches.
 *
 * Runs each case of selftest_cases.c through this very program and compares the line that reports
 * it, the totals and the exit status. Then the world that a case finds, the helpers, and the forms
 * of the report. A pattern is that of fnmatch(3) and has to match the whole line.
 */
#include "runner_inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define RUN(out, ...) test_run(out, sizeof(out), (char *[]){self(), __VA_ARGS__, NULL})

/* The path of this program. */
static char *self(void)
{
	static char path[512];
	ssize_t length = CHECK_SYS(readlink("/proc/self/exe", path, sizeof(path) - 1));

	path[length] = '\0';
	return path;
}

struct expected {
	const char *name;
	const char *report; /* pattern of the line that reports the case */
	const char *totals;
	int status;
};

#define FAILS(name_, reason_)                                                                      \
	{                                                                                          \
#name_, "FAIL  " #name_ ": " reason_, "0 passed, 1 failed, 0 skipped", 1           \
	}

static const struct expected expectations[] = {
	{"good", "ok    good  (* ms)", "1 passed, 0 failed, 0 skipped", 0},
	{"skips", "skip  skips: the moon is full", "0 passed, 0 failed, 1 skipped", 0},
	FAILS(no_check, "made no check"),
	FAILS(check, "selftest_cases.c:*: two() == 3 is false"),
	FAILS(check_eq, "selftest_cases.c:*: two() == 3: 2 != 3"),
	FAILS(check_sign, "selftest_cases.c:*: minus == *: -1 != 18446744073709551615"),
	FAILS(check_str, "selftest_cases.c:*: \"one\" == \"two\": \"one\" != \"two\""),
	FAILS(check_mem, "selftest_cases.c:*: *: byte 2 is 0x63 != 0x64"),
	FAILS(check_mem_size, "selftest_cases.c:*: *: 3 bytes != 4 bytes"),
	FAILS(check_err, "selftest_cases.c:*: -two(): -ENOENT, expected -EAGAIN"),
	FAILS(check_ok, "selftest_cases.c:*: -two(): -ENOENT"),
	FAILS(check_sys, "selftest_cases.c:*: close(-1): EBADF"),
	FAILS(fail, "selftest_cases.c:*: because of this"),
	FAILS(never_true, "selftest_cases.c:*: not within 20 ms: two() == 3"),
	FAILS(child, "selftest_cases.c:*: two() == 3: 2 != 3 (in a child process)"),
	FAILS(helped_child, "selftest_cases.c:*: two() == 3: 2 != 3 (in a child process)"),
	FAILS(grandchild, "selftest_cases.c:*: two() == 3: 2 != 3 (in a child process)"),
	FAILS(child_awaited, "selftest_cases.c:*: two() == 3: 2 != 3 (in a child process)"),
	FAILS(child_crash, "process * was ended by SIGSEGV and nobody waited for it"),
	FAILS(child_status, "process * exited with 5 and nobody waited for it"),
	FAILS(child_runs_on, "a forked child came to the end of the test's body"),
	FAILS(child_skips, "SKIP in a child process"),
	FAILS(fd_leak, "leaked fd 3 -> socket:\\[*\\]"),
	FAILS(fd_closed, "closed fd 0 -> /dev/null, which it had not opened"),
	FAILS(fd_replaced, "replaced fd 0 -> /dev/null by /dev/zero"),
	FAILS(aborts, "ended by SIGABRT"),
	FAILS(segfault, "ended by SIGSEGV"),
	FAILS(hangs, "timed out after 1 s"),
	FAILS(hangs_in_hiding, "timed out after 1 s"),
	FAILS(left_behind, "left process * (selftest) behind"),
	FAILS(left_in_hiding, "left process * (selftest) behind"),
	FAILS(early_exit, "exited with 0 before its end"),
	FAILS(late_exit, "ended by SIGABRT"),
	FAILS(false_skip, "exited with 77 before its end"),
	FAILS(sanitizer, "sanitizer report: : runtime error: made up*"),
	FAILS(kills_keeper, "its keeper was ended"),
	FAILS(blocked_dead, "selftest_cases.c:*: process * has ended; it should block"),
	FAILS(blocked_elsewhere, "timed out after 1 s"),
	FAILS(blocked_running, "timed out after 1 s"),
	FAILS(floods, "wrote more than 67108864 bytes"),
};

TEST_SUITE(reports, expectations);

/* Whether one line of the text matches. */
static bool has_line(const char *text, const char *pattern)
{
	char line[1024];
	size_t length;

	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (fnmatch(pattern, line, 0) == 0)
			return true;
	}
	return false;
}

static void check_line(const char *text, const char *pattern)
{
	if (!has_line(text, pattern))
		FAIL("no line like \"%s\" in: %s", pattern, text);
	test_checked();
}

static const char *last_line(char *text)
{
	size_t length = strlen(text);
	char *newline;

	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

TEST_EACH(reports, as_expected, struct expected, v)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--run", (char *)v->name), v->status);
	check_line(out, v->report);
	CHECK_STR(last_line(out), v->totals);
}

/* Runs a case that prints "pid N" and fails; answers N. */
static pid_t run_for_pid(const char *name)
{
	char out[16384], *found;

	CHECK_EQ(RUN(out, "--run", (char *)name), 1);
	found = strstr(out, "pid ");
	CHECK(found);
	return (pid_t)strtol(found + 4, NULL, 10);
}

TEST(kills_what_hangs)
{
	CHECK_EQ(kill(run_for_pid("hangs"), 0), -1);
	CHECK_EQ(kill(run_for_pid("hangs_in_hiding"), 0), -1);
}

TEST(kills_what_is_left)
{
	CHECK_EQ(kill(run_for_pid("left_behind"), 0), -1);
	CHECK_EQ(kill(run_for_pid("left_in_hiding"), 0), -1);
}

/* The limit of 30 s is not what ended it. */
TEST(does_not_wait_for_a_failed_child)
{
	int64_t limit = test_limit(10000);
	char out[16384];

	CHECK_EQ(RUN(out, "--run", "child_awaited"), 1);
	CHECK(test_now() < limit);
}

TEST(outlives_its_keeper)
{
	pid_t body = run_for_pid("kills_keeper");

	WAIT_UNTIL(kill(body, 0) < 0, 5000);
}

TEST(timeout_option)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--timeout", "1", "--run", "hangs_long"), 1);
	check_line(out, "FAIL  hangs_long: timed out after 1 s");
}

TEST(timeout_factor)
{
	char out[16384];

	setenv("RUNNER_TIMEOUT_FACTOR", "2", 1);
	CHECK_EQ(RUN(out, "--run", "hangs"), 1);
	check_line(out, "FAIL  hangs: timed out after 2 s");
}

static void write_file(const char *path, const char *text)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_SYS(close(fd));
}

TEST(skip_on_the_list)
{
	char out[16384];

	write_file(test_path("list"), "good\tno\nskips\tthe moon\n");
	setenv("RUNNER_SKIPS", test_path("list"), 1);
	CHECK_EQ(RUN(out, "--run", "skips"), 0);
	check_line(out, "skip  skips: the moon is full");
	CHECK_STR(last_line(out), "0 passed, 0 failed, 1 skipped");
}

TEST(skip_not_on_the_list)
{
	char out[16384];

	write_file(test_path("list"), "skip\tthe name is longer\nskips_\tshorter\nskips no tab\n");
	setenv("RUNNER_SKIPS", test_path("list"), 1);
	CHECK_EQ(RUN(out, "--run", "skips"), 1);
	check_line(out,
		"FAIL  skips: skipped, and not on the list of allowed skips: the moon is full");
	CHECK_STR(last_line(out), "0 passed, 1 failed, 0 skipped");
}

TEST(skip_list_missing)
{
	char out[16384];

	setenv("RUNNER_SKIPS", test_path("list"), 1);
	CHECK_EQ(RUN(out, "--run", "skips"), 2);
}

TEST(tap)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--tap", "--run", "good", "--run", "check", "--run", "skips"), 1);
	check_line(out, "TAP version 13");
	check_line(out, "1..3");
	check_line(out, "ok 1 - good");
	check_line(out, "not ok 2 - check");
	check_line(out, "# selftest_cases.c:*: two() == 3 is false");
	check_line(out, "ok 3 - skips # SKIP the moon is full");
	CHECK_STR(last_line(out), "# 1 passed, 1 failed, 1 skipped");
}

TEST(side_by_side)
{
	char out[16384];

	CHECK_SYS(mkfifo(test_path("fifo"), 0600));
	setenv("SELFTEST_FIFO", test_path("fifo"), 1);
	CHECK_EQ(RUN(out, "-j", "2", "--run", "meets_writer", "--run", "meets_reader"), 0);
	CHECK_STR(last_line(out), "2 passed, 0 failed, 0 skipped");
}

TEST(repeat)
{
	char out[16384];

	CHECK_EQ(RUN(out, "-j", "3", "--repeat", "20", "--run", "good", "--run", "check"), 1);
	CHECK_STR(last_line(out), "20 passed, 20 failed, 0 skipped");
}

TEST(output_of_a_pass_is_hidden)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--run", "good"), 0);
	CHECK(!strstr(out, "said by the good case"));
	CHECK_EQ(RUN(out, "-v", "--run", "good"), 0);
	check_line(out, "#   said by the good case");
	CHECK_EQ(RUN(out, "--run", "hangs"), 1);
	check_line(out, "#   pid *");
	check_line(out, "#   process * (selftest) state S, system call *");
}

TEST(choosing)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--list"), 0);
	check_line(out, "choosing");
	check_line(out, "reports\\[good\\]/as_expected");
	CHECK(!has_line(out, "good"));
	CHECK_EQ(RUN(out, "--list", "choos"), 0);
	CHECK_STR(out, "choosing\n");
	CHECK_EQ(RUN(out, "--list", "[fd_"), 0);
	CHECK_STR(out, "reports[fd_leak]/as_expected\nreports[fd_closed]/as_expected\n"
		       "reports[fd_replaced]/as_expected\n");
	CHECK_EQ(RUN(out, "--run", "choos"), 2);
	CHECK_EQ(RUN(out, "-j", "0"), 2);
	CHECK_EQ(RUN(out, "--such"), 2);
}

static void run_and_be_stopped(void *arg)
{
	char out[16384];

	CHECK_EQ(RUN(out, "--run", "hangs_long"), 143);
	check_line(out, "stopped by SIGTERM");
	(void)arg;
}

/* The pid of a child of that process, 0 if there is none. */
static pid_t child_of(pid_t parent)
{
	DIR *dir = opendir("/proc");
	struct process process;
	struct dirent *found;
	pid_t child = 0;

	CHECK(dir);
	while (!child && (found = readdir(dir))) {
		pid_t pid = (pid_t)strtol(found->d_name, NULL, 10);

		if (pid > 0 && runner_process(&process, pid, false) && process.parent == parent)
			child = pid;
	}
	closedir(dir);
	return child;
}

/* The case that is interrupted would take 30 s. */
TEST(interrupted, .timeout = 10)
{
	pid_t tester = test_fork(run_and_be_stopped, NULL), runner = 0, keeper = 0, body = 0;

	WAIT_UNTIL((runner = child_of(tester)) && (keeper = child_of(runner)) &&
			   (body = child_of(keeper)),
		5000);
	CHECK_SYS(kill(runner, SIGTERM));
	CHECK_EQ(test_wait(tester), 0);
	CHECK_EQ(kill(body, 0), -1);
}

TEST(world_of_a_case)
{
	struct sigaction action;
	struct stat status;
	sigset_t mask;
	char here[256];

	CHECK_EQ(getsid(0), getpid());
	CHECK_EQ(read(STDIN_FILENO, here, 1), 0);
	CHECK_SYS(sigaction(SIGPIPE, NULL, &action));
	CHECK(action.sa_handler == SIG_DFL);
	CHECK_SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK_EQ(sigismember(&mask, SIGTERM), 0);
	CHECK(!getenv("RUNNER_SKIPS"));
	CHECK(!getenv("NOTIFY_SOCKET"));
	CHECK(!getenv("LC_TIME"));
	CHECK_EQ(umask(0), 022);
	CHECK_EQ(fcntl(100, F_GETFD), -1);
	CHECK(getcwd(here, sizeof(here)));
	CHECK_STR(here, test_tmpdir());
	CHECK_SYS(stat(here, &status));
	CHECK_EQ(status.st_uid, geteuid());
	CHECK(strlen(test_path("name.sock")) < sizeof(((struct sockaddr_un *)NULL)->sun_path));
}

TEST(world_is_reset)
{
	char out[16384];

	signal(SIGPIPE, SIG_IGN);
	umask(077);
	write_file(test_path("list"), "");
	setenv("RUNNER_SKIPS", test_path("list"), 1);
	setenv("NOTIFY_SOCKET", "@nobody", 1);
	setenv("LC_TIME", "C.UTF-8", 1);
	CHECK_SYS(dup2(STDIN_FILENO, 100));
	CHECK_EQ(RUN(out, "--run", "world_of_a_case"), 0);
	CHECK_SYS(close(100));
}

TEST(fills_tmpdir, .hidden = true)
{
	puts(test_tmpdir());
	CHECK_SYS(mkdir(test_path("a"), 0700));
	write_file(test_path("a/b"), "x");
	CHECK_SYS(symlink("/", test_path("a/c")));
	CHECK_SYS(chmod(test_path("a"), 0));
	FAIL("to show its output");
}

/* Runs a case that prints its directory and fails; true if the directory is gone. */
static bool removes_tmpdir(const char *name)
{
	char out[16384], *path;

	CHECK_EQ(RUN(out, "--run", (char *)name), 1);
	path = strstr(out, "/tmp/test-");
	CHECK(path);
	path[strcspn(path, "\n")] = '\0';
	return access(path, F_OK) < 0 && errno == ENOENT;
}

TEST(tmpdir_is_removed)
{
	CHECK(removes_tmpdir("fills_tmpdir"));
	CHECK(removes_tmpdir("kills_keeper"));
}

static void read_one(void *arg)
{
	char byte;

	CHECK_EQ(read(*(int *)arg, &byte, 1), 1);
	exit(byte);
}

TEST(blocked)
{
	int ends[2];
	pid_t pid;

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	pid = test_fork(read_one, &ends[0]);
	test_blocked(pid, SYS_read);
	test_blocked(pid, -1);
	CHECK_EQ(write(ends[1], "\7", 1), 1);
	CHECK_EQ(test_wait(pid), 7);
	close(ends[0]);
	close(ends[1]);
}

static atomic_int thread_id;

static void *read_in_thread(void *arg)
{
	char byte;

	thread_id = (int)syscall(SYS_gettid);
	CHECK_EQ(read(*(int *)arg, &byte, 1), 1);
	return NULL;
}

TEST(blocked_thread)
{
	pthread_t thread;
	int ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_EQ(pthread_create(&thread, NULL, read_in_thread, &ends[0]), 0);
	WAIT_UNTIL(thread_id != 0, 5000);
	test_blocked(thread_id, SYS_read);
	CHECK_EQ(write(ends[1], "\7", 1), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

TEST(waiting)
{
	int64_t start = test_now();

	CHECK(!test_within(false, 30));
	CHECK(test_now() - start >= 30000000);
	CHECK(test_within(test_now() - start >= 50000000, 5000));
	WAIT_UNTIL(true, 0);
}

static void stop_by_signal(void *arg)
{
	kill(getpid(), *(int *)arg);
}

static void show_ids(void *arg)
{
	uid_t real, effective, saved;

	CHECK_SYS(getresuid(&real, &effective, &saved));
	CHECK_EQ(real, *(uid_t *)arg);
	CHECK_EQ(effective, real);
	CHECK_EQ(saved, real);
	CHECK_EQ(getgid(), real);
	CHECK_EQ(getgroups(0, NULL), 0);
	CHECK_EQ(setuid(0), -1);
}

TEST(children)
{
	int number = SIGKILL;
	char out[8];

	CHECK_EQ(test_wait(test_fork(stop_by_signal, &number)), -SIGKILL);
	CHECK_EQ(test_run(out, sizeof(out), (char *[]){"echo", "123456789", NULL}), 0);
	CHECK_STR(out, "1234567");
	CHECK_EQ(test_run(out, sizeof(out), (char *[]){"/nowhere/at/all", NULL}), 127);
}

TEST(another_user)
{
	uid_t uid = 65534;

	CHECK_EQ(test_wait(test_fork_as(uid, show_ids, &uid)), 0);
}
