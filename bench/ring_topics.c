/* SPDX-License-Identifier: MIT
 *
 * ring_topics.c - one writer and many readers, some of whom may be stopped; frames that are read where they lie;
 * the newest value, read while nobody writes, and a plain copy of as much.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "crew.h"
#include "ring.h"

/* Numbers, of which a reader may lose some, as it is told. */
struct tape {
	uint64_t next, last;
};

static void check_number(struct tape *tape, const struct sinew_msg *msg)
{
	uint64_t number;

	memcpy(&number, msg->data, sizeof number);
	if (number < tape->last && number != tape->next + msg->lost)
		crew_fail("number %llu came after %llu, with %llu lost", (unsigned long long)number,
			(unsigned long long)tape->next, (unsigned long long)msg->lost);
	tape->next = number + 1;
}

/* Until the writer says that it has sent all. */
static void topic_read(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_IN);
	struct tape tape = {.last = job->count};
	char data[64];
	struct sinew_msg msg;

	ring_come(job);
	while (tape.next <= tape.last) {
		if (sinew_recv(c, data, sizeof data, &msg, SINEW_FOREVER) != 1)
			ring_fail("receive");
		check_number(&tape, &msg);
	}
	atomic_fetch_sub(&job->common->come, 1);
	sinew_close(c);
}

/* The same, of frames, where they lie. */
static void frames_read(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_IN);
	struct tape tape = {.last = job->count};
	struct sinew_msg msg;

	ring_come(job);
	while (tape.next < tape.last) {
		if (sinew_take(c, &msg, 1, SINEW_FOREVER) != 1)
			ring_fail("take");
		check_number(&tape, &msg);
		sinew_release(c, &msg, 1);
	}
	sinew_close(c);
}

static void stop_all(const pid_t *pids, unsigned count)
{
	int status;

	for (unsigned i = 0; i < count; i++)
		if (kill(pids[i], SIGSTOP) || waitpid(pids[i], &status, WUNTRACED) != pids[i] ||
			!WIFSTOPPED(status))
			crew_fail("a reader could not be stopped");
}

static void end_all(const pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

static void send_number(sinew_channel *c, char *data, size_t size, uint64_t number)
{
	struct sinew_msg msg = {.data = data, .size = size};

	memcpy(data, &number, sizeof number);
	if (sinew_send(c, &msg, 1, SINEW_FOREVER) != 1)
		ring_fail("send");
}

static void send_all(struct job *job, sinew_channel *c)
{
	char *data = calloc(1, job->size);

	const double begun = ring_now();
	for (uint64_t i = 0; i < job->count; i++)
		send_number(c, data, job->size, i);
	job->common->outcome.ns = (ring_now() - begun) / job->count;
	free(data);
}

/* What the writer takes for a message. */
void ring_topic(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_OUT);
	pid_t pids[RING_READERS];
	char last[64];

	atomic_store(&job->common->come, 0);
	ring_readers(job, topic_read, pids, job->stopped);
	stop_all(pids, job->stopped);
	ring_readers(job, topic_read, pids + job->stopped, job->writers);
	send_all(job, c);
	while (atomic_load(&job->common->come) > job->stopped)
		send_number(c, last, sizeof last, job->count);
	end_all(pids, job->stopped);
	crew_wait(pids + job->stopped, job->writers);
	sinew_close(c);
}

/* All that is sent, as long as it is: nothing is lost on a topic that waits for its readers. */
static void topic_read_all(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_IN);
	struct sinew_msg msg;
	char data[64];

	ring_come(job);
	for (uint64_t i = 0; i < job->count; i++) {
		if (sinew_recv(c, data, sizeof data, &msg, SINEW_FOREVER) != 1)
			ring_fail("receive");
		ring_expect(data, i);
	}
	ring_has_all(job);
	sinew_close(c);
}

/* What a message takes until the last reader has it. */
void ring_everybody(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_OUT);
	pid_t pids[RING_READERS];

	ring_readers(job, topic_read_all, pids, job->writers);
	const double begun = ring_now();
	send_all(job, c);
	ring_until_last(job, begun, pids);
	sinew_close(c);
}

void ring_frames(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_OUT);
	pid_t pids[RING_READERS];

	atomic_store(&job->common->come, 0);
	ring_readers(job, frames_read, pids, job->writers);
	send_all(job, c);
	crew_wait(pids, job->writers);
	sinew_close(c);
}

/* ---- the newest ---- */

enum { VALUES = 32, ROUNDS = 20000 };

void ring_latest(struct job *job)
{
	sinew_channel *out = ring_end(job, SINEW_OUT), *in = ring_end(job, SINEW_IN);
	char data[64];
	struct sinew_msg msg;
	double took = 0;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		for (uint64_t i = 0; i < VALUES; i++)
			send_number(out, data, sizeof data, round * VALUES + i);
		const double begun = ring_now();
		for (uint64_t i = 0; i < VALUES; i++) {
			if (sinew_recv(in, data, sizeof data, &msg, SINEW_NOW) != 1)
				ring_fail("receive");
			ring_expect(data, round * VALUES + i);
		}
		took += ring_now() - begun;
	}
	job->common->outcome.ns = took / (VALUES * ROUNDS);
	sinew_close(in);
	sinew_close(out);
}

void ring_copies(struct job *job)
{
	static char values[VALUES][64];
	char data[64];
	double took = 0;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		for (uint64_t i = 0; i < VALUES; i++) {
			const uint64_t number = round * VALUES + i;
			memcpy(values[i], &number, sizeof number);
		}
		const double begun = ring_now();
		for (uint64_t i = 0; i < VALUES; i++) {
			memcpy(data, values[i], sizeof data);
			__asm__ volatile("" ::"r"(data) : "memory");
			ring_expect(data, round * VALUES + i);
		}
		took += ring_now() - begun;
	}
	job->common->outcome.ns = took / (VALUES * ROUNDS);
}
