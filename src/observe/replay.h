/* SPDX-License-Identifier: MIT
 *
 * replay.h - reads a recording, one record after the other, from anything that can be read. Nothing
 * in it is believed: what cannot be a recording is refused in words, and where one breaks off, what came
 * before is good and the place is told. Memory is one buffer, whatever the file says.
 */
#ifndef SINEW_OBSERVE_REPLAY_H
#define SINEW_OBSERVE_REPLAY_H

#include <stdbool.h>

#include "record.h"

struct sinew__replay;

/* Any record, as long as this version knows its type. */
union sinew__any {
	struct sinew__record head;
	struct sinew__interval interval;
	struct sinew__thread thread;
	struct sinew__admit admit;
	struct sinew__exec exec;
	struct sinew__exit exit;
	struct sinew__reaped reaped;
	struct sinew__name name;
	struct sinew__object_name object;
	struct sinew__loss loss;
	struct sinew__cpu cpu;
	struct sinew__note note;
	struct sinew__end end;
	struct sinew__sample sample;
	uint64_t words[SINEW__RECORD_MOST / 8]; /* alignment, and room for the texts */
};

/* Reads the header. `fd` stays the caller's; `name` is for words and is kept, not copied. May block as
 * read() does. 0; -EBADMSG: no recording, or not one of this version and kind of machine; -errno of
 * read(); -ENOMEM. */
int sinew__replay_open(struct sinew__replay **replay, int fd, const char *name);

const struct sinew__record_header *sinew__replay_header(const struct sinew__replay *replay);

/* The next record, good until the next call. 1; 0 at the end, of whatever kind; -errno of read(). After
 * -EINTR, which has no words, it may be called again. */
int sinew__replay_next(struct sinew__replay *replay, const struct sinew__record **record);

/* After the end: NULL if the recording is whole, else why it is not and where, in words. */
const char *sinew__replay_fault(const struct sinew__replay *replay);

void sinew__replay_close(struct sinew__replay *replay);

/* 0, or -EBADMSG with words, in which `name` says whose header it is. */
int sinew__header_check(const struct sinew__record_header *header, const char *name);

/* Whether its size can be one. */
bool sinew__record_is_possible(const struct sinew__record *record);

/* Copies the record as this version knows it: cut if it is longer, filled with zeros if it is shorter,
 * a text's length no more than there is. False if the type is unknown or it is too short to mean
 * anything. */
bool sinew__record_copy(union sinew__any *to, const struct sinew__record *record);

/* Bytes of the fixed part of a record of this type; 0: unknown. */
size_t sinew__record_size(unsigned type);

#endif
