/* SPDX-License-Identifier: MIT
 *
 * record.h - one recording of what processes did: a header, then records. The kernel's side
 * (state.bpf.c) fills the same structures as the user's, and the file is their bytes.
 *
 * Model: a thread runs, leaves its CPU for a reason, and is dispatched again. One INTERVAL says all of
 * that when it is dispatched: since when it had run, when and why it left, who woke it and when, when it
 * came back. Other records tell of its birth and end, of names, and of what was not seen.
 *
 * Invariants: fixed width, host byte order (told by the header), every size a multiple of 8. A reader
 * believes nothing: sizes, orders and numbers may be anything. Frozen but for additions: a new field
 * stands at the end of its structure or in what was reserved, a new type has a new number; a record
 * longer than known is cut, a shorter one is filled with zeros, an unknown type is skipped by its size.
 */
#ifndef SINEW_OBSERVE_RECORD_H
#define SINEW_OBSERVE_RECORD_H

/* The kernel's side has no libc: it includes its own types first, which define this. */
#ifndef SINEW__RECORD_TYPES
#include <stdint.h>
typedef uint8_t sinew__u8;
typedef uint16_t sinew__u16;
typedef uint32_t sinew__u32;
typedef uint64_t sinew__u64;
typedef int32_t sinew__s32;
typedef int64_t sinew__s64;
#endif

#define SINEW__RECORD_MAGIC "SINEWREC" /* 8 bytes, without the NUL */

enum {
	SINEW__RECORD_VERSION = 1,
	/* the header's `order`, in the byte order of the writer */
	SINEW__RECORD_ORDER = 0x01020304,
	SINEW__RECORD_HEADER = 512, /* bytes of the header in version 1 */
	SINEW__RECORD_MOST = 1024,  /* no record is longer */
	/* ns: no record is older than the newest before it by more */
	SINEW__RECORD_DISORDER = 10000000,
	SINEW__COMM = 16, /* a thread's name, padded with NUL, perhaps without one at its end */
};

/* How the facts were had; `tier` in the header, printed with every result. */
enum sinew__tier {
	SINEW__TIER_NONE = 0,
	SINEW__TIER_BPF = 'A', /* BPF: everything below, exact */
	/* root without BPF: a tracefs instance; objects from /proc, probable */
	SINEW__TIER_FTRACE = 'B',
	SINEW__TIER_PERF = 'C', /* one's own children: PERF_RECORD_SWITCH; no wakers */
	/* without rights: stat and schedstat, looked at every few ms; no causes */
	SINEW__TIER_SAMPLE = 'D',
};

/* What a recording holds; `has` in the header. What is absent must be called unknown, never none. */
enum sinew__has {
	SINEW__HAS_INTERVALS = 1u << 0,  /* every interval, with exact times (else: samples) */
	SINEW__HAS_PREEMPTION = 1u << 1, /* slice, woken, class or yield */
	SINEW__HAS_CALLS = 1u << 2,      /* the system call of a blocked thread */
	SINEW__HAS_OBJECTS = 1u << 3,    /* its object */
	SINEW__HAS_WAKERS = 1u << 4,     /* who woke it */
	SINEW__HAS_CONTEXT = 1u << 5,    /* whether an interrupt did */
	SINEW__HAS_LIFE = 1u << 6,       /* births, execs, exits */
	SINEW__HAS_REAPED = 1u << 7,     /* REAPED records */
	/* All threads of the machine but the recorder's, and complete CPU records: running + idle +
	 * recorder fills a CPU's time. */
	SINEW__HAS_EVERYTHING = 1u << 8,
	/* Calls and objects are those that a look at /proc met, for want of CALLS and OBJECTS; so are
	 * births and ends for want of LIFE. */
	SINEW__HAS_LOOKS = 1u << 9,
};

/* What was asked for. */
enum sinew__scope {
	SINEW__SCOPE_COMMAND = 1, /* -- COMMAND and what it forks */
	SINEW__SCOPE_PIDS = 2,    /* -p and what they fork */
	SINEW__SCOPE_CGROUP = 3,
	SINEW__SCOPE_ALL = 4,
};

