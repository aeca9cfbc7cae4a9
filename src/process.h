/* SPDX-License-Identifier: MIT
 *
 * process.h - telling a forked child from the process that opened a channel, at the cost of a load.
 * A page that the kernel empties in every child (MADV_WIPEONFORK) holds this process's token.
 */
#ifndef SINEW_PROCESS_H
#define SINEW_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern _Atomic(_Atomic uint64_t *) sinew__process_page;

/* This process's token, made if it has none yet; 0 if there is no memory for the page. */
uint64_t sinew__process_token(void);

static inline bool sinew__process_is(uint64_t token)
{
	_Atomic uint64_t *page = atomic_load_explicit(&sinew__process_page, memory_order_relaxed);

	return page && atomic_load_explicit(page, memory_order_relaxed) == token;
}

#endif
