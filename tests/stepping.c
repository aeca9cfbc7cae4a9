/* SPDX-License-Identifier: MIT
 *
 * stepping.c - a process dies at every step of an operation on a lock, the C library's own steps
 * included.
 *
 * One pass steps through the operation, an instruction at a time, and notes after which of them the
 * shared memory, or the list of locks that the kernel will walk when the process dies, is another
 * than before. Between two of these all deaths are alike. Then a process dies at each of them, and
 * whoever survives, asleep on the same lock or coming later, has to go on within its deadline.
 */
#include "stepping.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

struct shared *s;
static _Atomic bool *finished; /* beside it: saying so is no step */

int64_t in_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

void make_shared(void)
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
	CHECK_OK(sinew_rwlock_init(&s->other));
	CHECK_OK(sinew_semaphore_init(&s->semaphore, 1));
	CHECK_OK(sinew_pool_init(&s->pool, 2));
	CHECK_OK(sinew_barrier_init(&s->barrier, 2));
	CHECK_OK(sinew_once_init(&s->once));
}

pid_t start_beside(const struct row *row)
{
	int status;

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
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK(WIFSTOPPED(status));
	return pid;
}

pid_t start(const struct row *row, pid_t *sleeper)
{
	make_shared();
	if (row->before)
		row->before();
	pid_t pid = start_beside(row);
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

bool step(pid_t pid)
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

void die_at_every_step(const struct row *row, void (*warm_up)(void))
{
	static unsigned steps[MOST_STATES + 1];

	make_shared();
	warm_up();
	make_shared();
	unsigned states = find_states(row, steps);
	CHECK(states > 2);
	for (unsigned i = 0; i < states; i++)
		die_at(row, steps[i]);
}
