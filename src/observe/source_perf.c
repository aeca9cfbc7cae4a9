/* SPDX-License-Identifier: MIT
 *
 * source_perf.c - tier C: the kernel's own records of the switches of one's own children, which any user may
 * have (perf_event_open(2) with context_switch; nothing is counted or sampled).
 *
 * Each CPU has a ring for what COMMAND and its descendants do there: switches, births, names, ends. Who woke
 * them is not in it, nor why one that could run on does not.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "follow.h"
#include "source.h"

#include "../banned.h"

enum { USUAL = 64, LAG = 1000000 /* ns */ };

/* One CPU's: a page of positions, then the records. */
struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	uint64_t last; /* the time of its last record */
	uint64_t lost; /* told by records */
};

struct perf_source {
	struct sinew__source source;
	struct sinew__follow *follow;
	struct ring *rings;
	long ring_count;
	size_t page_size, pages; /* of records, a power of two */
};

/* What stands at the end of every record (sample_type below). */
struct trailer {
	uint32_t pid, tid;
	uint64_t time;
	uint32_t cpu, reserved;
};

union record {
	struct perf_event_header head;
	struct {
		struct perf_event_header head;
		uint32_t pid, ppid, tid, ptid;
	} life;
	struct {
		struct perf_event_header head;
		uint32_t pid, tid;
		char comm[SINEW__COMM];
	} comm;
	struct {
		struct perf_event_header head;
		uint64_t id, lost;
	} lost;
	char room[256];
};

/* ---- opening ---- */

static struct perf_event_attr attributes(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_DUMMY,
		.read_format = PERF_FORMAT_LOST,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.inherit = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.context_switch = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
}

static int refused(int error)
{
	if (error == EACCES || error == EPERM)
		return sinew__observe_fail(error,
			"this machine does not let its users have perf events: root, CAP_PERFMON, "
			"or "
			"2 or less in /proc/sys/kernel/perf_event_paranoid would allow it");
	if (error == ENOSYS)
		return sinew__observe_fail(error, "this kernel has no perf events");
	if (error == EMFILE)
		return sinew__observe_fail(error, "too many files are open for one ring per CPU");
	return sinew__observe_fail(
		error, "the kernel does not tell of switches by perf events: %s", strerror(error));
}

