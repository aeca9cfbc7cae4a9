/* SPDX-License-Identifier: MIT
 *
 * locks.c - shared memory, holders and their deaths, for the tests of locks.
 */
#include "locks.h"

#include <signal.h>
#include <sys/mman.h>

void *shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

void die_after(void (*fn)(void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		fn(arg);
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

static void hold_until(void *context)
{
	struct holder *h = context;

	h->fn(h->arg);
	gate_reach(&h->gate);
	for (;;)
		pause();
}

pid_t hold(struct holder *h, void (*fn)(void *), void *arg)
{
	*h = (struct holder){.fn = fn, .arg = arg};
	gate_open(&h->gate);
	pid_t pid = test_fork(hold_until, h);
	gate_wait(&h->gate, 1);
	return pid;
}

void let_die(struct holder *h, pid_t pid)
{
	kill_child(pid);
	gate_close(&h->gate);
}

void check_in_time(int r, int64_t since)
{
	CHECK_ERR(r, -ETIMEDOUT);
	CHECK(test_now() - since >= 30 * 1000000);
	CHECK(test_now() - since < INT64_C(3000000000));
}
