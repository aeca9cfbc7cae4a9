/* SPDX-License-Identifier: MIT
 *
 * ring_trips.c - round trips: two cache lines by hand, a ring, a ring's memory on loan.
 */
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "ring.h"

/* Asks job->count times; `ask` is one round trip, number i. */
static void take_trips(struct job *job, void (*answer)(void *), sinew_channel *c, char *data,
	void (*ask)(struct job *job, sinew_channel *c, char *data, uint64_t i))
{
	pid_t pid = ring_start(job, answer);
	double begun = 0;

	for (uint64_t i = 1; i <= job->count; i++) {
		if (i == RING_WARM)
			begun = ring_now();
		ask(job, c, data, i);
	}
	job->common->outcome.ns = (ring_now() - begun) / (job->count - RING_WARM + 1);
	crew_wait(&pid, 1);
}

/* ---- by hand ---- */

static void lines_answer(void *arg)
{
	struct job *job = arg;
	struct raw_lines *lines = &job->common->lines;
	char data[64] = {0};

	for (uint64_t i = 1; i <= job->count; i++) {
		raw_lines_hear(&lines->ping, lines->there, i, data);
		raw_lines_say(&lines->pong, lines->back, i, data);
	}
}

static void lines_ask(struct job *job, sinew_channel *c, char *data, uint64_t i)
{
	struct raw_lines *lines = &job->common->lines;

	(void)c;
	memcpy(data, &i, sizeof i);
	raw_lines_say(&lines->ping, lines->there, i, data);
	raw_lines_hear(&lines->pong, lines->back, i, data);
	ring_expect(data, i);
}

void ring_lines(struct job *job)
{
	char data[64] = {0};

	memset(&job->common->lines, 0, sizeof job->common->lines);
	take_trips(job, lines_answer, NULL, data, lines_ask);
}

/* ---- a copy in and a copy out, each way ---- */

static void ring_answer(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_OUT);
	char *data = malloc(job->size);
	struct sinew_msg msg, answer = {.data = data, .size = job->size};

	for (uint64_t i = 1; i <= job->count; i++)
		if (sinew_recv(c, data, job->size, &msg, SINEW_FOREVER) != 1 ||
			sinew_send(c, &answer, 1, SINEW_FOREVER) != 1)
			ring_fail("answer");
	sinew_close(c);
	free(data);
}

static void ring_ask(struct job *job, sinew_channel *c, char *data, uint64_t i)
{
	struct sinew_msg msg, ask = {.data = data, .size = job->size};

	memcpy(data, &i, sizeof i);
	if (sinew_send(c, &ask, 1, SINEW_FOREVER) != 1 ||
		sinew_recv(c, data, job->size, &msg, SINEW_FOREVER) != 1)
		ring_fail("ask");
	ring_expect(data, i);
}

void ring_trips(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_OUT | SINEW_LISTEN);
	char *data = calloc(1, job->size);

	take_trips(job, ring_answer, c, data, ring_ask);
	sinew_close(c);
	free(data);
}

/* ---- in place: the first and the last bytes are written and read, whatever the size ---- */

static void lend(sinew_channel *c, size_t size, uint64_t i)
{
	struct sinew_msg msg;

	if (sinew_loan(c, size, &msg, SINEW_FOREVER) < 0)
		ring_fail("loan");
	memcpy((char *)(uintptr_t)msg.data, &i, sizeof i);
	memcpy((char *)(uintptr_t)msg.data + size - sizeof i, &i, sizeof i);
	if (sinew_commit(c, &msg) < 0)
		ring_fail("commit");
}

static void borrow(sinew_channel *c, uint64_t i)
{
	struct sinew_msg msg;

	if (sinew_take(c, &msg, 1, SINEW_FOREVER) != 1)
		ring_fail("take");
	ring_expect(msg.data, i);
	ring_expect((const char *)msg.data + msg.size - sizeof i, i);
	sinew_release(c, &msg, 1);
}

static void lent_answer(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_OUT);

	for (uint64_t i = 1; i <= job->count; i++) {
		borrow(c, i);
		lend(c, job->size, i);
	}
	sinew_close(c);
}

static void lent_ask(struct job *job, sinew_channel *c, char *data, uint64_t i)
{
	(void)data;
	lend(c, job->size, i);
	borrow(c, i);
}

void ring_lent_trips(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_OUT | SINEW_LISTEN);

	take_trips(job, lent_answer, c, NULL, lent_ask);
	sinew_close(c);
}
