/* SPDX-License-Identifier: MIT
 *
 * counting.h - counts what a program does: allocations since its start, and the system calls of the
 * library between two points, by the table through which it makes them.
 */
#ifndef SINEW_TESTS_COUNTING_H
#define SINEW_TESTS_COUNTING_H

/* Calls of malloc, calloc, realloc and mmap by anybody in this process so far. */
unsigned long counting_allocations(void);

/* Replaces the library's system calls by counting ones; puts them back and says how many. */
void counting_calls_begin(void);
unsigned long counting_calls_end(void);

#endif
