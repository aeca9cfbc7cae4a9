/* SPDX-License-Identifier: MIT
 *
 * mechanisms.h - the table of channels the conformance suite runs on, and how a case opens their
 * two ends. A case is generic: it knows a row's capabilities, never its mechanism.
 *
 *   in    the end that receives: ends[0] of a pair, or the listener that owns the name
 *   out   the end that sends: ends[1], or a connection to the name, made here or in a child
 *
 * The rows are ordered: those without message boundaries, the other single connections, and the
 * servers, which have a table of peers. Three suites are slices of them.
 */
#ifndef SINEW_TESTS_MECHANISMS_H
#define SINEW_TESTS_MECHANISMS_H

#include <errno.h>
#include <sinew/sinew.h>

#include "runner.h"

struct mechanism {
	const char *name, *scheme;
	const char *place;   /* NULL: a pair; a word: a path of that name; "@", "/": a name that
			      * begins so; else as it stands */
	const char *options; /* "type=seqpacket", or "" */
	bool single;         /* a receive is one system call: there can be only one peer */
};

extern const struct mechanism mechanism_rows[];
extern const size_t mechanism_count;
extern struct test_suite every_channel;  /* all rows */
extern struct test_suite framed_channel; /* rows that keep message boundaries */
extern struct test_suite raw_channel;    /* rows that do not */
extern struct test_suite server_channel; /* rows whose `in` has a table of peers */

struct ends {
	const struct mechanism *m;
	unsigned flags;
	sinew_channel *in, *out;
	char uri[256]; /* by which `out` joins */
};

uint64_t mechanism_bits(const struct mechanism *);
uint64_t mechanism_most(const struct mechanism *);
/* Whether bytes of one message can be on their way while others still wait. */
bool mechanism_is_stream(const struct mechanism *);
/* Whether nothing is lost while both sides live. */
bool mechanism_is_reliable(const struct mechanism *);
bool mechanism_is_server(const struct mechanism *);
/* The URI to listen on, or to make a pair of, with options added ("" for none). */
void mechanism_uri(const struct mechanism *, const char *extra, char *uri, size_t size);

/* Opens `in`, and `out` if they are a pair. extra: options for both ends. */
void ends_listen(const struct mechanism *, struct ends *, unsigned flags, const char *extra);
/* A connection of the row's other kind; for pairs the `out` that is there. */
sinew_channel *ends_join(struct ends *, unsigned flags);
/* Both ends in this process; a server has accepted its peer. */
void ends_open(const struct mechanism *, struct ends *, unsigned flags, const char *extra);
void ends_close(struct ends *);
/* A child that has `out` alone and runs fn(out, arg); here `out` is closed. */
pid_t ends_fork(struct ends *, void (*fn)(sinew_channel *, void *), void *arg);

/* What may lose messages loses none while its reader keeps up: there, each of two streams of messages
 * stops its sender, in whatever process, when it is too far ahead. */
void pace_open(const struct mechanism *);
void pace_sent(unsigned stream, unsigned messages);
void pace_received(unsigned stream, unsigned messages);

/* The kernel's descriptor on which this end's only connection sends. */
int raw_fd(const sinew_channel *);
/* Bytes on it that no channel has framed. */
void write_raw(int fd, const void *data, size_t size);

/* Bytes that depend on `seed`, never a newline. */
void fill(void *data, size_t size, unsigned seed);
/* Sends such a message; receives one and compares. */
void send_filled(sinew_channel *, size_t size, unsigned seed);
void expect_filled(sinew_channel *, size_t size, unsigned seed);
/* Receives something other than a message: END, with *msg. */
void expect_end(sinew_channel *, struct sinew_msg *msg);

/* A deadline no passing case comes near. */
int64_t soon(void);
int64_t after_ms(int64_t ms);
uint64_t calls_of(sinew_channel *);

#endif
