/* SPDX-License-Identifier: MIT
 *
 * lock_rw.c - read-write lock: what each call answers, in time, where this thread reads several, after a
 * fork, among the dead, and where its words are wrong.
 */
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "locks.h"

static void read_it(void *lock)
{
	CHECK_OK(sinew_rwlock_read(lock, soon(5000)));
}

static void write_it(void *lock)
{
	CHECK_OK(sinew_rwlock_write(lock, soon(5000)));
}

static void write_and_leave(void *lock)
{
	write_it(lock);
	CHECK_OK(sinew_rwlock_unlock(lock));
}

static void read_and_leave(void *lock)
{
	read_it(lock);
	CHECK_OK(sinew_rwlock_unlock(lock));
}

static struct sinew_rwlock *make_rwlock(void)
{
	struct sinew_rwlock *lock = shared(sizeof *lock);

	CHECK_OK(sinew_rwlock_init(lock));
	return lock;
}

TEST(rwlock_answers)
{
	struct sinew_rwlock *lock = make_rwlock();
	struct holder one, two;
	int64_t since;

	CHECK_ERR(sinew_rwlock_unlock(lock), -EPERM);
	read_it(lock);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_FOREVER), -EDEADLK);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_FOREVER), -EDEADLK);
	CHECK_ERR(sinew_rwlock_repaired(lock), -EINVAL);
	CHECK_EQ(test_wait(test_fork(read_and_leave, lock)), 0);
	CHECK_OK(sinew_rwlock_unlock(lock));
	CHECK_ERR(sinew_rwlock_unlock(lock), -EPERM);
	write_it(lock);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_FOREVER), -EDEADLK);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_FOREVER), -EDEADLK);
	CHECK_ERR(sinew_rwlock_repaired(lock), -EINVAL);
	CHECK_OK(sinew_rwlock_unlock(lock));

	pid_t a = hold(&one, read_it, lock), b = hold(&two, read_it, lock);
	read_it(lock);
	CHECK_OK(sinew_rwlock_unlock(lock));
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EAGAIN);
	since = test_now();
	check_in_time(sinew_rwlock_write(lock, soon(30)), since);
	read_it(lock); /* the writer that gave up keeps nobody out */
	CHECK_OK(sinew_rwlock_unlock(lock));
	let_die(&one, a);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EAGAIN);
	let_die(&two, b);
	CHECK_OK(sinew_rwlock_write(lock, SINEW_NOW));
	CHECK_OK(sinew_rwlock_unlock(lock));
}

TEST(rwlock_writer_waits_and_goes_first)
{
	struct sinew_rwlock *lock = make_rwlock();
	struct holder h;

	pid_t reader = hold(&h, read_it, lock), writer = test_fork(write_and_leave, lock);
	test_blocked(writer, SYS_futex);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EAGAIN);
	let_die(&h, reader);
	CHECK_EQ(test_wait(writer), 0);
	read_and_leave(lock);
}

TEST(rwlock_after_a_dead_writer)
{
	struct sinew_rwlock *lock = make_rwlock();

	die_after(write_it, lock);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_rwlock_repaired(lock));
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EDEADLK); /* we write */
	CHECK_OK(sinew_rwlock_unlock(lock));
	read_and_leave(lock);
	for (int i = 0; i < 100; i++) /* more than there are seats */
		die_after(read_it, lock);
	read_and_leave(lock);
	write_and_leave(lock);
	die_after(write_it, lock);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_rwlock_unlock(lock));
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -ENOTRECOVERABLE);
	CHECK_ERR(sinew_rwlock_write(lock, soon(5000)), -ENOTRECOVERABLE);
}

TEST(rwlock_has_so_many_seats)
{
	struct sinew_rwlock *lock = make_rwlock();
	struct holder h[SINEW_RWLOCK_READERS];
	pid_t pids[SINEW_RWLOCK_READERS];

	for (int i = 0; i < SINEW_RWLOCK_READERS; i++)
		pids[i] = hold(&h[i], read_it, lock);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_rwlock_read(lock, soon(20)), -ETIMEDOUT);
	let_die(&h[5], pids[5]);
	read_and_leave(lock);
	pids[5] = hold(&h[5], read_it, lock);
	/* Whose seat gets free is all the same. */
	pid_t late = test_fork(read_it, lock);
	test_blocked(late, SYS_futex);
	let_die(&h[7], pids[7]);
	CHECK_EQ(test_wait(late), 0);
	for (int i = 0; i < SINEW_RWLOCK_READERS; i++)
		if (i != 7)
			let_die(&h[i], pids[i]);
	write_and_leave(lock);
}

TEST(rwlock_never_made)
{
	struct sinew_rwlock *lock = shared(sizeof *lock), *other = make_rwlock();

	read_it(other); /* who reads nothing is not asked about */
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_rwlock_unlock(lock), -EINVAL);
	CHECK_OK(sinew_rwlock_init(lock));
	write_and_leave(lock);
	sinew_rwlock_fini(lock);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EINVAL);
	CHECK_OK(sinew_rwlock_unlock(other));
}

