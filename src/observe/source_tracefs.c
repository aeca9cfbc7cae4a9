/* SPDX-License-Identifier: MIT
 *
 * source_tracefs.c - tier B: the kernel's own tracer, for root where programs cannot be loaded.
 *
 * An instance of one's own (tracefs.c) writes the scheduler's events of all threads into a buffer of each
 * CPU; they are read every few ms and put together (follow.c). Where a field lies in an event is read from
 * the kernel, never known.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "follow.h"
#include "slice.h"
#include "source.h"
#include "tracefs.h"

#include "../banned.h"

enum {
	BUFFER = 8 << 20,
	PAGE = 65536, /* no page of a buffer is longer */
	FORMAT = 8192,
	LAG = 1000000,            /* ns: so late an event may come into its buffer */
	FIRST_SPACE = 0xeffffffc, /* the inode of the machine's first PID namespace */
	FIELDS = 7,
	/* common_flags */
	HARD = 0x08,
	SOFT = 0x10,
	NMI = 0x40,
};

struct tracefs_source;
struct cpu;
struct event;

typedef int decode(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data);

/* An event, the fields that are asked for, and what is made of it. */
struct event {
	const char *name;
	const char *fields[FIELDS];
	decode *decode;
	bool needed;
};

enum { EVENTS = 11 };

/* What the kernel says of an event. */
struct shape {
	unsigned id;
	size_t least; /* bytes of a record that has all fields */
	struct sinew__trace_field fields[FIELDS], type, flags, pid;
};

struct cpu {
	int fd;
	uint16_t number;
	uint32_t occupant;           /* who runs there, as far as switches tell */
	bool hard_timer, soft_timer; /* a function of a timer runs */
	uint64_t last;
};

struct tracefs_source {
	struct sinew__source source;
	struct sinew__tracefs fs;
	struct sinew__follow *follow;
	struct shape shapes[EVENTS];
	struct cpu *cpus, *reading;
	unsigned cpu_count;
	bool seeded;
	int error;
	char page[PAGE];
};

/* ---- fields ---- */

static const struct shape *shape_of(const struct tracefs_source *this, const struct event *event);

static uint64_t value(const char *data, const struct sinew__trace_field *field)
{
	uint64_t number = 0;

	memcpy(&number, data + field->offset, field->size < 8 ? field->size : 8);
	return number;
}

static uint64_t get(const struct tracefs_source *this, const struct event *event, unsigned field,
	const char *data)
{
	return value(data, &shape_of(this, event)->fields[field]);
}

static void get_comm(const struct tracefs_source *this, const struct event *event, unsigned field,
	const char *data, char comm[SINEW__COMM])
{
	const struct sinew__trace_field *at = &shape_of(this, event)->fields[field];
	size_t size = at->size < SINEW__COMM ? at->size : SINEW__COMM;

	memset(comm, 0, SINEW__COMM);
	memcpy(comm, data + at->offset, strnlen(data + at->offset, size));
}

static struct sinew__heard heard(
	const struct cpu *cpu, enum sinew__heard_kind kind, uint64_t time, uint64_t tid)
{
	return (struct sinew__heard){
		.time = time, .kind = (uint8_t)kind, .cpu = cpu->number, .tid = (uint32_t)tid};
}

/* Who was running, which made the event happen. */
static uint32_t runner(
	const struct tracefs_source *this, const struct event *event, const char *data)
{
	return (uint32_t)value(data, &shape_of(this, event)->pid);
}

/* ---- events ---- */

/* The tracer's own bits: one for each state, 0x100 for one that was preempted. */
static uint32_t state_of(uint64_t told)
{
	if (told & SINEW__STATE_DEAD)
		return SINEW__STATE_DEAD;
	if (told & 0x80)
		return 0x402;
	return told & 0x4f;
}

static int on_switch(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_LEAVE, time, get(this, event, 0, data));
	int r = 0;

	in.priority = (int32_t)get(this, event, 1, data);
	in.state = state_of(get(this, event, 2, data));
	in.other = (uint32_t)get(this, event, 3, data);
	in.other_priority = (int32_t)get(this, event, 4, data);
	if (in.tid)
		r = sinew__follow_hear(this->follow, &in);
	cpu->occupant = in.other;
	in = heard(cpu, SINEW__HEARD_COME, time, in.other);
	return r == 0 && in.tid ? sinew__follow_hear(this->follow, &in) : r;
}

