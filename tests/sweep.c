/* SPDX-License-Identifier: MIT
 *
 * sweep.c - the fault sweep's cases: every row of the table of channels, every conversation, every
 * system call in it, every errno of that call.
 *
 * A conversation is held once as it is, to count its calls; then once for each fault. Of the times a
 * call is made the first few and the last are swept; of all these faults every STRIDE-th, another
 * part in each row, or every SWEEP_STRIDE-th. One fault alone is repeated with SWEEP in the environment,
 * as a failure names it: SWEEP=recv:2:EIO test-sweep --run 'channel[unix]/deadline'; with SWEEP=all a
 * failure does not keep the others from being found.
 */
#include "sweep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { STRIDE = 21 }; /* a sanitizer takes its time */
#else
enum { STRIDE = 5 };
#endif

enum {
	FIRST = 2,    /* of the times a call is made, these and the last are swept */
	PAUSES = 600, /* system calls that a fault may cost: bounded waits, another try */
	MOST = 2000,  /* system calls of a conversation, a slow one being made of small messages */
	MS_EACH = 12000, /* what a conversation may take, beside fifteen others on two CPUs */
	HANG = 20        /* s, where the machine is slow */
};

static const char *wanted; /* SWEEP: the only fault to do */
static unsigned stride = STRIDE;
static unsigned done, offered; /* faults */
static unsigned due, happened; /* of those that were to happen here */

__attribute__((constructor)) static void look_for_wish(void)
{
	/* A case's environment is clean. */
	wanted = getenv("SWEEP");
	const char *number = getenv("SWEEP_STRIDE");
	if (number && atoi(number) > 0)
		stride = (unsigned)atoi(number);
}

static void too_long(int signal)
{
	(void)signal;
	BAD("hangs");
}

/* ---- one fault ---- */

static void hold(const struct sweep_talk *talk, const struct sweep_fault *fault, unsigned long most)
{
	struct sweep_holdings before = sweep_look();
	int64_t limit = test_limit(MS_EACH);

	alarm(HANG);
	sweep_begin(fault, most);
	talk->run(talk);
	sweep_at = "the end";
	sweep_expect(&before, "all");
	if (test_now() > limit)
		BAD("takes longer than %d ms", MS_EACH);
	due += fault && fault->kind == SWEEP_FAILS;
	happened += fault && fault->kind == SWEEP_FAILS && sweep_fired();
	sweep_end();
	alarm(0);
}

/* What a library may remember for the rest of the process: that this kernel does not know the call. */
static bool is_sticky(int error)
{
	return error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == ESPIPE;
}

static void inject(
	const struct sweep_talk *talk, const struct sweep_fault *fault, unsigned long most)
{
	char text[64];

	sweep_describe(fault, text, sizeof text);
	bool all = wanted && strcmp(wanted, "all") == 0;
	if (wanted && !all ? strcmp(wanted, text) != 0 : offered++ % stride != 0)
		return;
	done++;
	if (!all && !is_sticky(fault->error)) {
		hold(talk, fault, most);
		return;
	}
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		hold(talk, fault, most);
		exit(0);
	}
	int status = test_wait(pid);
	if (!all)
		CHECK_EQ(status, 0);
}

/* ---- all of them ---- */

struct plan {
	unsigned counts[SWEEP_CALLS];
	unsigned long most;
	bool shorten; /* transfers of bytes may be short */
};

/* Who must not read a byte too many reads each by itself, where nothing before them says how many come. */
static bool is_slow(const struct sweep_talk *talk)
{
	const char *options = talk->m->options;

	return talk->flags & SINEW_EXACT && mechanism_is_stream(talk->m) &&
	       (strstr(options, "frame=line") ||
		       (talk->manner.take && strstr(options, "frame=raw")));
}

static void make_plan(struct sweep_talk *talk, struct plan *plan)
{
	talk->slow = is_slow(talk);
	hold(talk, NULL, MOST);
	for (int call = 0; call < SWEEP_CALLS; call++)
		plan->counts[call] = sweep_count(call);
	/* Where the build is slow deadlines are longer, and so many more pauses fit them. */
	plan->most = 2 * sweep_total() +
		     PAUSES * (unsigned long)(test_limit(1000) - test_now()) / 900000000;
	plan->shorten = mechanism_is_stream(talk->m);
}

static void sweep_occurrence(
	const struct sweep_talk *talk, const struct plan *plan, int call, unsigned nth)
{
	unsigned count;
	const int *errnos = sweep_errnos(call, &count);
	bool shorten = plan->shorten && sweep_is_transfer(call);
	struct sweep_fault fault = {.call = call, .nth = nth};

	for (unsigned i = 0; i < count; i++) {
		fault.error = errnos[i];
		fault.kind = SWEEP_FAILS;
		inject(talk, &fault, plan->most);
		fault.kind = SWEEP_SHORT_FAILS;
		if (shorten)
			inject(talk, &fault, plan->most);
	}
	fault.error = 0;
	fault.kind = SWEEP_SHORT;
	if (shorten)
		inject(talk, &fault, plan->most);
}

