/* SPDX-License-Identifier: MIT
 *
 * region.h - the contender that hands bytes over in a region of sinew, and tells of them by a tally.
 */
#ifndef BENCH_REGION_H
#define BENCH_REGION_H

#include "contender.h"

extern const struct contender sinew_region_pair;

#endif
