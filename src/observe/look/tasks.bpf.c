/* SPDX-License-Identifier: MIT
 *
 * tasks.bpf.c - the kernel's side of a look: a row for each thread as it is at this moment, and at the end,
 * at one moment for all of them, who runs on which CPU.
 *
 * Nothing is attached to anything: this runs while its reader reads, and costs nobody else anything.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../kernel.h"
#include "../kernel_task.h"
#include "task_row.h"

char licence[] SEC("license") = "Dual MIT/GPL";

/* Set before loading. */
const volatile __u32 cpus = 1;

/* The run queue of each CPU, as it was found by a thread of it: no symbol leads there. */
static struct rq *queues[SINEW__ROW_CPUS];

/* In which PID namespace the reader is. */
struct space {
	__u32 level;
	__u64 address;
};

static __always_inline struct space space_of_reader(void)
{
	struct task_struct *self = (struct task_struct *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(self, thread_pid);
	struct space space = {.level = BPF_CORE_READ(pid, level)};

	space.address = (__u64)space_of(pid, space.level);
	return space;
}

static __always_inline __u32 number_of(struct task_struct *task, const struct space *space)
{
	return number_at(task, space->level, space->address);
}

/* ---- who it is ---- */

static __always_inline void name(
	struct task_struct *task, const struct space *space, struct sinew__task_row *row)
{
	row->pid = number_of(BPF_CORE_READ(task, group_leader), space);
	row->ppid = number_of(BPF_CORE_READ(task, real_parent, group_leader), space);
	if (BPF_CORE_READ(task, ptrace))
		row->tracer = number_of(BPF_CORE_READ(task, parent), space);
	row->uid = BPF_CORE_READ(task, real_cred, euid.val);
	row->threads = (__u32)BPF_CORE_READ(task, signal, nr_threads);
	row->is_kernel = (task->flags & IS_KTHREAD) != 0;
	row->started = task->start_boottime;
	BPF_CORE_READ_INTO(&row->comm, task, comm);
}

/* ---- what it has had ---- */

static __always_inline void account(struct task_struct *task, struct sinew__task_row *row)
{
	row->ran = task->se.sum_exec_runtime;
	row->exec_start = task->se.exec_start;
	row->voluntary = task->nvcsw;
	row->involuntary = task->nivcsw;
	if (bpf_core_field_exists(task->sched_info)) {
		row->has_delay = 1;
		row->delay = task->sched_info.run_delay;
		row->dispatches = task->sched_info.pcount;
	}
}

/* ---- where it is ---- */

static __always_inline __u32 cpu_of(struct task_struct *task)
{
	struct task_struct___cpu *old = (void *)task;

	if (bpf_core_field_exists(task->thread_info.cpu))
		return BPF_CORE_READ(task, thread_info.cpu);
	return BPF_CORE_READ(old, cpu);
}

static __always_inline void place(struct task_struct *task, struct sinew__task_row *row)
{
	__u32 cpu = cpu_of(task);

	row->cpu = (__s32)cpu;
	row->on_cpu = task->on_cpu != 0;
	if (bpf_core_field_exists(task->se.cfs_rq) && cpu < SINEW__ROW_CPUS)
		queues[cpu] = BPF_CORE_READ(task, se.cfs_rq, rq);
}

/* ---- what it waits in ---- */

static __always_inline void enter(struct task_struct *task, struct sinew__task_row *row)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	row->has_call = 1;
#if defined(__TARGET_ARCH_x86)
	row->number = (__s32)BPF_CORE_READ(regs, orig_ax);
	row->stack = BPF_CORE_READ(regs, sp);
	row->args[0] = BPF_CORE_READ(regs, di);
	row->args[1] = BPF_CORE_READ(regs, si);
	row->args[2] = BPF_CORE_READ(regs, dx);
	row->args[3] = BPF_CORE_READ(regs, r10);
	row->args[4] = BPF_CORE_READ(regs, r8);
	row->args[5] = BPF_CORE_READ(regs, r9);
#elif defined(__TARGET_ARCH_arm64)
	row->number = BPF_CORE_READ(regs, syscallno);
	row->stack = BPF_CORE_READ(regs, sp);
	row->args[0] = BPF_CORE_READ(regs, orig_x0);
	bpf_probe_read_kernel(&row->args[1], 5 * sizeof row->args[1],
		(const char *)regs + bpf_core_field_offset(struct pt_regs, regs) + sizeof(__u64));
#else
	row->has_call = 0;
#endif
}

/* The first argument is mostly a descriptor; user space knows of which calls. */
static __always_inline void look_at_file(struct task_struct *task, struct sinew__task_row *row)
{
	struct file *file = file_at(task, (__u32)row->args[0]);
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;

	if (!inode)
		return;
	row->ino = BPF_CORE_READ(inode, i_ino);
	row->magic = (__u32)BPF_CORE_READ(inode, i_sb, s_magic);
}

/* The state and the registers have to be of one sleep: it is one if nothing was switched meanwhile. */
static __always_inline void look_at_state(struct task_struct *task, struct sinew__task_row *row)
{
	row->state = state_of(task);
	row->exit_state = (__u32)task->exit_state;
	if (row->is_kernel || !(row->state & TASK_SLEEPS))
		return;
	enter(task, row);
	look_at_file(task, row);
	if (state_of(task) != row->state || task->nvcsw != row->voluntary) {
		row->state = 0;
		row->has_call = 0;
	}
}

/* ---- at one moment ---- */

static __always_inline void look_at_cpu(struct seq_file *to, __u32 cpu, const struct space *space)
{
	struct rq *queue = queues[cpu];
	struct sinew__task_row row = {.kind = SINEW__ROW_CPU, .cpu = (__s32)cpu};

	if (!queue)
		return;
	row.tid = number_of(BPF_CORE_READ(queue, curr), space);
	row.skew = BPF_CORE_READ(queue, clock) - BPF_CORE_READ(queue, clock_task);
	bpf_seq_write(to, &row, sizeof row);
}

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *to = ctx->meta->seq;
	struct space space = space_of_reader();
	struct sinew__task_row row = {.kind = SINEW__ROW_THREAD, .number = -1};

	if (!task) {
		for (__u32 cpu = 0; cpu < cpus && cpu < SINEW__ROW_CPUS; cpu++)
			look_at_cpu(to, cpu, &space);
		return 0;
	}
	row.tid = number_of(task, &space);
	row.looked = bpf_ktime_get_ns();
	account(task, &row);
	name(task, &space, &row);
	place(task, &row);
	look_at_state(task, &row);
	if (row.tid && row.pid && row.cpu >= 0 && row.cpu < SINEW__ROW_CPUS)
		bpf_seq_write(to, &row, sizeof row);
	return 0;
}
