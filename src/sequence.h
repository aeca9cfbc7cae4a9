/* SPDX-License-Identifier: MIT
 *
 * sequence.h - numbers on datagrams: what was lost, what was overtaken, what came twice. sinew_udp(7)
 * documents the header byte by byte. Pure functions over memory: no system calls, nothing allocated
 * after open, nothing believed that a stranger may have written.
 *
 *   0   AD 73 71 01        magic; the last byte is the version of this header
 *   4   session            64 random bits: one sender, from its opening to its closing
 *   12  number             64 bits, big-endian, 0 for the first message of the session
 */
#ifndef SINEW_SEQUENCE_H
#define SINEW_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SINEW__SEQUENCE_HEADER = 20,
	SINEW__SEQUENCE_WINDOW = 1024, /* so far behind the newest, late can be told from twice */
};

/* A gap above this is nobody's honest loss; none is ever counted as more. */
#define SINEW__SEQUENCE_JUMP (UINT64_C(1) << 32)

/* What a number means to who has heard others before. */
enum sinew__sequence_verdict {
	SINEW__SEQUENCE_NEW,     /* the newest; *missed of those before it have not come */
	SINEW__SEQUENCE_LATE,    /* counted as missed, and came after all */
	SINEW__SEQUENCE_COPY,    /* has come before */
	SINEW__SEQUENCE_REFUSED, /* too old to tell, or impossibly new */
};

/* What was heard of one session. All zero: nothing. */
struct sinew__sequence {
	uint64_t next; /* the newest number heard + 1; 0: none was */
	uint64_t far;  /* after an impossible number: what would confirm it; else 0 */
	uint64_t seen[SINEW__SEQUENCE_WINDOW / 64]; /* which of the last ones, by number % WINDOW */
};

enum sinew__sequence_verdict sinew__sequence_hear(
	struct sinew__sequence *, uint64_t number, uint64_t *missed);

void sinew__sequence_write(uint8_t *header, uint64_t session, uint64_t number);

/* Whether these bytes begin with a header, and what it says. */
bool sinew__sequence_read(const uint8_t *p, size_t size, uint64_t *session, uint64_t *number);

/* Senders, by peer and session. A bounded table: when it is full, one who was not heard lately makes
 * room. A session that is heard from another peer goes on from where it stood: its address changed.
 * `secret` keeps strangers from choosing who shares a bucket. */
struct sinew__senders;

struct sinew__senders *sinew__senders_open(unsigned most, uint64_t secret);
void sinew__senders_close(struct sinew__senders *);

/* The sender's record, new or known; valid until the next call. */
struct sinew__sequence *sinew__senders_find(
	struct sinew__senders *, uint64_t peer, uint64_t session);

#endif
