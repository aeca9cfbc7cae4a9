/* SPDX-License-Identifier: MIT
 *
 * trace_scene.c - processes whose transitions have a cause that is known: trace_scene NAME plays one
 * scene and prints its own truth as JSON, for test_trace.py to hold against what sinew trace says.
 *
 * Everything that has to compete for a CPU is pinned to the same one. Nothing waits for a fixed time but
 * where that time is what the scene is about.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000, NAPS = 50, YIELDS = 500, MESSAGES = 20 };

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void work(uint64_t ns)
{
	uint64_t until = now(CLOCK_PROCESS_CPUTIME_ID) + ns;

	while (now(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
}

static void nap(long ns)
{
	struct timespec time = {0, ns};

	must(nanosleep(&time, NULL) == 0, "nanosleep");
}

/* Strangers are to get little of our CPU: of it, our session, and we of that, as far as we may. */
static void prevail(void)
{
	FILE *session = fopen("/proc/self/autogroup", "we");

	if (session) {
		fputs("-19", session);
		fclose(session);
	}
	setpriority(PRIO_PROCESS, 0, -19);
}

/* To the last CPU that we may use. */
static void pin(void)
{
	cpu_set_t all, one;

	must(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
	CPU_ZERO(&one);
	for (int i = CPU_SETSIZE - 1; i >= 0; i--)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
	prevail();
}

static pid_t start(void (*play)(void))
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	play();
	exit(0);
}

static void end(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid && status == 0, "a child");
}

/* ---- who takes over ---- */

static void busy(void)
{
	work(150 * MS);
}

static void napping(void)
{
	for (int i = 0; i < NAPS; i++)
		nap(2 * MS);
}

static void urgent(void)
{
	struct sched_param parameter = {.sched_priority = 10};

	must(sched_setscheduler(0, SCHED_FIFO, &parameter) == 0, "SCHED_FIFO");
	napping();
}

static void yielding(void)
{
	for (int i = 0; i < YIELDS; i++)
		sched_yield();
}

static void two(void (*first)(void), void (*second)(void))
{
	pin();
	pid_t a = start(first), b = start(second);

	printf("{\"first\": %d, \"second\": %d, \"naps\": %d, \"yields\": %d}\n", a, b, NAPS,
		YIELDS);
	end(b);
	end(a);
}

static void slice(void)
{
	two(busy, busy);
}

static void woken(void)
{
	two(busy, napping);
}

static void higher(void)
{
	two(busy, urgent);
}

static void yield(void)
{
	two(yielding, yielding);
}

/* ---- the end ---- */

static void zombie(void)
{
	uint64_t *ended = mmap(
		NULL, sizeof *ended, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	siginfo_t info;
	pid_t pid = fork();

	must(ended != MAP_FAILED && pid >= 0, "fork");
	if (pid == 0) {
		*ended = now(CLOCK_MONOTONIC);
		_exit(3);
	}
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
	uint64_t seen = now(CLOCK_MONOTONIC);
	nap(60 * MS);
	uint64_t before = now(CLOCK_MONOTONIC);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	uint64_t after = now(CLOCK_MONOTONIC);
	printf("{\"pid\": %d, \"parent\": %d, \"least\": %" PRIu64 ", \"most\": %" PRIu64 "}\n",
		pid, getpid(), before - seen, after - *ended);
}

/* ---- who waits for whom ---- */

static bool sleeps(pid_t pid)
{
	char path[64], text[512] = "";

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	must(file && fgets(text, sizeof text, file), path);
	fclose(file);
	return strncmp(strrchr(text, ')') + 1, " S", 2) == 0;
}

static bool is_cat(pid_t pid)
{
	char path[64], text[32] = "";

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	FILE *file = fopen(path, "re");
	must(file && fgets(text, sizeof text, file), path);
	fclose(file);
	return strcmp(text, "cat\n") == 0;
}

/* Each message finds cat blocked. */
static void slow_pipe(void)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		dup2(ends[0], 0);
		must(dup2(open("/dev/null", O_WRONLY), 1) == 1, "dup2");
		execlp("cat", "cat", NULL);
		_exit(127);
	}
	close(ends[0]);
	while (!is_cat(pid))
		nap(MS);
	for (int i = 0; i < MESSAGES; i++) {
		while (!sleeps(pid))
			nap(MS);
		must(write(ends[1], "message\n", 8) == 8, "write");
	}
	close(ends[1]);
	end(pid);
	printf("{\"reader\": %d, \"writer\": %d, \"messages\": %d}\n", pid, getpid(), MESSAGES);
}

static int ends_of_pair[2];

static void receives(void)
{
	char text[16];

	close(ends_of_pair[1]);
	while (recv(ends_of_pair[0], text, sizeof text, 0) > 0)
		;
}

static void tell_socket(int fd, const char *path)
{
	ends_of_pair[0] = fd;
	pid_t pid = start(receives);

	/* Slowly: who looks for its name has to find it there. */
	for (int i = 0; i < MESSAGES; i++) {
		do
			nap(20 * MS);
		while (!sleeps(pid));
		must(send(ends_of_pair[1], "message", 7, 0) == 7, "send");
	}
	close(ends_of_pair[1]);
	end(pid);
	printf("{\"reader\": %d, \"writer\": %d, \"messages\": %d, \"path\": \"%s\"}\n", pid,
		getpid(), MESSAGES, path);
}

/* A connection of a named socket: the receiver has the end that has no name of its own. */
static void named_socket(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path, path, strlen(path) + 1);
	must(bind(listener, (struct sockaddr *)&name, sizeof name) == 0, "bind");
	must(listen(listener, 1) == 0, "listen");
	must(connect(fd, (struct sockaddr *)&name, sizeof name) == 0, "connect");
	ends_of_pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(ends_of_pair[1] >= 0, "accept");
	tell_socket(fd, path);
	unlink(path);
}

