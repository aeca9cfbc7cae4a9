/* SPDX-License-Identifier: MIT
 *
 * clock.c - no wait of the library goes by the clock that tells the date, which can be set: a filter in
 * the kernel kills who gives a system call a deadline of that clock. What the filter cannot see, a time
 * in memory, is looked at on its way into the call: POSIX message queues know no other clock, so they
 * get a time that has always passed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "sys.h"
#include "waits.h"

/* ---- the filter ---- */

/* A system call that has a deadline of CLOCK_REALTIME if its argument `which`, under `mask`, is `is`, and
 * its argument `timeout` (a pointer) is not NULL; -1: whatever else it is given. */
struct rule {
	long number;
	unsigned which;
	uint32_t mask, is;
	int timeout;
};

static const struct rule rules[] = {
	{SYS_futex, 1, FUTEX_CLOCK_REALTIME, FUTEX_CLOCK_REALTIME, 3},
	{SYS_futex, 1, FUTEX_CMD_MASK, FUTEX_LOCK_PI, 3},
	{449 /* futex_waitv */, 4, ~UINT32_C(0), CLOCK_REALTIME, 3},
	{SYS_timerfd_create, 0, ~UINT32_C(0), CLOCK_REALTIME, -1},
	{SYS_timer_create, 0, ~UINT32_C(0), CLOCK_REALTIME, -1},
	{SYS_clock_nanosleep, 0, ~UINT32_C(0), CLOCK_REALTIME, -1},
};

enum {
	RULES = sizeof rules / sizeof *rules,
	STEPS = 10,
	BIG = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
};

static uint32_t place(unsigned argument, bool high)
{
	return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument +
			  4 * (high != (bool)BIG));
}

static struct sock_filter load(uint32_t offset)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

/* To the next instruction if it is equal, else so many further. */
static struct sock_filter unless_equal(uint32_t value, uint8_t further)
{
	return (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, further);
}

static struct sock_filter answer(uint32_t what)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what);
}

/* Ten instructions; what the rule does not forbid goes on behind them. */
static void write_rule(struct sock_filter *at, const struct rule *rule)
{
	bool any = rule->timeout < 0;
	unsigned timeout = any ? 0 : (unsigned)rule->timeout;

	at[0] = load(offsetof(struct seccomp_data, nr));
	at[1] = unless_equal((uint32_t)rule->number, 8);
	at[2] = load(place(rule->which, false));
	at[3] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask);
	at[4] = unless_equal(rule->is, 5);
	at[5] = load(place(timeout, false));
	at[6] = unless_equal(any ? UINT32_MAX : 0, 2); /* not 0: kill */
	at[7] = load(place(timeout, true));
	at[8] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	at[9] = answer(SECCOMP_RET_KILL_PROCESS);
	if (any)
		at[5] = at[6] = at[7] = at[8] = answer(SECCOMP_RET_KILL_PROCESS);
}

static void forbid_the_date(void)
{
	struct sock_filter filter[RULES * STEPS + 1];
	const struct sock_fprog program = {.len = RULES * STEPS + 1, .filter = filter};

	for (unsigned i = 0; i < RULES; i++)
		write_rule(filter + i * STEPS, &rules[i]);
	filter[RULES * STEPS] = answer(SECCOMP_RET_ALLOW);
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* ---- what the filter cannot see ---- */

static struct sys_calls {
	ssize_t (*receive)(mqd_t, char *, size_t, unsigned *, const struct timespec *);
	int (*send)(mqd_t, const char *, size_t, unsigned, const struct timespec *);
} real;

static void check_long_ago(const struct timespec *t)
{
	CHECK(t == NULL || (t->tv_sec == 0 && t->tv_nsec == 0));
}

static ssize_t take_late(
	mqd_t q, char *buf, size_t size, unsigned *priority, const struct timespec *t)
{
	check_long_ago(t);
	return real.receive(q, buf, size, priority, t);
}

static int send_late(
	mqd_t q, const char *buf, size_t size, unsigned priority, const struct timespec *t)
{
	check_long_ago(t);
	return real.send(q, buf, size, priority, t);
}

static void look_at_queues(void)
{
	real.receive = sinew__sys.mq_timedreceive;
	real.send = sinew__sys.mq_timedsend;
	sinew__sys.mq_timedreceive = take_late;
	sinew__sys.mq_timedsend = send_late;
}

/* ---- the cases ---- */

TEST_EACH(every_wait, goes_not_by_the_date, struct wait_row, row)
{
	forbid_the_date();
	look_at_queues();
	void *what = row->prepare(row->arg);
	int64_t since = test_now();
	CHECK_ERR(row->wait(what, since + 20 * 1000000), -ETIMEDOUT);
	CHECK(test_now() - since >= 20 * 1000000);
	if (row->finish)
		row->finish(what);
}

static void wait_by_the_date(void *arg)
{
	struct timespec t;
	sem_t sem;

	(void)arg;
	forbid_the_date();
	CHECK_SYS(sem_init(&sem, 0, 0));
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec = 0;
	CHECK(sem_clockwait(&sem, CLOCK_MONOTONIC, &t) < 0 && errno == ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	sem_timedwait(&sem, &t);
}

/* That the filter sees what it is there for, and lets the rest be. */
TEST(who_goes_by_the_date_is_caught)
{
	CHECK_EQ(test_wait(test_fork(wait_by_the_date, NULL)), -SIGSYS);
}