/* In two of them others have the seat that this thread tries first. */
TEST(rwlock_several_at_once)
{
	enum { LOCKS = 4 };
	struct sinew_rwlock *lock[LOCKS];
	struct holder h[2];
	pid_t pids[2];

	for (int i = 0; i < LOCKS; i++) {
		lock[i] = make_rwlock();
		read_and_leave(lock[i]);
	}
	for (int i = 0; i < 2; i++)
		pids[i] = hold(&h[i], read_it, lock[1 + i]);
	for (int i = 0; i < LOCKS; i++)
		read_it(lock[i]);
	for (int i = 0; i < LOCKS; i++) {
		CHECK_ERR(sinew_rwlock_read(lock[i], SINEW_NOW), -EDEADLK);
		CHECK_ERR(sinew_rwlock_write(lock[i], SINEW_FOREVER), -EDEADLK);
	}
	for (int i = 0; i < 2; i++)
		let_die(&h[i], pids[i]);
	for (int i = 0; i < LOCKS; i++) {
		CHECK_ERR(sinew_rwlock_read(lock[i], SINEW_FOREVER), -EDEADLK);
		CHECK_OK(sinew_rwlock_unlock(lock[i]));
		CHECK_ERR(sinew_rwlock_unlock(lock[i]), -EPERM);
		write_and_leave(lock[i]);
	}
}

static void child_has_nothing(void *lock)
{
	CHECK_ERR(sinew_rwlock_unlock(lock), -EPERM);
	CHECK_ERR(sinew_rwlock_repaired(lock), -EINVAL);
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EAGAIN);
}

static void child_reads_too(void *lock)
{
	child_has_nothing(lock);
	read_it(lock);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_FOREVER), -EDEADLK);
	CHECK_OK(sinew_rwlock_unlock(lock));
	child_has_nothing(lock);
}

TEST(rwlock_after_fork)
{
	struct sinew_rwlock *lock = make_rwlock();

	read_it(lock);
	CHECK_EQ(test_wait(test_fork(child_reads_too, lock)), 0);
	CHECK_OK(sinew_rwlock_unlock(lock));
	write_and_leave(lock); /* from now on this thread knows its word in a gate: not its child */
	write_it(lock);
	CHECK_EQ(test_wait(test_fork(child_has_nothing, lock)), 0);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EDEADLK);
	CHECK_OK(sinew_rwlock_unlock(lock));
}

/* Beside the first word of the gate. */
static uint32_t *state_of(struct sinew_rwlock *lock)
{
	return (uint32_t *)lock + 1;
}

/* Killed before it wrote: that is no news, and keeps nobody out. */
TEST(rwlock_writer_killed_as_it_waits)
{
	struct sinew_rwlock *lock = make_rwlock();
	struct holder h;

	pid_t reader = hold(&h, read_it, lock), writer = test_fork(write_and_leave, lock);
	test_blocked(writer, SYS_futex);
	CHECK_ERR(sinew_rwlock_read(lock, SINEW_NOW), -EAGAIN);
	kill_child(writer);
	read_and_leave(lock);
	CHECK_EQ(*state_of(lock), 0); /* later readers pass by the gate again */
	CHECK_ERR(sinew_rwlock_write(lock, SINEW_NOW), -EAGAIN);
	let_die(&h, reader);
	write_and_leave(lock);
}

/* Nothing but read, write and to end is allowed, else the kernel kills. */
static void use_without_the_kernel(void *context)
{
	struct sinew_rwlock *lock = context;
	struct sinew_semaphore *semaphore = (void *)(lock + 1);

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
		_exit(2);
	for (int i = 0; i < 10; i++)
		if (sinew_rwlock_read(lock, SINEW_FOREVER) || sinew_rwlock_unlock(lock) ||
			sinew_rwlock_write(lock, SINEW_FOREVER) || sinew_rwlock_unlock(lock) ||
			sinew_semaphore_take(semaphore, SINEW_FOREVER) ||
			sinew_semaphore_give(semaphore))
			syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
}

TEST(no_system_call_where_nobody_waits)
{
	struct sinew_rwlock *lock = shared(sizeof *lock + sizeof(struct sinew_semaphore));

	CHECK_OK(sinew_rwlock_init(lock));
	CHECK_OK(sinew_semaphore_init((void *)(lock + 1), 1));
	read_and_leave(
		lock); /* a thread that reads, and a process that writes, meet their first lock with some */
	write_and_leave(lock);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0)
		use_without_the_kernel(lock);
	CHECK_EQ(test_wait(pid), 0);
}

/* What somebody wrote there by mistake: no answer is right, but each comes in time. */
static void use_wrong_words(struct sinew_rwlock *lock, uint32_t state, uint32_t marks)
{
	const int64_t until = soon(2);

	CHECK_OK(sinew_rwlock_init(lock));
	*state_of(lock) = state;
	memcpy((char *)lock + 8 + sizeof(pthread_mutex_t), &marks, sizeof marks);
	if (sinew_rwlock_read(lock, until) == -EOWNERDEAD && (marks & 1))
		CHECK_OK(sinew_rwlock_repaired(lock));
	sinew_rwlock_unlock(lock);
	sinew_rwlock_unlock(lock);
	if (sinew_rwlock_write(lock, until) == 0)
		CHECK_OK(sinew_rwlock_unlock(lock));
	sinew_rwlock_fini(lock);
}

TEST(wrong_words_hang_nobody)
{
	static const uint32_t marks[] = {0, 1, 1u << 31, UINT32_MAX};
	struct sinew_rwlock *lock = shared(sizeof *lock);
	struct sinew_semaphore *semaphore = shared(sizeof *semaphore);

	for (uint32_t state = 0; state < 10; state++)
		for (int i = 0; i < 4; i++)
			use_wrong_words(lock, state < 9 ? state : UINT32_MAX, marks[i]);
	CHECK_OK(sinew_semaphore_init(semaphore, 0));
	semaphore->word = UINT64_C(5) << 32;
	int64_t since = test_now();
	check_in_time(sinew_semaphore_take(semaphore, soon(30)), since);
	CHECK_OK(sinew_semaphore_give(semaphore));
	CHECK_OK(sinew_semaphore_take(semaphore, SINEW_NOW));
}
