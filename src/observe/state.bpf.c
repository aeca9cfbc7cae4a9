/* SPDX-License-Identifier: MIT
 *
 * state.bpf.c - the kernel's side: follows the threads that are asked for from state to state, and sends
 * one record for each time one of them was off its CPU.
 *
 * Model: each traced thread carries its open interval with it (task storage, so that no pid can be
 * mistaken). on_switch closes the interval of who comes and opens that of who goes; on_waking writes
 * into it who ended the wait. Which threads: those that carry one; a child inherits it at fork.
 *
 * Never: a record that finds no room is counted (`lost`), and its thread's number goes on. Nothing
 * is traced of the recorder, and nothing is done before `started` and after `stopped`.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"
#include "kernel_task.h"

#define SINEW__RECORD_TYPES
typedef __u8 sinew__u8;
typedef __u16 sinew__u16;
typedef __u32 sinew__u32;
typedef __u64 sinew__u64;
typedef __s32 sinew__s32;
typedef __s64 sinew__s64;
#include "record.h"
#include "state.h"

char licence[] SEC("license") = "Dual MIT/GPL";

/* Set before loading. */
const volatile struct sinew__state_setup setup = {};
/* Of each system call: 1 + the argument that is a descriptor; 8: arg0 points to struct pollfd. */
const volatile __u8 descriptor_of[SINEW__STATE_CALLS] = {};

/* Changed while it runs. */
struct sinew__state_control control = {};

/* The file that a thread waited on last. The same file structure may be another file by now, but not with
 * the same inode of the same number, unless that is one that all anonymous files share. */
struct last_file {
	__u64 file, inode, ino;
	__u32 magic, dev, detail, reserved;
};

/* What a thread carries. */
struct thread {
	struct sinew__interval open; /* what is known of the interval so far */
	__u64 deadline;              /* of its time slice, at dispatch */
	__u64 waked;                 /* when it was last woken */
	__u64 exited;                /* first thread: when the process's last one began to end */
	struct last_file last;
	__u32 slice; /* real-time: what was left of it, at dispatch */
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sinew__state_cpu);
} cpus SEC(".maps");

/* The processes of -p, by their number in our PID namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} roots SEC(".maps");

/* When threads that are not traced were woken, and which names were told. Colliding pids forget. */
enum { CACHE = 1024 };
static struct {
	__u32 pid, reserved;
	__u64 when;
} wakings[CACHE];
static struct {
	__u32 pid, reserved;
	__u64 start;
} told[CACHE];

/* Nothing is told of what comes before all is attached, or after the end. */
static __always_inline bool is_off(void)
{
	return !control.started || control.stopped;
}

static __always_inline void lose(void)
{
	__sync_fetch_and_add(&control.lost, 1);
}

/* A wake-up costs more than a record: the reader looks by itself every few ms, and is called only
 * if so much has come meanwhile, which is looked at now and then (two CPUs may count as one). */
