/* SPDX-License-Identifier: MIT
 *
 * alone.h - what one process does with nobody else there: it takes locks and gives them back, and makes
 * processes. A message is one use.
 */
#ifndef BENCH_ALONE_H
#define BENCH_ALONE_H

#include "contender.h"

extern const struct contender sinew_mutex_use, sinew_rwlock_use, sinew_semaphore_use;
extern const struct contender fork_use; /* until the child has ended and was reaped */
extern const struct contender exec_use; /* the same with another program in between */

#endif
