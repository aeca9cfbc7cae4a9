/* SPDX-License-Identifier: MIT
 *
 * events.c - the round trip of each event beside its bare system calls: two processes wake each other
 * in turns. Both sorts run alternately, so that what disturbs one disturbs the other; the median of the
 * runs is shown, and the best, which a busy machine disturbs least. sinew-bench-events [ROUNDS [RUNS]]
 */
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "raw/counter.h"

enum { MOST_RUNS = 101 };

/* What both processes see. */
struct shared {
	pid_t pid[2];
	uint32_t ready;
	struct sinew_tally tally[2];
	struct counter counter[2];
	sem_t sem[2];
};

static struct shared *shared;

/* One of the two: waits at its own event and posts at the other's. */
struct side {
	int me;
	sinew_event *mine, *others;
	int fd[2], pidfd, set;
};

struct twin {
	void (*before)(struct side sides[2]); /* in the parent, before the fork */
	void (*open)(struct side *side);      /* in each process */
	void (*post)(struct side *side);
	void (*wait)(struct side *side);
};

struct row {
	const char *name, *uri[2];
	struct twin bare;
};

static void die(const char *what)
{
	fprintf(stderr, "sinew-bench-events: %s: %s\n", what, sinew_error_text());
	exit(3);
}

/* ---- sinew ---- */

static const struct row *current;

static void open_uri(sinew_event **event, const char *uri, unsigned flags)
{
	if (sinew_event_open(event, uri, flags, SINEW_NOW) < 0)
		die(uri);
}

static void sinew_before(struct side sides[2])
{
	if (strncmp(current->uri[0], "eventfd:", 8) != 0)
		return;
	open_uri(&sides[0].mine, current->uri[0], 0);
	open_uri(&sides[0].others, current->uri[0], 0);
	sides[1].mine = sides[0].others;
	sides[1].others = sides[0].mine;
}

static void sinew_open_side(struct side *side)
{
	char uri[64];

	if (side->mine)
		return;
	if (strncmp(current->uri[0], "signal:", 7) == 0) {
		open_uri(&side->mine, "signal:self?sig=RTMIN+4", SINEW_IN);
		snprintf(uri, sizeof uri, "signal:%d?sig=RTMIN+4", shared->pid[!side->me]);
		open_uri(&side->others, uri, SINEW_OUT);
		return;
	}
	open_uri(&side->mine, current->uri[side->me], SINEW_IN);
	open_uri(&side->others, current->uri[!side->me], SINEW_OUT);
}

static void sinew_post_side(struct side *side)
{
	if (sinew_event_post(side->others, 1, SINEW_FOREVER) < 0)
		die("post");
}

static void sinew_wait_side(struct side *side)
{
	if (sinew_event_wait(side->mine, NULL, SINEW_FOREVER) < 0)
		die("wait");
}

static const struct twin sinew_twin = {
	sinew_before, sinew_open_side, sinew_post_side, sinew_wait_side};

/* ---- bare: signals, semaphores, eventfds ---- */

static void nothing(struct side *side)
{
	(void)side;
}

static void signal_open(struct side *side)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	side->fd[0] = signalfd(-1, &set, 0);
	side->pidfd = pidfd_open(shared->pid[!side->me], 0);
}

static void signal_post(struct side *side)
{
	siginfo_t info = {.si_signo = SIGRTMIN + 4, .si_code = SI_QUEUE};

	if (pidfd_send_signal(side->pidfd, SIGRTMIN + 4, &info, 0) < 0)
		die("pidfd_send_signal");
}

static void signal_wait(struct side *side)
{
	struct signalfd_siginfo info;

	if (read(side->fd[0], &info, sizeof info) < 0)
		die("signalfd");
}

static void sem_before(struct side sides[2])
{
	(void)sides;
	sem_init(&shared->sem[0], 1, 0);
	sem_init(&shared->sem[1], 1, 0);
}

static void sem_post_side(struct side *side)
{
	sem_post(&shared->sem[!side->me]);
}

static void sem_wait_side(struct side *side)
{
	sem_wait(&shared->sem[side->me]);
}

static void sysvsem_before(struct side sides[2])
{
	sides[0].set = sides[1].set = semget(IPC_PRIVATE, 2, 0600);
}

static void sysvsem_do(int set, int n, int amount)
{
	struct sembuf step = {(unsigned short)n, (short)amount, 0};

	if (semop(set, &step, 1) < 0)
		die("semop");
}

static void sysvsem_post(struct side *side)
{
	sysvsem_do(side->set, !side->me, 1);
}

static void sysvsem_wait(struct side *side)
{
	sysvsem_do(side->set, side->me, -1);
}

static void eventfd_before(struct side sides[2])
{
	for (int i = 0; i < 2; i++)
		sides[0].fd[i] = sides[1].fd[i] = eventfd(0, 0);
}

static void eventfd_post(struct side *side)
{
	if (eventfd_write(side->fd[!side->me], 1) < 0)
		die("eventfd");
}

static void eventfd_wait(struct side *side)
{
	uint64_t value;

	if (eventfd_read(side->fd[side->me], &value) < 0)
		die("eventfd");
}

static void tally_post(struct side *side)
{
	sinew_tally_post(&shared->tally[!side->me], 1);
}

static void tally_wait(struct side *side)
{
	sinew_tally_wait(&shared->tally[side->me], SINEW_FOREVER);
}

static void none_before(struct side sides[2])
{
	(void)sides;
}

