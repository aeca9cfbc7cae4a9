/* SPDX-License-Identifier: MIT
 *
 * no_ck.c - built without Concurrency Kit.
 */
#include "ck.h"

#include <stdio.h>

void bench_ck_round_trip(unsigned count, int turns)
{
	(void)count;
	(void)turns;
	printf("%-34s not built (libck-dev)\n", "round trip 64 B, ck_ring");
}