/* ---- what the kernel counts itself ---- */

static void counted(void)
{
	unsigned long long ran = 0, waited = 0;
	FILE *file;

	work(300 * MS);
	for (int i = 0; i < NAPS; i++) {
		nap(MS);
		work(2 * MS);
	}
	file = fopen("/proc/self/schedstat", "re");
	must(file && fscanf(file, "%llu %llu", &ran, &waited) == 2, "schedstat");
	fclose(file);
	printf("{\"pid\": %d, \"ran\": %llu, \"waited\": %llu}\n", getpid(), ran, waited);
	fflush(stdout);
	_exit(0);
}

static void compete(void)
{
	pin();
	pid_t a = start(counted), b = start(counted);

	end(a);
	end(b);
}

static void *short_life(void *arg)
{
	work(200000);
	return arg;
}

/* Many lives, of threads and of processes. */
static void lives(void)
{
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		must(pthread_create(&threads[i], NULL, short_life, NULL) == 0, "pthread_create");
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		must(pid >= 0, "fork");
		if (pid == 0)
			_exit(0);
		end(pid);
	}
	printf("{\"threads\": 8, \"children\": 40}\n");
}

/* Ends a while after the first thread of its process has. */
static void *outlive(void *arg)
{
	uint64_t until = now(CLOCK_MONOTONIC) + MS / 4;

	while (now(CLOCK_MONOTONIC) < until)
		;
	return arg;
}

/* Processes whose first thread ends first, and a parent that asks for them all the time: it may ask just
 * before the last thread begins to end, and find it gone by the end of the same call. */
static void firsts(void)
{
	enum { PROCESSES = 60 };
	pthread_t thread;

	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();
		must(pid >= 0, "fork");
		if (pid == 0) {
			must(pthread_create(&thread, NULL, outlive, NULL) == 0, "pthread_create");
			syscall(SYS_exit, 0);
		}
		while (waitpid(pid, NULL, WNOHANG) == 0)
			;
	}
	printf("{\"children\": %d}\n", PROCESSES);
}

/* ---- what every way of tracing must tell ---- */

/* What it knows of itself: how long it waited, and worked. */
struct told {
	uint64_t asleep, ran;
};

/* Works, waits in a pipe, works; then it is a zombie for a while. `rested`: from when it was seen asleep
 * until it was written to, so that it was blocked for no less. `gone`: more than it was a zombie. */
static void work_and_wait(int from, int to)
{
	struct told told;
	char byte;

	work(60 * MS);
	told.asleep = now(CLOCK_MONOTONIC);
	must(read(from, &byte, 1) == 1, "read");
	told.asleep = now(CLOCK_MONOTONIC) - told.asleep;
	work(40 * MS);
	told.ran = now(CLOCK_PROCESS_CPUTIME_ID);
	must(write(to, &told, sizeof told) == sizeof told, "write");
	_exit(0);
}

/* How long it was left a zombie: no less. */
static uint64_t leave_dead(pid_t pid)
{
	siginfo_t info;

	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
	uint64_t from = now(CLOCK_MONOTONIC);
	nap(60 * MS);
	return now(CLOCK_MONOTONIC) - from;
}

static void plain_life(void)
{
	int ends[2], truth[2];
	struct told told;
	struct stat pipe;

	must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(truth, O_CLOEXEC) == 0, "pipe");
	must(fstat(ends[0], &pipe) == 0, "fstat");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		work_and_wait(ends[0], truth[1]);
	while (!sleeps(pid))
		nap(MS);
	uint64_t from = now(CLOCK_MONOTONIC);
	nap(250 * MS);
	uint64_t rested = now(CLOCK_MONOTONIC) - from;
	must(write(ends[1], "x", 1) == 1, "write");
	uint64_t written = now(CLOCK_MONOTONIC);
	must(read(truth[0], &told, sizeof told) == sizeof told, "read");
	uint64_t dead = leave_dead(pid);
	end(pid);
	printf("{\"pid\": %d, \"parent\": %d, \"ran\": %" PRIu64 ", \"asleep\": %" PRIu64
	       ", \"rested\": %" PRIu64 ", \"zombie\": %" PRIu64 ", \"gone\": %" PRIu64
	       ", \"pipe\": \"pipe:[%" PRIu64 "]\"}\n",
		pid, getpid(), told.ran, told.asleep, rested, dead, now(CLOCK_MONOTONIC) - written,
		(uint64_t)pipe.st_ino);
}

/* Two that hand a byte to and fro: as many records as can be. */
static void storm(void)
{
	int there[2], back[2];
	char byte = 0;

	pin();
	must(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0, "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	for (int i = 0; i < 20000; i++) {
		int from = pid ? back[0] : there[0], to = pid ? there[1] : back[1];
		if (pid)
			must(write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1, "storm");
		else if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
			_exit(1);
	}
	if (pid == 0)
		_exit(0);
	end(pid);
	printf("{\"first\": %d, \"second\": %d}\n", getpid(), pid);
}

static const struct scene {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"slice", slice},
	{"woken", woken},
	{"class", higher},
	{"yield", yield},
	{"zombie", zombie},
	{"pipe", slow_pipe},
	{"counted", compete},
	{"lives", lives},
	{"firsts", firsts},
	{"plain", plain_life},
	{"storm", storm},
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "unix") == 0) {
		named_socket(argv[2]);
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < sizeof scenes / sizeof *scenes; i++)
		if (strcmp(argv[1], scenes[i].name) == 0) {
			scenes[i].play();
			return 0;
		}
	fprintf(stderr, "usage: trace_scene NAME | trace_scene unix PATH\n");
	return 2;
}
