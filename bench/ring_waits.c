/* SPDX-License-Identifier: MIT
 *
 * ring_waits.c - who waits: for a message each millisecond, beside an eventfd; for the news that the other
 * side was killed; for a place in the ring.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "ring.h"

enum { DEATH_BYTES = 9 << 20 }; /* as many as a pair has */

static void sleep_until(double at)
{
	struct timespec t = {(time_t)(at / 1e9), (long)((int64_t)at % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

/* ---- a message each millisecond ---- */

static void event_pace(void *arg)
{
	struct job *job = arg;
	double begun = ring_now();

	for (unsigned i = 0; i < job->count; i++) {
		uint64_t one = 1;
		sleep_until(begun + 1e6 * (i + 1));
		atomic_store(&job->common->at, (uint64_t)ring_now());
		if (write(job->event, &one, sizeof one) != sizeof one)
			crew_fail("eventfd: write");
	}
}

static void ring_pace(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	double begun = ring_now();

	for (unsigned i = 0; i < job->count; i++) {
		sleep_until(begun + 1e6 * (i + 1));
		double at = ring_now();
		memcpy(data, &at, sizeof at);
		if (sinew_send(c, &msg, 1, SINEW_FOREVER) != 1)
			ring_fail("send");
	}
	sinew_close(c);
}

static void tell_times(struct job *job, double *late, double cpu_before)
{
	struct outcome *outcome = &job->common->outcome;

	outcome->cpu_ns = (ring_cpu() - cpu_before) / job->count;
	ring_percentiles(outcome, late, job->count);
	free(late);
}

void ring_event_paced(struct job *job)
{
	double *late = malloc(job->count * sizeof *late), before = ring_cpu();
	uint64_t value;

	job->event = eventfd(0, EFD_CLOEXEC);
	pid_t pid = ring_start(job, event_pace);
	for (unsigned i = 0; i < job->count; i += (unsigned)value) {
		if (read(job->event, &value, sizeof value) != sizeof value)
			crew_fail("eventfd: read");
		for (unsigned k = 0; k < value; k++) /* several come as one */
			late[i + k] = ring_now() - (double)atomic_load(&job->common->at);
	}
	crew_wait(&pid, 1);
	close(job->event);
	tell_times(job, late, before);
}

void ring_paced(struct job *job)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_LISTEN);
	double *late = malloc(job->count * sizeof *late), before = ring_cpu(), sent;
	struct sinew_msg msg;
	char data[64];

	pid_t pid = ring_start(job, ring_pace);
	for (unsigned i = 0; i < job->count; i++) {
		if (sinew_recv(c, data, sizeof data, &msg, SINEW_FOREVER) != 1)
			ring_fail("receive");
		memcpy(&sent, data, sizeof sent);
		late[i] = ring_now() - sent;
	}
	crew_wait(&pid, 1);
	sinew_close(c);
	tell_times(job, late, before);
}

/* ---- the other side is killed ---- */

/* Sends for a while, so that the reader spins, or waits, so that it sleeps; then dies as by kill -9. */
static void victim(void *arg)
{
	struct job *job = arg;
	sinew_channel *c = ring_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};

	for (unsigned i = 0; i < job->count; i++)
		if (sinew_send(c, &msg, 1, SINEW_FOREVER) != 1)
			ring_fail("send");
	if (job->count == 1)
		sleep_until(ring_now() + 30e6);
	atomic_store(&job->common->at, (uint64_t)ring_now());
	kill(getpid(), SIGKILL);
}

/* `away`: comes back to the ring only when the other has been dead for a while. */
static void await_death(struct job *job, bool away)
{
	sinew_channel *c = ring_end(job, SINEW_IN | SINEW_LISTEN);
	struct sinew_msg msg;
	char data[64];
	int status, r;

	pid_t pid = ring_start(job, victim);
	for (unsigned i = 0; i < job->count; i++)
		if (sinew_recv(c, data, sizeof data, &msg, SINEW_FOREVER) != 1)
			ring_fail("receive");
	if (away && waitpid(pid, &status, 0) == pid) {
		sleep_until(ring_now() + 5e6);
		atomic_store(&job->common->at, (uint64_t)ring_now());
	}
	r = sinew_recv(c, data, sizeof data, &msg, sinew_after(5000000000));
	job->common->outcome.ns = ring_now() - (double)atomic_load(&job->common->at);
	if (r != SINEW_END)
		ring_fail("the end of a dead writer");
	if (!away)
		waitpid(pid, &status, 0);
	sinew_close(c);
}

void ring_death_spinning(struct job *job)
{
	job->count = 20000;
	await_death(job, false);
}

void ring_death_parked(struct job *job)
{
	job->count = 1;
	await_death(job, false);
}

void ring_death_arriving(struct job *job)
{
	job->count = 1;
	await_death(job, true);
}

/* The same by hand: a lock on the same memory, which the kernel frees when its owner has ended. */
static void locked_victim(void *arg)
{
	struct job *job = arg;
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
	int fd = open(job->path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
		crew_fail("lock %s", job->path);
	char *at = mmap(NULL, DEATH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		crew_fail("mmap %s", job->path);
	memset(at, 1, DEATH_BYTES);
	atomic_store(&job->common->come, 1);
	sleep_until(ring_now() + 5e6);
	atomic_store(&job->common->at, (uint64_t)ring_now());
	kill(getpid(), SIGKILL);
}

static bool is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		crew_fail("fcntl");
	return lock.l_type != F_UNLCK;
}

void ring_death_lock(struct job *job)
{
	char path[64];
	int fd = memfd_create("sinew-bench-ring", MFD_CLOEXEC), status;

	if (fd < 0 || ftruncate(fd, DEATH_BYTES) < 0)
		crew_fail("memfd");
	snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), fd);
	job->path = path;
	atomic_store(&job->common->come, 0);
	pid_t pid = ring_start(job, locked_victim);
	while (!atomic_load(&job->common->come) || is_locked(fd))
		raw_pause();
	job->common->outcome.ns = ring_now() - (double)atomic_load(&job->common->at);
	waitpid(pid, &status, 0);
	close(fd);
}

/* ---- coming ---- */

void ring_attach(struct job *job)
{
	sinew_channel *first = ring_end(job, SINEW_IN | SINEW_LISTEN);
	double *took = malloc(job->count * sizeof *took);

	for (unsigned i = 0; i < job->count; i++) {
		double begun = ring_now();
		sinew_channel *second = ring_end(job, SINEW_OUT);
		took[i] = ring_now() - begun;
		sinew_close(second);
	}
	sinew_close(first);
	ring_percentiles(&job->common->outcome, took, job->count);
	free(took);
}