static uint8_t context_of(const struct cpu *cpu, unsigned flags)
{
	if (flags & NMI)
		return SINEW__CONTEXT_NMI;
	if (flags & HARD)
		return cpu->hard_timer ? SINEW__CONTEXT_TIMER : SINEW__CONTEXT_HARDIRQ;
	if (flags & SOFT)
		return cpu->hard_timer || cpu->soft_timer ? SINEW__CONTEXT_TIMER
							  : SINEW__CONTEXT_SOFTIRQ;
	return SINEW__CONTEXT_TASK;
}

static int hear_waking(struct tracefs_source *this, const struct cpu *cpu,
	const struct event *event, struct sinew__heard *in, const char *data)
{
	in->other = runner(this, event, data);
	in->context = context_of(cpu, (unsigned)value(data, &shape_of(this, event)->flags));
	return sinew__follow_hear(this->follow, in);
}

static int on_waking(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_WAKING, time, get(this, event, 0, data));

	return hear_waking(this, cpu, event, &in, data);
}

static int on_admission(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_ADMIT, time, get(this, event, 0, data));

	return hear_waking(this, cpu, event, &in, data);
}

static int on_birth(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_MADE, time, get(this, event, 0, data));

	in.other = runner(this, event, data);
	in.tgid = get(this, event, 1, data) & CLONE_THREAD ? 0 : in.tid;
	get_comm(this, event, 2, data, in.comm);
	return sinew__follow_hear(this->follow, &in);
}

static int on_rename(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_NAME, time, get(this, event, 0, data));

	get_comm(this, event, 1, data, in.comm);
	return sinew__follow_hear(this->follow, &in);
}

static int on_exec(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_EXEC, time, get(this, event, 0, data));

	in.other = (uint32_t)get(this, event, 1, data);
	return sinew__follow_hear(this->follow, &in);
}

static int on_end(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	struct sinew__heard in = heard(cpu, SINEW__HEARD_EXIT, time, get(this, event, 0, data));

	return sinew__follow_hear(this->follow, &in);
}

static int on_timer(struct tracefs_source *this, struct cpu *cpu, const struct event *event,
	uint64_t time, const char *data)
{
	bool hard = strstr(event->name, "/hrtimer_"), entry = strstr(event->name, "_entry");

	(void)this;
	(void)time;
	(void)data;
	*(hard ? &cpu->hard_timer : &cpu->soft_timer) = entry;
	return 0;
}

static const struct event events[EVENTS] = {
	{"sched/sched_switch", {"prev_pid", "prev_prio", "prev_state", "next_pid", "next_prio"},
		on_switch, true},
	{"sched/sched_waking", {"pid"}, on_waking, true},
	{"sched/sched_wakeup_new", {"pid"}, on_admission, true},
	{"task/task_newtask", {"pid", "clone_flags", "comm"}, on_birth, true},
	{"task/task_rename", {"pid", "newcomm"}, on_rename, false},
	{"sched/sched_process_exec", {"pid", "old_pid"}, on_exec, false},
	{"sched/sched_process_exit", {"pid"}, on_end, false},
	{"timer/hrtimer_expire_entry", {NULL}, on_timer, false},
	{"timer/hrtimer_expire_exit", {NULL}, on_timer, false},
	{"timer/timer_expire_entry", {NULL}, on_timer, false},
	{"timer/timer_expire_exit", {NULL}, on_timer, false},
};

static const struct shape *shape_of(const struct tracefs_source *this, const struct event *event)
{
	return &this->shapes[event - events];
}

/* ---- reading ---- */

/* Not every switch is shown to tracers, but every event says who runs. */
static int note_runner(
	struct tracefs_source *this, const struct event *event, uint64_t time, const char *data)
{
	struct cpu *cpu = this->reading;
	uint32_t tid = runner(this, event, data);

	if (event->decode == on_switch || tid == cpu->occupant)
		return 0;
	cpu->occupant = tid;
	struct sinew__heard in = heard(cpu, SINEW__HEARD_THERE, time, tid);
	return tid ? sinew__follow_hear(this->follow, &in) : 0;
}

static bool take(void *arg, uint64_t time, const char *data, size_t size)
{
	struct tracefs_source *this = arg;
	const struct sinew__trace_field *type = &this->shapes[0].type;
	unsigned id = type->offset + type->size <= size ? (unsigned)value(data, type) : 0;

	this->reading->last = time;
	for (unsigned i = 0; i < EVENTS && id; i++)
		if (this->shapes[i].id == id && size >= this->shapes[i].least) {
			this->error = note_runner(this, &events[i], time, data);
			if (this->error == 0)
				this->error = events[i].decode(
					this, this->reading, &events[i], time, data);
			break;
		}
	return this->error == 0;
}

