/* SPDX-License-Identifier: MIT
 *
 * kernel.h - what state.bpf.c knows of the kernel's structures: the members that it reads, and nothing
 * else. Offsets mean nothing here: the loader finds each member by name in the running kernel's own
 * description (BTF). What older kernels call otherwise stands under a name with ___ in it.
 */
#ifndef SINEW_OBSERVE_KERNEL_H
#define SINEW_OBSERVE_KERNEL_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[1];
};

/* Before 6.1. */
struct cgroup___ids {
	__u64 ancestor_ids[1];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct rq {
	unsigned int nr_running;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	__u64 deadline;
	__u64 sum_exec_runtime;
	__u64 prev_sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct sched_rt_entity {
	unsigned int time_slice;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct eventfd_ctx {
	int id;
};

struct sock_common {
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	short type;
	struct sock *sk;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
};

struct thread_info {
	__u32 status;
};

struct thread_info___arm {
	int preempt_count;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	int on_cpu;
	int prio;
	struct sched_entity se;
	struct sched_rt_entity rt;
	int exit_state;
	int exit_code;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_time;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct task_struct___old {
	long state;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
};
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
};
#endif

struct bpf_iter__task {
	struct task_struct *task;
};

#pragma clang attribute pop

enum {
	TASK_DEAD_BIT = 0x80,
	EXIT_IS_ZOMBIE = 0x20,   /* EXIT_ZOMBIE */
	IS_KTHREAD = 0x00200000, /* PF_KTHREAD */
	GROUP_EXIT = 0x4,        /* SIGNAL_GROUP_EXIT */
	IS_COMPAT = 0x2,         /* x86: TS_COMPAT */
	SOFTIRQ_SERVED = 0x100,
	HARDIRQ_MASK = 0xf0000,
	NMI_MASK = 0xf00000,
	MAGIC_SOCKET = 0x534f434b,
	MAGIC_ANONYMOUS = 0x09041934,
};

#endif
