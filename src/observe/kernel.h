/* SPDX-License-Identifier: MIT
 *
 * kernel.h - what programs in the kernel know of the kernel's structures: the members that it reads, and nothing
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

struct task_struct;

struct rq {
	unsigned int nr_running;
	struct task_struct *curr;
	__u64 clock, clock_task;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	__u64 deadline;
	__u64 sum_exec_runtime;
	__u64 prev_sum_exec_runtime;
	__u64 exec_start;
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

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t euid;
};

struct sched_info {
	unsigned long pcount;
	__u64 run_delay;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
};

struct thread_info {
	__u32 status;
	__u32 cpu;
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
	unsigned int ptrace;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_time;
	__u64 start_boottime;
	unsigned long nvcsw, nivcsw;
	struct sched_info sched_info;
	const struct cred *real_cred;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct task_struct___old {
	long state;
};

/* Before 5.16. */
struct task_struct___cpu {
	unsigned int cpu;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
};
struct pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 orig_x0;
	int syscallno;
};
#endif

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

enum {
	TASK_SLEEPS = 0x3, /* TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE */
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