/* The first bytes of a file. All text is padded with NUL and, if it fills its field, without one. */
struct sinew__record_header {
	char magic[8];
	sinew__u32 version;   /* a reader refuses one that it does not know */
	sinew__u32 order;     /* SINEW__RECORD_ORDER; else: from another kind of machine */
	sinew__u32 size;      /* of this header; records begin here */
	sinew__u32 tier;      /* enum sinew__tier */
	sinew__u32 has;       /* enum sinew__has */
	sinew__u32 scope;     /* enum sinew__scope */
	sinew__u64 started;   /* CLOCK_MONOTONIC, ns; all times are of this clock */
	sinew__u64 day;       /* CLOCK_REALTIME at the same moment */
	sinew__u64 asleep;    /* CLOCK_BOOTTIME less CLOCK_MONOTONIC at the same moment */
	sinew__u64 pid_space; /* inode of the PID namespace in which all pids are told */
	sinew__u64 slice;     /* the scheduler's base slice, ns; 0: unknown */
	sinew__u32 machine;   /* EM_X86_64 (62), EM_AARCH64 (183) …: whose system calls */
	sinew__u32 cpus;      /* possible CPUs: cpu < cpus */
	sinew__u32 page;      /* bytes of a page */
	sinew__u32 recorder;  /* pid of the recorder, whose threads are left out */
	sinew__u32 target;    /* COMMAND's pid, or the first of -p; 0 */
	sinew__u32 reserved0;
	sinew__u8 boot_id[16];
	char release[64];  /* uname -r */
	char command[256]; /* what was asked for, as words for people: "-- make -j4", "-a" */
	sinew__u8 reserved[80];
};

enum sinew__record_type {
	SINEW__RECORD_INTERVAL = 1, /* struct sinew__interval */
	SINEW__RECORD_THREAD = 2,   /* struct sinew__thread: there is this thread */
	SINEW__RECORD_ADMIT = 3,    /* struct sinew__admit: a new thread was put on a run queue */
	SINEW__RECORD_EXEC = 4,     /* struct sinew__exec */
	SINEW__RECORD_EXIT = 5,     /* struct sinew__exit: it began to end */
	SINEW__RECORD_REAPED = 6,   /* struct sinew__reaped: it is gone */
	/* struct sinew__name: of a thread that is not traced, or a new one */
	SINEW__RECORD_NAME = 7,
	SINEW__RECORD_OBJECT = 8, /* struct sinew__object_name */
	SINEW__RECORD_LOSS = 9,   /* struct sinew__loss */
	SINEW__RECORD_CPU = 10,   /* struct sinew__cpu: totals of one CPU, at the end */
	SINEW__RECORD_NOTE = 11,  /* struct sinew__note: a sentence to be shown with every result */
	/* struct sinew__end: the last one; without it the recording was cut */
	SINEW__RECORD_END = 12,
	SINEW__RECORD_SAMPLE = 13, /* struct sinew__sample: what became of it since the last look */
};

/* Every record begins so. `flags` are those of its type. */
struct sinew__record {
	sinew__u16 type;
	sinew__u16 size; /* with this; a multiple of 8, 16 … SINEW__RECORD_MOST */
	sinew__u16 cpu;  /* where it happened */
	sinew__u16 flags;
	sinew__u64 time; /* when */
};

/* Which thread. A pid is used again, the pair is not: `start` is when it was made (CLOCK_MONOTONIC, ns;
 * times of /proc/PID/stat are boot time, in ticks). A thread that execs without being the first of its
 * process takes over the pid and the start of the first one: see EXEC. tid == 0: the thread has no number
 * in the recorder's PID namespace; then only `start` tells it. */
struct sinew__who {
	sinew__u32 tid, tgid;
	sinew__u64 start;
};

/* Why a thread left its CPU. */
enum sinew__why {
	SINEW__WHY_UNKNOWN = 0, /* not seen (the thread was off its CPU when the recording began) */
	SINEW__WHY_BLOCKED = 1, /* state != 0; woken, waker, call, object say more */
	/* Still runnable, so it went from running to ready: */
	SINEW__WHY_SLICE = 2, /* its time slice was over */
	SINEW__WHY_WOKEN = 3, /* a task that had just been woken took over: `next` */
	SINEW__WHY_CLASS = 4, /* `next` is of a higher class or real-time priority */
	SINEW__WHY_YIELD = 5, /* it gave way: sched_yield() */
	SINEW__WHY_OTHER = 6, /* moved to another CPU, affinity, throttled, or not to be told */
	/* No coming back: */
	SINEW__WHY_DEAD = 7,    /* its last moment on a CPU; time == left, no dispatch follows */
	SINEW__WHY_RUNNING = 8, /* with OPEN only: it has not left; it runs since ran_since */
	/* First dispatch: left == 0, woken is when it was admitted (or 0), the waker its creator. */
	SINEW__WHY_NEW = 9,
};

