/* SPDX-License-Identifier: MIT
 *
 * ring_world.h - a ring, those who use it, and a victim, a real process to which something happens at
 * the Nth store to shared memory: the library is built here with SINEW__RING_STEPS, and each such store
 * calls sinew__ring_step(). What the victim was told (a send accepted, a message received) it wrote
 * before to a ledger that survives it.
 */
#ifndef TESTS_RING_WORLD_H
#define TESTS_RING_WORLD_H

#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MESSAGES = 18, AFTER = 1000, MOST_STEPS = 3000, MOST = 4000 };

struct backing {
	const char *name, *format, *served;
};

extern const struct backing backings[3];

/* What the victim and those who live on write down. */
extern struct ledger {
	_Atomic unsigned accepted;                  /* sends that returned, counted */
	_Atomic unsigned received;                  /* highest number that is done with */
	_Atomic unsigned seen;                      /* highest number borrowed */
	_Atomic uint8_t first[AFTER], again[AFTER]; /* deliveries of each number */
	_Atomic unsigned lost;
} * ledger;

struct world {
	char uri[200];
	sinew_channel *in, *out, *other;
	unsigned sent; /* to those who share */
	void (*victim)(struct world *);
};

/* A name of its own, and a blank ledger. */
void world_name(struct world *w, const struct backing *b, const char *options, unsigned n);
sinew_channel *world_open(const struct world *w, unsigned flags);
void world_leave(struct world *w); /* closes, removes, and checks that something was there */

/* Starts the victim, to which `signal` happens at its step `at`. */
pid_t world_start(struct world *w, unsigned at, int signal);
/* The same with SIGKILL, to its end; whether it died. */
bool world_run(struct world *w, unsigned at);

/* When another member has looked at what this one holds, once. */
void world_when_seen(sinew_channel *channel, void (*then)(void *), void *arg);
bool world_was_seen(void);

/* Messages that say which they are: sent as their number says, by send, by loan, with a tag. */
size_t size_of(unsigned n);
void compose(uint8_t *data, unsigned n);
int put(sinew_channel *out, unsigned n);
int put_three(sinew_channel *out, unsigned n);
unsigned read_number(const struct sinew_msg *msg);  /* of one that must be whole */
void note(const struct sinew_msg *msg, unsigned n); /* in the ledger */
int64_t soon(void);

/* Everything up to AFTER, which a successor sent: each number one more than the last; how far. */
unsigned read_on(sinew_channel *in, unsigned last);
/* Round and round: no room was lost. */
void check_room(sinew_channel *in, sinew_channel *out);

/* Victims. */
void victim_sends(struct world *w); /* MESSAGES one by one and three at once, as the only writer */
void victim_receives(struct world *w); /* MESSAGES, by receiving and by borrowing */
void victim_shares(struct world *w);   /* a few of those of a queue */
void victim_fills(struct world *w);    /* more than there is room for, waiting for it */

#endif
