/* SPDX-License-Identifier: MIT
 *
 * state_wait.h - a part of state.bpf.c: in which system call is a thread, and on what object? Found
 * from the registers with which it entered the kernel, so that no system call is traced.
 */
#ifndef SINEW_OBSERVE_STATE_WAIT_H
#define SINEW_OBSERVE_STATE_WAIT_H

struct call {
	__s32 number;
	__u64 arg0, arg1, arg2;
};

static __always_inline struct call registers(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	/* They lie beside each other: one reading has them all. */
	struct {
		__u64 dx, si, di, orig_ax;
	} side = {.orig_ax = -1};
	bpf_probe_read_kernel(
		&side, sizeof side, (const char *)regs + bpf_core_field_offset(struct pt_regs, dx));
	return (struct call){(__s32)side.orig_ax, side.di, side.si, side.dx};
#elif defined(__TARGET_ARCH_arm64)
	return (struct call){BPF_CORE_READ(regs, syscallno), BPF_CORE_READ(regs, orig_x0),
		BPF_CORE_READ(regs, regs[1]), BPF_CORE_READ(regs, regs[2])};
#else
	return (struct call){-1, 0, 0, 0};
#endif
}

static __always_inline __s32 call_of(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	return (__s32)BPF_CORE_READ(regs, orig_ax);
#elif defined(__TARGET_ARCH_arm64)
	return BPF_CORE_READ(regs, syscallno);
#else
	return -1;
#endif
}

static __always_inline bool waits_for_children(struct task_struct *task)
{
	__s32 call = task->flags & IS_KTHREAD ? -1 : call_of(task);

	return call >= 0 && (call == setup.wait4 || call == setup.waitid);
}

/* The names that anonymous inodes have, by their first letters. */
static __noinline __u32 anonymous(struct file *file)
{
	const unsigned char *text = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	void *data = BPF_CORE_READ(file, private_data);
	__u64 name = 0, hash = ((__u64)data >> 4) * 0x9e3779b97f4a7c15ull;
	__u32 kind = SINEW__ANONYMOUS_OTHER;

	bpf_probe_read_kernel(&name, sizeof name, text);
	if (name == __builtin_bswap64(0x5b6576656e746664ull)) {
		struct eventfd_ctx *event = data;
		return SINEW__ANONYMOUS_EVENTFD << 24 | (BPF_CORE_READ(event, id) & 0xffffff);
	}
	if (name == __builtin_bswap64(0x5b6576656e74706full)) /* [eventpo */
		kind = SINEW__ANONYMOUS_EPOLL;
	else if (name == __builtin_bswap64(0x5b74696d65726664ull)) /* [timerfd */
		kind = SINEW__ANONYMOUS_TIMERFD;
	else if (name == __builtin_bswap64(0x5b7369676e616c66ull)) /* [signalf */
		kind = SINEW__ANONYMOUS_SIGNALFD;
	else if (name == __builtin_bswap64(0x5b75736572666175ull)) /* [userfau */
		kind = SINEW__ANONYMOUS_USERFAULTFD;
	else if (name == __builtin_bswap64(0x5b696f5f7572696eull)) /* [io_urin */
		kind = SINEW__ANONYMOUS_URING;
	else if (name == __builtin_bswap64(0x696e6f7469667900ull)) /* inotify */
		kind = SINEW__ANONYMOUS_INOTIFY;
	else if (name == __builtin_bswap64(0x5b70696466645d00ull)) /* [pidfd] */
		kind = SINEW__ANONYMOUS_PIDFD;
	return kind << 24 | (__u32)(hash >> 40);
}

static __always_inline __u32 socket_detail(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return (__u32)BPF_CORE_READ(socket, sk, __sk_common.skc_family) << 16 |
	       (__u16)BPF_CORE_READ(socket, type);
}

static __always_inline void describe_file(
	struct file *file, struct inode *inode, struct sinew__wait *wait)
{
	struct super_block *super = BPF_CORE_READ(inode, i_sb);

	wait->magic = (__u32)BPF_CORE_READ(super, s_magic);
	wait->dev = BPF_CORE_READ(super, s_dev);
	if (wait->magic == MAGIC_ANONYMOUS)
		wait->detail = anonymous(file);
	else if (wait->magic == MAGIC_SOCKET)
		wait->detail = socket_detail(file);
	else
		wait->detail = (BPF_CORE_READ(file, f_mode) & 3) |
			       (BPF_CORE_READ(inode, i_mode) & 0170000);
}

/* `last`: what was found the last time; or NULL. */
static __noinline void look_at_file(
	struct task_struct *task, struct sinew__wait *wait, struct last_file *last)
{
	struct file *file = file_at(task, (__u32)wait->fd);
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;

	if (!inode)
		return;
	wait->ino = BPF_CORE_READ(inode, i_ino);
	if (last && last->file == (__u64)file && last->inode == (__u64)inode &&
		last->ino == wait->ino && last->magic != MAGIC_ANONYMOUS) {
		wait->magic = last->magic;
		wait->dev = last->dev;
		wait->detail = last->detail;
		return;
	}
	describe_file(file, inode, wait);
	if (last)
		*last = (struct last_file){(__u64)file, (__u64)inode, wait->ino, wait->magic,
			wait->dev, wait->detail, 0};
}

static __always_inline __s32 descriptor(struct task_struct *task, const struct call *call)
{
	__u64 i = (__u32)call->number;
	__s32 fd = -1;

	asm volatile("" : "+r"(i)); /* the verifier must see the same number in test and use */
	if (i >= SINEW__STATE_CALLS)
		return -1;
	switch (descriptor_of[i] & SINEW__STATE_ARGUMENT) {
	case 1:
		return (__s32)call->arg0;
	case 2:
		return (__s32)call->arg1;
	case SINEW__STATE_POLLFD:
		/* Only its own memory is mapped while it leaves; in a look at all it stays unknown. */
		if (call->arg1 && (__u64)task == bpf_get_current_task())
			bpf_probe_read_user(&fd, sizeof fd, (void *)call->arg0);
		return fd;
	default:
		return -1;
	}
}

static __always_inline void look_at_wait(struct task_struct *task, unsigned int state,
	struct sinew__interval *open, struct last_file *last)
{
	struct sinew__wait *wait = &open->wait;
	struct call call;

	*wait = (struct sinew__wait){.call = -1, .fd = -1};
	if (!state)
		return;
	wait->state = state & 0x84ff ? state & 0x84ff : 2;
	if (task->flags & IS_KTHREAD)
		return;
	call = registers(task);
	if (call.number < 0)
		open->head.flags |= SINEW__INTERVAL_FAULT;
#if defined(__TARGET_ARCH_x86)
	if (BPF_CORE_READ(task, thread_info.status) & IS_COMPAT)
		open->head.flags |= SINEW__INTERVAL_COMPAT;
#endif
	wait->call = call.number;
	wait->arg0 = call.arg0;
	wait->arg1 = (__u32)call.arg1;
	wait->arg2 = (__u32)call.arg2;
	if (open->head.flags & SINEW__INTERVAL_COMPAT)
		return;
	wait->fd = descriptor(task, &call);
	if (wait->fd >= 0)
		look_at_file(task, wait, last);
}

#endif
