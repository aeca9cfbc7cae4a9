/* SPDX-License-Identifier: MIT
 *
 * exit.h - the exit codes, and the one table that turns an errno into one.
 */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

enum {
	EXIT_DONE = 0,
	EXIT_NEGATIVE = 1, /* a negative answer, or a lost peer */
	EXIT_USAGE = 2,
	EXIT_SYSTEM = 3,
	EXIT_TIMEOUT = 124,
	EXIT_SIGNAL = 128, /* plus the signal's number */
	EXIT_PIPE = 141,   /* the reader of our standard output has gone */
};

/* `error` is an errno, positive or negative; 0 gives EXIT_DONE. */
int exit_code(int error);

/* The worse of two. */
int exit_worse(int a, int b);

/* What one can do about `error` when opening, or NULL. */
const char *exit_advice(int error);

#endif
