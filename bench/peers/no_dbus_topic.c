/* SPDX-License-Identifier: MIT
 *
 * no_dbus_topic.c - built without sd-bus.
 */
#include "../crew.h"
#include "../ring.h"

void ring_dbus_topic(struct job *job)
{
	(void)job;
	crew_fail("sd-bus is not built in (libsystemd-dev)");
}
