/* SPDX-License-Identifier: MIT
 *
 * tracer.h - one run of tracing: the best source that can be opened, its header and sentences, a COMMAND
 * if one is to be watched, and every record, named and counted, to whoever takes them.
 */
#ifndef SINEW_OBSERVE_TRACER_H
#define SINEW_OBSERVE_TRACER_H

#include <stdio.h>

#include "source.h"

struct sinew__tracer;

/* Opens the best source. `request` must stay. 0, or -errno with the sentences why none could be. */
int sinew__tracer_open(struct sinew__tracer **tracer, const struct sinew__request *request);

/* "-a", "-- make -j4": for the header, before sinew__tracer_begin(). */
void sinew__tracer_describe(struct sinew__tracer *tracer, const char *words);

/* Valid as long as the tracer. */
const struct sinew__record_header *sinew__tracer_header(const struct sinew__tracer *tracer);

/* Words of the user that go with the recording, after sinew__tracer_begin(); cut to 511 bytes. */
void sinew__tracer_note(struct sinew__tracer *tracer, const char *words);

/* From now on `sink` gets the records: first the sentences of what is missing. */
void sinew__tracer_begin(struct sinew__tracer *tracer, struct sinew__sink sink);
bool sinew__tracer_has_begun(const struct sinew__tracer *tracer);

/* Starts COMMAND; `in_child` runs before execve. 0, or -errno in words. */
int sinew__tracer_start(struct sinew__tracer *tracer, char *const *command, void (*in_child)(void));

/* Waits, at most 5 ms, and takes what has come. 1 when COMMAND has ended, 0, -errno. */
int sinew__tracer_step(struct sinew__tracer *tracer);

/* COMMAND's end as wait() tells it; waits for it if it has not come. -1: there is no COMMAND. */
int sinew__tracer_status(struct sinew__tracer *tracer);
pid_t sinew__tracer_pid(const struct sinew__tracer *tracer); /* of COMMAND while it runs, else 0 */

/* The last states, totals, and the end. 0 or -errno. Nothing is traced any more. */
int sinew__tracer_finish(struct sinew__tracer *tracer);

/* Known after the end. */
const struct sinew__end *sinew__tracer_end(const struct sinew__tracer *tracer);

void sinew__tracer_close(struct sinew__tracer *tracer);

#endif