/* What was lost lies between the last record and the first of this page. */
static int read_cpu(struct tracefs_source *this, struct cpu *cpu)
{
	ssize_t n;

	this->reading = cpu;
	while (this->error == 0 && (n = read(cpu->fd, this->page, sizeof this->page)) > 0) {
		struct sinew__heard in = heard(cpu, SINEW__HEARD_LOST, cpu->last, 0);
		int64_t lost = sinew__trace_page(this->page, (size_t)n, take, this);
		if (lost < 0)
			return sinew__observe_fail(
				EIO, "a page of the kernel's tracer makes no sense");
		in.lost = (uint32_t)lost;
		if (lost && this->error == 0)
			this->error = sinew__follow_hear(this->follow, &in);
	}
	return this->error;
}

static int read_cpus(struct tracefs_source *this)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < this->cpu_count; i++)
		if (this->cpus[i].fd >= 0)
			r = read_cpu(this, &this->cpus[i]);
	return r;
}

static int read_tracefs(struct sinew__source *source)
{
	struct tracefs_source *this = (struct tracefs_source *)source;

	if (!this->seeded)
		sinew__follow_seed(this->follow);
	this->seeded = true;
	uint64_t now = sinew__observe_now();
	int r = read_cpus(this);
	sinew__follow_until(this->follow, now - LAG);
	return r;
}

/* ---- opening ---- */

static int learn(struct tracefs_source *this, const struct event *event, struct shape *shape)
{
	char format[FORMAT];

	if (sinew__tracefs_format(&this->fs, event->name, format, sizeof format) <= 0 ||
		!sinew__trace_field(format, "common_type", &shape->type) ||
		!sinew__trace_field(format, "common_flags", &shape->flags) ||
		!sinew__trace_field(format, "common_pid", &shape->pid))
		return -ENOENT;
	shape->least = shape->pid.offset + shape->pid.size;
	for (unsigned i = 0; i < FIELDS && event->fields[i]; i++) {
		struct sinew__trace_field *field = &shape->fields[i];
		if (!sinew__trace_field(format, event->fields[i], field))
			return -ENOENT;
		if (shape->least < (size_t)field->offset + field->size)
			shape->least = (size_t)field->offset + field->size;
	}
	shape->id = sinew__trace_id(format);
	return shape->id ? 0 : -ENOENT;
}

static int enable(struct tracefs_source *this, const struct event *event)
{
	char path[96];

	snprintf(path, sizeof path, "events/%s/enable", event->name);
	return sinew__tracefs_write(&this->fs, path, "1");
}

static int set_events(struct tracefs_source *this)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		int r = learn(this, &events[i], &this->shapes[i]);
		if (r == 0)
			r = enable(this, &events[i]);
		if (r < 0 && events[i].needed)
			return sinew__observe_fail(
				ENOTSUP, "this kernel's tracer has no event %s", events[i].name);
		if (r < 0)
			this->shapes[i].id = 0;
	}
	return 0;
}

static int open_cpus(struct tracefs_source *this)
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
	struct tracefs_source *this = (struct tracefs_source *)source;

	for (unsigned i = 0; i < this->cpu_count; i++)
		if (this->cpus[i].fd >= 0)
			close(this->cpus[i].fd);
	sinew__tracefs_close(&this->fs);
	sinew__follow_close(this->follow);
	free(this->cpus);
	free(this);
}

static int begin(struct tracefs_source *this, const struct sinew__request *request)
{
	uint64_t bytes = request->buffer ? request->buffer : BUFFER;
	unsigned long cpus = (unsigned long)sysconf(_SC_NPROCESSORS_CONF);
	int r = sinew__tracefs_open(&this->fs, (unsigned long)(bytes / 1024 / cpus));

	if (r == 0)
		r = set_events(this);
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
	struct tracefs_source *this = calloc(1, sizeof *this);
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
	sinew__follow_adopt(((struct tracefs_source *)source)->follow, (uint32_t)pid);
	return 0;
}

static int finish_tracefs(struct sinew__source *source)
{
	struct tracefs_source *this = (struct tracefs_source *)source;

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
