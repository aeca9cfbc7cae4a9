/* SPDX-License-Identifier: MIT
 *
 * pieces.h - messages that several writers send in pieces through one stream (fifo with chunk=yes),
 * put together by the reader. A bounded number is under way at a time; the unfinished message of a
 * dead writer is dropped and counted, on the kernel's evidence that it is dead.
 */
#ifndef SINEW_PIECES_H
#define SINEW_PIECES_H

#include "channel.h"
#include "frame.h"

/* Room for `most` messages under way, reserved now. -ENOMEM. */
int sinew__pieces_open(struct sinew_channel *, unsigned most);
void sinew__pieces_close(struct sinew_channel *);

/* Adds a piece. 1: *data is the whole message of frame->total bytes, valid until the next call of
 * this file; 0: more is missing; -EBADMSG. */
int sinew__pieces_add(struct sinew_channel *, const struct sinew__frame *, const uint8_t *piece,
	const uint8_t **data);

/* Asks the kernel after the writers of unfinished messages. Whether any is dead: what it wrote may
 * still be in the fifo. Those whose last bytes must have been read by now are dropped and counted. */
bool sinew__pieces_suspect(struct sinew_channel *);

/* The fifo is empty: nothing more comes from the suspects (all: from anybody). Drops and counts. */
void sinew__pieces_drop(struct sinew_channel *, bool all);

#endif
