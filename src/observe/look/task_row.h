/* SPDX-License-Identifier: MIT
 *
 * task_row.h - what tasks.bpf.c writes for iter.c to read: rows of one size, one for each thread, then one
 * for each CPU whose run queue was found. They never leave the machine.
 */
#ifndef SINEW_LOOK_TASK_ROW_H
#define SINEW_LOOK_TASK_ROW_H

#include <linux/types.h>

enum { SINEW__ROW_CPUS = 1024 };

enum sinew__row_kind {
	SINEW__ROW_THREAD = 1,
	SINEW__ROW_CPU, /* tid: who runs on it, 0: nobody that we may see; skew */
};

struct sinew__task_row {
	__u32 kind; /* enum sinew__row_kind */
	__u32 pid, tid, ppid, tracer, uid, threads;
	__u32 state, exit_state; /* as the kernel has them */
	__s32 cpu;
	__s32 number; /* of the system call; -1: none */
	__u8 is_kernel, on_cpu, has_call, has_delay;
	__u64 started; /* ns since boot */
	__u64 looked;  /* CLOCK_MONOTONIC, ns */
	__u64 ran, delay, dispatches, voluntary, involuntary, exec_start;
	__u64 args[6], stack;
	__u64 ino;         /* of the file at descriptor args[0], or 0 */
	__u32 magic, pad0; /* of its file system */
	__u64 skew; /* by how much the clock of what that CPU gave to threads is behind its clock, ns */
	char comm[16];
};

#endif