/* Who called the waking function. */
enum sinew__context {
	SINEW__CONTEXT_UNKNOWN = 0, /* `waker` is whoever ran there: never to be blamed */
	SINEW__CONTEXT_TASK = 1,    /* `waker` did it, in a system call or fault of its own */
	/* a softirq on top of `waker`: probable if that was sending just then */
	SINEW__CONTEXT_SOFTIRQ = 2,
	SINEW__CONTEXT_HARDIRQ = 3, /* an interrupt; `waker` just happened to run */
	SINEW__CONTEXT_TIMER = 4,   /* a timer that ran out: sleep, timeout, alarm */
	SINEW__CONTEXT_WORKER = 5,  /* a kernel worker or other kernel thread: one hop more */
	SINEW__CONTEXT_NMI = 6,
};

enum sinew__interval_flags {
	/* `time` is when the recording ended, not a dispatch: this is the state the thread is left
	 * in. Written once for every thread that lives then; woken == 0: not woken yet. */
	SINEW__INTERVAL_OPEN = 1u << 0,
	/* The thread was already off its CPU when the recording began, so `left` is 0, and state, call and
	 * object are what the look at it found; ran_since is 0. */
	SINEW__INTERVAL_SEEDED = 1u << 1,
	/* The waking came while it was still leaving: woken was set to left. */
	SINEW__INTERVAL_EARLY = 1u << 2,
	/* Blocked in no system call, coming from user mode: a page fault (call is -1). */
	SINEW__INTERVAL_FAULT = 1u << 3,
	/* A kernel thread: no call, no object. */
	SINEW__INTERVAL_KERNEL = 1u << 4,
	/* The call is one of a 32-bit program: numbers of the i386 table. */
	SINEW__INTERVAL_COMPAT = 1u << 5,
	/* Its dispatch was not seen: `time` is when it left again or was met on its CPU, and how long it
	 * was ready and how long it ran before is not known. */
	SINEW__INTERVAL_LATE = 1u << 6,
};

/* What a thread is blocked on. `call` and arguments are always as the thread made them; the rest says
 * what its file descriptor was, if the call waits on one (fd >= 0).
 *   magic      the superblock's magic: 0x50495045 pipe, 0x534f434b socket, 0x09041934 anonymous inode,
 *              0x19800202 mqueue, 0x50494446 pidfd …; 0: none
 *   dev, ino   the inode: what /proc/PID/fd shows as pipe:[ino], socket:[ino]
 *   detail     by magic: socket: family << 16 | type; anonymous inode: enum sinew__anonymous << 24,
 *              with the low bits of the eventfd-id or of a number that tells one from another;
 *              other: how the file is open, 1 read | 2 write, | its type (i_mode & S_IFMT)
 * Futexes: arg0 is the address, arg1 the operation; where the word lies in a file that is mapped and
 * shared, magic, dev and ino are that file's, and fd is -1. System V: arg0 the id. wait4: arg0 the pid.
 * poll and ppoll: fd is the first one of arg1 many. */
struct sinew__wait {
	/* TASK_* bits as the kernel has them, flags masked off: 1 sleep, 2 disk sleep, 4 stopped,
	 * 8 traced, 0x402 idle; 0: runnable. */
	sinew__u32 state;
	sinew__s32 call; /* number of the system call, -1: none */
	sinew__u64 arg0;
	sinew__u32 arg1; /* its low half */
	sinew__s32 fd;   /* -1: none */
	sinew__u32 magic;
	sinew__u32 dev; /* major << 20 | minor */
	sinew__u64 ino;
	sinew__u32 detail;
	sinew__u32 arg2; /* its low half: poll's timeout, futex's value */
};

enum sinew__anonymous {
	SINEW__ANONYMOUS_OTHER = 0,
	SINEW__ANONYMOUS_EVENTFD = 1,
	SINEW__ANONYMOUS_EPOLL = 2,
	SINEW__ANONYMOUS_TIMERFD = 3,
	SINEW__ANONYMOUS_SIGNALFD = 4,
	SINEW__ANONYMOUS_INOTIFY = 5,
	SINEW__ANONYMOUS_USERFAULTFD = 6,
	SINEW__ANONYMOUS_URING = 7,
	SINEW__ANONYMOUS_PIDFD = 8,
};

/* ran_since ≤ left ≤ woken ≤ time, where they are not 0.
 *   running   ran_since … left      on left_cpu
 *   blocked   left … woken          if why is BLOCKED (or UNKNOWN with a state)
 *   ready     woken … time          blocked before;  left … time  if preempted
 * time: dispatched on `cpu`. */
