/* SPDX-License-Identifier: MIT
 *
 * tracefs.h - an instance of the kernel's tracer of one's own: its own buffer, events and clock, which
 * nobody else's tracing notices. And what its buffers hold, page by page.
 */
#ifndef SINEW_OBSERVE_TRACEFS_H
#define SINEW_OBSERVE_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sinew__tracefs {
	int root; /* of the file system, which need not be mounted anywhere */
	int instance;
	int keeper; /* while it is open the buffer is kept; the kernel closes it for who is killed */
	char name[32];
};

/* Makes an instance with so many KiB for each CPU, which does not trace yet. Removes those of dead ones. 0,
 * or -errno with a sentence. */
int sinew__tracefs_open(struct sinew__tracefs *fs, unsigned long kib);
void sinew__tracefs_close(struct sinew__tracefs *fs);

/* The whole text into a file of the instance: 0 or -errno. */
int sinew__tracefs_write(const struct sinew__tracefs *fs, const char *file, const char *text);
/* The format of an event, "sched/sched_switch", ended with NUL: its length or -errno. */
ssize_t sinew__tracefs_format(
	const struct sinew__tracefs *fs, const char *event, char *text, size_t room);
/* A descriptor from which the pages of a CPU are read; it does not wait. -errno. */
int sinew__tracefs_pages(const struct sinew__tracefs *fs, unsigned cpu);

/* Where a field lies in the records of an event: false if it has none of that name. */
struct sinew__trace_field {
	unsigned short offset, size;
};
bool sinew__trace_field(const char *format, const char *name, struct sinew__trace_field *field);
/* The number that stands for the event; 0: none. */
unsigned sinew__trace_id(const char *format);

/* ---- pages ---- */

/* Each record of a page: its time, and its bytes. False stops. */
typedef bool sinew__trace_record(void *arg, uint64_t time, const char *data, size_t size);

/* `size` bytes of a page are there. How many records were lost before it (1 if it is not told how many), or
 * -EBADMSG if it makes no sense from some place on. */
int64_t sinew__trace_page(const char *page, size_t size, sinew__trace_record *record, void *arg);

#endif
