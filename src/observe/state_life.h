/* SPDX-License-Identifier: MIT
 *
 * state_life.h - a part of state.bpf.c: how threads begin and end, and which are followed: those that are
 * asked for, those that are there already in the state in which they are, and the children of both.
 */
#ifndef SINEW_OBSERVE_STATE_LIFE_H
#define SINEW_OBSERVE_STATE_LIFE_H

static __always_inline bool is_wanted(struct task_struct *task)
{
	switch (setup.scope) {
	case SINEW__SCOPE_ALL:
		return true;
	case SINEW__SCOPE_CGROUP:
		return in_cgroup(task);
	case SINEW__SCOPE_PIDS:
		return descends(task);
	default:
		return false;
	}
}

/* What a thread begins to carry. Stored whole, so that no switch meets half of it. */
static __always_inline struct thread *follow(struct task_struct *task, struct thread *fresh)
{
	fresh->open.head.type = SINEW__RECORD_INTERVAL;
	fresh->open.head.size = sizeof fresh->open;
	if (task->flags & IS_KTHREAD)
		fresh->open.head.flags |= SINEW__INTERVAL_KERNEL;
	number(task, &fresh->open.who.tid, &fresh->open.who.tgid);
	fresh->open.who.start = task->start_time;
	if (!fresh->open.who.tid)
		return NULL;
	return bpf_task_storage_get(&threads, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void tell_thread(struct task_struct *task, struct task_struct *maker,
	struct thread *thread, __u16 flags, __u64 now)
{
	RESERVE(record, sinew__thread, SINEW__RECORD_THREAD, now);

	if (!record)
		return;
	record->head.flags = flags | (task->flags & IS_KTHREAD ? SINEW__THREAD_KERNEL : 0);
	record->who = thread->open.who;
	number(maker, &record->maker_tid, &record->maker_tgid);
	record->state = thread->open.wait.state;
	record->priority = task->prio;
	record->cgroup = cgroup_of(task);
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	send(record);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u64 now = bpf_ktime_get_ns();
	struct thread fresh = {.open = {.why = SINEW__WHY_NEW, .wait = {.call = -1, .fd = -1}}};
	struct thread *thread;

	if (is_off() || is_recorder(child))
		return 0;
	if (!thread_of(parent) && !(control.adopt && is_recorder(parent)) &&
		!(setup.scope != SINEW__SCOPE_PIDS && is_wanted(child)))
		return 0;
	thread = follow(child, &fresh);
	if (!thread)
		return 0;
	tell_thread(child, parent, thread, 0, now);
	if (is_recorder(parent))
		tell_name(parent, now);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct thread *thread = is_off() ? NULL : thread_of(task);
	struct sinew__who old;

	if (!thread)
		return 0;
	old = thread->open.who;
	number(task, &thread->open.who.tid, &thread->open.who.tgid);
	thread->open.who.start = task->start_time;
	RESERVE(record, sinew__exec, SINEW__RECORD_EXEC, bpf_ktime_get_ns());
	if (!record)
		return 0;
	record->who = thread->open.who;
	record->old_tid = old.tid;
	record->reserved = 0;
	record->old_start = old.start;
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	send(record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct thread *thread = is_off() ? NULL : thread_of(task), *first;
	__u32 leader = (__u32)BPF_CORE_READ(task, group_leader, pid);
	__u64 now = bpf_ktime_get_ns();
	struct zombie *zombie;
	bool last;

	if (!thread)
		return 0;
	last = task->signal->live.counter == 0;
	if (control.zombies)
		look_at_zombies(task, now, false);
	if (last) {
		first = bpf_task_storage_get(&threads, task->group_leader, NULL, 0);
		if (first)
			first->exited = now;
		zombie = bpf_map_lookup_elem(&zombies, &leader);
		/* Until its last thread has ended it cannot be reaped, whoever looked. */
		if (zombie)
			zombie->exited = zombie->seen = now;
	}
	RESERVE(record, sinew__exit, SINEW__RECORD_EXIT, now);
	if (!record)
		return 0;
	record->head.flags = last ? SINEW__EXIT_PROCESS : 0;
	record->who = thread->open.who;
	record->code = (__u32)(task->signal->flags & GROUP_EXIT ? task->signal->group_exit_code
								: task->exit_code);
	__u32 tid;
	number(task->real_parent, &tid, &record->parent_tgid);
	send(record);
	return 0;
}

SEC("tp_btf/sched_process_wait")
int BPF_PROG(on_wait)
{
	if (control.zombies && !is_off())
		look_at_zombies(bpf_get_current_task_btf(), bpf_ktime_get_ns(), true);
	return 0;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	__u32 key = (__u32)task->pid;
	__u64 now = bpf_ktime_get_ns();
	struct zombie *zombie = bpf_map_lookup_elem(&zombies, &key), last;

	/* Another process may have got its number by now. */
	if (!zombie || zombie->task != task)
		return 0;
	last = *zombie;
	if (take_away(key, &last) && !is_off()) {
		adopted(&last, task);
		tell_reaped(&last, now);
	}
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *comm)
{
	struct thread *thread = is_off() ? NULL : thread_of(task);

	if (!thread)
		return 0;
	RESERVE(record, sinew__name, SINEW__RECORD_NAME, bpf_ktime_get_ns());
	if (!record)
		return 0;
	record->who = thread->open.who;
	bpf_probe_read_kernel_str(record->comm, sizeof record->comm, comm);
	send(record);
	return 0;
}

/* A thread that is there already, in the state in which it is. */
static __noinline bool meet(struct task_struct *task, __u64 now)
{
	struct thread fresh = {.open = {.wait = {.call = -1, .fd = -1}}}, *thread;
	__u16 flags = SINEW__THREAD_SEEDED;

	if (task->exit_state) {
		fresh.open.why = SINEW__WHY_DEAD;
		flags |= SINEW__THREAD_ZOMBIE;
	} else if (task->on_cpu) {
		fresh.open.why = SINEW__WHY_RUNNING;
		fresh.open.ran_since = now;
		flags |= SINEW__THREAD_RUNNING;
	} else {
		fresh.open.head.flags = SINEW__INTERVAL_SEEDED;
		look_at_wait(task, state_of(task), &fresh.open, NULL);
	}
	thread = follow(task, &fresh);
	if (!thread)
		return false;
	if (task->exit_state == EXIT_IS_ZOMBIE && task->pid == task->tgid)
		keep_zombie(task, &thread->open.who, 0, now);
	tell_thread(task, task->real_parent, thread, flags, now);
	return true;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	if (!is_off() && setup.scope == SINEW__SCOPE_CGROUP && !is_recorder(task) &&
		is_under(cgroup) && !thread_of(task))
		meet(task, bpf_ktime_get_ns());
	return 0;
}

#endif
