/* SPDX-License-Identifier: MIT
 *
 * selftest_cases.c - cases that go wrong on purpose, for selftest.c to run through the runner.
 *
 * All are hidden: they run only when named. What each of them is to be found guilty of stands in
 * the table of selftest.c.
 */
#include "runner.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int two(void)
{
	return 2;
}

static void wait_for_ever(void *arg)
{
	(void)arg;
	while (true)
		pause();
}

static void fail_a_check(void *arg)
{
	(void)arg;
	CHECK_EQ(two(), 3);
}

TEST(good, .hidden = true)
{
	puts("said by the good case");
	CHECK_EQ(two(), 2);
}

TEST(no_check, .hidden = true)
{
}

TEST(check, .hidden = true)
{
	CHECK(two() == 3);
}

TEST(check_eq, .hidden = true)
{
	fail_a_check(NULL);
}

/* As bits these two are equal. */
TEST(check_sign, .hidden = true)
{
	int64_t minus = -1;

	CHECK_EQ(minus, UINT64_MAX);
}

TEST(check_str, .hidden = true)
{
	CHECK_STR("one", "two");
}

TEST(check_mem, .hidden = true)
{
	CHECK_MEM("abc", 3, "abd", 3);
}

TEST(check_mem_size, .hidden = true)
{
	CHECK_MEM("abc", 3, "abcd", 4);
}

TEST(check_err, .hidden = true)
{
	CHECK_ERR(-two(), -11);
}

TEST(check_ok, .hidden = true)
{
	CHECK_OK(-two());
}

TEST(check_sys, .hidden = true)
{
	CHECK_SYS(close(-1));
}

TEST(fail, .hidden = true)
{
	FAIL("because of %s", "this");
}

TEST(never_true, .hidden = true)
{
	WAIT_UNTIL(two() == 3, 20);
}

TEST(child, .hidden = true)
{
	pid_t pid = fork();

	if (pid == 0)
		fail_a_check(NULL);
	waitpid(pid, NULL, 0);
	CHECK(true);
}

TEST(helped_child, .hidden = true)
{
	pid_t pid = test_fork(fail_a_check, NULL);

	CHECK(test_wait(pid) != 0);
}

static void fail_in_a_child(void *arg)
{
	(void)arg;
	waitpid(test_fork(fail_a_check, NULL), NULL, 0);
}

TEST(grandchild, .hidden = true)
{
	waitpid(test_fork(fail_in_a_child, NULL), NULL, 0);
	CHECK(true);
}

/* The body waits for words of a child that has failed. */
TEST(child_awaited, .hidden = true)
{
	pid_t pid = fork();

	if (pid == 0)
		fail_a_check(NULL);
	wait_for_ever(NULL);
}

/* By kill() and with the default disposition: a sanitizer's handler would make an exit of it. */
static void crash(void *arg)
{
	(void)arg;
	signal(SIGSEGV, SIG_DFL);
	kill(getpid(), SIGSEGV);
}

TEST(child_crash, .hidden = true)
{
	test_fork(crash, NULL);
	CHECK(true);
}

TEST(child_status, .hidden = true)
{
	if (fork() == 0)
		_exit(5);
	CHECK(true);
}

TEST(child_runs_on, .hidden = true)
{
	CHECK(true);
	if (fork() > 0)
		waitpid(-1, NULL, 0);
}

TEST(child_skips, .hidden = true)
{
	pid_t pid = fork();

	if (pid == 0)
		SKIP("not mine to say");
	waitpid(pid, NULL, 0);
	CHECK(true);
}

TEST(fd_leak, .hidden = true)
{
	CHECK_SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST(fd_closed, .hidden = true)
{
	CHECK_SYS(close(STDIN_FILENO));
}

TEST(fd_replaced, .hidden = true)
{
	int fd = CHECK_SYS(open("/dev/zero", O_RDONLY | O_CLOEXEC));

	CHECK_SYS(dup2(fd, STDIN_FILENO));
	CHECK_SYS(close(fd));
}

TEST(aborts, .hidden = true)
{
	CHECK(true);
	abort();
}

TEST(segfault, .hidden = true)
{
	CHECK(true);
	crash(NULL);
}

TEST(hangs, .hidden = true, .timeout = 1)
{
	printf("pid %d\n", (int)getpid());
	wait_for_ever(NULL);
}

TEST(hangs_long, .hidden = true)
{
	wait_for_ever(NULL);
}

/* A child in a session of its own, ignoring what can be ignored, and its child. */
static void hide(void *arg)
{
	(void)arg;
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	test_fork(wait_for_ever, NULL);
	wait_for_ever(NULL);
}

TEST(hangs_in_hiding, .hidden = true, .timeout = 1)
{
	printf("pid %d\n", (int)test_fork(hide, NULL));
	wait_for_ever(NULL);
}

TEST(left_behind, .hidden = true)
{
	printf("pid %d\n", (int)test_fork(wait_for_ever, NULL));
	CHECK(true);
}

static void say_and_hide(void *arg)
{
	printf("pid %d\n", (int)test_fork(hide, NULL));
	(void)arg;
}

TEST(left_in_hiding, .hidden = true)
{
	CHECK_EQ(test_wait(test_fork(say_and_hide, NULL)), 0);
}

TEST(early_exit, .hidden = true)
{
	CHECK(true);
	exit(0);
}

TEST(late_exit, .hidden = true)
{
	atexit(abort);
	CHECK(true);
}

TEST(false_skip, .hidden = true)
{
	CHECK(true);
	_exit(TEST_STATUS_SKIPPED);
}

TEST(skips, .hidden = true)
{
	SKIP("the moon is %s", "full");
}

TEST(sanitizer, .hidden = true)
{
	CHECK(true);
	puts("a.c:1:2: runtime error: made up");
}

TEST(kills_keeper, .hidden = true)
{
	puts(test_tmpdir());
	printf("pid %d\n", (int)getpid());
	kill(getppid(), SIGKILL);
	wait_for_ever(NULL);
}

/* More than the runner holds, made large by one byte far out. */
TEST(floods, .hidden = true)
{
	CHECK_SYS(fcntl(STDOUT_FILENO, F_SETFL, 0));
	CHECK_SYS(lseek(STDOUT_FILENO, 65 << 20, SEEK_SET));
	CHECK_SYS(write(STDOUT_FILENO, "!", 1));
	wait_for_ever(NULL);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

TEST(blocked_dead, .hidden = true)
{
	test_blocked(test_fork(do_nothing, NULL), -1);
}

/* It does block, but elsewhere. */
TEST(blocked_elsewhere, .hidden = true, .timeout = 1)
{
	test_blocked(test_fork(wait_for_ever, NULL), SYS_read);
}

static void run_for_ever(void *arg)
{
	while (true)
		*(volatile int *)arg = 0;
}

TEST(blocked_running, .hidden = true, .timeout = 1)
{
	int never;

	test_blocked(test_fork(run_for_ever, &never), -1);
}

/* Two that end only if they run at the same time: each open waits for the other. */
static void meet(int flags)
{
	int fd = CHECK_SYS(open(getenv("SELFTEST_FIFO"), flags | O_CLOEXEC));

	CHECK_SYS(close(fd));
}

TEST(meets_writer, .hidden = true, .timeout = 5)
{
	meet(O_RDONLY);
}

TEST(meets_reader, .hidden = true, .timeout = 5)
{
	meet(O_WRONLY);
}
