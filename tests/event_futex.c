/* SPDX-License-Identifier: MIT
 *
 * event_futex.c - words in shared memory and the tally on them: with threads, with processes that
 * are killed, and every interleaving of a small model of it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "counting.h"
#include "runner.h"
#include "sys.h"

enum { MANY = 20000, PROCESSES = 4 };

struct shared {
	uint32_t word, others[3];
	struct sinew_tally tally;
	atomic_uint taken;
};

static struct shared *share(void)
{
	struct shared *shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED);
	test_error_text = sinew_error_text;
	return shared;
}

static int64_t after_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

/* ---- words ---- */

static void wait_for_word(void *arg)
{
	struct shared *shared = arg;

	while (__atomic_load_n(&shared->word, __ATOMIC_ACQUIRE) == 0)
		CHECK_OK(sinew_futex_wait(&shared->word, 0, SINEW_FOREVER));
}

TEST(a_word_wakes_another_process)
{
	struct shared *shared = share();

	CHECK_EQ(sinew_futex_wake(&shared->word, 1), 0);
	pid_t child = test_fork(wait_for_word, shared);
	test_blocked(child, SYS_futex);
	__atomic_store_n(&shared->word, 1, __ATOMIC_RELEASE);
	CHECK_EQ(sinew_futex_wake(&shared->word, 0), 0);
	CHECK_EQ(sinew_futex_wake(&shared->word, 5), 1);
	CHECK_EQ(test_wait(child), 0);
}

TEST(a_word_that_is_another_ends_the_wait)
{
	uint32_t word = 3;

	CHECK_OK(sinew_futex_wait(&word, 4, SINEW_FOREVER));
	CHECK_OK(sinew_futex_wait(&word, 4, SINEW_NOW));
	CHECK_ERR(sinew_futex_wait(&word, 3, SINEW_NOW), -EAGAIN);
	int64_t until = after_ms(20);
	CHECK_ERR(sinew_futex_wait(&word, 3, until), -ETIMEDOUT);
	CHECK(test_now() >= until);
	CHECK_ERR(sinew_futex_wait(&word, 3, 1), -ETIMEDOUT);
}

static void wait_for_any(void *arg)
{
	struct shared *shared = arg;
	const struct sinew_futex_word words[] = {
		{&shared->others[0], 0}, {&shared->others[1], 0}, {&shared->others[2], 0}};

	CHECK_EQ(sinew_futex_wait_any(words, 3, SINEW_FOREVER), 2);
}

