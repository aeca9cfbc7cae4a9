/* SPDX-License-Identifier: MIT
 *
 * situations_life.c - what befalls a process by itself: running, ready, asleep, waiting for children,
 * signals or one of many descriptors, stopped, traced, faulting, ended.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "situations.h"

/* ---- on a CPU, or without one ---- */

static void spin(struct scene *scene)
{
	(void)scene;
	for (;;)
		__asm__ volatile("");
}

/* Two on the last CPU that we may use: one of them is ready. */
static void make_busy(struct scene *scene)
{
	cpu_set_t may, one;
	int last = 0;

	must(sched_getaffinity(0, sizeof may, &may), "sched_getaffinity");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &may))
			last = i;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	pid_t other = fork_child();
	if (other == 0) {
		must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
		spin(scene);
	}
	scene->other = other;
	scene->id = last;
}

static void spin_beside(struct scene *scene)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(scene->id, &one);
	must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
	spin(scene);
}

static void end_other(struct scene *scene)
{
	kill(scene->other, SIGKILL);
	waitpid(scene->other, NULL, 0);
}

/* ---- time ---- */

static void sleep_long(struct scene *scene)
{
	(void)scene;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_sec = 100000}, NULL);
}

/* Stopped and continued, by another child, once it sleeps. */
static void sleep_again(struct scene *scene)
{
	pid_t me = getpid();

	scene->ready = false;
	if (fork_child() == 0) {
		WAIT_UNTIL(letter_of(me, me) == 'S' && call_of(me, me) == SYS_clock_nanosleep);
		kill(me, SIGSTOP);
		WAIT_UNTIL(letter_of(me, me) == 'T');
		kill(me, SIGCONT);
		scene->ready = true;
		for (;;)
			pause();
	}
	sleep_long(scene);
}

static void poll_nothing(struct scene *scene)
{
	(void)scene;
	poll(NULL, 0, -1);
}

/* ---- one of many ---- */

static void make_pipes(struct scene *scene)
{
	must(pipe(scene->fds), "pipe");
	must(pipe(scene->fds + 2), "pipe");
	is_object(
		scene, "pipe:[%lu], pipe:[%lu]", inode_of(scene->fds[0]), inode_of(scene->fds[2]));
	scene->other = scene->parent;
}

static void close_writers(struct scene *scene)
{
	close(scene->fds[1]);
	close(scene->fds[3]);
}

static void poll_both(struct scene *scene)
{
	struct pollfd fds[] = {{.fd = scene->fds[0], .events = POLLIN}, {.fd = -1},
		{.fd = scene->fds[2], .events = POLLIN}};

	close_writers(scene);
	must(poll(fds, 3, -1), "poll");
}

static void select_both(struct scene *scene)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(scene->fds[0], &set);
	FD_SET(scene->fds[2], &set);
	close_writers(scene);
	must(select(scene->fds[2] + 1, &set, NULL, NULL, NULL), "select");
}

/* Its list is in no order that is told: one descriptor. */
static void epoll_first(struct scene *scene)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = (int)must(epoll_create1(0), "epoll_create1");

	is_object(scene, "pipe:[%lu]", inode_of(scene->fds[0]));
	close_writers(scene);
	must(epoll_ctl(set, EPOLL_CTL_ADD, scene->fds[0], &event), "epoll_ctl");
	must(epoll_wait(set, &event, 1, -1), "epoll_wait");
}

/* ---- signals ---- */

static sigset_t two_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return set;
}

static void read_signalfd(struct scene *scene)
{
	struct signalfd_siginfo info;
	sigset_t set = two_signals();
	int fd = (int)must(signalfd(-1, &set, 0), "signalfd");

	is_object(scene, "signalfd:[USR1 TERM]");
	must(read(fd, &info, sizeof info), "read");
}

static void wait_signals(struct scene *scene)
{
	sigset_t set = two_signals();
	int number;

	is_object(scene, "signals USR1 TERM");
	sigwait(&set, &number);
}

static void pause_here(struct scene *scene)
{
	(void)scene;
	pause();
}

static void suspend_here(struct scene *scene)
{
	sigset_t none;

	(void)scene;
	sigemptyset(&none);
	sigsuspend(&none);
}

/* ---- children ---- */

static pid_t make_child(struct scene *scene)
{
	pid_t child = fork_child();

	if (child == 0)
		for (;;)
			pause();
	scene->other = child;
	return child;
}

static void wait_child(struct scene *scene)
{
	pid_t child = make_child(scene);

	is_object(scene, "process %d", (int)child);
	waitpid(child, NULL, 0);
}

static void wait_any(struct scene *scene)
{
	make_child(scene);
	is_object(scene, "any child");
	wait(NULL);
}

static void wait_id(struct scene *scene)
{
	siginfo_t info;
	pid_t child = make_child(scene);

	is_object(scene, "process %d", (int)child);
	waitid(P_PID, (id_t)child, &info, WEXITED);
}

/* What the child does until it execs or ends happens in our memory. */
static void wait_vfork(struct scene *scene)
{
	scene->ready = false;
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		scene->other = (pid_t)syscall(SYS_getpid);
		is_object(scene, "process %d", (int)scene->other);
		scene->ready = true;
		for (;;)
			pause();
	}
}

/* ---- stopped, traced, faulting ---- */

