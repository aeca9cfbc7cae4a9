/* SPDX-License-Identifier: MIT
 *
 * events.h - the table of events the conformance suite runs on, and how a case opens them. A case is
 * generic: it knows a row's capabilities, never its mechanism. Names are those of the case's process;
 * System V objects live in an IPC namespace of its own where that is allowed.
 */
#ifndef SINEW_TESTS_EVENTS_H
#define SINEW_TESTS_EVENTS_H

#include <errno.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

struct event_row {
	const char *name;
	const char *uri;     /* %d stands for a number that is the case's own */
	const char *posting; /* the URI for another process to post at, if it is another one */
	bool patient;        /* a wait is one system call of the mechanism */
};

extern struct test_suite every_event, named_event, lasting_event;

uint64_t event_bits(const struct event_row *);
/* The row's URI with "key=value&…" added, or ""; for this process or, `posting`, for others. */
const char *event_uri(const struct event_row *, const char *extra, bool posting);
sinew_event *event_open(const struct event_row *, unsigned flags, const char *extra);
/* Closes, and removes the object if it would stay. */
void event_end(const struct event_row *, sinew_event *);

/* A child that runs fn with the row's event: inherited, or opened for that direction. */
pid_t event_fork(
	const struct event_row *, sinew_event *, unsigned flags, void (*fn)(sinew_event *));

/* What a value of 1 is called when it arrives, and one that only a word can carry. */
uint64_t event_word(const struct event_row *, uint64_t n);

/* Everything of ours that could be left behind: descriptors, files of /dev/shm, semaphore sets. */
struct leavings {
	unsigned descriptors, files, sets;
};
struct leavings leavings_now(void);
void leavings_check(struct leavings before);

/* From now on the library's nth system call, from 0, fails with EIO; those that give something up
 * are not counted. Whether one did fail. */
void failing_calls_begin(unsigned nth);
bool failing_calls_end(void);

/* Before each system call of the library and after it, fn runs; NULL ends that. */
void hook_calls(void (*fn)(void));

int64_t event_after_ms(int64_t ms);

#endif
