/* SPDX-License-Identifier: MIT
 *
 * topic_ends.h - what the tests of rings for many readers share: a ring of a case's own, and messages that
 * say which they are, all over.
 */
#ifndef TESTS_TOPIC_ENDS_H
#define TESTS_TOPIC_ENDS_H

#include <sinew/sinew.h>
#include <stdint.h>

#include "ring_texts.h"
#include "runner.h"

enum { MOST = 2048, READERS = 5 };

void remove_ring(void);

/* As sinew_send() of one message of `size` bytes. */
int send_number(sinew_channel *out, uint32_t number, size_t size, int64_t until);
void send_all(sinew_channel *out, uint32_t from, uint32_t to, size_t size);
/* As many as there is room for, up to 100. */
unsigned fill(sinew_channel *out);

/* Which it is; it must be whole. */
uint32_t number_of(const struct sinew_msg *msg);
uint32_t receive(sinew_channel *in, struct sinew_msg *msg, int64_t until);
/* These, with none lost. */
void expect(sinew_channel *in, uint32_t from, uint32_t to);
void expect_nothing(sinew_channel *in);

/* What all members have lost, and how far they are behind, as anybody can see. */
uint64_t look_for(uint64_t *behind);

#endif