static void stop(struct scene *scene)
{
	(void)scene;
	raise(SIGSTOP);
}

static void parent_traces(struct scene *scene)
{
	is_object(scene, "process %d", (int)scene->parent);
	scene->other = scene->parent;
}

static void be_traced(struct scene *scene)
{
	must(ptrace(PTRACE_TRACEME, 0, 0, 0), "ptrace");
	stop(scene);
}

/* A page that nobody will ever fill. */
static void *make_hole(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *memory = mmap(
		NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {(unsigned long)memory, (unsigned long)page},
		.mode = UFFDIO_REGISTER_MODE_MISSING};

	if (fd < 0)
		not_here("userfaultfd is for root alone, or not in the kernel");
	must(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	must(ioctl(fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
	return memory;
}

static void fault(struct scene *scene)
{
	volatile char *hole = make_hole();

	is_object(scene, "userfaultfd");
	*hole = 1;
}

/* ---- the beginning ---- */

static volatile pid_t maker;

static int stop_at_once(void *unused)
{
	(void)unused;
	return 0;
}

/* The kernel writes the number of the new thread to where clone(2) was told, and then lets it on a run queue:
 * as it cannot write, the thread stays new. */
static void *make_thread(void *hole)
{
	enum { STACK = 64 << 10 };
	char *stack = malloc(STACK);

	maker = (pid_t)syscall(SYS_gettid);
	clone(stop_at_once, stack + STACK,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			CLONE_PARENT_SETTID,
		NULL, hole);
	return NULL;
}

static pid_t third_thread(void)
{
	const struct dirent *entry;
	pid_t found = 0;
	DIR *dir = opendir("/proc/self/task");

	while (maker && dir && (entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);
		if (tid > 0 && tid != getpid() && tid != maker)
			found = tid;
	}
	if (dir)
		closedir(dir);
	return found;
}

static void no_thread_yet(struct scene *scene)
{
	scene->tid = -1;
}

static void stay_new(struct scene *scene)
{
	pthread_t thread;
	pid_t tid;

	pthread_create(&thread, NULL, make_thread, make_hole());
	WAIT_UNTIL((tid = third_thread()) != 0);
	scene->tid = tid;
	pthread_join(thread, NULL);
}

/* ---- the end ---- */

static void end(struct scene *scene)
{
	is_object(scene, "process %d", (int)scene->parent);
	scene->other = scene->parent;
}

static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* The first thread ends, the process does not. */
static void end_first(struct scene *scene)
{
	pthread_t thread;

	(void)scene;
	pthread_create(&thread, NULL, stay, NULL);
	syscall(SYS_exit, 0);
}

#define BLOCKED(name, cause, call, prepare, act, tidy)                                             \
	{                                                                                          \
		name, "blocked", cause, #call, SYS_##call, 'S', prepare, act, tidy                 \
	}

const struct situation life_situations[] = {
	{"busy", "running", NULL, NULL, ANY_CALL, 'R', NULL, spin, NULL},
	{"new", "new", "is being made", NULL, ANY_CALL, 'R', no_thread_yet, stay_new, NULL},
	{"crowded", "ready", "waits for a CPU", NULL, ANY_CALL, 'R', make_busy, spin_beside,
		end_other},
	BLOCKED("sleep", "sleeps", clock_nanosleep, NULL, sleep_long, NULL),
	BLOCKED("sleep_again", "waits for a time at most", restart_syscall, NULL, sleep_again,
		NULL),
	BLOCKED("poll_nothing", "sleeps", poll, NULL, poll_nothing, NULL),
	BLOCKED("poll", "waits for events", poll, make_pipes, poll_both, NULL),
	BLOCKED("select", "waits for events", pselect6, make_pipes, select_both, NULL),
	BLOCKED("epoll", "waits for events", epoll_wait, make_pipes, epoll_first, NULL),
	BLOCKED("signalfd", "waits for a signal", read, NULL, read_signalfd, NULL),
	BLOCKED("sigwait", "waits for a signal", rt_sigtimedwait, NULL, wait_signals, NULL),
	BLOCKED("pause", "waits for a signal", pause, NULL, pause_here, NULL),
	BLOCKED("sigsuspend", "waits for a signal", rt_sigsuspend, NULL, suspend_here, NULL),
	BLOCKED("waitpid", "waits for a child", wait4, NULL, wait_child, NULL),
	BLOCKED("wait_any", "waits for a child", wait4, NULL, wait_any, NULL),
	BLOCKED("waitid", "waits for a child", waitid, NULL, wait_id, NULL),
	{"vfork", "blocked", "waits for its vfork child", "vfork", SYS_vfork, 'D', NULL, wait_vfork,
		NULL},
	{"stopped", "blocked", "stopped", NULL, ANY_CALL, 'T', NULL, stop, NULL},
	{"traced", "blocked", "traced", NULL, ANY_CALL, 't', parent_traces, be_traced, NULL},
	{"page_fault", "blocked", "page fault", NULL, NO_CALL, 'S', NULL, fault, NULL},
	{"zombie", "terminated", "ended, not reaped", NULL, ANY_CALL, 'Z', NULL, end, NULL},
	{"zombie_first", "terminated", "ended; other threads of it go on", NULL, ANY_CALL, 'Z',
		NULL, end_first, NULL},
	{0},
};
