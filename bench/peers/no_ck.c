/* SPDX-License-Identifier: MIT
 *
 * no_ck.c - built without Concurrency Kit.
 */
#include "../crew.h"
#include "../ring.h"

void ring_ck_trips(struct job *job)
{
	(void)job;
	crew_fail("Concurrency Kit is not built in (libck-dev)");
}
