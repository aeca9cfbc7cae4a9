/* SPDX-License-Identifier: MIT
 *
 * lock.c - mutex and condition: what each call answers, in time; who is killed, who ends, who executes
 * another program.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "lock.h"
#include "locks.h"

/* ---- mutex ---- */

static void lock_it(void *mutex)
{
	int r = sinew_mutex_lock(mutex, soon(5000));
	CHECK(r == 0 || r == -EOWNERDEAD);
}

TEST(mutex_answers)
{
	struct sinew_mutex *m = shared(sizeof *m);
	struct holder h;

	CHECK_ERR(sinew_mutex_lock(m, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_mutex_unlock(m), -EINVAL);
	CHECK_OK(sinew_mutex_init(m));
	CHECK_ERR(sinew_mutex_unlock(m), -EPERM);
	CHECK_ERR(sinew_mutex_repaired(m), -EINVAL);
	CHECK_OK(sinew_mutex_lock(m, SINEW_NOW));
	CHECK_ERR(sinew_mutex_lock(m, SINEW_FOREVER), -EDEADLK);
	CHECK_ERR(sinew_mutex_repaired(m), -EINVAL);
	CHECK_OK(sinew_mutex_unlock(m));
	pid_t pid = hold(&h, lock_it, m);
	CHECK_ERR(sinew_mutex_lock(m, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_mutex_unlock(m), -EPERM);
	int64_t since = test_now();
	check_in_time(sinew_mutex_lock(m, soon(30)), since);
	CHECK_ERR(sinew_mutex_lock(m, 1), -ETIMEDOUT);
	let_die(&h, pid);
	CHECK_ERR(sinew_mutex_lock(m, 1), -EOWNERDEAD);
	CHECK_OK(sinew_mutex_repaired(m));
	CHECK_OK(sinew_mutex_unlock(m));
	sinew_mutex_fini(m);
	CHECK_ERR(sinew_mutex_lock(m, SINEW_NOW), -EINVAL);
}

TEST(mutex_passes_from_dead_to_dead)
{
	struct sinew_mutex *m = shared(sizeof *m);

	CHECK_OK(sinew_mutex_init(m));
	for (int i = 0; i < 5; i++)
		die_after(lock_it, m);
	CHECK_ERR(sinew_mutex_lock(m, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_mutex_repaired(m));
	CHECK_OK(sinew_mutex_unlock(m));
	CHECK_OK(sinew_mutex_lock(m, SINEW_NOW));
	CHECK_OK(sinew_mutex_unlock(m));
}

TEST(mutex_that_nobody_repaired)
{
	struct sinew_mutex *m = shared(sizeof *m);

	CHECK_OK(sinew_mutex_init(m));
	die_after(lock_it, m);
	CHECK_ERR(sinew_mutex_lock(m, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_mutex_unlock(m));
	CHECK_ERR(sinew_mutex_lock(m, SINEW_FOREVER), -ENOTRECOVERABLE);
	CHECK_ERR(sinew_mutex_lock(m, soon(5000)), -ENOTRECOVERABLE);
}

static void lock_and_hear(void *mutex)
{
	CHECK_ERR(sinew_mutex_lock(mutex, SINEW_FOREVER), -EOWNERDEAD);
	CHECK_OK(sinew_mutex_repaired(mutex));
	CHECK_OK(sinew_mutex_unlock(mutex));
}

/* The kernel wakes who waits when the holder dies; so it does for a thread, and for exec. */
TEST(mutex_wakes_who_waits_for_the_dead)
{
	struct sinew_mutex *m = shared(sizeof *m);
	struct holder h;

	CHECK_OK(sinew_mutex_init(m));
	pid_t holder = hold(&h, lock_it, m), waiter = test_fork(lock_and_hear, m);
	test_blocked(waiter, SYS_futex);
	let_die(&h, holder);
	CHECK_EQ(test_wait(waiter), 0);
}

/* Another one took it between being given back and the waking, so that its word says nothing of who sleeps; and
 * who was to wake was killed. Who sleeps looks by itself. */
TEST(mutex_is_had_by_whom_nobody_wakes)
{
	struct sinew_mutex *m = shared(sizeof *m);

	CHECK_OK(sinew_mutex_init(m));
	CHECK_OK(sinew_mutex_lock(m, SINEW_NOW));
	pid_t waiter = test_fork(lock_it, m);
	test_blocked(waiter, SYS_futex);
	atomic_fetch_and((_Atomic int *)&sinew__mutex(m)->mutex.__data.__lock, ~(int)FUTEX_WAITERS);
	CHECK_OK(sinew_mutex_unlock(m));
	CHECK_EQ(test_wait(waiter), 0);
}

static void *lock_in_thread(void *mutex)
{
	lock_it(mutex);
	return NULL;
}

static void lock_and_exec(void *mutex)
{
	lock_it(mutex);
	execl("/bin/true", "true", NULL);
}

static void child_has_nothing(void *mutex)
{
	CHECK_ERR(sinew_mutex_unlock(mutex), -EPERM);
	CHECK_ERR(sinew_mutex_lock(mutex, SINEW_NOW), -EAGAIN);
}

TEST(mutex_threads_fork_and_exec)
{
	struct sinew_mutex *m = shared(sizeof *m);
	pthread_t thread;

	CHECK_OK(sinew_mutex_init(m));
	CHECK_EQ(pthread_create(&thread, NULL, lock_in_thread, m), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	lock_and_hear(m);
	CHECK_EQ(test_wait(test_fork(lock_and_exec, m)), 0);
	lock_and_hear(m);
	lock_it(m);
	CHECK_EQ(test_wait(test_fork(child_has_nothing, m)), 0);
	CHECK_OK(sinew_mutex_unlock(m));
}

/* ---- condition ---- */

struct meeting {
	struct sinew_mutex mutex;
	struct sinew_condition condition;
	int value;
};

static struct meeting *make_meeting(void)
{
	struct meeting *m = shared(sizeof *m);

	CHECK_OK(sinew_mutex_init(&m->mutex));
	sinew_condition_init(&m->condition);
	return m;
}

static void await_value(void *context)
{
	struct meeting *m = context;

	CHECK_OK(sinew_mutex_lock(&m->mutex, SINEW_FOREVER));
	while (m->value == 0)
		CHECK_OK(sinew_condition_wait(&m->condition, &m->mutex, SINEW_FOREVER));
	m->value--;
	CHECK_OK(sinew_mutex_unlock(&m->mutex));
}

static void raise_value(struct meeting *m, int by)
{
	CHECK_OK(sinew_mutex_lock(&m->mutex, soon(5000)));
	m->value += by;
	CHECK_OK(sinew_mutex_unlock(&m->mutex));
	sinew_condition_wake(&m->condition);
}

TEST(condition_wakes_all_and_keeps_time)
{
	struct meeting *m = make_meeting();
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = test_fork(await_value, m);
	for (int i = 0; i < 4; i++)
		test_blocked(pids[i], SYS_futex);
	kill_child(pids[0]); /* takes nobody's wake-up along */
	raise_value(m, 3);
	for (int i = 1; i < 4; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	CHECK_EQ(m->value, 0);

	CHECK_ERR(sinew_condition_wait(&m->condition, &m->mutex, SINEW_NOW), -EPERM);
	CHECK_OK(sinew_mutex_lock(&m->mutex, SINEW_NOW));
	CHECK_ERR(sinew_condition_wait(&m->condition, &m->mutex, SINEW_NOW), -EAGAIN);
	int64_t since = test_now(), until = soon(30);
	int r;
	do
		r = sinew_condition_wait(&m->condition, &m->mutex, until);
	while (r == 0);
	check_in_time(r, since);
	CHECK_OK(sinew_mutex_unlock(&m->mutex)); /* it was held */
}

static void take_turns(struct meeting *m, int me)
{
	for (int n = 0; n < 100; n++) {
		CHECK_OK(sinew_mutex_lock(&m->mutex, soon(5000)));
		while (m->value % 2 != me)
			CHECK_OK(sinew_condition_wait(&m->condition, &m->mutex, soon(5000)));
		m->value++;
		CHECK_OK(sinew_mutex_unlock(&m->mutex));
		sinew_condition_wake(&m->condition);
	}
}

static void take_second_turn(void *m)
{
	take_turns(m, 1);
}

/* It is the wake that ends the wait, not the look of every 100 ms. */
TEST(condition_wakes_at_once)
{
	struct meeting *m = make_meeting();
	int64_t limit = test_limit(4000);

	pid_t pid = test_fork(take_second_turn, m);
	take_turns(m, 0);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_EQ(m->value, 200);
	CHECK(test_now() < limit);
}

static void raise_and_forget(void *context)
{
	struct meeting *m = context;

	lock_it(&m->mutex);
	m->value = 1;
	CHECK_OK(sinew_mutex_unlock(&m->mutex));
}

static void await_news(void *context)
{
	struct meeting *m = context;
	int r;

	CHECK_OK(sinew_mutex_lock(&m->mutex, SINEW_FOREVER));
	do
		r = sinew_condition_wait(&m->condition, &m->mutex, SINEW_FOREVER);
	while (r == 0);
	CHECK_ERR(r, -EOWNERDEAD);
	CHECK_OK(sinew_mutex_repaired(&m->mutex));
	CHECK_OK(sinew_mutex_unlock(&m->mutex));
}

/* Who would have woken them was killed: before the wake, and with the mutex. */
TEST(condition_hears_of_deaths)
{
	struct meeting *m = make_meeting();

	pid_t pid = test_fork(await_value, m);
	test_blocked(pid, SYS_futex);
	die_after(raise_and_forget, m);
	CHECK_EQ(test_wait(pid), 0);
	pid = test_fork(await_news, m);
	test_blocked(pid, SYS_futex);
	die_after(lock_it, &m->mutex);
	CHECK_EQ(test_wait(pid), 0);
}