static void sweep_all(struct sweep_talk *talk)
{
	struct plan plan = {0};

	signal(SIGALRM, too_long);
	CHECK(sinew__process_token()); /* mapped once in a process */
	make_plan(talk, &plan);
	for (int call = 0; call < SWEEP_CALLS; call++)
		for (unsigned nth = 1; nth <= plan.counts[call]; nth++)
			if (nth <= FIRST || nth == plan.counts[call])
				sweep_occurrence(talk, &plan, call, nth);
	printf("%u faults of a conversation of %lu calls\n", done, plan.most);
	CHECK(done > 0 || wanted || offered < 2 * stride);
	/* What is counted once is made again, but for a few whose number the time decides. */
	CHECK(happened + due / 10 + (stride > 1 ? 2 : 0) >= due && (happened > 0 || due < 3));
}

/* Sweeps the conversation where this mechanism can hold it. */
static void sweep(const struct mechanism *m, struct sweep_talk talk)
{
	talk.m = m;
	offered = (unsigned)(m - mechanism_rows) % stride; /* like rows sample other faults */
	talk.extra = talk.extra ? talk.extra : "";
	talk.run = talk.run ? talk.run : sweep_converse;
	bool can = strstr(talk.extra, "keep") ? m->place != NULL
					      : talk.run != sweep_adopt || !m->place;
	/* A thread that lets guests in has its own time; the sweep of regions has its calls. A ring in a
	 * file is one in shared memory under another path, and gathers nothing. */
	if (strcmp(m->scheme, "ring") == 0)
		can = can && !strstr(m->options, "serve=thread") &&
		      !strstr(talk.extra, "coalesce") &&
		      !(m->place && strncmp(m->place, "file:", 5) == 0);
	if (can && sweep_talk_prepare(&talk))
		sweep_all(&talk);
	test_checked();
}

/* ---- the cases ---- */

#define CASE(name, ...)                                                                            \
	TEST_EACH(every_channel, name, struct mechanism, m, .timeout = 120)                        \
	{                                                                                          \
		sweep(m, (struct sweep_talk){__VA_ARGS__});                                        \
	}

/* Every wait for ever, in the mechanism itself. */
CASE(forever, .manner.forever = true, .finish = true)
/* Waits with a deadline, beside a cancel, news of peers. */
CASE(deadline, .flags = SINEW_CANCELLABLE | SINEW_EVENTS)
/* No wait: descriptors to poll. */
CASE(polled, .manner.now = true, .finish = true)
/* Borrowed messages, and no byte more than is needed; a signal's wish is heard. */
CASE(borrowed, .flags = SINEW_EXACT | SINEW_INTERRUPTIBLE, .manner.take = true)
/* Messages that wait in our buffer. */
CASE(coalesced, .extra = "coalesce=1K")

/* Names that stay: made with their mode, taken over, removed. */
CASE(names, .extra = "keep=yes&mode=600", .run = sweep_names)
/* An end of a pair that a program adopts. */
CASE(adopted, .flags = SINEW_EXACT, .run = sweep_adopt)
/* Rights, and no end when the last peer has left. */
CASE(held, .extra = "keep-open=yes&mode=640", .manner.now = true)

/* A kernel that knows no flags for one transfer. */
TEST_EACH(every_channel, old_kernel, struct mechanism, m, .timeout = 120)
{
	sweep_old_kernel();
	sweep(m, (struct sweep_talk){.flags = SINEW_CANCELLABLE});
}

/* What a process does once, at its first channel. */
static void first_fault(const struct sweep_talk *talk, const struct sweep_fault *fault)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		alarm(HANG);
		sweep_begin(fault, PAUSES * 10);
		talk->run(talk);
		sweep_end();
		exit(0);
	}
	CHECK_EQ(test_wait(pid), 0);
}

TEST_EACH(every_channel, first, struct mechanism, m, .timeout = 120)
{
	static const int calls[] = {SWEEP_mmap, SWEEP_madvise};
	struct sweep_talk talk = {.m = m, .extra = "", .run = sweep_converse};
	unsigned count;

	signal(SIGALRM, too_long);
	CHECK(sweep_talk_prepare(&talk));
	for (unsigned c = 0; c < sizeof calls / sizeof *calls; c++) {
		const int *errnos = sweep_errnos(calls[c], &count);
		for (unsigned i = 0; i < count; i++)
			first_fault(
				&talk, &(struct sweep_fault){calls[c], 1, errnos[i], SWEEP_FAILS});
	}
}
