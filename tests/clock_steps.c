/* SPDX-License-Identifier: MIT
 *
 * clock_steps.c - the clock that tells the date is set, while every wait of the library goes on: each ends at
 * its deadline, neither early when the date jumps forth nor late when it jumps back. Two waits that do
 * go by the date, semaphore and message queue, show that the jumps happened.
 *
 * The clock is the machine's. It is moved by one second, twice, each time for less than a third of a
 * second, in a process of its own that moves it back by exactly as much when it is told to, when its
 * time is over, or when the case has died.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "waits.h"

enum { AWAY_MS = 300, MS = 1000000, SECOND = 1000000000 };

/* ---- moving the clock ---- */

static int step_clock(long seconds)
{
	struct timex t = {.modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_sec = seconds};

	return clock_adjtime(CLOCK_REALTIME, &t) < 0 ? -errno : 0;
}

struct journey {
	pid_t pid;
	int there[2],
		back[2]; /* it is there; it shall come back, by the end of the file at the latest */
	long seconds;
};

static void travel(void *context)
{
	struct journey *j = context;
	struct pollfd poll_back = {.fd = j->back[0], .events = POLLIN};
	sigset_t all;

	close(j->back[1]);
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	int r = step_clock(j->seconds);
	if (r == 0 && write(j->there[1], "", 1) == 1)
		poll(&poll_back, 1, AWAY_MS);
	if (r == 0)
		r = step_clock(-j->seconds);
	close(j->there[1]);
	close(j->back[0]);
	CHECK_EQ(r, 0);
}

/* Returns when the clock has been moved. */
static void leave(struct journey *j, long seconds)
{
	char byte;

	j->seconds = seconds;
	CHECK_SYS(pipe2(j->there, O_CLOEXEC));
	CHECK_SYS(pipe2(j->back, O_CLOEXEC));
	j->pid = test_fork(travel, j);
	close(j->there[1]);
	close(j->back[0]);
	CHECK_EQ(read(j->there[0], &byte, 1), 1);
}

static void come_back(struct journey *j)
{
	close(j->back[1]);
	CHECK_EQ(test_wait(j->pid), 0);
	close(j->there[0]);
}

/* ---- those who wait ---- */

enum { CONTROLS = 2 };

struct waiter {
	_Atomic bool ready, going;
	_Atomic int64_t ended; /* when; 0: not yet */
	int result;
};

static struct shared {
	int64_t until;
	int64_t date_until; /* the same moment, as the date was then */
	uint32_t set, over; /* both are; nobody waits any more */
	struct waiter waiters[WAITS_MOST], controls[CONTROLS][2];
} * shared;

static void await_start(struct waiter *waiter)
{
	waiter->ready = true;
	CHECK_OK(sinew_futex_wait(&shared->set, 0, SINEW_FOREVER));
	waiter->going = true;
}

/* Names are the waiter's own, and vanish with it. */
static void be_alone(void)
{
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mount("tmpfs", test_tmpdir(), "tmpfs", 0, "size=16M"));
	CHECK_SYS(mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777,size=16M"));
}

static void wait_as_row(void *context)
{
	const struct wait_row *row = context;
	struct waiter *waiter = &shared->waiters[row - wait_rows];

	be_alone();
	void *what = row->prepare(row->arg);
	await_start(waiter);
	waiter->result = row->wait(what, shared->until);
	waiter->ended = test_now();
	CHECK_OK(sinew_futex_wait(&shared->over, 0, SINEW_FOREVER)); /* nobody is held up by this */
	if (row->finish)
		row->finish(what);
}

static void wait_for_sem(const struct timespec *t)
{
	sem_t sem;

	CHECK_SYS(sem_init(&sem, 0, 0));
	CHECK(sem_timedwait(&sem, t) < 0 && errno == ETIMEDOUT);
}

static void wait_for_mq(const struct timespec *t)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char name[40], byte;

	snprintf(name, sizeof name, "/sinew-test-%d", (int)getpid());
	mqd_t q = CHECK_SYS(mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr));
	CHECK_SYS(mq_unlink(name));
	CHECK(mq_timedreceive(q, &byte, 1, NULL, t) < 0 && errno == ETIMEDOUT);
	mq_close(q);
}