TEST(any_of_several_words)
{
	struct shared *shared = share();
	struct sinew_futex_word words[] = {{&shared->others[0], 0}, {&shared->others[1], 0}};

	int r = sinew_futex_wait_any(words, 2, after_ms(10));
	if (r == -ENOSYS)
		SKIP("this kernel has no futex_waitv");
	CHECK_EQ(r, -ETIMEDOUT);
	CHECK_ERR(sinew_futex_wait_any(words, 2, SINEW_NOW), -EAGAIN);
	words[1].expected = 8;
	CHECK_EQ(sinew_futex_wait_any(words, 2, SINEW_FOREVER), 1);
	CHECK_ERR(sinew_futex_wait_any(words, 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_futex_wait_any(words, SINEW_FUTEX_MOST + 1, SINEW_NOW), -EINVAL);
	pid_t child = test_fork(wait_for_any, shared);
	test_blocked(child, -1);
	__atomic_store_n(&shared->others[2], 1, __ATOMIC_RELEASE);
	CHECK_OK(sinew_futex_wake(&shared->others[2], 1));
	CHECK_EQ(test_wait(child), 0);
}

static long no_waitv(
	void *words, unsigned n, unsigned flags, const struct timespec *until, int clock)
{
	(void)words, (void)n, (void)flags, (void)until, (void)clock;
	errno = ENOSYS;
	return -1;
}

TEST(an_old_kernel_is_named)
{
	uint32_t word = 0;
	const struct sinew_futex_word words[] = {{&word, 0}};

	sinew__sys.futex_waitv = no_waitv;
	CHECK_ERR(sinew_futex_wait_any(words, 1, SINEW_FOREVER), -ENOSYS);
	CHECK(strstr(sinew_error_text(), "5.16") != NULL);
}

/* ---- the tally ---- */

TEST(a_post_that_nobody_waits_for_is_no_system_call)
{
	struct shared *shared = share();

	counting_calls_begin();
	for (int i = 0; i < 1000; i++)
		CHECK_OK(sinew_tally_post(&shared->tally, 1));
	for (int i = 0; i < 1000; i++)
		CHECK_OK(sinew_tally_wait(&shared->tally, SINEW_FOREVER));
	CHECK_ERR(sinew_tally_wait(&shared->tally, SINEW_NOW), -EAGAIN);
	CHECK_EQ(counting_calls_end(), 0);
}

TEST(a_tally_has_a_maximum_and_deadlines)
{
	struct sinew_tally tally = {0};

	CHECK_OK(sinew_tally_post(&tally, UINT32_MAX));
	CHECK_ERR(sinew_tally_post(&tally, 1), -EOVERFLOW);
	CHECK_EQ(sinew_tally_value(&tally), UINT32_MAX);
	CHECK_OK(sinew_tally_wait(&tally, SINEW_NOW));
	tally.state = 0;
	int64_t until = after_ms(250); /* more than one look */
	CHECK_ERR(sinew_tally_wait(&tally, until), -ETIMEDOUT);
	CHECK(test_now() >= until);
	CHECK_EQ(tally.state, 0); /* nobody is registered any more */
}

/* Sleeps until it is woken, without the look every 100 ms that would hide a lost wake-up. */
static long sleep_on(
	const uint32_t *word, int op, uint32_t value, const struct timespec *until, uint32_t mask)
{
	const struct timespec *limit = op == FUTEX_WAIT_BITSET ? NULL : until;

	return syscall(SYS_futex, word, op, value, limit, NULL, mask);
}

static void take_one(void *arg)
{
	struct shared *shared = arg;

	CHECK_OK(sinew_tally_wait(&shared->tally, SINEW_FOREVER));
}

/* In the child alone: its parent's calls are counted. */
static void sleep_for_one(void *arg)
{
	sinew__sys.futex = sleep_on;
	take_one(arg);
}

TEST(a_post_wakes_a_sleeper)
{
	struct shared *shared = share();

	pid_t child = test_fork(sleep_for_one, shared);
	test_blocked(child, SYS_futex);
	counting_calls_begin();
	CHECK_OK(sinew_tally_post(&shared->tally, 1));
	CHECK_EQ(counting_calls_end(), 1);
	CHECK_EQ(test_wait(child), 0);
}

static void take_many(void *arg)
{
	struct shared *shared = arg;

	for (int i = 0; i < MANY; i++) {
		bool timed = i % 3 == 0 && sinew__sys.futex != sleep_on;
		int r = sinew_tally_wait(&shared->tally, timed ? after_ms(1) : SINEW_FOREVER);
		CHECK(r == 0 || r == -ETIMEDOUT);
		i -= r != 0;
		shared->taken += r == 0;
	}
}

static void give_many(void *arg)
{
	struct shared *shared = arg;

	for (int i = 0; i < MANY; i++)
		CHECK_OK(sinew_tally_post(&shared->tally, 1));
}

static void run_processes(void)
{
	struct shared *shared = share();
	pid_t children[2 * PROCESSES];

	for (int i = 0; i < 2 * PROCESSES; i++)
		children[i] = test_fork(i % 2 ? take_many : give_many, shared);
	for (int i = 0; i < 2 * PROCESSES; i++)
		CHECK_EQ(test_wait(children[i]), 0);
	CHECK_EQ(shared->taken, PROCESSES * MANY);
	CHECK_EQ(shared->tally.state, 0);
}

TEST(processes_lose_no_unit, .timeout = 120)
{
	run_processes();
}

TEST(sleepers_lose_no_wake_up, .timeout = 120)
{
	sinew__sys.futex = sleep_on;
	run_processes();
}

static void *take_thread(void *arg)
{
	take_many(arg);
	return NULL;
}

TEST(threads_lose_no_unit, .timeout = 120)
{
	struct shared *shared = share();
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, take_thread, shared), 0);
	for (int i = 0; i < 2; i++)
		give_many(shared);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(shared->tally.state, 0);
}

static long die_when_woken(
	const uint32_t *word, int op, uint32_t value, const struct timespec *until, uint32_t mask)
{
	if (sleep_on(word, op, value, until, mask) == 0)
		raise(SIGKILL);
	return -1;
}

static void take_and_die(void *arg)
{
	sinew__sys.futex = die_when_woken;
	take_one(arg);
}

/* Of two who sleep the first is woken and dies before it takes: the other must not sleep on. */
TEST(a_waiter_that_dies_woken_takes_no_wake_up_along)
{
	struct shared *shared = share();

	pid_t dying = test_fork(take_and_die, shared);
	test_blocked(dying, SYS_futex);
	pid_t other = test_fork(take_one, shared);
	WAIT_UNTIL(__atomic_load_n(&shared->tally.state, __ATOMIC_RELAXED) >> 32 == 2, 20000);
	CHECK_OK(sinew_tally_post(&shared->tally, 1));
	CHECK_EQ(test_wait(dying), -SIGKILL);
	CHECK_EQ(test_wait(other), 0);
	CHECK_EQ(sinew_tally_value(&shared->tally), 0);
}

