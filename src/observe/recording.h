/* SPDX-License-Identifier: MIT
 *
 * recording.h - writes a recording into a file (record.h). Only ever appended to: a file that was cut
 * by a crash or a full disk is good up to its last whole record.
 */
#ifndef SINEW_OBSERVE_RECORDING_H
#define SINEW_OBSERVE_RECORDING_H

#include <stdint.h>

#include "record.h"

struct sinew__recording;

/* Makes the file or empties it. 0, or -errno in words. */
int sinew__recording_create(struct sinew__recording **recording, const char *path,
	const struct sinew__record_header *header);

/* Says something else in the header, as long as nothing has left the buffer. */
void sinew__recording_head(
	struct sinew__recording *recording, const struct sinew__record_header *header);

/* Through a buffer; waits for the file. After a failure it does nothing, and says so at the end. */
void sinew__recording_add(struct sinew__recording *recording, const struct sinew__record *record);

/* Writes what is buffered and closes it. 0, or -errno in words: the file is cut, and where. */
int sinew__recording_close(struct sinew__recording *recording);

#endif