struct sinew__interval {
	struct sinew__record head;
	struct sinew__who who;
	/* counts the intervals of this thread from 1; a gap: records were lost */
	sinew__u32 number;
	sinew__u16 left_cpu;
	sinew__u8 why;                     /* enum sinew__why */
	sinew__u8 context;                 /* enum sinew__context */
	sinew__u64 ran_since, left, woken; /* 0: unknown, or did not happen */
	/* 0: unknown, outside of the PID namespace, or the idle task */
	sinew__u32 waker_tid, waker_tgid;
	/* Preempted: who ran on left_cpu after it; 0: not visible. */
	sinew__u32 next_tid, next_tgid;
	struct sinew__wait wait;
	/* The system call that the waker was in when it woke this thread, plus one; 0: none, or unknown.
	 * It tells a write from a signal. Meaningful with CONTEXT_TASK and CONTEXT_SOFTIRQ. */
	sinew__u32 waker_call;
	sinew__u32 reserved;
};

enum sinew__thread_flags {
	/* it was there when the recording began; else it was just made */
	SINEW__THREAD_SEEDED = 1u << 0,
	SINEW__THREAD_KERNEL = 1u << 1,
	SINEW__THREAD_RUNNING = 1u << 3, /* SEEDED: it was on `head.cpu` */
	/* SEEDED: its process has ended and is not reaped; `time` is no exit */
	SINEW__THREAD_ZOMBIE = 1u << 2,
};

/* A thread: made just now by `maker_tid` (who called clone()), or found at the beginning. */
struct sinew__thread {
	struct sinew__record head;
	struct sinew__who who;
	sinew__u32 maker_tid, maker_tgid; /* who made it; SEEDED: its parent process, twice */
	sinew__u32 state;                 /* SEEDED: as in sinew__wait; 0: ready or running */
	sinew__s32 priority; /* the kernel's: 0-99 real-time, 100-139 normal; -1 deadline */
	sinew__u64 cgroup;   /* its cgroup's id; 0: unknown */
	char comm[SINEW__COMM];
};

/* New -> ready. `head.cpu`: the run queue. */
struct sinew__admit {
	struct sinew__record head;
	struct sinew__who who;
};

/* A thread runs another program. If it was not the first thread of its process, it was `old` until now
 * and goes on under the name `who`; the first thread ended. */
struct sinew__exec {
	struct sinew__record head;
	struct sinew__who who;
	sinew__u32 old_tid;
	sinew__u32 reserved;
	sinew__u64 old_start;
	char comm[SINEW__COMM];
};

enum sinew__exit_flags {
	SINEW__EXIT_PROCESS = 1u << 0, /* the last thread of the process: code is the process's */
	SINEW__EXIT_UNKNOWN = 1u << 1, /* code is not known */
};

struct sinew__exit {
	struct sinew__record head;
	struct sinew__who who;
	sinew__u32 code;        /* as wait() tells it: status << 8 | signal, 0x80: core dumped */
	sinew__u32 parent_tgid; /* who should reap the process */
};

/* The end of a thread's last trace. A process is a zombie from its exit until it is reaped, which was
 * not before `reaped` and not after head.time. If `certain`, `reaped` was seen to within a system call:
 * the parent called wait() then, or was dispatched inside of it, and the zombie was still there; it was
 * gone when next looked. Else it is the last moment at which it was seen as a zombie. */
struct sinew__reaped {
	struct sinew__record head;
	struct sinew__who who;
	sinew__u64 exited; /* 0: before the recording */
	sinew__u64 reaped;
	/* who reaped it; 0: nobody (a thread, or SIGCHLD ignored) */
	sinew__u32 reaper_tid, reaper_tgid;
	sinew__u32 certain;
	sinew__u32 reserved;
};

/* A thread's name. Not traced: one that woke or displaced a traced thread; sent once before it is first
 * needed. It may be a traced one that renamed itself. tgid 0: not known. */
struct sinew__name {
	struct sinew__record head;
	struct sinew__who who;
	char comm[SINEW__COMM];
};

/* What people call an object: "unix:/run/a.sock", "pipe:[8123]", "fifo:/tmp/f", "/dev/tty". Matches
 * sinew__wait by magic, dev, ino and, for anonymous inodes, detail. Names are bytes: to be escaped. */