/* Waits twice for the same date. */
static void wait_by_date(void *context)
{
	struct waiter *waiters = context;
	bool first = waiters == shared->controls[0];

	await_start(waiters);
	int64_t date = shared->date_until;
	const struct timespec t = {date / SECOND, date % SECOND};
	for (unsigned i = 0; i < 2; i++) {
		waiters[i].going = true;
		first ? wait_for_sem(&t) : wait_for_mq(&t);
		waiters[i].ended = test_now();
		while (i == 0 && !waiters[1].ready) /* the clock is back */
			test_pause();
	}
}

/* ---- all of them ---- */

enum { EVERYBODY = WAITS_MOST + CONTROLS };

static pid_t pids[EVERYBODY]; /* the controls first */
static unsigned count;

/* The waiter of a process; of a control, in which turn. */
static const struct waiter *waiter_of(unsigned i, unsigned turn)
{
	return i < CONTROLS ? &shared->controls[i][turn] : &shared->waiters[i - CONTROLS];
}

static bool are_ready(void)
{
	for (unsigned i = 0; i < count; i++)
		if (!waiter_of(i, 0)->ready)
			return false;
	return true;
}

static bool is_asleep(pid_t pid)
{
	char path[40], state = '?';

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (file)
		fclose(file);
	return state == 'S';
}

/* Each has gone to sleep; some wake up for a moment now and then. */
static void wait_asleep(unsigned most, unsigned turn)
{
	for (unsigned i = 0; i < most; i++)
		WAIT_UNTIL(waiter_of(i, turn)->going && is_asleep(pids[i]), 500);
}

static bool controls_ended(unsigned turn)
{
	return waiter_of(0, turn)->ended && waiter_of(1, turn)->ended;
}

/* The first that has ended, or has not; NULL: none. */
static const char *first_waiter(bool ended)
{
	for (unsigned i = CONTROLS; i < count; i++)
		if ((waiter_of(i, 0)->ended != 0) == ended)
			return wait_rows[i - CONTROLS].name;
	return NULL;
}

static void start_all(void)
{
	for (; count < CONTROLS; count++)
		pids[count] = test_fork(wait_by_date, shared->controls[count]);
	for (size_t i = 0; i < every_wait.count; i++)
		pids[count++] = test_fork(wait_as_row, &wait_rows[i]);
	WAIT_UNTIL(are_ready(), 30000);
}

static void tell(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	CHECK_OK(sinew_futex_wake(word, EVERYBODY));
}

static void set_deadline(int64_t ms)
{
	struct timespec date;

	clock_gettime(CLOCK_REALTIME, &date);
	shared->until = test_now() + ms * MS;
	shared->date_until = (int64_t)date.tv_sec * SECOND + date.tv_nsec + ms * MS;
	tell(&shared->set);
}

static void jump_forth(void)
{
	struct journey j;

	leave(&j, 1);
	bool jumped = test_within(controls_ended(0), AWAY_MS - 50);
	const char *early = first_waiter(true);
	bool in_time = test_now() < shared->until;
	come_back(&j);
	CHECK(jumped && in_time);
	if (early)
		FAIL("%s ended early", early);
}

/* Shortly before the deadline, until all have ended. */
static void jump_back(void)
{
	int64_t when = shared->until - 30 * MS;
	const struct timespec t = {when / SECOND, when % SECOND};
	struct journey j;

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	leave(&j, -1);
	test_within(first_waiter(false) == NULL, AWAY_MS - 50);
	const char *late = first_waiter(false);
	bool jumped = !controls_ended(1);
	come_back(&j);
	if (late)
		FAIL("%s ended late", late);
	CHECK(jumped);
}

TEST(every_wait_ends_in_time_while_the_date_jumps, .timeout = 90)
{
	if (step_clock(0) < 0)
		SKIP("setting the clock is for root alone");
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("mounting a file system needs root");
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	setpriority(PRIO_PROCESS, 0, -15); /* a crowd wakes up, and that shall not take long */
	start_all();
	set_deadline(1200);
	wait_asleep(count, 0);
	jump_forth();
	for (unsigned i = 0; i < CONTROLS; i++)
		shared->controls[i][1].ready = true;
	wait_asleep(CONTROLS, 1);
	jump_back();
	tell(&shared->over);
	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(test_wait(pids[i]), 0);
		if (i < CONTROLS)
			continue;
		CHECK_ERR(waiter_of(i, 0)->result, -ETIMEDOUT);
		CHECK(waiter_of(i, 0)->ended >= shared->until);
	}
}
