/* SPDX-License-Identifier: MIT
 *
 * lock_steps.c - a process dies at every step of every operation on a lock, the C library's own steps
 * included.
 *
 * One pass steps through the operation, an instruction at a time, and notes after which of them the
 * shared memory, or the list of locks that the kernel will walk when the process dies, is another
 * than before. Between two of these all deaths are alike. Then a process dies at each of them, and
 * whoever survives, asleep on the same lock or coming later, has to go on within its deadline.
 */
#include <linux/futex.h>
#include <signal.h>
#include <sinew/lock.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

struct shared {
	struct sinew_mutex mutex;
	struct sinew_condition condition;
	struct sinew_rwlock rwlock;
	struct sinew_semaphore semaphore;
	struct sinew_pool pool;
	struct sinew_barrier barrier;
	struct sinew_once once;
	int a, b, flag;
};

static struct shared *s;
static _Atomic bool *finished; /* beside it: saying so is no step */

struct row {
	const char *name;
	void (*ready)(void); /* what the process has done before its steps, or NULL */
	void (*act)(void);   /* its steps */
	void (*sleep)(void); /* what another one sleeps in meanwhile, or NULL */
	void (*check)(pid_t sleeper);
};

static int64_t in_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

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

/* ---- read-write lock ---- */

static void read_it(void)
{
	CHECK_OK(sinew_rwlock_read(&s->rwlock, in_ms(20000)));
	CHECK_EQ(s->a, s->b);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void write_it(void)
{
	CHECK_OK(sinew_rwlock_write(&s->rwlock, in_ms(20000)));
	CHECK_EQ(s->a, s->b);
	s->a++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->b++;
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

/* No news after a reader. */
static void check_read(pid_t sleeper)
{
	write_it();
	read_it();
	if (sleeper)
		CHECK_EQ(test_wait(sleeper), 0);
}

static void check_write(pid_t sleeper)
{
	int r = sinew_rwlock_read(&s->rwlock, in_ms(20000));

	(void)sleeper;
	if (r == -EOWNERDEAD) {
		s->b = s->a;
		CHECK_OK(sinew_rwlock_repaired(&s->rwlock));
	}
	CHECK_EQ(s->a, s->b);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	check_read(0);
}

static void be_reader(void)
{
	CHECK_OK(sinew_rwlock_read(&s->rwlock, SINEW_NOW));
}

static void stop_reading(void)
{
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void repair_writing(void)
{
	CHECK_ERR(sinew_rwlock_write(&s->rwlock, in_ms(20000)), -EOWNERDEAD);
	s->b = s->a;
	CHECK_OK(sinew_rwlock_repaired(&s->rwlock));
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void break_writing(void)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		CHECK_OK(sinew_rwlock_write(&s->rwlock, in_ms(20000)));
		s->a++;
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(test_wait(pid), -SIGKILL);
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
	{"mutex", NULL, update, NULL, check_update},
	{"mutex_unlock", hold, finish_update, update, check_update},
	{"mutex_repair", break_it, update, NULL, check_update},
	{"condition_wake", NULL, set_flag, await_flag, check_flag},
	{"condition_wait", NULL, wait_a_little, await_flag, check_flag},
	{"rwlock_read", NULL, read_it, NULL, check_read},
	{"rwlock_unlock_reader", be_reader, stop_reading, write_it, check_read},
	{"rwlock_write", NULL, write_it, NULL, check_write},
	{"rwlock_repair", break_writing, repair_writing, NULL, check_write},
	{"semaphore", NULL, take_and_give, NULL, check_semaphore},
	{"semaphore_give", take_all, give, take, check_given},
	{"pool", NULL, use_unit, NULL, check_units},
	{"pool_give", hold_units, give_one_unit, use_unit, check_units},
	{"barrier_meet", NULL, meet, meet, check_met},
	{"barrier_leave", NULL, meet_nobody, NULL, check_nobody},
	{"once", NULL, do_once, NULL, check_once},
};
TEST_SUITE(every_operation, rows);

/* ---- stepping ---- */

static void make_shared(void)
{
	if (!s) {
		s = mmap(
			NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		finished =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK(s != MAP_FAILED && finished != MAP_FAILED);
	}
	memset(s, 0, sizeof *s);
	*finished = false;
	CHECK_OK(sinew_mutex_init(&s->mutex));
	sinew_condition_init(&s->condition);
	CHECK_OK(sinew_rwlock_init(&s->rwlock));
	CHECK_OK(sinew_semaphore_init(&s->semaphore, 1));
	CHECK_OK(sinew_pool_init(&s->pool, 2));
	CHECK_OK(sinew_barrier_init(&s->barrier, 2));
	CHECK_OK(sinew_once_init(&s->once));
}

/* Symbols are bound, pages are there: what is stepped through is the operation. */
static void warm_up(void)
{
	update();
	wait_a_little();
	read_it();
	write_it();
	take_and_give();
	use_unit();
	meet_nobody();
	s->a = s->b = 0;
	do_once();
	sinew_condition_wake(&s->condition);
	make_shared();
}

static pid_t start(const struct row *row, pid_t *sleeper)
{
	make_shared();
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		if (row->ready)
			row->ready();
		CHECK_SYS(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		raise(SIGSTOP);
		row->act();
		*finished = true;
		_exit(0);
	}
	int status;
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK(WIFSTOPPED(status));
	*sleeper = 0;
	if (row->sleep) {
		*sleeper = CHECK_SYS(fork());
		if (*sleeper == 0) {
			row->sleep();
			_exit(0);
		}
		test_blocked(*sleeper, SYS_futex);
	}
	return pid;
}

static bool step(pid_t pid)
{
	int status;

	CHECK_SYS(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(WSTOPSIG(status), SIGTRAP);
	return !*finished;
}

static void kill_it(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

/* What the kernel would walk: head, offset, the operation under way. */
static void read_robust_list(pid_t pid, void *list)
{
	struct robust_list_head *head = NULL;
	size_t size;

	CHECK_SYS(syscall(SYS_get_robust_list, pid, &head, &size));
	struct iovec to = {list, size}, from = {head, size};
	CHECK_EQ(process_vm_readv(pid, &to, 1, &from, 1, 0), (ssize_t)size);
}

enum { MOST_STATES = 4000 };

/* The steps after which something is another than before. */
static unsigned find_states(const struct row *row, unsigned *steps)
{
	static struct shared last;
	struct robust_list_head list, last_list = {0};
	unsigned states = 0, n = 0;
	pid_t sleeper, pid = start(row, &sleeper);

	memset(&last, 0xff, sizeof last);
	do {
		read_robust_list(pid, &list);
		if (memcmp(s, &last, sizeof last) != 0 ||
			memcmp(&list, &last_list, sizeof list) != 0) {
			CHECK(states < MOST_STATES);
			steps[states++] = n;
			memcpy(&last, s, sizeof last);
			last_list = list;
		}
		n++;
	} while (step(pid));
	steps[states++] = n;
	kill_it(pid);
	row->check(sleeper);
	return states;
}

static void die_at(const struct row *row, unsigned n)
{
	pid_t sleeper, pid = start(row, &sleeper);

	for (unsigned i = 0; i < n && step(pid); i++)
		;
	kill_it(pid);
	row->check(sleeper);
}

TEST_EACH(every_operation, dies_at_every_step, struct row, row, .timeout = 250)
{
	static unsigned steps[MOST_STATES + 1];

	make_shared();
	warm_up();
	unsigned states = find_states(row, steps);
	CHECK(states > 3);
	for (unsigned i = 0; i < states; i++)
		die_at(row, steps[i]);
}

/* ---- a wake that comes between giving the mutex back and sleeping ---- */

static bool is_free(void)
{
	int r = sinew_mutex_lock(&s->mutex, SINEW_NOW);

	if (r == 0)
		CHECK_OK(sinew_mutex_unlock(&s->mutex));
	return r == 0;
}

/* How long the wait goes on after that. */
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
TEST(no_wake_is_lost)
{
	int64_t waited = 0, most = test_limit(1200) - test_now();

	make_shared();
	warm_up();
	for (int i = 0; i < 20; i++)
		waited += wake_before_the_sleep();
	CHECK(waited < most);
}
