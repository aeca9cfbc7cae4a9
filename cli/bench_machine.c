/* SPDX-License-Identifier: MIT
 *
 * bench_machine.c - on what machine something was measured, and its limits that matter.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "bench_run.h"

/* The processor's name as the kernel has it. */
static void cpu_name(char *name, size_t size)
{
	char line[256];
	FILE *in = fopen("/proc/cpuinfo", "re");

	snprintf(name, size, "unknown");
	while (in && fgets(line, sizeof line, in)) {
		char *colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, size, "%.*s", (int)size - 1, colon + 2);
		break;
	}
	if (in)
		fclose(in);
}

static long limit(const char *file)
{
	FILE *in = fopen(file, "re");
	long value = -1;

	if (in && fscanf(in, "%ld", &value) != 1)
		value = -1;
	if (in)
		fclose(in);
	return value;
}

struct machine machine_look(void)
{
	struct machine machine = {
		.pipe_max = limit("/proc/sys/fs/pipe-max-size"),
		.mq_depth = limit("/proc/sys/fs/mqueue/msg_max"),
		.mq_size = limit("/proc/sys/fs/mqueue/msgsize_max"),
		.socket_buffer = limit("/proc/sys/net/core/wmem_default"),
	};
	struct utsname system;
	time_t now = time(NULL);
	cpu_set_t set;

	uname(&system);
	snprintf(machine.system, sizeof machine.system, "%s %s %s", system.sysname, system.release,
		system.machine);
	cpu_name(machine.cpu, sizeof machine.cpu);
	strftime(machine.date, sizeof machine.date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	machine.cpus = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
	return machine;
}
