/* SPDX-License-Identifier: MIT
 *
 * crew.h - the processes of one measurement, started, watched and ended together.
 *
 * The driver never touches a channel itself. For each measurement it starts a leader, which makes
 * what must exist before a fork and then forks the two processes that are measured. The leader ends
 * when both have; each dies with its parent; a measurement that stalls is ended by the driver.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stddef.h>
#include <sys/types.h>

/* Once, first thing in main(): keeps SIGINT, SIGTERM and SIGHUP for crew_interrupted(). */
void crew_init(void);

/* Which of these signals has come; 0: none. */
int crew_interrupted(void);

/* Memory shared with every process forked later, filled with zeros. Never NULL. */
void *crew_share(size_t size);

/* Runs leader(arg) in a new process and waits for it, `seconds` at most. 0, or -1 and the reason is
 * in crew_error(). */
int crew_run(void (*leader)(void *), void *arg, unsigned seconds);
const char *crew_error(void);

/* In a leader: a measured process. */
pid_t crew_fork(void (*body)(void *), void *arg);

/* In a leader: waits for all of them; one that fails ends the others and the leader. */
void crew_wait(const pid_t *pids, unsigned count);

/* In any process of a crew: ends it and says why; the first reason given is kept. */
void crew_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
