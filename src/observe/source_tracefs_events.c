/* SPDX-License-Identifier: MIT
 *
 * source_tracefs_events.c - the events of tier B: which are asked for, where their fields lie, which is read
 * from the kernel and never known, and what is made of each.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "fault.h"
#include "source_tracefs.h"

#include "../banned.h"

enum {
	FORMAT = 8192,
	/* common_flags */
	HARD = 0x08,
	SOFT = 0x10,
	NMI = 0x40,
};

struct event;

typedef int decode(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data);

/* An event, the fields that are asked for, and what is made of it. */
struct event {
	const char *name;
	const char *fields[SINEW__TRACE_FIELDS];
	decode *decode;
	bool needed;
};

/* ---- fields ---- */

static const struct sinew__trace_shape *shape_of(
	const struct sinew__tracefs_source *this, const struct event *event);

static uint64_t value(const char *data, const struct sinew__trace_field *field)
{
	uint64_t number = 0;

	memcpy(&number, data + field->offset, field->size < 8 ? field->size : 8);
	return number;
}

static uint64_t get(const struct sinew__tracefs_source *this, const struct event *event,
	unsigned field, const char *data)
{
	return value(data, &shape_of(this, event)->fields[field]);
}

static void get_comm(const struct sinew__tracefs_source *this, const struct event *event,
	unsigned field, const char *data, char comm[SINEW__COMM])
{
	const struct sinew__trace_field *at = &shape_of(this, event)->fields[field];
	size_t size = at->size < SINEW__COMM ? at->size : SINEW__COMM;

	memset(comm, 0, SINEW__COMM);
	memcpy(comm, data + at->offset, strnlen(data + at->offset, size));
}

struct sinew__heard sinew__trace_heard(const struct sinew__trace_cpu *cpu,
	enum sinew__heard_kind kind, uint64_t time, uint64_t tid)
{
	return (struct sinew__heard){
		.time = time, .kind = (uint8_t)kind, .cpu = cpu->number, .tid = (uint32_t)tid};
}

/* Who was running, which made the event happen. */
static uint32_t runner(
	const struct sinew__tracefs_source *this, const struct event *event, const char *data)
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

static int on_switch(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_LEAVE, time, get(this, event, 0, data));
	int r = 0;

	in.priority = (int32_t)get(this, event, 1, data);
	in.state = state_of(get(this, event, 2, data));
	in.other = (uint32_t)get(this, event, 3, data);
	in.other_priority = (int32_t)get(this, event, 4, data);
	if (in.tid)
		r = sinew__follow_hear(this->follow, &in);
	cpu->occupant = in.other;
	in = sinew__trace_heard(cpu, SINEW__HEARD_COME, time, in.other);
	return r == 0 && in.tid ? sinew__follow_hear(this->follow, &in) : r;
}

static uint8_t context_of(const struct sinew__trace_cpu *cpu, unsigned flags)
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

static int hear_waking(struct sinew__tracefs_source *this, const struct sinew__trace_cpu *cpu,
	const struct event *event, struct sinew__heard *in, const char *data)
{
	in->other = runner(this, event, data);
	in->context = context_of(cpu, (unsigned)value(data, &shape_of(this, event)->flags));
	return sinew__follow_hear(this->follow, in);
}

static int on_waking(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_WAKING, time, get(this, event, 0, data));

	return hear_waking(this, cpu, event, &in, data);
}

static int on_admission(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_ADMIT, time, get(this, event, 0, data));

	return hear_waking(this, cpu, event, &in, data);
}

static int on_birth(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_MADE, time, get(this, event, 0, data));

	in.other = runner(this, event, data);
	in.tgid = get(this, event, 1, data) & CLONE_THREAD ? 0 : in.tid;
	get_comm(this, event, 2, data, in.comm);
	return sinew__follow_hear(this->follow, &in);
}

