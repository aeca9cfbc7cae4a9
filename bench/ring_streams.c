/* SPDX-License-Identifier: MIT
 *
 * ring_streams.c - streams, one way: fixed slots by hand, small and large, a ring, and memory copied by one
 * process alone.
 */
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "ring.h"

static void slots_write(void *arg)
{
	struct job *job = arg;
	struct raw_end end = {0};
	char data[64] = {0};

	for (uint64_t i = 0; i < job->count; i++) {
		memcpy(data, &i, sizeof i);
		raw_slots_put(&job->common->slots, &end, data, (i + 1) % job->batch == 0);
	}
}

void ring_slots(struct job *job)
{
	struct raw_slots *slots = &job->common->slots;
	struct raw_end end = {0};
	char data[64];
	double begun = 0;

	memset(slots, 0, sizeof *slots);
	pid_t pid = ring_start(job, slots_write);
	for (uint64_t i = 0; i < job->count; i++) {
		raw_slots_get(slots, &end, data, (i + 1) % job->batch == 0);
		if (i == 0)
			begun = ring_now();
		ring_expect(data, i);
	}
	job->common->outcome.ns = (ring_now() - begun) / job->count;
	crew_wait(&pid, 1);
}

static void raw_frames_write(void *arg)
{
	struct job *job = arg;
	struct raw_end end = {0};
	char *data = calloc(1, RAW_FRAME);

	for (uint64_t i = 0; i < job->count; i++) {
		memcpy(data, &i, sizeof i);
		raw_frames_put(&job->common->frames, &end, data);
	}
	free(data);
}

void ring_raw_frames(struct job *job)
{
	struct raw_frames *frames = &job->common->frames;
	struct raw_end end = {0};
	char *data = calloc(1, RAW_FRAME);
	double begun = 0;

	memset(frames, 0, sizeof *frames);
	pid_t pid = ring_start(job, raw_frames_write);
	for (uint64_t i = 0; i < job->count; i++) {
		raw_frames_get(frames, &end, data);
		if (i == 0)
			begun = ring_now();
		ring_expect(data, i);
	}
	job->common->outcome.ns = (ring_now() - begun) / job->count;
	crew_wait(&pid, 1);
	free(data);
}

static void ring_write(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_OUT);
	char *data[RING_BATCH];
	struct sinew_msg msgs[RING_BATCH] = {{0}};

	for (unsigned i = 0; i < job->batch; i++) {
		data[i] = calloc(1, job->size);
		msgs[i] = (struct sinew_msg){.data = data[i], .size = job->size};
	}
	for (uint64_t i = 0; i < job->count; i += job->batch) {
		for (unsigned k = 0; k < job->batch; k++) {
			uint64_t n = i + k;
			memcpy(data[k], &n, sizeof n);
		}
		if (sinew_send(c, msgs, job->batch, SINEW_FOREVER) != (int)job->batch)
			ring_fail("send");
	}
	sinew_close(c);
}

/* One at a time by receiving, in batches by borrowing and copying out. */
void ring_stream(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_LISTEN);
	char *data = calloc(1, job->size);
	struct sinew_msg msgs[RING_BATCH];
	double begun = 0;
	uint64_t i = 0;

	pid_t pid = ring_start(job, ring_write);
	while (i < job->count) {
		int n = job->batch == 1 ? sinew_recv(c, data, job->size, msgs, SINEW_FOREVER)
					: sinew_take(c, msgs, job->batch, SINEW_FOREVER);
		if (n <= 0)
			ring_fail("receive");
		if (i == 0)
			begun = ring_now();
		for (int k = 0; k < n; k++, i++) {
			if (job->batch > 1)
				memcpy(data, msgs[k].data, 64);
			ring_expect(data, i);
		}
	}
	job->common->outcome.ns = (ring_now() - begun) / job->count;
	crew_wait(&pid, 1);
	sinew_close(c);
	free(data);
}

void ring_memcpy(struct job *job)
{
	char *from = malloc(job->size), *to = malloc(job->size);

	memset(from, 1, job->size);
	memset(to, 1, job->size);
	double begun = ring_now();
	for (unsigned i = 0; i < job->count; i++) {
		memcpy(to, from, job->size);
		__asm__ volatile("" ::"r"(to) : "memory");
	}
	job->common->outcome.ns = (ring_now() - begun) / job->count;
	free(from);
	free(to);
}
