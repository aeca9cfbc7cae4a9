/* SPDX-License-Identifier: MIT
 *
 * state_who.h - a part of state.bpf.c: which thread is that, to us; is it among those that are wanted;
 * who woke another, and was it really him?
 */
#ifndef SINEW_OBSERVE_STATE_WHO_H
#define SINEW_OBSERVE_STATE_WHO_H

static __noinline __u32 number_in_space(struct task_struct *task)
{
	return number_at(task, control.level, control.pid_space);
}

/* What the thread is called in the recorder's PID namespace; 0 if it is not in it. */
static __noinline void number(struct task_struct *task, __u32 *tid, __u32 *tgid)
{
	if (setup.first_space) {
		*tid = (__u32)BPF_CORE_READ(task, pid);
		*tgid = (__u32)BPF_CORE_READ(task, tgid);
	} else {
		*tid = number_in_space(task);
		*tgid = number_in_space(BPF_CORE_READ(task, group_leader));
	}
}

/* The same of one that the kernel itself handed to us, which costs less. */
static __always_inline void number_of(struct task_struct *task, __u32 *tid, __u32 *tgid)
{
	if (setup.first_space) {
		*tid = (__u32)task->pid;
		*tgid = (__u32)task->tgid;
	} else {
		number(task, tid, tgid);
	}
}

/* The name of one that is not traced, unless it was told lately. */
static __noinline void tell_name(struct task_struct *task, __u64 now)
{
	__u32 pid = (__u32)task->pid, i = pid % CACHE;
	__u64 start = task->start_time;
	__u32 tid, tgid;

	if (told[i].pid == pid && told[i].start == start)
		return;
	told[i].pid = pid;
	told[i].start = start;
	number(task, &tid, &tgid);
	if (!tid)
		return;
	RESERVE(record, sinew__name, SINEW__RECORD_NAME, now);
	if (!record)
		return;
	record->who = (struct sinew__who){tid, tgid, start};
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	send(record);
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __noinline bool is_under(struct cgroup *cgroup)
{
	__u64 level = setup.cgroup_level, id;
	struct cgroup *above = NULL;
	const char *first;

	if ((__u32)BPF_CORE_READ(cgroup, level) < level)
		return false;
	if (bpf_core_field_exists(cgroup->ancestors)) {
		first = (const char *)__builtin_preserve_access_index(&cgroup->ancestors[0]);
		bpf_probe_read_kernel(&above, sizeof above, first + level * sizeof above);
		return BPF_CORE_READ(above, kn, id) == setup.cgroup;
	}
	first = (const char *)__builtin_preserve_access_index(
		&((struct cgroup___ids *)cgroup)->ancestor_ids[0]);
	bpf_probe_read_kernel(&id, sizeof id, first + level * sizeof id);
	return id == setup.cgroup;
}

static __always_inline bool in_cgroup(struct task_struct *task)
{
	return is_under(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

/* Whether it, or one it descends from, was named by -p. */
static __noinline bool descends(struct task_struct *task)
{
	__u32 tid, tgid;

	for (int i = 0; i < 24; i++) {
		number(task, &tid, &tgid);
		if (!tgid)
			return false;
		if (bpf_map_lookup_elem(&roots, &tgid))
			return true;
		task = BPF_CORE_READ(task, group_leader, real_parent);
	}
	return false;
}

/* How deep this CPU is in interrupts; the bits are the kernel's. */
static __always_inline __u32 depth(struct task_struct *current)
{
	__u32 bits = 0;

#if defined(__TARGET_ARCH_x86)
	const char *rq = (const char *)current->se.cfs_rq->rq;

	bpf_probe_read_kernel(&bits, sizeof bits, rq + setup.depth_from);
#elif defined(__TARGET_ARCH_arm64)
	bits = (__u32)BPF_CORE_READ(
		(struct thread_info___arm *)&current->thread_info, preempt_count);
#endif
	return bits;
}

static __always_inline __u8 context_of(struct task_struct *current)
{
	__u32 zero = 0, bits;
	struct sinew__state_cpu *cpu = bpf_map_lookup_elem(&cpus, &zero);
	bool hard = cpu && cpu->hard_timer, soft = cpu && cpu->soft_timer;

	if (!setup.has_depth)
		return hard || soft ? SINEW__CONTEXT_TIMER : SINEW__CONTEXT_UNKNOWN;
	bits = depth(current);
	if (bits & NMI_MASK)
		return SINEW__CONTEXT_NMI;
	if (bits & HARDIRQ_MASK)
		return hard ? SINEW__CONTEXT_TIMER : SINEW__CONTEXT_HARDIRQ;
	if (bits & SOFTIRQ_SERVED)
		return hard || soft ? SINEW__CONTEXT_TIMER : SINEW__CONTEXT_SOFTIRQ;
	return current->flags & IS_KTHREAD ? SINEW__CONTEXT_WORKER : SINEW__CONTEXT_TASK;
}

static __always_inline __u8 kind_of_call(__s32 call)
{
	__u64 i = (__u32)call;

	asm volatile("" : "+r"(i));
	return i < SINEW__STATE_CALLS ? descriptor_of[i] : 0;
}

/* A soft interrupt runs on top of whoever is there. It is his deed only if he is just sending, as over
 * loopback, to one that waits for sockets. */
static __always_inline bool has_sent(const struct sinew__interval *open, __s32 call)
{
	return (kind_of_call(call) & SINEW__STATE_SENDS) &&
	       (open->wait.magic == MAGIC_SOCKET ||
		       (kind_of_call(open->wait.call) & SINEW__STATE_WATCHES));
}

static __noinline void look_at_waker(struct sinew__interval *open, __u64 now)
{
	struct task_struct *current = bpf_get_current_task_btf();
	__u8 context = context_of(current);
	__s32 call = current->flags & IS_KTHREAD ? -1 : call_of(current);

	open->context = context;
	open->waker_tid = open->waker_tgid = open->waker_call = 0;
	/* In an interrupt the current task is nobody to be named. */
	if (!current->pid || context == SINEW__CONTEXT_TIMER || context == SINEW__CONTEXT_HARDIRQ ||
		context == SINEW__CONTEXT_NMI ||
		(context == SINEW__CONTEXT_SOFTIRQ && !has_sent(open, call)))
		return;
	number_of(current, &open->waker_tid, &open->waker_tgid);
	if (context == SINEW__CONTEXT_TASK || context == SINEW__CONTEXT_SOFTIRQ)
		open->waker_call = (__u32)call + 1;
	if (!bpf_task_storage_get(&threads, current, NULL, 0))
		tell_name(current, now);
}

#endif
