/* SPDX-License-Identifier: MIT
 *
 * states.h - the five states of threads, as a recording tells them.
 *
 * Model: each thread has a point in its life up to which its time is accounted for, and the state that it
 * is in from there on. A record moves the point, never back: what lies between goes to one state, or to
 * `unseen` when the recording does not tell. So the times of a thread always add up to its life, and
 * doubt is shown as a time of its own.
 *
 *            admit          interval            interval DEAD          reaped
 *      NEW --------> READY ----------> RUNNING ---------------> TERMINATED ----> (gone)
 *                     ^  ^ slice, woken, | |
 *                     |  +- class, yield-+ |
 *                     +----- BLOCKED <-----+
 *                      woken
 */
#ifndef SINEW_OBSERVE_STATES_H
#define SINEW_OBSERVE_STATES_H

#include <stdio.h>

#include "order.h"
#include "tally.h"
#include "timeline.h"

enum sinew__state {
	SINEW__NEW,
	SINEW__READY,
	SINEW__RUNNING,
	SINEW__BLOCKED,
	SINEW__TERMINATED,
	SINEW__ASLEEP, /* blocked, then ready: when it was woken was not seen */
	SINEW__UNSEEN, /* not told by the recording */
	SINEW__STATES,
};

enum sinew__move {
	SINEW__ADMITTED,
	SINEW__DISPATCHED,
	SINEW__BY_SLICE, /* running -> ready, and why */
	SINEW__BY_WOKEN,
	SINEW__BY_CLASS,
	SINEW__BY_YIELD,
	SINEW__BY_OTHER,
	SINEW__TO_BLOCKED,
	SINEW__WOKEN_UP,
	SINEW__ENDED,
	SINEW__REAPED,
	SINEW__MOVES,
};

extern const char *const sinew__state_names[SINEW__STATES];
extern const char *const sinew__move_names[SINEW__MOVES]; /* as JSON has them */

/* Durations; bins[i] counts those of 2^i to 2^(i+1) - 1 ns, the last one all that are longer. */
enum { SINEW__BINS = 36 };

struct sinew__spans {
	uint64_t count, sum, longest;
	uint64_t bins[SINEW__BINS];
};

void sinew__spans_add(struct sinew__spans *spans, uint64_t ns);
/* Half of them were shorter than this, which is a power of two, in ns; 0 of none. */
uint64_t sinew__spans_half(const struct sinew__spans *spans);

/* Of a thread, a process, or all. */
struct sinew__account {
	uint64_t time[SINEW__STATES];
	uint64_t moves[SINEW__MOVES];
	struct sinew__spans delay;   /* whole times of being ready: the run-queue delay */
	struct sinew__spans blocked; /* whole times of being blocked */
};

struct sinew__process {
	struct sinew__process *next;  /* with the same hash and another number */
	struct sinew__process *older; /* that had this number before */
	uint32_t id;                  /* counts them from 0, as they were first met */
	uint32_t tgid;
	uint64_t start; /* 0: unknown */
	char comm[SINEW__COMM];
	bool kernel;
	uint32_t tasks;  /* ever seen; 0: it is not traced, only named */
	uint32_t folded; /* of them no longer told singly */
	struct sinew__task *first, *last;
	struct sinew__account account;
};

struct sinew__task {
	struct sinew__task *next;    /* with the same hash */
	struct sinew__task *sibling; /* of the same process, as they were met */
	struct sinew__process *process;
	struct sinew__who who;
	char comm[SINEW__COMM];
	enum sinew__state now;
	uint64_t begin, at; /* accounted for from..to */
	uint32_t number;    /* of its last interval */
	bool known;         /* its birth, or the look at it, is in the recording */
	bool born;          /* its birth is */
	bool over;          /* nothing more can come: it is gone */
	bool left_open;     /* the recording ended in its life */
	bool retired;       /* the exec of another thread took its place and its name */
	uint32_t gaps, contradictions;
	/* birth: who made it, its steps; 0: not seen */
	uint32_t maker, maker_id; /* its number, and which process had it then */
	uint64_t made, admitted, first_run, exec;
	uint32_t execs;
	/* end */
	uint64_t exited, dead, reaped, reaped_before, released;
	uint32_t code, parent, parent_id, reaper, reaper_id;
	bool exit_seen, exit_process, code_known, reap_seen, certain;
	/* the check of its CPU: since when it runs where, and when somebody else came there */
	uint64_t dispatched, followed;
	uint16_t cpu;
	uint32_t lane; /* of the timeline, plus one; 0: none */
	struct sinew__account account;
};

