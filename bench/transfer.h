/* SPDX-License-Identifier: MIT
 *
 * transfer.h - the main job: a file through each mechanism, from one program to another.
 */
#ifndef BENCH_TRANSFER_H
#define BENCH_TRANSFER_H

#include "bench.h"

/* What carrying the file gave. */
struct carriage {
	const struct row *row;
	unsigned repeats;
	uint64_t messages, bytes;
	size_t chunk;
	double rates[REPEATS_MAX]; /* bytes a second */
	uint64_t lost;             /* counted by the channel, and sent again */
	char sum[65];              /* SHA-256 of what arrived last */
	bool same;                 /* in every repeat */
	char error[200];
};

/* `file` through the row, `repeats` times, each time summed and compared with `sum`. */
void transfer_file(struct carriage *carriage, const char *file, const char *sum, unsigned repeats,
	const char *directory);
int transfer_sum(const char *file, char sum[65]);
int transfer_receive(const char *uri, const char *file); /* the receiving program */

#endif
