/* SPDX-License-Identifier: MIT
 *
 * lock_between.c - another one comes at each step of an operation on a lock, an instruction at a time: a writer
 * between the steps of a reader, a reader between those of a writer, a giver between those of a taker. And
 * two who come as often as they can, on two CPUs where there are two: what no stepping shows.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "stepping.h"

/* s->flag: we have the lock. s->a: the stepped one has come through. */
static void come_through(int r)
{
	CHECK_OK(r);
	CHECK_EQ(s->flag, 0);
	s->a = 1;
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void step_reader(void)
{
	come_through(sinew_rwlock_read(&s->rwlock, SINEW_FOREVER));
}

static void step_writer(void)
{
	come_through(sinew_rwlock_write(&s->rwlock, SINEW_FOREVER));
}

static void through_or_lost(int r)
{
	if (s->flag)
		CHECK_ERR(r, -ENOTRECOVERABLE);
	else
		come_through(r);
}

static void read_or_hear(void)
{
	through_or_lost(sinew_rwlock_read(&s->rwlock, SINEW_FOREVER));
}

/* The clock, read step by step, is read again whenever it ticks. */
static void read_or_hear_now(void)
{
	through_or_lost(sinew_rwlock_read(&s->rwlock, SINEW_NOW));
}

static void go_on(pid_t pid)
{
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, NULL, NULL));
}

/* The one that was stepped n times is not through yet. If we get the lock now, it must wait for us. */
static void come_between(pid_t pid, int (*lock)(struct sinew_rwlock *, int64_t))
{
	int r = lock(&s->rwlock, SINEW_NOW);

	if (r == 0) {
		s->flag = 1;
		go_on(pid);
		test_blocked(pid, SYS_futex);
		s->flag = 0;
		CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	} else {
		CHECK_ERR(r, -EAGAIN);
		go_on(pid);
	}
	CHECK_EQ(test_wait(pid), 0);
}

static void write_between(pid_t pid)
{
	come_between(pid, sinew_rwlock_write);
}

static void read_between(pid_t pid)
{
	come_between(pid, sinew_rwlock_read);
}

static void die_writing(void *arg)
{
	(void)arg;
	if (sinew_rwlock_write(&s->rwlock, SINEW_NOW) == 0)
		kill(getpid(), SIGKILL);
}

/* Somebody is killed as he writes, if he can, and nobody repairs. */
static void lose_it(void)
{
	if (test_wait(test_fork(die_writing, NULL)) == -SIGKILL) {
		CHECK_ERR(sinew_rwlock_write(&s->rwlock, SINEW_NOW), -EOWNERDEAD);
		s->flag = 1;
		CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	}
}

static void end(pid_t pid)
{
	go_on(pid);
	CHECK_EQ(test_wait(pid), 0);
}

static void lose_between(pid_t pid)
{
	lose_it();
	end(pid);
}

/* So many steps at a time: what is checked at each access has many more, of which most access nothing. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

/* How often we came between, until it was through. marked: a reader was there before. */
static unsigned come_at_each_step(const struct row *row, void (*come)(pid_t), bool marked)
{
	unsigned n = 0;

	for (bool through = false; !through; n++) {
		pid_t sleeper, pid = start(row, &sleeper);
		if (marked) {
			CHECK_OK(sinew_rwlock_read(&s->rwlock, SINEW_NOW));
			CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
		}
		for (unsigned i = 0; i < n * STRIDE && !s->a; i++)
			CHECK(step(pid));
		through = s->a;
		come(pid);
	}
	return n;
}

/* Symbols are bound, pages are there, and a favourite seat is chosen. */
static void warm_up(void)
{
	make_shared();
	step_reader();
	step_writer();
	make_shared();
}

TEST(writer_at_each_step_of_a_reader, .timeout = 60)
{
	static const struct row reader = {.act = step_reader};

	warm_up();
	CHECK(come_at_each_step(&reader, write_between, false) > 50);
	CHECK(come_at_each_step(&reader, write_between, true) > 50);
}

TEST(reader_at_each_step_of_a_writer, .timeout = 60)
{
	static const struct row writer = {.act = step_writer};

	warm_up();
	CHECK(come_at_each_step(&writer, read_between, false) > 50);
	CHECK(come_at_each_step(&writer, read_between, true) > 50);
}

TEST(lock_is_lost_at_each_step_of_a_reader, .timeout = 60)
{
	static const struct row reader = {.act = read_or_hear};

	warm_up();
	CHECK(come_at_each_step(&reader, lose_between, false) > 50);
	CHECK(come_at_each_step(&reader, lose_between, true) > 50);
}

/* How many steps it goes before it stores something. */
static unsigned steps_before_store(const struct row *row)
{
	static struct shared before;
	unsigned n = 0;
	pid_t sleeper, pid = start(row, &sleeper);

	for (memcpy(&before, s, sizeof before); memcmp(&before, s, sizeof before) == 0; n++)
		CHECK(step(pid));
	end(pid);
	return n - 1;
}

