/* SPDX-License-Identifier: MIT
 *
 * hot.h - what is on the way of every message, and what is not. After each switch of processes code is read
 * from a cache that others have used: what counts is on how many lines and pages it lies.
 */
#ifndef SINEW_HOT_H
#define SINEW_HOT_H

/* The compiler puts these functions together. */
#define HOT __attribute__((hot))
/* What that way is seldom left for shall not take up the lines that it is read from. */
#define BESIDE __attribute__((noinline, cold))
/* The same for what is often wanted, but is not the short way. */
#define NOINLINE __attribute__((noinline))

#define USUALLY(condition) __builtin_expect(!!(condition), 1)

#endif
