/* SPDX-License-Identifier: MIT
 *
 * event.h - the bare contenders that wake each other. Frozen as the others are (raw.h).
 */
#ifndef BENCH_RAW_EVENT_H
#define BENCH_RAW_EVENT_H

#include "../contender.h"

extern const struct contender bare_signal; /* pidfd_send_signal() and a signalfd */
extern const struct contender bare_sem, bare_sysvsem, bare_eventfd;
extern const struct contender bare_futex; /* a counter on a futex that wakes only who sleeps */

#endif