static int open_event(pid_t pid, int cpu)
{
	struct perf_event_attr attr = attributes();
	int fd = (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0 || errno != EINVAL)
		return fd;
	attr.read_format = 0; /* before 6.0 */
	return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Whether it is possible is only known when it is tried: with ourselves. */
static int try_it(void)
{
	int fd = open_event(0, -1), error = errno;

	if (fd < 0)
		return refused(error);
	close(fd);
	return 0;
}

static void close_perf(struct sinew__source *source)
{
	struct perf_source *this = (struct perf_source *)source;

	for (long i = 0; i < this->ring_count; i++) {
		if (this->rings[i].page)
			munmap(this->rings[i].page, (this->pages + 1) * this->page_size);
		if (this->rings[i].fd >= 0)
			close(this->rings[i].fd);
	}
	free(this->rings);
	sinew__follow_close(this->follow);
	free(this);
}

/* Of each CPU's share of the bytes. */
static size_t pages_of(const struct perf_source *this, uint64_t bytes)
{
	uint64_t share = bytes / (uint64_t)sysconf(_SC_NPROCESSORS_CONF) / this->page_size;
	size_t pages = 1;

	if (!bytes)
		return USUAL;
	while (pages * 2 <= share)
		pages *= 2;
	return pages;
}

static int open_perf(struct sinew__source **source, const struct sinew__request *request)
{
	if (request->scope != SINEW__SCOPE_COMMAND)
		return sinew__observe_fail(
			ENOTSUP, "they are told of one's own command only (-- COMMAND)");
	int r = try_it();
	if (r < 0)
		return r;
	struct perf_source *this = calloc(1, sizeof *this);
	if (this)
		this->follow = sinew__follow_open(&this->source);
	if (this)
		this->rings = calloc((size_t)sysconf(_SC_NPROCESSORS_CONF), sizeof *this->rings);
	if (!this || !this->follow || !this->rings) {
		if (this)
			close_perf(&this->source);
		return sinew__observe_fail(ENOMEM, "out of memory");
	}
	this->page_size = (size_t)sysconf(_SC_PAGESIZE);
	this->pages = pages_of(this, request->buffer);
	this->source.request = request;
	this->source.fd = -1;
	this->source.has = SINEW__HAS_INTERVALS | SINEW__HAS_LIFE | SINEW__HAS_LOOKS;
	this->source.started = sinew__observe_now();
	*source = &this->source;
	return 0;
}

/* ---- COMMAND ---- */

static int open_ring(struct perf_source *this, struct ring *ring, pid_t pid, int cpu)
{
	ring->fd = open_event(pid, cpu);
	if (ring->fd < 0)
		return errno == ENODEV ? 0 : refused(errno); /* a CPU that is off */
	void *page = mmap(NULL, (this->pages + 1) * this->page_size, PROT_READ | PROT_WRITE,
		MAP_SHARED, ring->fd, 0);
	if (page == MAP_FAILED && (errno == EPERM || errno == ENOMEM))
		return sinew__observe_fail(errno,
			"rings of %zu KiB per CPU are more than this user may lock "
			"(/proc/sys/kernel/perf_event_mlock_kb, ulimit -l)",
			(this->pages + 1) * this->page_size / 1024);
	if (page == MAP_FAILED)
		return refused(errno);
	ring->page = page;
	return 0;
}

static int forked_perf(struct sinew__source *source, pid_t pid)
{
	struct perf_source *this = (struct perf_source *)source;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	for (; this->ring_count < cpus; this->ring_count++) {
		struct ring *ring = &this->rings[this->ring_count];
		int r = open_ring(this, ring, pid, (int)this->ring_count);
		if (r < 0) {
			this->ring_count++;
			return r;
		}
	}
	/* It was made before its events were opened. */
	sinew__follow_adopt(this->follow, (uint32_t)pid);
	struct sinew__heard in = {.time = sinew__observe_now(),
		.kind = SINEW__HEARD_MADE,
		.tid = (uint32_t)pid,
		.tgid = (uint32_t)pid,
		.other = (uint32_t)getpid()};
	return sinew__follow_hear(this->follow, &in);
}

/* ---- records ---- */

static struct sinew__heard heard(const struct trailer *trailer, enum sinew__heard_kind kind)
{
	return (struct sinew__heard){.time = trailer->time,
		.kind = (uint8_t)kind,
		.cpu = (uint16_t)trailer->cpu,
		.tid = trailer->tid};
}

static int hear_switch(
	struct perf_source *this, const union record *record, const struct trailer *trailer)
{
	bool out = record->head.misc & PERF_RECORD_MISC_SWITCH_OUT;
	bool could_run = record->head.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
	struct sinew__heard in = heard(trailer, out ? SINEW__HEARD_LEAVE : SINEW__HEARD_COME);

	in.state = out && !could_run;
	return sinew__follow_hear(this->follow, &in);
}

static int hear_birth(
	struct perf_source *this, const union record *record, const struct trailer *trailer)
{
	struct sinew__heard in = heard(trailer, SINEW__HEARD_MADE);

	in.tid = record->life.tid;
	in.tgid = record->life.pid;
	in.other = record->life.ptid;
	return sinew__follow_hear(this->follow, &in);
}

/* Its last moment on a CPU is not told any more: it is this, or very little later. */
static int hear_end(
	struct perf_source *this, const union record *record, const struct trailer *trailer)
{
	struct sinew__heard in = heard(trailer, SINEW__HEARD_EXIT);

	in.tid = record->life.tid;
	int r = sinew__follow_hear(this->follow, &in);
	in.kind = SINEW__HEARD_LEAVE;
	in.state = SINEW__STATE_DEAD;
	return r < 0 ? r : sinew__follow_hear(this->follow, &in);
}

static int hear_name(
	struct perf_source *this, const union record *record, const struct trailer *trailer)
{
	struct sinew__heard in = heard(trailer, SINEW__HEARD_NAME);

	in.tid = record->comm.tid;
	memcpy(in.comm, record->comm.comm, strnlen(record->comm.comm, SINEW__COMM));
	int r = sinew__follow_hear(this->follow, &in);
	in.kind = SINEW__HEARD_EXEC;
	if (r == 0 && record->head.misc & PERF_RECORD_MISC_COMM_EXEC)
		r = sinew__follow_hear(this->follow, &in);
	return r;
}

/* After the last record that is known of this CPU. */
static int hear_loss(struct perf_source *this, struct ring *ring, uint64_t lost)
{
	struct sinew__heard in = {.time = ring->last ? ring->last : this->source.started,
		.kind = SINEW__HEARD_LOST,
		.cpu = (uint16_t)(ring - this->rings),
		.lost = (uint32_t)lost};

	ring->lost += lost;
	return sinew__follow_hear(this->follow, &in);
}

static int hear(struct perf_source *this, struct ring *ring, const union record *record)
{
	struct trailer trailer;
	int r = 0;

	memcpy(&trailer, record->room + record->head.size - sizeof trailer, sizeof trailer);
	switch (record->head.type) {
	case PERF_RECORD_SWITCH:
		r = hear_switch(this, record, &trailer);
		break;
	case PERF_RECORD_FORK:
		r = hear_birth(this, record, &trailer);
		break;
	case PERF_RECORD_EXIT:
		r = hear_end(this, record, &trailer);
		break;
	case PERF_RECORD_COMM:
		r = hear_name(this, record, &trailer);
		break;
	case PERF_RECORD_LOST:
		return hear_loss(this, ring, record->lost.lost);
	default:
		break;
	}
	ring->last = trailer.time;
	return r;
}

/* ---- rings ---- */

static void copy_out(
	const struct perf_source *this, const struct ring *ring, uint64_t at, void *to, size_t size)
{
	const char *data = (const char *)ring->page + this->page_size;
	size_t room = this->pages * this->page_size, from = at % room;
	size_t first = size < room - from ? size : room - from;

	memcpy(to, data + from, first);
	memcpy((char *)to + first, data, size - first);
}

static int read_ring(struct perf_source *this, struct ring *ring)
{
	/* The kernel's stores to the records come before its store to data_head. */
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = ring->page->data_tail;
	union record record;
	int r = 0;

	while (r == 0 && at < head) {
		copy_out(this, ring, at, &record.head, sizeof record.head);
		if (record.head.size < sizeof record.head + sizeof(struct trailer))
			return sinew__observe_fail(EIO, "a ring of perf events makes no sense");
		if (record.head.size <= sizeof record) {
			copy_out(this, ring, at, &record, record.head.size);
			r = hear(this, ring, &record);
		}
		at += record.head.size;
	}
	/* What was read may be written over from here on. */
	__atomic_store_n(&ring->page->data_tail, at, __ATOMIC_RELEASE);
	return r;
}

static int read_rings(struct perf_source *this)
{
	int r = 0;

	for (long i = 0; r == 0 && i < this->ring_count; i++)
		if (this->rings[i].page)
			r = read_ring(this, &this->rings[i]);
	return r;
}

/* A loss is told in front of the next record: of the last one only the event itself knows. */
static int read_losses(struct perf_source *this)
{
	int r = 0;

	for (long i = 0; r == 0 && i < this->ring_count; i++) {
		struct {
			uint64_t value, lost;
		} count;
		struct ring *ring = &this->rings[i];
		if (ring->fd >= 0 && read(ring->fd, &count, sizeof count) == sizeof count &&
			count.lost > ring->lost)
			r = hear_loss(this, ring, count.lost - ring->lost);
	}
	return r;
}

/* A record that is being written has the time of its beginning: so much is waited for it. */
static int read_perf(struct sinew__source *source)
{
	struct perf_source *this = (struct perf_source *)source;
	uint64_t now = sinew__observe_now();
	int r = read_rings(this);

	sinew__follow_until(this->follow, now - LAG);
	return r;
}

static int finish_perf(struct sinew__source *source)
{
	struct perf_source *this = (struct perf_source *)source;

	source->ended = sinew__observe_now();
	int r = read_rings(this);
	if (r == 0)
		r = read_losses(this);
	sinew__follow_end(this->follow, source->ended);
	return r;
}

const struct sinew__source_type sinew__source_perf = {
	.tier = SINEW__TIER_PERF,
	.name = "perf events",
	.open = open_perf,
	.held = true,
	.forked = forked_perf,
	.read = read_perf,
	.finish = finish_perf,
	.close = close_perf,
};
