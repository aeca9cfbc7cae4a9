/* SPDX-License-Identifier: MIT
 *
 * event.h - contenders that wake each other: through sinew's events, and through its tally.
 */
#ifndef BENCH_EVENT_H
#define BENCH_EVENT_H

#include "contender.h"

extern const struct contender sinew_event_pair, sinew_sem_pair, sinew_tally_pair;

#endif