/* ---- the model: every interleaving of posters and waiters, step by step ----
 *
 * A step is one atomic operation or one system call of tally.c. When nobody can move any more all
 * waiters must have taken their unit. Two faults, put in on purpose, must be found. */

enum { ACTORS = 5, FAST = 0, REGISTER, SLOW, SLEEP, ASLEEP, DONE };
enum { ADD = 0, WAKE = 1, LOOK = 2 };
enum fault { NONE, LOOKS_BEFORE_ADDING, SLEEPS_UNSEEN };

struct world {
	uint8_t units, waiters, at[ACTORS], saw[ACTORS];
};

struct model {
	enum fault fault;
	unsigned posters; /* the first so many actors */
	uint64_t states, stuck;
	uint8_t *seen;
};

static uint32_t number_of(const struct world *w)
{
	uint32_t n = (uint32_t)(w->units * 8 + w->waiters);

	for (int i = 0; i < ACTORS; i++)
		n = n * 12 + w->at[i] * 2u + w->saw[i];
	return n;
}

static void explore(struct model *m, const struct world *w);

static bool step_poster(struct model *m, const struct world *from, int i)
{
	struct world w = *from;

	switch (w.at[i]) {
	case LOOK:
		w.saw[i] = w.waiters > 0;
		w.at[i] = ADD;
		break;
	case ADD:
		if (m->fault != LOOKS_BEFORE_ADDING)
			w.saw[i] = w.waiters > 0;
		w.units++;
		w.at[i] = w.saw[i] ? WAKE : DONE;
		break;
	case WAKE:
		w.at[i] = DONE;
		bool woke = false;
		for (int k = (int)m->posters; k < ACTORS; k++) {
			if (w.at[k] != ASLEEP)
				continue;
			struct world next = w; /* the kernel may wake any of them */
			next.at[k] = SLOW;
			woke = true;
			explore(m, &next);
		}
		if (woke)
			return true;
		break;
	default:
		return false;
	}
	explore(m, &w);
	return true;
}

static bool step_waiter(struct model *m, const struct world *from, int i)
{
	struct world w = *from;

	switch (w.at[i]) {
	case FAST:
		w.at[i] = w.units ? DONE : REGISTER;
		w.units -= w.units > 0;
		break;
	case REGISTER:
		w.waiters++;
		w.at[i] = SLOW;
		break;
	case SLOW:
		w.at[i] = w.units ? DONE : SLEEP;
		w.waiters -= w.units > 0;
		w.units -= w.units > 0;
		break;
	case SLEEP:
		w.at[i] = w.units && m->fault != SLEEPS_UNSEEN ? SLOW : ASLEEP;
		break;
	default:
		return false;
	}
	explore(m, &w);
	return true;
}

static void explore(struct model *m, const struct world *w)
{
	uint32_t n = number_of(w);
	bool moved = false, all = true;

	if (m->seen[n / 8] & 1 << n % 8)
		return;
	m->seen[n / 8] |= (uint8_t)(1 << n % 8);
	m->states++;
	for (int i = 0; i < ACTORS; i++) {
		moved |= i < (int)m->posters ? step_poster(m, w, i) : step_waiter(m, w, i);
		all &= w->at[i] == DONE;
	}
	m->stuck += !moved && !all;
}

static struct model run_model(enum fault fault, unsigned posters)
{
	struct model m = {.fault = fault, .posters = posters};
	struct world w = {.units = (uint8_t)(posters < ACTORS - posters ? 1 : 0)};
	size_t size = 64 * 12 * 12 * 12 * 12 * 12 / 8;

	for (unsigned i = 0; i < posters; i++)
		w.at[i] = fault == LOOKS_BEFORE_ADDING ? LOOK : ADD;
	m.seen = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(m.seen != MAP_FAILED);
	explore(&m, &w);
	munmap(m.seen, size);
	return m;
}

TEST(every_interleaving_of_the_model_ends_well)
{
	struct model two = run_model(NONE, 2), three = run_model(NONE, 3);

	CHECK_EQ(two.stuck, 0);
	CHECK_EQ(three.stuck, 0);
	CHECK(two.states > 500 && three.states > 500);
}

TEST(the_model_finds_faults)
{
	CHECK(run_model(LOOKS_BEFORE_ADDING, 3).stuck > 0);
	CHECK(run_model(SLEEPS_UNSEEN, 3).stuck > 0);
}