struct sinew__object_name {
	struct sinew__record head;
	sinew__u32 magic, dev;
	sinew__u64 ino;
	sinew__u32 detail;
	sinew__u32 length; /* of the text, which is padded to a multiple of 8 */
	char text[];       /* at most 512 bytes */
};

/* Records that found no room. What they told is unknown; each thread's `number` shows where. */
struct sinew__loss {
	struct sinew__record head; /* time: when it was noticed */
	sinew__u64 lost;           /* records, since the last LOSS */
	sinew__u64 since;          /* not before */
};

/* Totals of one CPU from `started` to head.time. */
struct sinew__cpu {
	struct sinew__record head;
	sinew__u64 idle;     /* ns in which nothing ran */
	sinew__u64 recorder; /* ns in which the recorder ran */
	sinew__u64 switches;
	sinew__u64 overlaps; /* dispatches that found somebody still there: must be 0 */
	sinew__u64 unknown;  /* ns: it is not known who ran, for a switch was not seen */
};

enum sinew__note_flags {
	SINEW__NOTE_OF_USER = 1u << 0, /* words of whoever asked for the recording */
};

/* A sentence: what is missing and what would give it; or what the user has to say. */
struct sinew__note {
	struct sinew__record head;
	sinew__u32 length;
	sinew__u32 reserved;
	char text[]; /* at most 512 bytes, padded to a multiple of 8 */
};

enum sinew__sample_flags {
	SINEW__SAMPLE_SAME = 1u << 0,  /* it has not run since the last one: the same wait */
	SINEW__SAMPLE_ENDED = 1u << 1, /* its end lies in this time */
	SINEW__SAMPLE_KERNEL = 1u << 2,
	SINEW__SAMPLE_FAULT = 1u << 3, /* blocked in no system call: a page fault */
};

/* Where switches are not seen: what the kernel's own counts say of a thread from its last record to
 * head.time, in which order is not known. The four together are no longer than that; what they leave is
 * not known either. `wait` is what it was blocked in at head.time; state 0: it could run. */
struct sinew__sample {
	struct sinew__record head;
	struct sinew__who who;
	sinew__u64 running, ready, blocked, terminated; /* ns */
	sinew__u32 dispatched;                          /* how often it got a CPU */
	sinew__u32 voluntary, involuntary; /* how often it left one: to block; while it could run */
	sinew__u32 reserved;
	struct sinew__wait wait;
};

struct sinew__end {
	struct sinew__record head; /* time: when recording ended */
	sinew__u64 records;        /* written before this one, each counted */
	sinew__u64 lost;           /* of all LOSS together */
	sinew__s32 exit_code;      /* of COMMAND, as wait() tells it; -1: none, or it runs on */
	sinew__u32 reserved;
	sinew__u64 startup; /* ns from the first step to the moment from which nothing was missed */
	sinew__u64 seeding; /* ns of it: to look at the threads that were there */
	sinew__u64 seeded;  /* threads found */
};

#ifndef __bpf__
#include <stddef.h>
_Static_assert(sizeof(struct sinew__record_header) == SINEW__RECORD_HEADER, "header");
_Static_assert(offsetof(struct sinew__record_header, boot_id) == 96, "header");
_Static_assert(offsetof(struct sinew__record_header, command) == 176, "header");
_Static_assert(sizeof(struct sinew__record) == 16, "record");
_Static_assert(sizeof(struct sinew__wait) == 48, "wait");
_Static_assert(sizeof(struct sinew__interval) == 136, "interval");
_Static_assert(offsetof(struct sinew__interval, ran_since) == 40, "interval");
_Static_assert(offsetof(struct sinew__interval, wait) == 80, "interval");
_Static_assert(sizeof(struct sinew__thread) == 72, "thread");
_Static_assert(sizeof(struct sinew__admit) == 32, "admit");
_Static_assert(sizeof(struct sinew__exec) == 64, "exec");
_Static_assert(sizeof(struct sinew__exit) == 40, "exit");
_Static_assert(sizeof(struct sinew__reaped) == 64, "reaped");
_Static_assert(sizeof(struct sinew__name) == 48, "name");
_Static_assert(sizeof(struct sinew__object_name) == 40, "object");
_Static_assert(sizeof(struct sinew__loss) == 32, "loss");
_Static_assert(sizeof(struct sinew__cpu) == 56, "cpu");
_Static_assert(sizeof(struct sinew__note) == 24, "note");
_Static_assert(sizeof(struct sinew__end) == 64, "end");
_Static_assert(sizeof(struct sinew__sample) == 128, "sample");
#endif

#endif
