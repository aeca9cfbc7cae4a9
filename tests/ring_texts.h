/* SPDX-License-Identifier: MIT
 *
 * ring_texts.h - a ring over a file of the test's own, and messages that are texts.
 */
#ifndef TESTS_RING_TEXTS_H
#define TESTS_RING_TEXTS_H

#include <sinew/sinew.h>
#include <stdint.h>

int64_t soon(void);
const char *uri(const char *options); /* until the next call */
sinew_channel *open_end(const char *options, unsigned flags);
int send_text(sinew_channel *out, const char *text);
struct sinew_msg expect_text(
	sinew_channel *in, const char *text); /* its bytes until the next call */
/* Closes both, of which one may be NULL, and removes the ring. */
void close_all(sinew_channel *a, sinew_channel *b);
/* As SIGKILL does it between two operations: its lock is given up, and nothing else is done. Its slot. */
unsigned die(sinew_channel *channel);

#endif
