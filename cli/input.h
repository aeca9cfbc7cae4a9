/* SPDX-License-Identifier: MIT
 *
 * input.h - a file cut into messages. The messages point into the buffer, nothing is copied; they
 * stay until input_fill(). Reading takes what is there and never waits for more than that, except
 * that pieces of a given size are always filled.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <sinew/sinew.h>

#include "settings.h"

struct input {
	const char *name; /* for error texts */
	int fd;
	enum split split; /* SPLIT_LINE, SPLIT_NUL or SPLIT_SIZE */
	size_t piece;     /* SPLIT_SIZE */
	size_t max;       /* longer lines are left out */
	uint64_t number;  /* of the next message, from 1 */

	char *buffer;
	size_t room, start, scanned, end;
	bool ended, skipping;
};

/* Opens the file, "-" is standard input. The caller has set split, piece and max. 0 or -errno. */
int input_open(struct input *input, const char *name);
void input_close(struct input *input);

/* Cuts up to `most` messages out of what is in the buffer. Their count, 0 if there is no whole
 * one, or -EMSGSIZE: message number - 1 was longer than max and is left out. */
int input_cut(struct input *input, struct sinew_msg *msgs, unsigned most);

/* Whether input_fill() would have to wait. */
bool input_would_wait(const struct input *input);

/* Reads more, or sets `ended`. 0 or -errno: -ETIMEDOUT, -EINTR if we are to stop. A timeout below 0
 * is none. */
int input_fill(struct input *input, int64_t timeout);

#endif
