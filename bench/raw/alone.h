/* SPDX-License-Identifier: MIT
 *
 * alone.h - the bare twins of locks. Frozen as the others are (raw.h).
 */
#ifndef BENCH_RAW_ALONE_H
#define BENCH_RAW_ALONE_H

#include "../contender.h"

extern const struct contender bare_mutex; /* robust and shared between processes */
extern const struct contender bare_rwlock, bare_semaphore;

#endif
