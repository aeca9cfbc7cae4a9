/* SPDX-License-Identifier: MIT
 *
 * region.h - the bare contenders that share memory: of each kind, with a POSIX semaphore to tell of what was
 * written. Frozen as the others are (raw.h).
 */
#ifndef BENCH_RAW_REGION_H
#define BENCH_RAW_REGION_H

#include "../contender.h"

extern const struct contender bare_shm, bare_sysvshm, bare_file, bare_memfd;

#endif
