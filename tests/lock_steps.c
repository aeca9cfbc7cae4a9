/* SPDX-License-Identifier: MIT
 *
 * lock_steps.c - who uses a lock dies at every step of it; and wake-ups that come at the worst moment.
 */
#include <sys/wait.h>

#include "stepping.h"

/* ---- mutex: both numbers rise together, or there is news ---- */

static void update(void)
{
	int r = sinew_mutex_lock(&s->mutex, in_ms(20000));

	if (r == -EOWNERDEAD) {
		s->b = s->a;
		CHECK_OK(sinew_mutex_repaired(&s->mutex));
	} else {
		CHECK_OK(r);
	}
	CHECK_EQ(s->a, s->b);
	s->a++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->b++;
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

static void check_update(pid_t sleeper)
{
	if (sleeper)
		CHECK_EQ(test_wait(sleeper), 0);
	update();
	CHECK_OK(sinew_mutex_lock(&s->mutex, SINEW_NOW)); /* no news any more */
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

static void hold(void)
{
	CHECK_OK(sinew_mutex_lock(&s->mutex, SINEW_NOW));
	s->a++;
}

static void finish_update(void)
{
	s->b++;
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

static void break_it(void)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		hold();
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

/* ---- condition ---- */

static void await_flag(void)
{
	CHECK_OK(sinew_mutex_lock(&s->mutex, in_ms(20000)));
	while (!s->flag) {
		int r = sinew_condition_wait(&s->condition, &s->mutex, in_ms(20000));
		if (r == -EOWNERDEAD)
			CHECK_OK(sinew_mutex_repaired(&s->mutex));
		else
			CHECK_OK(r);
	}
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

static void set_flag(void)
{
	int r = sinew_mutex_lock(&s->mutex, in_ms(20000));

	if (r == -EOWNERDEAD)
		r = sinew_mutex_repaired(&s->mutex);
	CHECK_OK(r);
	s->flag = 1;
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
	sinew_condition_wake(&s->condition);
}

static void wait_a_little(void)
{
	CHECK_OK(sinew_mutex_lock(&s->mutex, SINEW_NOW));
	CHECK_ERR(sinew_condition_wait(&s->condition, &s->mutex, in_ms(1)), -ETIMEDOUT);
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

static void check_flag(pid_t sleeper)
{
	if (!s->flag)
		set_flag();
	CHECK_EQ(test_wait(sleeper), 0);
	CHECK_OK(sinew_mutex_lock(&s->mutex, in_ms(20000)));
	CHECK_OK(sinew_mutex_unlock(&s->mutex));
}

/* ---- semaphore ---- */

static void take_and_give(void)
{
	CHECK_OK(sinew_semaphore_take(&s->semaphore, in_ms(20000)));
	CHECK_OK(sinew_semaphore_give(&s->semaphore));
}

static void take_all(void)
{
	CHECK_OK(sinew_semaphore_take(&s->semaphore, SINEW_NOW));
}

static void take(void)
{
	CHECK_OK(sinew_semaphore_take(&s->semaphore, in_ms(20000)));
}

static void give(void)
{
	CHECK_OK(sinew_semaphore_give(&s->semaphore));
}

/* The unit went with its taker, or it is there: never two. */
static void check_semaphore(pid_t sleeper)
{
	uint32_t value = sinew_semaphore_value(&s->semaphore);

	(void)sleeper;
	CHECK(value <= 1);
	if (value == 0)
		give();
	take_and_give();
	CHECK_EQ(sinew_semaphore_value(&s->semaphore), 1);
}

static void take_in_vain(void)
{
	CHECK_ERR(sinew_semaphore_take(&s->semaphore, in_ms(1)), -ETIMEDOUT);
}

/* The next sleeper has a wake-up of its own. */
static void check_kept(pid_t sleeper)
{
	CHECK_EQ(sinew_semaphore_value(&s->semaphore), 0);
	sleeper = CHECK_SYS(fork());
	if (sleeper == 0) {
		take();
		_exit(0);
	}
	test_blocked(sleeper, SYS_futex);
	give();
	CHECK_EQ(test_wait(sleeper), 0);
	CHECK_EQ(sinew_semaphore_value(&s->semaphore), 0);
	give();
	take();
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	CHECK_SYS(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == pid;
}

/* Given before the death, the sleeper gets it by itself; else by another who gives. */
static void check_given(pid_t sleeper)
{
	if (!test_within(has_ended(sleeper), 300)) {
		CHECK_EQ(sinew_semaphore_value(&s->semaphore), 0);
		give();
	}
	CHECK_EQ(test_wait(sleeper), 0);
	CHECK_EQ(sinew_semaphore_value(&s->semaphore), 0);
	give();
	take();
}

/* ---- pool ---- */

static uint32_t unit;

static void take_unit(void)
{
	int r = sinew_pool_take(&s->pool, &unit, in_ms(20000));

	if (r == -EOWNERDEAD)
		r = sinew_pool_repaired(&s->pool, unit);
	CHECK_OK(r);
}

static void give_unit(void)
{
	CHECK_OK(sinew_pool_give(&s->pool, unit));
}

static void use_unit(void)
{
	take_unit();
	give_unit();
}

static void hold_units(void)
{
	for (unsigned i = 0; i < 2; i++)
		take_unit();
}

static void check_units(pid_t sleeper)
{
	if (sleeper)
		CHECK_EQ(test_wait(sleeper), 0);
	hold_units();
	uint32_t more;
	CHECK_ERR(sinew_pool_take(&s->pool, &more, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_pool_give(&s->pool, 0));
	CHECK_OK(sinew_pool_give(&s->pool, 1));
}

static void give_one_unit(void)
{
	CHECK_OK(sinew_pool_give(&s->pool, 1));
}

/* ---- barrier of two ---- */

static void meet(void)
{
	CHECK_OK(sinew_barrier_wait(&s->barrier, in_ms(20000)));
}

static void meet_nobody(void)
{
	CHECK_ERR(sinew_barrier_wait(&s->barrier, in_ms(1)), -ETIMEDOUT);
}

/* Whether the barrier opened or its opener died before, the sleeper gets through with one who comes. */
static void check_met(pid_t sleeper)
{
	bool opened = s->barrier.round != 1;

	if (!opened)
		meet();
	CHECK_EQ(test_wait(sleeper), 0);
	pid_t pid = CHECK_SYS(fork());
	meet();
	if (pid == 0)
		_exit(0);
	CHECK_EQ(test_wait(pid), 0);
}

static void check_nobody(pid_t sleeper)
{
	(void)sleeper;
	CHECK_ERR(sinew_barrier_wait(&s->barrier, in_ms(1)), -ETIMEDOUT); /* nobody is there */
	pid_t pid = CHECK_SYS(fork());
	meet();
	if (pid == 0)
		_exit(0);
	CHECK_EQ(test_wait(pid), 0);
}

/* ---- once ---- */

static void do_once(void)
{
	int r = sinew_once_begin(&s->once, in_ms(20000));

	if (r == 1)
		CHECK_EQ(s->a, 0);
	else if (r != -EOWNERDEAD)
		CHECK_EQ(CHECK_OK(r), 0);
	if (r != 0) {
		s->a = 1;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		s->b = 1;
		CHECK_OK(sinew_once_done(&s->once));
	}
	CHECK_EQ(s->a, 1);
	CHECK_EQ(s->b, 1);
}

static void check_once(pid_t sleeper)
{
	(void)sleeper;
	do_once();
	CHECK_EQ(sinew_once_begin(&s->once, SINEW_NOW), 0);
}

static const struct row rows[] = {
	{"mutex", NULL, NULL, update, NULL, check_update},
	{"mutex_unlock", NULL, hold, finish_update, update, check_update},
	{"mutex_repair", NULL, break_it, update, NULL, check_update},
	{"condition_wake", NULL, NULL, set_flag, await_flag, check_flag},
	{"condition_wait", NULL, NULL, wait_a_little, await_flag, check_flag},
	{"semaphore", NULL, NULL, take_and_give, NULL, check_semaphore},
	{"semaphore_give", NULL, take_all, give, take, check_given},
	{"semaphore_in_vain", NULL, take_all, take_in_vain, NULL, check_kept},
	{"pool", NULL, NULL, use_unit, NULL, check_units},
	{"pool_give", NULL, hold_units, give_one_unit, use_unit, check_units},
	{"barrier_meet", NULL, NULL, meet, meet, check_met},
	{"barrier_leave", NULL, NULL, meet_nobody, NULL, check_nobody},
	{"once", NULL, NULL, do_once, NULL, check_once},
};
TEST_SUITE(every_operation, rows);

/* Symbols are bound, pages are there: what is stepped through is the operation. */
static void warm_up(void)
{
	update();
	wait_a_little();
	take_and_give();
	use_unit();
	meet_nobody();
	s->a = s->b = 0;
	do_once();
	sinew_condition_wake(&s->condition);
}

TEST_EACH(every_operation, dies_at_every_step, struct row, row, .timeout = 250)
{
	die_at_every_step(row, warm_up);
}

/* ---- a wake that comes between giving the mutex back and sleeping ---- */

static bool is_free(void)
{
	int r = sinew_mutex_lock(&s->mutex, SINEW_NOW);

	if (r == 0)
		CHECK_OK(sinew_mutex_unlock(&s->mutex));
	return r == 0;
}

/* How long the wait for a flag goes on after that. */
static int64_t wake_before_the_sleep(void)
{
	static const struct row waits = {.act = await_flag};
	pid_t sleeper, pid = start(&waits, &sleeper);

	while (is_free())
		CHECK(step(pid));
	while (!is_free())
		CHECK(step(pid));
	set_flag();
	int64_t since = test_now();
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	CHECK_EQ(test_wait(pid), 0);
	return test_now() - since;
}

/* Lost, each would cost the 100 ms until the next look. */
TEST(no_wake_is_lost, .timeout = 120)
{
	int64_t waited = 0, most = test_limit(1200) - test_now();

	make_shared();
	warm_up();
	make_shared();
	for (int i = 0; i < 20; i++)
		waited += wake_before_the_sleep();
	CHECK(waited < most);
}

/* One is about to sleep for want of a unit when others give one and take it: it must not sleep without the
 * mark that the next give looks for. */
static void give_before_the_sleep(void)
{
	static const struct row takes = {.ready = take_all, .act = take};
	const uint64_t mark = UINT64_C(1) << 32;
	pid_t sleeper, pid = start(&takes, &sleeper);

	while (s->semaphore.word != mark)
		CHECK(step(pid));
	give();
	CHECK_EQ(s->semaphore.word, 1);
	take();
	CHECK_EQ(s->semaphore.word, 0);
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	test_blocked(pid, SYS_futex);
	CHECK_EQ(s->semaphore.word, mark);
	give();
	CHECK_EQ(test_wait(pid), 0);
}

TEST(no_unit_is_slept_through)
{
	make_shared();
	warm_up();
	for (int i = 0; i < 5; i++)
		give_before_the_sleep();
}
