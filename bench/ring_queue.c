/* SPDX-License-Identifier: MIT
 *
 * ring_queue.c - many writers and one reader; some of the writers may be stopped in the middle.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "ring.h"

static void queue_write(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};

	atomic_fetch_add(&job->common->come, 1);
	while (!atomic_load(&job->common->go))
		sched_yield();
	for (uint64_t i = 0; i < job->count / job->writers; i++) {
		memcpy(data, &i, sizeof i);
		if (sinew_send(c, &msg, 1, SINEW_FOREVER) != 1)
			ring_fail("send");
	}
	sinew_close(c);
}

/* Sends until it is stopped, and so is somewhere in a send. */
static void queue_write_stopped(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};

	atomic_fetch_add(&job->common->come, 1);
	for (;;)
		sinew_send(c, &msg, 1, sinew_after(1000000));
}

static unsigned read_some(sinew_channel *c, uint64_t stopped, uint64_t *next)
{
	struct sinew_msg msgs[RING_BATCH];
	uint64_t value;
	unsigned got = 0;
	int n = sinew_take(c, msgs, RING_BATCH, SINEW_FOREVER);

	if (n <= 0)
		ring_fail("take");
	for (int i = 0; i < n; i++) {
		memcpy(&value, msgs[i].data, sizeof value);
		if (stopped >> (msgs[i].peer & 31) & 1)
			continue;
		if (value != next[msgs[i].peer & 31]++)
			crew_fail("the messages of writer %u are out of order",
				(unsigned)(msgs[i].peer & 31));
		got++;
	}
	return got;
}

/* Starts those that are to be stopped, lets them send, and stops them. Their slots, as bits. */
static uint64_t stop_some(sinew_channel *c, struct job *job, pid_t *pids)
{
	struct sinew_msg msgs[RING_BATCH];
	uint64_t slots = 0;
	int status;

	for (unsigned i = 0; i < job->stopped; i++)
		pids[i] = ring_start(job, queue_write_stopped);
	while (atomic_load(&job->common->come) < job->stopped ||
		(unsigned)__builtin_popcountll(slots) < job->stopped) {
		int n = sinew_take(c, msgs, RING_BATCH, SINEW_FOREVER);
		for (int i = 0; i < n; i++)
			slots |= UINT64_C(1) << (msgs[i].peer & 31);
	}
	for (unsigned i = 0; i < job->stopped; i++)
		if (kill(pids[i], SIGSTOP) || waitpid(pids[i], &status, WUNTRACED) != pids[i] ||
			!WIFSTOPPED(status))
			crew_fail("a writer could not be stopped");
	return slots;
}

static void end_stopped(const pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

void ring_queue(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_LISTEN);
	uint64_t next[32] = {0};
	unsigned got = 0, all = job->count / job->writers * job->writers;
	pid_t pids[RING_WRITERS], stopped[RING_WRITERS];

	atomic_store(&job->common->go, 0);
	atomic_store(&job->common->come, 0);
	uint64_t slots = stop_some(c, job, stopped);
	for (unsigned i = 0; i < job->writers; i++)
		pids[i] = ring_start(job, queue_write);
	while (atomic_load(&job->common->come) < job->writers + job->stopped)
		sched_yield();
	atomic_store(&job->common->go, 1);
	double begun = ring_now();
	while (got < all)
		got += read_some(c, slots, next);
	job->common->outcome.ns = (ring_now() - begun) / all;
	end_stopped(stopped, job->stopped);
	crew_wait(pids, job->writers);
	sinew_close(c);
}