static __always_inline void send(void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (control.sent++ % SINEW__STATE_QUERY == 0 && !control.called &&
		bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) >= setup.call_at) {
		control.called = 1;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

/* A record of this type with its head filled in, or NULL. */
#define RESERVE(name_, structure_, type_, time_)                                                   \
	struct structure_ *name_ = bpf_ringbuf_reserve(&records, sizeof *name_, 0);                \
	if (!name_)                                                                                \
		lose();                                                                            \
	else                                                                                       \
		name_->head = (struct sinew__record)                                               \
		{                                                                                  \
			type_, sizeof *name_, (__u16)bpf_get_smp_processor_id(), 0, time_          \
		}

#include "state_wait.h"
#include "state_who.h"

static __always_inline struct thread *thread_of(struct task_struct *task)
{
	return bpf_task_storage_get(&threads, task, NULL, 0);
}

static __always_inline bool is_recorder(struct task_struct *task)
{
	return (__u32)task->tgid == control.self;
}

/* The record of the open interval, as of now. */
static __noinline void close_interval(struct thread *thread, __u64 now, __u16 flags)
{
	struct sinew__interval *record;

	thread->open.number++;
	record = bpf_ringbuf_reserve(&records, sizeof *record, 0);
	if (!record) {
		lose();
		return;
	}
	*record = thread->open;
	record->head.time = now;
	record->head.cpu = (__u16)bpf_get_smp_processor_id();
	record->head.flags |= flags;
	/* A waking that was seen while the thread was still on its way out. */
	if (record->woken && record->woken < record->left) {
		record->woken = record->left;
		record->head.flags |= SINEW__INTERVAL_EARLY;
	}
	send(record);
}

#include "state_reap.h"

/* ---- leaving a CPU ---------------------------------------------------------------------------- */

static __always_inline bool slice_is_over(struct task_struct *task, const struct thread *thread)
{
	if (task->prio < 100)
		return task->rt.time_slice > thread->slice;
	if (bpf_core_field_exists(task->se.deadline))
		return task->se.deadline != thread->deadline;
	return task->se.sum_exec_runtime - task->se.prev_sum_exec_runtime >= setup.slice;
}

static __always_inline __u64 waked_at(struct task_struct *task)
{
	struct thread *thread = thread_of(task);
	__u32 i = (__u32)task->pid % CACHE;

	if (thread)
		return thread->waked;
	return wakings[i].pid == (__u32)task->pid ? wakings[i].when : 0;
}

/* Why a thread that could go on does not. */
static __always_inline __u8 verdict(
	struct task_struct *task, const struct thread *thread, struct task_struct *next, __u64 now)
{
	__u64 waked;

	if (!(task->flags & IS_KTHREAD) && call_of(task) == setup.yield)
		return SINEW__WHY_YIELD;
	if (next->prio < task->prio && next->prio < 100)
		return SINEW__WHY_CLASS;
	waked = waked_at(next);
	if (waked < thread->open.ran_since)
		waked = 0;
	if (waked && now - waked < SINEW__STATE_JUST)
		return SINEW__WHY_WOKEN;
	if (slice_is_over(task, thread))
		return SINEW__WHY_SLICE;
	return waked ? SINEW__WHY_WOKEN : SINEW__WHY_OTHER;
}

static __always_inline void begin_run(struct task_struct *task, struct thread *thread, __u64 now)
{
	thread->open.head.flags &= SINEW__INTERVAL_KERNEL;
	thread->open.ran_since = now;
	thread->open.left = thread->open.woken = 0;
	thread->open.waker_tid = thread->open.waker_tgid = 0;
	thread->open.next_tid = thread->open.next_tgid = 0;
	thread->open.context = 0;
	thread->open.waker_call = 0;
	thread->open.why = SINEW__WHY_RUNNING;
	if (bpf_core_field_exists(task->se.deadline))
		thread->deadline = task->se.deadline;
	thread->slice = task->rt.time_slice;
}

/* A waking long before it left was for a sleep that did not come: it had looked once more. */
static __always_inline void forget_stale_waking(struct thread *thread, __u64 now)
{
	if (!thread->open.woken || thread->open.woken + SINEW__STATE_LEAVING > now)
		return;
	thread->open.woken = 0;
	thread->open.waker_tid = thread->open.waker_tgid = thread->open.waker_call = 0;
	thread->open.context = 0;
}

static __always_inline void preempted(
	struct task_struct *task, struct thread *thread, struct task_struct *next, __u64 now)
{
	thread->open.why = verdict(task, thread, next, now);
	thread->open.wait = (struct sinew__wait){.call = -1, .fd = -1};
	if (next->pid) {
		number_of(next, &thread->open.next_tid, &thread->open.next_tgid);
		if (!thread_of(next))
			tell_name(next, now);
	}
}

static __always_inline void leave(
	struct task_struct *task, struct task_struct *next, unsigned int state, __u64 now)
{
	struct thread *thread = thread_of(task);

	if (!thread)
		return;
	if (thread->open.why != SINEW__WHY_RUNNING) {
		/* That it came was not told. */
		close_interval(thread, now, SINEW__INTERVAL_LATE);
		begin_run(task, thread, now);
	}
	thread->open.left = now;
	thread->open.left_cpu = (__u16)bpf_get_smp_processor_id();
	if (state & TASK_DEAD_BIT) {
		died(task, thread, now);
	} else if (!state) {
		preempted(task, thread, next, now);
	} else {
		thread->open.why = SINEW__WHY_BLOCKED;
		forget_stale_waking(thread, now);
		look_at_wait(task, state, &thread->open, &thread->last);
	}
}

/* ---- coming back ------------------------------------------------------------------------------ */

/* Whether it is told of who comes. */
static __always_inline bool come(struct task_struct *task, __u64 now)
{
	struct thread *thread = thread_of(task);

	if (!thread)
		return is_recorder(task);
	if (thread->open.why >= SINEW__WHY_SLICE && thread->open.why <= SINEW__WHY_OTHER)
		thread->open.woken = 0;
	if (thread->open.why == SINEW__WHY_RUNNING) {
		/* That it left was not told. */
		thread->open.why = SINEW__WHY_UNKNOWN;
		thread->open.woken = 0;
		thread->open.wait = (struct sinew__wait){.call = -1, .fd = -1};
	}
	close_interval(thread, now, 0);
	begin_run(task, thread, now);
	return true;
}

/* ---- events ----------------------------------------------------------------------------------- */

/* It, or nobody that is told of. */
static __always_inline bool is_running(struct task_struct *task)
{
	struct thread *thread = thread_of(task);

	return is_recorder(task) || (thread && thread->open.why == SINEW__WHY_RUNNING);
}

static __always_inline struct sinew__state_cpu *count_cpu(
	struct task_struct *prev, struct task_struct *next, __u64 now)
{
	__u32 zero = 0;
	struct sinew__state_cpu *cpu = bpf_map_lookup_elem(&cpus, &zero);

	if (!cpu)
		return NULL;
	if (cpu->since && cpu->running != (__u32)prev->pid) {
		/* A switch was not seen: whose time it was is not known. */
		cpu->overlaps++;
		cpu->unknown += now - cpu->since;
	} else if (cpu->since) {
		if (!prev->pid)
			cpu->idle += now - cpu->since;
		else if (is_recorder(prev))
			cpu->recorder += now - cpu->since;
	} else if (!prev->pid) {
		cpu->idle += now - control.started;
	} else if (is_recorder(prev)) {
		cpu->recorder += now - control.started;
	} else if (!is_running(prev)) {
		cpu->unknown += now - control.started;
	}
	cpu->switches++;
	cpu->since = now;
	cpu->running = (__u32)next->pid;
	cpu->untold = 0;
	return cpu;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();
	struct sinew__state_cpu *cpu;
	unsigned int state;

	if (is_off())
		return 0;
	state = setup.state_given ? (unsigned int)ctx[3] : state_of(prev);
	cpu = count_cpu(prev, next, now);
	/* In the kernel it may be taken off just before it would have blocked: it is runnable. */
	if (preempt && !(state & TASK_DEAD_BIT))
		state = 0;
	if (prev->pid)
		leave(prev, next, state, now);
	if (next->pid) {
		bool told = come(next, now);
		if (cpu)
			cpu->untold = !told;
		if (control.zombies)
			look_at_zombies(next, now, waits_for_children(next));
	}
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns();
	struct thread *thread;
	__u32 i;

	if (is_off())
		return 0;
	thread = thread_of(task);
	if (thread) {
		thread->waked = thread->open.woken = now;
		look_at_waker(&thread->open, now);
		return 0;
	}
	i = (__u32)task->pid % CACHE;
	wakings[i].pid = (__u32)task->pid;
	wakings[i].when = now;
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	struct thread *thread = is_off() ? NULL : thread_of(task);
	__u64 now = bpf_ktime_get_ns();

	if (!thread)
		return 0;
	thread->waked = thread->open.woken = now;
	look_at_waker(&thread->open, now);
	RESERVE(record, sinew__admit, SINEW__RECORD_ADMIT, now);
	if (record) {
		record->who = thread->open.who;
		send(record);
	}
	return 0;
}

#include "state_life.h"

/* Timers run in interrupts; only these tell them from other ones. What was missed while attaching is
 * mended by the next one. */
static __always_inline int mark_timer(bool hard, __u32 runs)
{
	__u32 zero = 0;
	struct sinew__state_cpu *cpu = bpf_map_lookup_elem(&cpus, &zero);

	if (cpu && hard)
		cpu->hard_timer = runs;
	else if (cpu)
		cpu->soft_timer = runs;
	return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(on_hrtimer)
{
	return mark_timer(true, 1);
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(on_hrtimer_end)
{
	return mark_timer(true, 0);
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(on_timer)
{
	return mark_timer(false, 1);
}

SEC("tp_btf/timer_expire_exit")
int BPF_PROG(on_timer_end)
{
	return mark_timer(false, 0);
}

/* ---- looking at all threads ------------------------------------------------------------------- */

static __always_inline void seed(struct task_struct *task)
{
	if (is_recorder(task) || thread_of(task) || !is_wanted(task))
		return;
	if (meet(task, bpf_ktime_get_ns()))
		control.seeded++;
}

static __always_inline void finish(struct task_struct *task)
{
	struct thread *thread = thread_of(task);

	if (!thread)
		return;
	if (thread->open.why == SINEW__WHY_BLOCKED && thread->open.woken <= thread->open.left &&
		state_of(task))
		thread->open.woken = 0;
	close_interval(thread, control.stopped, SINEW__INTERVAL_OPEN);
}

SEC("iter/task")
int on_each(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct look last = {.now = control.stopped};

	if (!task) {
		if (control.stopped)
			bpf_for_each_map_elem(&zombies, look_at_last, &last, 0);
		return 0;
	}
	if (control.stopped)
		finish(task);
	else
		seed(task);
	return 0;
}

/* Run once by the recorder itself, before anything else: who it is to the kernel. */
SEC("raw_tp/sched_switch")
int hello(void *ctx)
{
	struct task_struct *self = (struct task_struct *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(self, thread_pid);

	control.self = (__u32)BPF_CORE_READ(self, tgid);
	control.level = BPF_CORE_READ(pid, level);
	control.pid_space = (__u64)space_of(pid, control.level);
	return 0;
}
