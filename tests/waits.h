/* SPDX-License-Identifier: MIT
 *
 * waits.h - every way to wait in the library until a deadline for what does not come: channels that are
 * empty or full, events, locks, words, names. What waits is made by prepare(), in the process of the case
 * and before any fork; wait() may then be called, once, by whichever process.
 */
#ifndef SINEW_TESTS_WAITS_H
#define SINEW_TESTS_WAITS_H

#include <stdint.h>

#include "runner.h"

struct wait_row {
	const char *name;
	void *(*prepare)(const void *arg);
	int (*wait)(void *what, int64_t until);
	void (*finish)(void *what); /* in the process that prepared; may be NULL */
	const void *arg;
};

enum { WAITS_MOST = 200 };

/* All of them, filled in before main(). */
extern struct test_suite every_wait;
extern struct wait_row wait_rows[WAITS_MOST];

#endif
