/* SPDX-License-Identifier: MIT
 *
 * sweep.h - the fault sweep: every system call on the paths of every channel fails once with each
 * errno that its man page names, and what the channel then does is judged.
 *
 *   sweep_calls.c   counts the calls of the library's table, and makes one of them fail
 *   sweep_flow.c    one direction of a channel: what was accepted, what came, what was told
 *   sweep_talk.c    a conversation over a channel, as its capabilities allow
 *   sweep.c         the cases: a conversation as it is, then once for each fault that can be
 */
#ifndef SINEW_TESTS_SWEEP_H
#define SINEW_TESTS_SWEEP_H

#include "mechanisms.h"
#include "sys.h"

/* ---- faults ---- */

enum sweep_call {
#define SWEEP_NAME(result, name, parameters, arguments) SWEEP_##name,
	SINEW__SYSCALLS(SWEEP_NAME)
#undef SWEEP_NAME
		SWEEP_CALLS
};

enum sweep_kind {
	SWEEP_FAILS,      /* the call is not made and gives the errno */
	SWEEP_SHORT,      /* it moves one byte */
	SWEEP_SHORT_FAILS /* it moves one byte, and the next such call fails */
};

struct sweep_fault {
	int call; /* enum sweep_call */
	unsigned nth;
	int error;
	enum sweep_kind kind;
};

const char *sweep_call_name(int call);
/* The errnos to sweep this call with. */
const int *sweep_errnos(int call, unsigned *count);
/* Whether it moves bytes, and may move some of them. */
bool sweep_is_transfer(int call);

/* From here on calls are counted, and the fault happens. fault: NULL for none. most: more calls than
 * that are a busy loop. */
void sweep_begin(const struct sweep_fault *fault, unsigned long most);
void sweep_end(void);
/* A kernel that knows no flags for the single transfer on files, before and beside every fault. */
void sweep_old_kernel(void);

unsigned sweep_count(int call);
unsigned long sweep_total(void);
bool sweep_fired(void);
/* The errno that was given, 0 while none was. */
int sweep_given(void);
/* The call that failed, or -1. */
int sweep_failed_call(void);
/* Mappings made and not given back, since the program started. */
long sweep_mappings(void);

/* What is going on, for words: set before each call of the library. */
extern const char *sweep_at;
/* A fault as SWEEP names it. */
void sweep_describe(const struct sweep_fault *, char *text, size_t size);
/* The fault under way in words, as it can be repeated. */
const char *sweep_words(void);

/* Fails the case, and names the fault. */
#define BAD(format, ...) test_fail(__FILE__, __LINE__, "%s: " format, sweep_words(), ##__VA_ARGS__)

/* Calls the library; a failure must have words, and a cause. */
#define ASK(what, call)                                                                            \
	({                                                                                         \
		sweep_prepare(what);                                                               \
		int asked_ = (call);                                                               \
		sweep_judge(asked_);                                                               \
	})
/* The same where a failure needs no fault to be right. */
#define TRY(what, call)                                                                            \
	({                                                                                         \
		sweep_prepare(what);                                                               \
		int tried_ = (call);                                                               \
		sweep_judge_words(tried_);                                                         \
	})
void sweep_prepare(const char *what);
int sweep_judge(int r);
int sweep_judge_words(int r);

/* ---- what there is ---- */

struct sweep_holdings {
	uint64_t descriptors; /* bit n: descriptor n is open */
	long mappings;
	unsigned names; /* in the case's directory */
};

struct sweep_holdings sweep_look(void);
/* Whether nothing was left behind since then but what the fault itself keeps from being removed. */
void sweep_expect(const struct sweep_holdings *before, const char *after);

/* ---- one direction ---- */

enum { SWEEP_PENDING = 64, SWEEP_LARGE = 70000, SWEEP_MODEST = 12000, SWEEP_SMALL = 60 };

struct sweep_flow {
	const char *send_name, *receive_name;
	bool bounded;  /* messages have boundaries */
	bool endless;  /* there is no END */
	bool passes;   /* descriptors travel, too: one with the first message of each call */
	unsigned next; /* number of the next message: each is tried once */
	struct sweep_note {
		unsigned number;
		size_t size;
	} pending[SWEEP_PENDING]; /* accepted, not arrived */
	unsigned count;
	size_t arrived;   /* without boundaries: bytes of the first that have come */
	unsigned refused; /* sends that failed */
	struct sweep_note first_refused;
	unsigned missing; /* accepted, told to be lost */
	uint64_t lost;    /* told to be lost, not yet missed */
	uint64_t lost_ever;
	bool broken; /* the sender was told */
	bool cut;    /* the receiver was told: an error that is no passing one */
	bool ended;  /* the receiver saw END */
	unsigned events;
	uint64_t peer; /* who sent last */
};

/* How the calls wait. */
struct sweep_manner {
	bool forever; /* where what is waited for is there */
	bool now;     /* never; with descriptors to poll */
	bool take;    /* borrow, several at a time */
	bool exact;
};

/* One end of a flow. */
struct sweep_end {
	sinew_channel *channel;
	int fd; /* to poll, in the direction of the flow; or -1 */
};

/* Sends `count` messages of this size in one call, and again what was refused, as new messages. */
void sweep_put(struct sweep_flow *, const struct sweep_end *, const struct sweep_manner *,
	uint64_t peer, size_t size, unsigned count);
/* Receives until no more than `leave` that were accepted are under way, or the end came. */
void sweep_fetch(
	struct sweep_flow *, const struct sweep_end *, const struct sweep_manner *, unsigned leave);
/* Receives the end. */
void sweep_fetch_end(struct sweep_flow *, const struct sweep_end *, const struct sweep_manner *);
/* What a receive returned that was to find nothing: a fault is the reason. */
void sweep_note(struct sweep_flow *, int r, const struct sinew_msg *);
/* Nothing more comes: what was accepted has come, or was told to be lost, and no more than that. */
void sweep_settle(struct sweep_flow *);

/* A failure that passes: the same call may well succeed the next time. */
bool sweep_passes(int error);
int64_t sweep_soon(void);

/* ---- conversations ---- */

struct sweep_talk {
	const struct mechanism *m;
	const char *extra; /* options */
	unsigned flags;
	struct sweep_manner manner;
	bool finish; /* say that no more will be sent, before the close */
	void (*run)(const struct sweep_talk *);
	/* Filled in before the first fault. */
	bool slow; /* every byte costs a system call */
	uint64_t bits, most;
	char uri[256];
};

/* Learns what the conversation needs to know; whether the mechanism can have it. */
bool sweep_talk_prepare(struct sweep_talk *);
void sweep_converse(const struct sweep_talk *);
/* Names that were left behind: taken over, removed. */
void sweep_names(const struct sweep_talk *);
/* An end of a pair that is handed over as descriptors. */
void sweep_adopt(const struct sweep_talk *);

#endif
