/* SPDX-License-Identifier: MIT
 *
 * resend.h - a file over a channel that may lose messages: sent again until it is whole.
 */
#ifndef BENCH_RESEND_H
#define BENCH_RESEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sinew/sinew.h>

/* Whether what this URI carries may be lost. */
bool resend_needed(const char *uri);

/* Sends; *start is the clock at the first chunk. Fails with crew_fail(). */
void resend_file(sinew_channel *channel, const unsigned char *data, size_t size, size_t chunk,
	int64_t *start);

/* What came, and what it took. */
struct resend_tally {
	uint64_t messages, bytes; /* chunks that were new, and what they held */
	uint64_t lost;            /* messages that the channel counted as lost */
	int64_t end;              /* the clock when the file was whole */
};

/* Receives into the file. */
struct resend_tally resend_receive(sinew_channel *channel, int fd);

#endif
