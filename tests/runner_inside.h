/* SPDX-License-Identifier: MIT
 *
 * runner_inside.h - what the parts of the test runner share; not for tests.
 *
 *   runner.c        chooses cases, starts a keeper for each, reports
 *   runner_share.c  the rule by which a build runs a part of the cases
 *   runner_keep.c   the keeper: a process that bounds one case in time, gathers and ends its
 *                   processes, and judges it
 *   runner_body.c   the case's own process: its environment, its descriptors
 *   runner_check.c  checks: a failure is marked in memory shared by all these processes
 *   runner_help.c   processes, files and waiting for tests
 */
#ifndef SINEW_TESTS_RUNNER_INSIDE_H
#define SINEW_TESTS_RUNNER_INSIDE_H

#include "runner.h"
#include <stdatomic.h>

enum verdict { VERDICT_NONE, VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP };

/* One case under way, in memory shared by the runner, its keeper and every process of the case. */
struct runner_state {
	atomic_int failures, checks;
	atomic_bool finished, skipped;
	enum verdict verdict;
	pid_t body;
	int64_t duration;
	char reason[768]; /* of the first failure, or of the skip */
	char tmpdir[64];
};

/* A case with its row, chosen to run. */
struct runner_job {
	const struct test_case *test;
	const void *row;
	char name[160];
	int timeout;
	struct runner_state *state;
	int output; /* memory file: what the case wrote */
	pid_t keeper;
};

/* The case this process belongs to; NULL in the runner itself. */
extern struct runner_state *runner_state;
/* What every time limit is multiplied by: RUNNER_TIMEOUT_FACTOR. */
extern int runner_factor;

/* Takes RUNNER_SHARE; false if it is not one. */
bool runner_read_share(const char *text);
/* Whether the case belongs to the share that was read; everything does if none was. */
bool runner_is_in_share(
	const struct test_case *first, const struct test_case *test, const void *row);

__attribute__((noreturn)) void runner_keep(struct runner_job *job);
__attribute__((noreturn)) void runner_body(struct runner_job *job);

/* Marks the case as failed; the first reason is the one reported. The text also goes to `fd`. */
__attribute__((format(printf, 2, 3))) void runner_mark(int fd, const char *format, ...);

/* The keeper's last act; the runner does it if the keeper cannot. */
void runner_remove_tmpdir(const char *path);

/* One line of /proc/PID/stat. */
struct process {
	pid_t pid, parent, session;
	char state;
	char name[32];
};

/* False if there is no such process (or no such thread, with `thread`). */
bool runner_process(struct process *process, pid_t pid, bool thread);

#endif