/* The tally has no handle: what stands at the left is the tally, at the right a counter on a bare futex that
 * wakes only who sleeps. It never looks again by itself: who is killed at the wrong moment stops it. */
static const struct twin tally_twin = {none_before, nothing, tally_post, tally_wait};

static void futex_post(struct side *side)
{
	struct counter *c = &shared->counter[!side->me];

	__atomic_add_fetch(&c->units, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->sleepers, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &c->units, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_wait(struct side *side)
{
	struct counter *c = &shared->counter[side->me];

	if (counter_take(c))
		return;
	__atomic_add_fetch(&c->sleepers, 1, __ATOMIC_SEQ_CST);
	while (!counter_take(c))
		syscall(SYS_futex, &c->units, FUTEX_WAIT, 0, NULL, NULL, 0);
	__atomic_sub_fetch(&c->sleepers, 1, __ATOMIC_SEQ_CST);
}

static const struct row rows[] = {
	{"signal", {"signal:", NULL}, {none_before, signal_open, signal_post, signal_wait}},
	{"sem", {"sem:/sinew-bench-a", "sem:/sinew-bench-b"},
		{sem_before, nothing, sem_post_side, sem_wait_side}},
	{"sysvsem", {"sysvsem:0x5b5b0001?undo=no", "sysvsem:0x5b5b0002?undo=no"},
		{sysvsem_before, nothing, sysvsem_post, sysvsem_wait}},
	{"eventfd", {"eventfd:", NULL}, {eventfd_before, nothing, eventfd_post, eventfd_wait}},
	{"tally", {NULL, NULL}, {none_before, nothing, futex_post, futex_wait}},
	{"tally beside sem_t", {NULL, NULL}, {sem_before, nothing, sem_post_side, sem_wait_side}},
};

/* ---- measuring ---- */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void meet(void)
{
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_ACQ_REL);
	sinew_futex_wake(&shared->ready, 1);
	for (uint32_t seen; (seen = __atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE)) < 2;)
		sinew_futex_wait(&shared->ready, seen, SINEW_FOREVER);
}

static void answer(const struct twin *twin, struct side *side, unsigned rounds, int cpu)
{
	pin(cpu);
	shared->pid[1] = getpid();
	twin->open(side);
	meet();
	for (unsigned i = 0; i < rounds; i++) {
		twin->wait(side);
		twin->post(side);
	}
	_exit(0);
}

/* Nanoseconds of one round trip. */
static double run(const struct twin *twin, unsigned rounds, bool one_cpu)
{
	struct side sides[2] = {{.me = 0, .fd = {-1, -1}}, {.me = 1, .fd = {-1, -1}}};

	memset(shared, 0, sizeof *shared);
	shared->pid[0] = getpid();
	twin->before(sides);
	pid_t child = fork();
	if (child == 0)
		answer(twin, &sides[1], rounds, one_cpu ? 0 : 1);
	pin(0);
	shared->pid[1] = child;
	twin->open(&sides[0]);
	meet();
	int64_t begin = now();
	for (unsigned i = 0; i < rounds; i++) {
		twin->post(&sides[0]);
		twin->wait(&sides[0]);
	}
	double ns = (double)(now() - begin) / rounds;
	waitpid(child, NULL, 0);
	sinew_event_close(sides[0].mine);
	sinew_event_close(sides[0].others);
	for (int i = 0; i < 2; i++)
		if (sides[0].fd[i] >= 0)
			close(sides[0].fd[i]);
	if (sides[0].pidfd > 0)
		close(sides[0].pidfd);
	if (sides[0].set > 0)
		semctl(sides[0].set, 0, IPC_RMID);
	return ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof *values, compare);
	return values[n / 2];
}

static void measure(const struct row *row, unsigned rounds, unsigned runs, bool one_cpu)
{
	double sinew[MOST_RUNS], bare[MOST_RUNS];
	const struct twin *twin = row->uri[0] ? &sinew_twin : &tally_twin;

	current = row;
	for (unsigned i = 0; i < runs; i++) {
		sinew[i] = run(twin, rounds, one_cpu);
		bare[i] = run(&row->bare, rounds, one_cpu);
	}
	double a = median(sinew, runs), b = median(bare, runs);
	printf("%-20s %8.2f us (bare %8.2f us, %+5.1f %%)   best %8.2f us (%8.2f us, %+5.1f %%)\n",
		row->name, a / 1000, b / 1000, 100 * (a - b) / b, sinew[0] / 1000, bare[0] / 1000,
		100 * (sinew[0] - bare[0]) / bare[0]);
	for (unsigned i = 0; i < 2; i++)
		if (row->uri[i] && row->uri[i][0] == 's' && row->uri[i][1] != 'i')
			sinew_remove(row->uri[i]);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5000;
	unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 7;
	sigset_t set;

	if (rounds == 0 || runs == 0 || runs > MOST_RUNS)
		return 2;
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 3;
	/* A poster may be faster than the other's opening. */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int one_cpu = 0; one_cpu < 2; one_cpu++) {
		if (!one_cpu && sysconf(_SC_NPROCESSORS_ONLN) < 2)
			continue;
		printf("%sround trip, %s, median of %u runs of %u\n", one_cpu ? "\n" : "",
			one_cpu ? "one CPU" : "two CPUs", runs, rounds);
		for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
			measure(&rows[i], rounds, runs, one_cpu);
	}
	return 0;
}