static int on_rename(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_NAME, time, get(this, event, 0, data));

	get_comm(this, event, 1, data, in.comm);
	return sinew__follow_hear(this->follow, &in);
}

static int on_exec(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_EXEC, time, get(this, event, 0, data));

	in.other = (uint32_t)get(this, event, 1, data);
	return sinew__follow_hear(this->follow, &in);
}

static int on_end(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	struct sinew__heard in =
		sinew__trace_heard(cpu, SINEW__HEARD_EXIT, time, get(this, event, 0, data));

	return sinew__follow_hear(this->follow, &in);
}

static int on_timer(struct sinew__tracefs_source *this, struct sinew__trace_cpu *cpu,
	const struct event *event, uint64_t time, const char *data)
{
	bool hard = strstr(event->name, "/hrtimer_"), entry = strstr(event->name, "_entry");

	(void)this;
	(void)time;
	(void)data;
	*(hard ? &cpu->hard_timer : &cpu->soft_timer) = entry;
	return 0;
}

static const struct event events[SINEW__TRACE_EVENTS] = {
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

static const struct sinew__trace_shape *shape_of(
	const struct sinew__tracefs_source *this, const struct event *event)
{
	return &this->shapes[event - events];
}

/* ---- one of them ---- */

/* Not every switch is shown to tracers, but every event says who runs. */
static int note_runner(struct sinew__tracefs_source *this, const struct event *event, uint64_t time,
	const char *data)
{
	struct sinew__trace_cpu *cpu = this->reading;
	uint32_t tid = runner(this, event, data);

	if (event->decode == on_switch || tid == cpu->occupant)
		return 0;
	cpu->occupant = tid;
	struct sinew__heard in = sinew__trace_heard(cpu, SINEW__HEARD_THERE, time, tid);
	return tid ? sinew__follow_hear(this->follow, &in) : 0;
}

bool sinew__trace_event(void *arg, uint64_t time, const char *data, size_t size)
{
	struct sinew__tracefs_source *this = arg;
	const struct sinew__trace_field *type = &this->shapes[0].type;
	unsigned id = type->offset + type->size <= size ? (unsigned)value(data, type) : 0;

	this->reading->last = time;
	for (unsigned i = 0; i < SINEW__TRACE_EVENTS && id; i++)
		if (this->shapes[i].id == id && size >= this->shapes[i].least) {
			this->error = note_runner(this, &events[i], time, data);
			if (this->error == 0)
				this->error = events[i].decode(
					this, this->reading, &events[i], time, data);
			break;
		}
	return this->error == 0;
}

/* ---- asking for them ---- */

static int learn(struct sinew__tracefs_source *this, const struct event *event,
	struct sinew__trace_shape *shape)
{
	char format[FORMAT];

	if (sinew__tracefs_format(&this->fs, event->name, format, sizeof format) <= 0 ||
		!sinew__trace_field(format, "common_type", &shape->type) ||
		!sinew__trace_field(format, "common_flags", &shape->flags) ||
		!sinew__trace_field(format, "common_pid", &shape->pid))
		return -ENOENT;
	shape->least = shape->pid.offset + shape->pid.size;
	for (unsigned i = 0; i < SINEW__TRACE_FIELDS && event->fields[i]; i++) {
		struct sinew__trace_field *field = &shape->fields[i];
		if (!sinew__trace_field(format, event->fields[i], field))
			return -ENOENT;
		if (shape->least < (size_t)field->offset + field->size)
			shape->least = (size_t)field->offset + field->size;
	}
	shape->id = sinew__trace_id(format);
	return shape->id ? 0 : -ENOENT;
}

static int enable(struct sinew__tracefs_source *this, const struct event *event)
{
	char path[96];

	snprintf(path, sizeof path, "events/%s/enable", event->name);
	return sinew__tracefs_write(&this->fs, path, "1");
}

int sinew__trace_events_set(struct sinew__tracefs_source *this)
{
	for (unsigned i = 0; i < SINEW__TRACE_EVENTS; i++) {
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
