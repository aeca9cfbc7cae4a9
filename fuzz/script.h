/* SPDX-License-Identifier: MIT
 *
 * script.h - an input of the stream target written out: a short script gives a long stream.
 *
 * Each step is one byte, the kind in its low three bits and a parameter p in the other five, and
 * then, big-endian:
 *   0 literal    p + 1 bytes, as they are
 *   1 message    size(2) + p * 64 KiB; its frame and that many bytes
 *   2 tagged     size(2) tag(1); the same with a tag; p > 0: that announces p descriptors, after a pause
 *   3 piece      writer p & 3. p & 4: begins a message of total(2); size(2) at most; p & 8: out of
 *                order; p & 16: the rest of the message
 *   4 hello      session(1) next(1)
 *   5 control    type(1) size(2)
 *   6 pause      the reader runs before the next byte is written
 *   7 line       size(2); that many bytes and a newline
 */
#ifndef SINEW_FUZZ_SCRIPT_H
#define SINEW_FUZZ_SCRIPT_H

#include "fuzz.h"

enum { STREAM_MOST = 1 << 18, PAUSES_MOST = 256 };

struct script {
	uint8_t *bytes;
	size_t size;
	size_t pauses[PAUSES_MOST]; /* positions in bytes, ascending */
	unsigned pause_count;
};

/* script->bytes is good until the next call. */
void script_write_out(struct script *, struct input *);

#endif
