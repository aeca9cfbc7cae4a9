/* SPDX-License-Identifier: MIT
 *
 * many.h - listeners and their crowds: rows of the cases, which run with few clients everywhere and
 * with 10,000 where that is not too slow.
 */
#ifndef SINEW_TESTS_MANY_H
#define SINEW_TESTS_MANY_H

#include <sys/socket.h>

#include "faults.h"

struct crowd_row {
	const char *name;
	struct mechanism mechanism;
	unsigned clients;
};
extern struct test_suite crowd;

#define CROWD_ROWS(clients_)                                                                       \
	{                                                                                          \
		{"unix",                                                                           \
			{.name = "unix",                                                           \
				.base = "unix:%s/name",                                            \
				.options = "",                                                     \
				.socket_type = SOCK_STREAM},                                       \
			clients_},                                                                 \
		{                                                                                  \
			"tcp", {.name = "tcp", .base = "tcp:127.0.0.1:0", .options = ""}, clients_ \
		}                                                                                  \
	}

/* Resident memory of this process, in bytes. */
size_t resident_bytes(void);

/* Whether a bound on that means anything: sanitizers keep memory of their own for each byte. */
bool memory_is_ours(void);

/* Reads exactly so much. */
void read_bare(int fd, void *data, size_t size);

#endif
