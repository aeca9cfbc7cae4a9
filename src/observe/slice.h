/* SPDX-License-Identifier: MIT
 *
 * slice.h - how long the scheduler lets a thread run at once.
 */
#ifndef SINEW_OBSERVE_SLICE_H
#define SINEW_OBSERVE_SLICE_H

#include <stdint.h>

/* ns, as the kernel says; what is usual where it does not. */
uint64_t sinew__read_slice(void);

#endif
