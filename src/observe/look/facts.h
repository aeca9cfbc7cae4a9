/* SPDX-License-Identifier: MIT
 *
 * facts.h - one thread as it was seen at one moment: first the bare facts of a source, then what they
 * amount to in the words of the model.
 *
 * Model: a source (iter.c, else proc.c) fills the facts and sets a bit of evidence for each place that it
 * read. decide.c, waits.c and what they call turn facts into state, cause, call and object, and never
 * say more than the bits allow: what rights do not let be seen is "unknown", what does not exist is NULL
 * or empty. Text from outside is raw here: to be made harmless by whoever shows it.
 */
#ifndef SINEW_LOOK_FACTS_H
#define SINEW_LOOK_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../states.h"

enum sinew__evidence {
	SINEW__BY_STAT = 1u << 0,
	SINEW__BY_STATUS = 1u << 1,
	SINEW__BY_SCHED = 1u << 2,
	SINEW__BY_SCHEDSTAT = 1u << 3,
	SINEW__BY_SYSCALL = 1u << 4,
	SINEW__BY_WCHAN = 1u << 5,
	SINEW__BY_FD = 1u << 6,     /* where a descriptor leads to */
	SINEW__BY_FDINFO = 1u << 7, /* and what it is */
	SINEW__BY_NET = 1u << 8,    /* lists of sockets in /proc/PID/net */
	SINEW__BY_DIAG = 1u << 9,   /* sock_diag(7) */
	SINEW__BY_MAPS = 1u << 10,
	SINEW__BY_MEMORY = 1u << 11, /* process_vm_readv(2) */
	SINEW__BY_LOCKS = 1u << 12,
	SINEW__BY_SYSVIPC = 1u << 13,
	SINEW__BY_OWN_CPU = 1u << 14,  /* it was on the CPU on which we looked at it */
	SINEW__BY_ONLY = 1u << 15,     /* the one to run last of those that can run on its CPU */
	SINEW__BY_SAMPLING = 1u << 16, /* looked at twice */
	SINEW__BY_PARENTS = 1u << 17,  /* who is whose parent */
	SINEW__NO_RIGHT = 1u << 18,    /* there was more that we may not see */
	SINEW__BY_ITER = 1u << 19,     /* a program in the kernel */
	SINEW__EVIDENCES = 20,
	/* what they tell */
	SINEW__OF_SWITCHES = SINEW__BY_SCHED | SINEW__BY_STATUS | SINEW__BY_ITER,
	SINEW__OF_DELAY = SINEW__BY_SCHEDSTAT | SINEW__BY_ITER,
	SINEW__OF_CLOCK = SINEW__BY_SCHED | SINEW__BY_ITER,
};

/* Names of the bits, in their order. */
extern const char *const sinew__evidence_names[SINEW__EVIDENCES];

enum sinew__in {
	SINEW__IN_UNKNOWN, /* no right to see it */
	SINEW__IN_CALL,
	SINEW__IN_NONE,    /* in the kernel without a system call */
	SINEW__IN_RUNNING, /* can run, or runs */
};

enum {
	SINEW__LOOK_COMM = 64, /* kernel threads have longer names than others */
	SINEW__LOOK_OBJECT = 320,
	SINEW__LOOK_OTHERS = 16,
};

struct sinew__facts {
	/* ---- from a source ---- */
	uint32_t pid, tid, ppid, uid;
	char comm[SINEW__LOOK_COMM];
	char letter; /* of /proc/PID/stat: R S D I T t Z X */
	bool kernel; /* a thread of the kernel */
	bool looker; /* the one that looks */
	bool is_new; /* made, and not on a run queue yet: iter.c alone knows */
	bool on_cpu; /* when it was seen; iter.c */
	bool runs;   /* it is the one that runs on its CPU; iter.c */
	bool shown;  /* it was asked for: all is looked at; else just what others need of it */
	uint32_t threads;
	int32_t cpu;       /* on which it runs or ran last, -1: unknown */
	int32_t seen_from; /* the CPU from which it was looked at, -1: moved meanwhile */
	uint64_t started;  /* ticks since boot */
	uint64_t ran, delay, dispatches; /* ns, ns, how often it got a CPU */
	uint64_t voluntary, involuntary; /* switches */
	uint64_t exec_start; /* the scheduler's clock when it was last accounted, ns; 0: unknown */
	uint64_t looked;     /* CLOCK_MONOTONIC when that was read, ns */
	uint32_t tracer;     /* who traces it; 0: nobody, or not asked */
	enum sinew__in in;
	int32_t number; /* of the system call */
	uint64_t args[6], stack;
	uint64_t pipe_at_0, socket_at_0; /* inode of what descriptor args[0] is, or 0; iter.c */
	char wchan[48];                  /* the kernel's function it sleeps in; "" unknown */
	uint32_t evidence;               /* enum sinew__evidence */
	/* ---- what they amount to ---- */
	enum sinew__state state;
	const char *cause;               /* NULL: none to tell */
	const char *call;                /* NULL: none */
	char call_text[24];              /* room for a call without a name */
	char object[SINEW__LOOK_OBJECT]; /* "": none */
	bool has_since;
	uint64_t since;                      /* ns for which it has been in this state */
	uint32_t others[SINEW__LOOK_OTHERS]; /* threads; for a process its first one */
	unsigned other_count;
	bool others_known; /* they were looked for, and there are no more than these */
};

#endif
