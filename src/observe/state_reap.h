/* SPDX-License-Identifier: MIT
 *
 * state_reap.h - a part of state.bpf.c: who ended and is not reaped yet, and when is he?
 *
 * There is no event at which a zombie is reaped, and its release is told much later. So its parent is
 * watched: whenever it asks for children or is dispatched, who is still there, and who is gone?
 */
#ifndef SINEW_OBSERVE_STATE_REAP_H
#define SINEW_OBSERVE_STATE_REAP_H

/* Processes that have ended and were not reaped, by the kernel's number. */
struct zombie {
	struct task_struct *task; /* valid until on_free() takes the row away */
	__u32 parent;             /* the kernel's number */
	__u32 certain;
	__u64 seen; /* still there then */
	__u32 reaper_tid, reaper_tgid;
	struct sinew__who who;
	__u64 exited;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct zombie);
} zombies SEC(".maps");

/* How many of them each parent has. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} parents SEC(".maps");

struct look {
	__u64 now;
	__u32 parent, certain;
	__u32 tid, tgid;
};

static __always_inline void count_zombie(__u32 parent, int change)
{
	__u32 none = 0, *count;

	if (change > 0)
		bpf_map_update_elem(&parents, &parent, &none, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&parents, &parent);
	if (count)
		__sync_fetch_and_add(count, change);
	__sync_fetch_and_add(&control.zombies, change);
}

/* Several may look at the same moment: whoever takes the row away tells. */
static __always_inline bool take_away(__u32 key, const struct zombie *zombie)
{
	if (bpf_map_delete_elem(&zombies, &key) != 0)
		return false;
	count_zombie(zombie->parent, -1);
	return true;
}

/* Whoever looks may have been held up since it asked for the time: `seen` may be later. */
static __always_inline void tell_reaped(const struct zombie *zombie, __u64 gone)
{
	RESERVE(record, sinew__reaped, SINEW__RECORD_REAPED,
		gone > zombie->seen ? gone : zombie->seen);

	if (!record)
		return;
	record->who = zombie->who;
	record->exited = zombie->exited;
	record->reaped = zombie->seen;
	record->reaper_tid = zombie->reaper_tid;
	record->reaper_tgid = zombie->reaper_tgid;
	record->certain = zombie->certain;
	record->reserved = 0;
	send(record);
}

/* Its parent ended before: whoever it was given to reaped it. */
static __always_inline void adopted(struct zombie *zombie, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);

	if (zombie->parent == (__u32)BPF_CORE_READ(parent, tgid))
		return;
	number(parent, &zombie->reaper_tid, &zombie->reaper_tgid);
	zombie->reaper_tid = zombie->certain = 0;
}

static long look_at_zombie(void *map, const __u32 *key, struct zombie *zombie, struct look *look)
{
	struct task_struct *task = zombie->task;
	struct zombie last = *zombie;

	if (zombie->parent != look->parent)
		return 0;
	if (BPF_CORE_READ(task, exit_state) == EXIT_IS_ZOMBIE) {
		if (look->now < zombie->seen)
			return 0;
		zombie->seen = look->now;
		zombie->certain = look->certain;
		zombie->reaper_tid = look->tid;
		zombie->reaper_tgid = look->tgid;
	} else if (take_away(*key, &last)) {
		tell_reaped(&last, look->now);
	}
	return 0;
}

static __noinline void look_at_zombies(struct task_struct *parent, __u64 now, bool waits)
{
	__u32 tgid = (__u32)parent->tgid, *count = bpf_map_lookup_elem(&parents, &tgid);
	struct look look = {.now = now, .parent = tgid, .certain = waits};

	if (!count || !*count)
		return;
	number(parent, &look.tid, &look.tgid);
	bpf_for_each_map_elem(&zombies, look_at_zombie, &look, 0);
}

/* At the end: who was reaped since somebody looked last? */
static long look_at_last(void *map, const __u32 *key, struct zombie *zombie, struct look *look)
{
	struct task_struct *task = zombie->task;
	struct zombie last = *zombie;

	if (BPF_CORE_READ(task, exit_state) != EXIT_IS_ZOMBIE && take_away(*key, &last)) {
		adopted(&last, task);
		tell_reaped(&last, look->now);
	}
	return 0;
}

static __noinline void keep_zombie(
	struct task_struct *task, const struct sinew__who *who, __u64 exited, __u64 now)
{
	__u32 key = (__u32)task->pid;
	struct task_struct *parent = task->real_parent;
	struct zombie zombie = {
		.task = task, .parent = (__u32)parent->tgid, .seen = now, .exited = exited};

	zombie.who = *who;
	number(parent, &zombie.reaper_tid, &zombie.reaper_tgid);
	zombie.reaper_tid = 0;
	if (bpf_map_update_elem(&zombies, &key, &zombie, BPF_ANY) == 0)
		count_zombie(zombie.parent, 1);
	else
		lose();
}

/* Nobody has to ask for it: a thread, or a child whose parent was in wait() and did, or does not care. */
static __always_inline void tell_gone(struct task_struct *task, struct thread *thread, __u64 now)
{
	RESERVE(record, sinew__reaped, SINEW__RECORD_REAPED, now);

	if (!record)
		return;
	record->who = thread->open.who;
	record->exited = thread->exited;
	record->reaped = now;
	record->reaper_tid = record->reaper_tgid = 0;
	if (task->pid == task->tgid)
		number(task->real_parent, &record->reaper_tid, &record->reaper_tgid);
	record->reaper_tid = 0;
	record->certain = 1;
	record->reserved = 0;
	send(record);
}

static __always_inline void died(struct task_struct *task, struct thread *thread, __u64 now)
{
	thread->open.why = SINEW__WHY_DEAD;
	thread->open.woken = 0;
	thread->open.wait = (struct sinew__wait){.call = -1, .fd = -1};
	close_interval(thread, now, 0);
	if (task->exit_state == EXIT_IS_ZOMBIE && task->pid == task->tgid)
		keep_zombie(task, &thread->open.who, thread->exited, now);
	else
		tell_gone(task, thread, now);
}

#endif
