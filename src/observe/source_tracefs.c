/* SPDX-License-Identifier: MIT
 *
 * source_tracefs.c - tier B: the kernel's own tracer, for root where programs cannot be loaded.
 *
 * An instance of one's own (tracefs.c) writes the scheduler's events of all threads into a buffer of each
 * CPU; they are read every few ms, understood (source_tracefs_events.c) and put together (follow.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "slice.h"
#include "source_tracefs.h"

#include "../banned.h"

enum {
	BUFFER = 8 << 20,
	LAG = 1000000,            /* ns: so late an event may come into its buffer */
	FIRST_SPACE = 0xeffffffc, /* the inode of the machine's first PID namespace */
};

/* ---- reading ---- */

/* What was lost lies between the last record and the first of this page. */
static int read_cpu(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu)
{
	ssize_t n;

	this->reading = cpu;
	while (this->error == 0 && (n = read(cpu->fd, this->page, sizeof this->page)) > 0) {
		struct sinew__heard in = sinew__trace_heard(cpu, SINEW__HEARD_LOST, cpu->last, 0);
		int64_t lost = sinew__trace_page(this->page, (size_t)n, sinew__trace_event, this);
		if (lost < 0)
			return sinew__observe_fail(
				EIO, "a page of the kernel's tracer makes no sense");
		in.lost = (uint32_t)lost;
		if (lost && this->error == 0)
			this->error = sinew__follow_hear(this->follow, &in);
	}
	return this->error;
}

static int read_cpus(struct sinew__tracefs_source *this)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < this->cpu_count; i++)
		if (this->cpus[i].fd >= 0)
			r = read_cpu(this, &this->cpus[i]);
	return r;
}

static int read_tracefs(struct sinew__source *source)
{
	struct sinew__tracefs_source *this = (struct sinew__tracefs_source *)source;

	if (!this->seeded)
		sinew__follow_seed(this->follow);
	this->seeded = true;
	uint64_t now = sinew__observe_now();
	int r = read_cpus(this);
	sinew__follow_until(this->follow, now - LAG);
	return r;
}

/* ---- opening ---- */

static int open_cpus(struct sinew__tracefs_source *this)
{
	unsigned count = (unsigned)sysconf(_SC_NPROCESSORS_CONF);

	this->cpus = calloc(count, sizeof *this->cpus);
	if (!this->cpus)
		return sinew__observe_fail(ENOMEM, "out of memory");
	for (; this->cpu_count < count; this->cpu_count++) {
		this->cpus[this->cpu_count].number = (uint16_t)this->cpu_count;
		this->cpus[this->cpu_count].fd = sinew__tracefs_pages(&this->fs, this->cpu_count);
	}
	return 0;
}

static void close_tracefs(struct sinew__source *source)
{
	struct sinew__tracefs_source *this = (struct sinew__tracefs_source *)source;

	for (unsigned i = 0; i < this->cpu_count; i++)
		if (this->cpus[i].fd >= 0)
			close(this->cpus[i].fd);
	sinew__tracefs_close(&this->fs);
	sinew__follow_close(this->follow);
	free(this->cpus);
	free(this);
}

static int begin(struct sinew__tracefs_source *this, const struct sinew__request *request)
{
	uint64_t bytes = request->buffer ? request->buffer : BUFFER;
	unsigned long cpus = (unsigned long)sysconf(_SC_NPROCESSORS_CONF);
	int r = sinew__tracefs_open(&this->fs, (unsigned long)(bytes / 1024 / cpus));

	if (r == 0)
		r = sinew__trace_events_set(this);
	if (r == 0)
		r = open_cpus(this);
	if (r == 0) {
		r = sinew__tracefs_write(&this->fs, "tracing_on", "1");
		if (r < 0)
			r = sinew__observe_fail(-r, "tracefs: %s", strerror(-r));
	}
	this->source.started = sinew__observe_now();
	return r;
}

static void describe(struct sinew__source *source, const struct sinew__request *request)
{
	source->request = request;
	source->fd = -1;
	source->slice = sinew__read_slice();
	source->has = SINEW__HAS_INTERVALS | SINEW__HAS_PREEMPTION | SINEW__HAS_WAKERS |
		      SINEW__HAS_CONTEXT | SINEW__HAS_LIFE | SINEW__HAS_LOOKS;
	source->lacks = "That a thread gave way (sched_yield) is not seen, and told as another "
			"reason; that its slice was over is taken from how long it had run.";
}

static int open_tracefs(struct sinew__source **source, const struct sinew__request *request)
{
	struct stat space;
	int r = sinew__find_check(request);

	if (r < 0)
		return r;
	if (stat("/proc/self/ns/pid", &space) < 0 || space.st_ino != FIRST_SPACE)
		return sinew__observe_fail(ENOTSUP, "it tells processes by the numbers that they "
						    "have outside of this PID namespace");
	struct sinew__tracefs_source *this = calloc(1, sizeof *this);
	if (this)
		this->follow = sinew__follow_open(&this->source);
	if (!this || !this->follow) {
		free(this);
		return sinew__observe_fail(ENOMEM, "out of memory");
	}
	describe(&this->source, request);
	r = begin(this, request);
	if (r < 0) {
		close_tracefs(&this->source);
		return r;
	}
	*source = &this->source;
	return 0;
}

static int forked_tracefs(struct sinew__source *source, pid_t pid)
{
	sinew__follow_adopt(((struct sinew__tracefs_source *)source)->follow, (uint32_t)pid);
	return 0;
}

static int finish_tracefs(struct sinew__source *source)
{
	struct sinew__tracefs_source *this = (struct sinew__tracefs_source *)source;

	source->ended = sinew__observe_now();
	sinew__tracefs_write(&this->fs, "tracing_on", "0");
	int r = read_cpus(this);
	sinew__follow_end(this->follow, source->ended);
	return r;
}

const struct sinew__source_type sinew__source_tracefs = {
	.tier = SINEW__TIER_FTRACE,
	.name = "tracefs",
	.open = open_tracefs,
	.forked = forked_tracefs,
	.read = read_tracefs,
	.finish = finish_tracefs,
	.close = close_tracefs,
};