/* Two have found the lock free. What the first one leaves when it hears does not tell the other one to read. */
TEST(lock_is_lost_to_two_readers)
{
	static const struct row reader = {.act = read_or_hear_now};

	warm_up();
	const unsigned steps = steps_before_store(&reader);
	pid_t sleeper, one = start(&reader, &sleeper), other = start_beside(&reader);
	for (unsigned i = 0; i < steps; i++)
		CHECK(step(one) && step(other));
	lose_it();
	CHECK_EQ(s->flag, 1);
	end(one);
	end(other);
}

/* ---- a unit is given at each step of who takes it ---- */

static int64_t patience = 20000;

static void take(void)
{
	CHECK_OK(sinew_semaphore_take(&s->semaphore, in_ms(patience)));
}

static void take_last(void)
{
	CHECK_OK(sinew_semaphore_take(&s->semaphore, SINEW_NOW));
}

/* To the next system call, or back from it; false: it has ended. */
static bool to_system_call(pid_t pid, struct __ptrace_syscall_info *info)
{
	int status;

	CHECK_SYS(ptrace(PTRACE_SYSCALL, pid, NULL, NULL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	if (!WIFSTOPPED(status)) {
		CHECK_EQ(status, 0);
		return false;
	}
	CHECK_SYS(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof *info, info));
	return true;
}

/* There is a unit: whoever sleeps all the same sleeps until its next look. */
static void end_without_a_look(pid_t pid)
{
	struct __ptrace_syscall_info info;
	bool sleeps = false;

	while (to_system_call(pid, &info))
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			sleeps = info.entry.nr == SYS_futex;
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT && sleeps)
			CHECK(info.exit.rval != -ETIMEDOUT);
}

TEST(giver_at_each_step_of_a_taker, .timeout = 60)
{
	static const struct row taker = {.ready = take_last, .act = take};
	const uint64_t mark = UINT64_C(1) << 32;

	make_shared();
	take();
	for (unsigned n = 0, marked = 0; !marked; n++) {
		pid_t sleeper, pid = start(&taker, &sleeper);
		for (unsigned i = 0; i < n; i++)
			CHECK(step(pid));
		marked = s->semaphore.word == mark;
		CHECK_OK(sinew_semaphore_give(&s->semaphore));
		end_without_a_look(pid);
		CHECK_EQ(s->semaphore.word, 0);
	}
}

static void take_and_tell(void)
{
	take();
	s->a = 1;
}

/* There is one unit: who is stepped has it, or we, and then it waits. */
TEST(taker_at_each_step_of_a_taker, .timeout = 60)
{
	static const struct row taker = {.act = take_and_tell};
	bool through = false;

	make_shared();
	take();
	for (unsigned n = 0; !through; n++) {
		pid_t sleeper, pid = start(&taker, &sleeper);
		for (unsigned i = 0; i < n && !s->a; i++)
			CHECK(step(pid));
		through = s->a;
		int r = sinew_semaphore_take(&s->semaphore, SINEW_NOW);
		go_on(pid);
		if (r == 0) {
			test_blocked(pid, SYS_futex);
			CHECK_OK(sinew_semaphore_give(&s->semaphore));
		} else {
			CHECK_ERR(r, -EAGAIN);
		}
		CHECK_EQ(test_wait(pid), 0);
		CHECK_EQ(s->semaphore.word, 0);
	}
}

/* Given after its deadline, but before it was told so. */
TEST(unit_at_the_deadline_is_taken)
{
	static const struct row taker = {.ready = take_last, .act = take};
	const uint64_t mark = UINT64_C(1) << 32;
	pid_t sleeper, pid;

	make_shared();
	take();
	patience = 1;
	pid = start(&taker, &sleeper);
	while (s->semaphore.word != mark)
		CHECK(step(pid));
	int64_t over = in_ms(patience);
	WAIT_UNTIL(test_now() > over, 5000);
	CHECK_OK(sinew_semaphore_give(&s->semaphore));
	go_on(pid);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_EQ(s->semaphore.word, 0);
}

/* ---- as often as they can ---- */

enum { TIMES = 500000 };

static void read_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < TIMES; i++) {
		CHECK_OK(sinew_rwlock_read(&s->rwlock, SINEW_FOREVER));
		CHECK_EQ(s->a, s->b);
		CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	}
}

TEST(reader_and_writer_meet, .timeout = 60)
{
	make_shared();
	pid_t pid = test_fork(read_often, NULL);
	for (int i = 0; i < TIMES; i++) {
		CHECK_OK(sinew_rwlock_write(&s->rwlock, SINEW_FOREVER));
		s->a++;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		s->b++;
		CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	}
	CHECK_EQ(test_wait(pid), 0);
}

static void take_often(void *arg)
{
	_Atomic int *in_use = (_Atomic int *)&s->flag;

	(void)arg;
	for (int i = 0; i < TIMES; i++) {
		CHECK_OK(sinew_semaphore_take(&s->semaphore, SINEW_FOREVER));
		CHECK_EQ(atomic_fetch_add(in_use, 1), 0);
		atomic_fetch_sub(in_use, 1);
		CHECK_OK(sinew_semaphore_give(&s->semaphore));
	}
}

TEST(takers_meet, .timeout = 60)
{
	make_shared();
	pid_t pid = test_fork(take_often, NULL);
	take_often(NULL);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_EQ(s->semaphore.word, 1);
}
