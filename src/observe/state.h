/* SPDX-License-Identifier: MIT
 *
 * state.h - what state.bpf.c and its loader say to each other, beside the records.
 */
#ifndef SINEW_OBSERVE_STATE_H
#define SINEW_OBSERVE_STATE_H

#include "record.h"

enum {
	SINEW__STATE_CALLS = 512,
	SINEW__STATE_QUERY = 32,   /* records: after so many it is asked how many bytes wait */
	SINEW__STATE_JUST = 50000, /* ns: who was woken so lately took over because of it */
	SINEW__STATE_LEAVING =
		20000, /* ns: a waking may be told so long before its thread's leaving */
	/* In descriptor_of, by system call: which argument is a descriptor, plus one, or POLLFD: arg0
	 * points to struct pollfd. */
	SINEW__STATE_ARGUMENT = 15,
	SINEW__STATE_POLLFD = 8,
	SINEW__STATE_WATCHES = 16, /* it waits for several descriptors, perhaps sockets */
	SINEW__STATE_SENDS = 32,   /* it may make packets for another local socket */
};

/* Constants, set before loading: what they rule out is not even verified. */
struct sinew__state_setup {
	sinew__u32 scope;       /* enum sinew__scope */
	sinew__u32 state_given; /* sched_switch has prev_state as its fourth argument */
	sinew__u32
		first_space; /* our PID namespace is the machine's first one: numbers are the kernel's */
	sinew__u32 has_depth;  /* depth_from is known */
	sinew__s64 depth_from; /* from a CPU's run queue to its __preempt_count */
	sinew__u64 slice;      /* ns; before 6.6 */
	sinew__u64 call_at;    /* bytes waiting that call the reader */
	sinew__u64 cgroup;     /* its id */
	sinew__u32 cgroup_level;
	sinew__s32 yield, wait4, waitid; /* numbers of these calls */
};

/* Shared memory: both sides write. */
struct sinew__state_control {
	sinew__u64 lost;
	sinew__u64 started;   /* set once everything is attached */
	sinew__u64 stopped;   /* set at the end: the time of the last states */
	sinew__u64 pid_space; /* address of our PID namespace; never leaves the kernel's side */
	sinew__u64 seeded;
	sinew__u32 self;  /* the recorder's tgid, as the kernel counts */
	sinew__u32 level; /* of our PID namespace */
	sinew__u32 adopt; /* the recorder's next child is to be followed */
	sinew__u32 called;
	sinew__u32 zombies;
	sinew__u32 sent; /* records, about */
};

struct sinew__state_cpu {
	sinew__u64 since; /* the last switch */
	sinew__u64 idle, recorder, switches, overlaps, unknown;
	sinew__u32 running;                /* the kernel's pid */
	sinew__u32 hard_timer, soft_timer; /* a function of a timer runs */
	sinew__u32 untold; /* `running` is neither idle nor anybody who is told of */
};

#endif
