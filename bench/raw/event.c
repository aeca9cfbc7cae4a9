/* SPDX-License-Identifier: MIT
 *
 * event.c - two processes that wake each other by plain calls: signals, semaphores, eventfds, a futex.
 */
#include "event.h"

#include <errno.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../crew.h"
#include "../event_pids.h"
#include "raw.h"

/* ---- signals: link->in is the signalfd, link->out the peer's pidfd ---- */

static int number(void)
{
	return SIGRTMIN + 5;
}

static void signal_prepare(struct link *link)
{
	link->state = event_pids_share();
}

static void signal_join(struct link *link, enum role role)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number());
	sigprocmask(SIG_BLOCK, &set, NULL);
	link->in = raw_check(signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
	link->out = raw_check(pidfd_open(event_pids_meet(link->state, role), 0), "pidfd_open");
}

static void signal_post(struct link *link, const void *data, size_t size)
{
	siginfo_t info = {.si_signo = number(), .si_code = SI_QUEUE};

	(void)data, (void)size;
	link->calls++;
	raw_check(pidfd_send_signal(link->out, number(), &info, 0), "pidfd_send_signal");
}

static void signal_wait(struct link *link, void *data, size_t size)
{
	struct signalfd_siginfo info;

	(void)data, (void)size;
	link->calls++;
	raw_check((int)read(link->in, &info, sizeof info), "read of a signalfd");
}

const struct contender bare_signal = {
	.name = "bare",
	.prepare = signal_prepare,
	.join = signal_join,
	.send = signal_post,
	.recv = signal_wait,
};

/* ---- POSIX semaphores ---- */

struct sems {
	sem_t of[2]; /* by the role of who waits */
};

static enum role own; /* of this process */

static void take_role(struct link *link, enum role role)
{
	(void)link;
	own = role;
}

static void sem_prepare(struct link *link)
{
	struct sems *sems = link->state = crew_share(sizeof(struct sems));

	raw_check(sem_init(&sems->of[0], 1, 0), "sem_init");
	raw_check(sem_init(&sems->of[1], 1, 0), "sem_init");
}

static void sem_post_one(struct link *link, const void *data, size_t size)
{
	struct sems *sems = link->state;

	(void)data, (void)size;
	raw_check(sem_post(&sems->of[!own]), "sem_post");
}

static void sem_wait_one(struct link *link, void *data, size_t size)
{
	struct sems *sems = link->state;

	(void)data, (void)size;
	raw_check(sem_wait(&sems->of[own]), "sem_wait");
}

const struct contender bare_sem = {
	.name = "bare",
	.prepare = sem_prepare,
	.join = take_role,
	.send = sem_post_one,
	.recv = sem_wait_one,
};

/* ---- System V semaphores: link->in is the set ---- */

static int sysvsem_make(struct link *link)
{
	link->fds[0] = semget(IPC_PRIVATE, 2, 0600);
	return link->fds[0] < 0 ? -errno : 0;
}

static void sysvsem_unmake(struct link *link)
{
	semctl(link->fds[0], 0, IPC_RMID);
}

static void sysvsem_do(struct link *link, int n, int amount)
{
	struct sembuf step = {(unsigned short)n, (short)amount, 0};

	link->calls++;
	raw_check(semop(link->fds[0], &step, 1), "semop");
}

static void sysvsem_post(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	sysvsem_do(link, !own, 1);
}

static void sysvsem_wait(struct link *link, void *data, size_t size)
{
	(void)data, (void)size;
	sysvsem_do(link, (int)own, -1);
}

const struct contender bare_sysvsem = {
	.name = "bare",
	.make = sysvsem_make,
	.unmake = sysvsem_unmake,
	.join = take_role,
	.send = sysvsem_post,
	.recv = sysvsem_wait,
};

/* ---- eventfds: link->fds, by the role of who waits ---- */

static void eventfd_prepare(struct link *link)
{
	for (int i = 0; i < 2; i++)
		link->fds[i] = raw_check(eventfd(0, EFD_CLOEXEC), "eventfd");
}

static void eventfd_post(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	link->calls++;
	raw_check(eventfd_write(link->fds[!own], 1), "write to an eventfd");
}

static void eventfd_wait(struct link *link, void *data, size_t size)
{
	eventfd_t value;

	(void)data, (void)size;
	link->calls++;
	raw_check(eventfd_read(link->fds[own], &value), "read of an eventfd");
}

const struct contender bare_eventfd = {
	.name = "bare",
	.prepare = eventfd_prepare,
	.join = take_role,
	.send = eventfd_post,
	.recv = eventfd_wait,
};

/* ---- a futex: it never looks again by itself, who is killed at the wrong moment stops it ---- */

struct counter {
	uint32_t units, sleepers;
};

struct counters {
	struct counter of[2]; /* by the role of who waits */
};

/* Whether there was a unit to take. */
static bool counter_take(struct counter *c)
{
	uint32_t units = __atomic_load_n(&c->units, __ATOMIC_SEQ_CST);

	while (units)
		if (__atomic_compare_exchange_n(&c->units, &units, units - 1, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static void futex_prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct counters));
}

static void futex_post(struct link *link, const void *data, size_t size)
{
	struct counter *c = &((struct counters *)link->state)->of[!own];

	(void)data, (void)size;
	__atomic_add_fetch(&c->units, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&c->sleepers, __ATOMIC_SEQ_CST))
		return;
	link->calls++;
	syscall(SYS_futex, &c->units, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_wait(struct link *link, void *data, size_t size)
{
	struct counter *c = &((struct counters *)link->state)->of[own];

	(void)data, (void)size;
	if (counter_take(c))
		return;
	__atomic_add_fetch(&c->sleepers, 1, __ATOMIC_SEQ_CST);
	while (!counter_take(c)) {
		link->calls++;
		syscall(SYS_futex, &c->units, FUTEX_WAIT, 0, NULL, NULL, 0);
	}
	__atomic_sub_fetch(&c->sleepers, 1, __ATOMIC_SEQ_CST);
}

const struct contender bare_futex = {
	.name = "bare",
	.prepare = futex_prepare,
	.join = take_role,
	.send = futex_post,
	.recv = futex_wait,
};
