/* SPDX-License-Identifier: MIT
 *
 * kernel_task.h - what each program that runs in the kernel asks of a thread: its state, what it is
 * called in a PID namespace, and its open files.
 */
#ifndef SINEW_OBSERVE_KERNEL_TASK_H
#define SINEW_OBSERVE_KERNEL_TASK_H

static __always_inline unsigned int state_of(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return (unsigned int)BPF_CORE_READ(old, state);
}

static __always_inline struct upid upid_at(struct pid *pid, __u32 level)
{
	struct upid upid = {};
	const char *first = (const char *)__builtin_preserve_access_index(&pid->numbers[0]);

	bpf_probe_read_kernel(&upid, sizeof upid, first + level * bpf_core_type_size(struct upid));
	return upid;
}

static __always_inline struct pid_namespace *space_of(struct pid *pid, __u32 level)
{
	return upid_at(pid, level).ns;
}

/* Its number in the PID namespace of that level and address; 0 if it is not in it. */
static __always_inline __u32 number_at(struct task_struct *task, __u32 level, __u64 space)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid upid;

	if (!pid || BPF_CORE_READ(pid, level) < level)
		return 0;
	upid = upid_at(pid, level);
	return (__u64)upid.ns == space ? (__u32)upid.nr : 0;
}

static __always_inline struct file *file_at(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = task->files->fdt; /* NULL on the way reads as NULL */
	struct file **files, *file = NULL;

	if (!table || fd >= table->max_fds)
		return NULL;
	files = table->fd;
	bpf_probe_read_kernel(&file, sizeof file, files + fd);
	return file;
}

#endif