/* What was seen of one CPU. */
struct sinew__cpu_state {
	struct sinew__task *occupant;
	uint64_t since;
	bool told; /* its totals came: */
	uint64_t until, idle, recorder, switches, overlaps, unknown;
	uint64_t running; /* of traced threads */
};

enum { SINEW__CPUS_MOST = 8192, SINEW__TASKS_MOST = 32768, SINEW__PROCESSES_MOST = 32768 };

struct sinew__states {
	struct sinew__record_header header;
	struct sinew__order order;
	/* threads and processes (people.c) */
	struct sinew__task **tasks;
	struct sinew__process **by_tgid;
	struct sinew__process **processes; /* by id */
	uint32_t task_count, process_count, process_room;
	struct sinew__process *others; /* when there are too many */
	uint64_t folded;               /* threads no longer told singly */
	uint64_t fold_again;           /* not before so many records */
	uint64_t unlisted;             /* records of threads for which there was no room */
	/* tables */
	struct sinew__tally tally;
	struct sinew__timeline *timeline; /* or NULL: nobody wants it */
	/* sums */
	struct sinew__account total;
	struct sinew__cpu_state *cpus;
	uint32_t cpu_count;
	uint64_t begin, end; /* of what was seen */
	bool seen, ended;
	struct sinew__end end_record;
	/* evidence */
	uint64_t records, intervals;
	uint64_t checked, overlaps; /* dispatches whose CPU was looked at; found occupied */
	uint64_t joined, torn;      /* intervals that begin where the one before ended, or not */
	uint64_t lost, losses;      /* records lost, and at how many places */
	uint64_t unnoticed;         /* dispatches that were not seen */
	uint64_t gaps;              /* places where a thread's numbers have a gap */
	uint64_t contradictions;    /* records that cannot be */
	uint64_t codes_unknown;     /* ends of processes without a code */
	uint64_t strange;           /* records of no known type or impossible */
	uint64_t missing;           /* threads whose beginning is not in the recording */
	struct sinew__note_text *notes, **last_note;
	uint32_t note_count;
	char fault[256]; /* of the file, plain; empty: none */
};

struct sinew__note_text {
	struct sinew__note_text *next;
	bool of_user; /* else: what the recording does not tell */
	char text[520];
};

int sinew__states_init(struct sinew__states *states, const struct sinew__record_header *header);
void sinew__states_fini(struct sinew__states *states);

/* One record, in the order in which they came. 0 or -ENOMEM. */
int sinew__states_add(struct sinew__states *states, const struct sinew__record *record);

/* Words of the user, to be shown with every result, beside those in the recording. 0 or -ENOMEM. */
int sinew__states_note(struct sinew__states *states, const char *text);

/* Counts what is missing. If the recording has ended or breaks off (fault), first takes what is still in the
 * window; if it has ended, gives every life an end. */
int sinew__states_settle(struct sinew__states *states);

/* What a life came to: the sum of its times, which is at - begin, else there is a fault in here. */
uint64_t sinew__account_sum(const struct sinew__account *account);

/* ---- people.c ---- */

int sinew__people_init(struct sinew__states *states);
void sinew__people_fini(struct sinew__states *states);

/* NULL: it is not known. */
struct sinew__task *sinew__task_find(
	const struct sinew__states *states, const struct sinew__who *who);
/* Found, or made to begin at `begin`. NULL without memory (*error is -ENOMEM) or room (0). */
struct sinew__task *sinew__task_get(
	struct sinew__states *states, const struct sinew__who *who, uint64_t begin, int *error);
/* It goes on under another name: exec in a thread that was not the first. */
void sinew__task_rename(
	struct sinew__states *states, struct sinew__task *task, const struct sinew__who *who);
/* As wait() tells it. The command's own is known to who traced it, where those of others are not. */
bool sinew__code_of(
	const struct sinew__states *states, const struct sinew__task *task, uint32_t *code);
/* It has gone, and its name may be taken by another. */
void sinew__task_retire(struct sinew__states *states, struct sinew__task *task);

/* The one that had this number last, made if need be (start 0: whoever that was). NULL without memory;
 * `others` when there are too many. */
struct sinew__process *sinew__process_get(
	struct sinew__states *states, uint32_t tgid, uint64_t start, bool first);
/* The id of the process that has this number now (tgid 0: that of this thread), or nobody. 0 or -ENOMEM. */
int sinew__process_id(struct sinew__states *states, uint32_t tgid, uint32_t tid, uint32_t *id);

#endif
