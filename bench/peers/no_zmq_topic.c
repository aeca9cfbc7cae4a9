/* SPDX-License-Identifier: MIT
 *
 * no_zmq_topic.c - built without libzmq.
 */
#include "../crew.h"
#include "../ring.h"

void ring_zmq_topic(struct job *job)
{
	(void)job;
	crew_fail("ZeroMQ is not built in (libzmq3-dev)");
}
