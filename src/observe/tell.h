/* SPDX-License-Identifier: MIT
 *
 * tell.h - records of sources that find out by themselves what the kernel's side would have told.
 */
#ifndef SINEW_OBSERVE_TELL_H
#define SINEW_OBSERVE_TELL_H

#include "source.h"

struct sinew__facts;

/* A thread that was made (flags 0) or found (SINEW__THREAD_SEEDED and what else it is). */
void sinew__tell_thread(const struct sinew__source *source, const struct sinew__who *who,
	const struct sinew__facts *facts, uint32_t maker, uint16_t flags, uint64_t time);
void sinew__tell_name(const struct sinew__source *source, const struct sinew__who *who,
	const char *comm, uint64_t time);
/* Its process began to end, with what code is not known. */
void sinew__tell_exit(const struct sinew__source *source, const struct sinew__who *who,
	uint32_t parent, bool process, uint64_t time);
/* It was there at `seen`, and is gone now. `exited`: 0 if that was not seen. */
void sinew__tell_gone(const struct sinew__source *source, const struct sinew__who *who,
	uint32_t reaper, uint64_t exited, uint64_t seen, uint64_t time);

/* Into a record: padded with NUL. */
void sinew__put_comm(char comm[SINEW__COMM], const char *text);

/* When it was made, in ns of CLOCK_MONOTONIC, from ticks since boot. */
uint64_t sinew__start_ns(uint64_t ticks);

/* What /proc says of a thread: its stat. False: it is gone, or being released, or hidden. */
bool sinew__read_stat(uint32_t tgid, uint32_t tid, struct sinew__facts *facts);

#endif
