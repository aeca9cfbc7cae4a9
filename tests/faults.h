/* SPDX-License-Identifier: MIT
 *
 * faults.h - the mechanisms as the fault tests see them, and the two ends of a channel under test.
 *
 * A place is where two ends meet: the reader listens, the writer connects, or a peer that is not
 * ours comes with a bare descriptor. Writers in other processes open the channel there.
 */
#ifndef SINEW_TESTS_FAULTS_H
#define SINEW_TESTS_FAULTS_H

#include <errno.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

struct mechanism {
	const char *name;
	const char *base;    /* a URI; %s stands for the case's directory */
	const char *options; /* that both ends need, "key=value&" */
	int socket_type;     /* of a Unix socket, else 0 */
	bool bytes;          /* carries bytes, in frames */
	bool ends;           /* a reader learns that its writers have left */
	bool peers;          /* the reader serves many peers, each by itself */
	bool queue;          /* outlives its readers and writers, who do not know of each other */
};

/* Bytes of the largest message up to `size` that it carries. */
size_t at_most(const struct mechanism *mechanism, size_t size);

/* every: all that lose nothing. lossy_too: these, and those that may. bytes: streams of frames. served:
 * listeners with connections. sockets: Unix sockets
 * with a path. ending: those that end. */
extern struct test_suite every, lossy_too, bytes, served, sockets, ending;

struct place {
	const struct mechanism *mechanism;
	char uri[200]; /* without options */
	int fds[2];    /* of a pipe, until an end takes them over; else -1 */
};

void place_init(struct place *place, const struct mechanism *mechanism);

/* Close a pipe's end that this process does not use. */
void place_no_reader(struct place *place);
void place_no_writer(struct place *place);

/* Composes the URI of an end; options: "key=value&key=value" or "". */
const char *place_uri(const struct place *place, bool reader, const char *options);

int try_reader(sinew_channel **channel, struct place *place, const char *options, unsigned flags);
int try_writer(sinew_channel **channel, struct place *place, const char *options, unsigned flags);
sinew_channel *open_reader(struct place *place, const char *options, unsigned flags);
sinew_channel *open_writer(struct place *place, const char *options, unsigned flags);

/* A connected descriptor of a peer that is not sinew. */
int open_bare(struct place *place);
void write_bare(int fd, const void *data, size_t size);
/* A frame header of this many bytes, then so many bytes of a message. */
void write_frame(int fd, uint32_t announced, size_t given);

/* Runs fn(place) in a child; a pipe's ends are sorted out on both sides. */
pid_t fork_writer(struct place *place, void (*fn)(void *));
void kill_child(pid_t pid);

int64_t soon(int64_t ms);

/* A message of `size` bytes that all depend on `number`. */
void fill_message(void *data, size_t size, uint64_t number);
int send_message(sinew_channel *channel, size_t size, uint64_t number, int64_t until);
/* Receives the next one and checks that it is that, with so many lost before it. */
void expect_message(sinew_channel *channel, size_t size, uint64_t number, uint64_t lost);
void expect_end(sinew_channel *channel, uint64_t lost);

/* What there is in a directory of the case; what descriptors this process has. */
unsigned count_entries(const char *path);
unsigned count_descriptors(void);

/* CPU time of this process so far, in ms. */
int64_t cpu_ms(void);

/* Two pipes by which a child says that it has come somewhere, and is told to go on. */
struct gate {
	int reached[2], go[2];
};
void gate_open(struct gate *gate);
void gate_close(struct gate *gate);
void gate_reach(struct gate *gate);          /* child: here I am */
void gate_wait(struct gate *gate, unsigned); /* parent: so many have come */
void gate_await(struct gate *gate);          /* child: until gate_pass() */
bool gate_is_passed(struct gate *gate);      /* child: whether it may go on */
void gate_pass(struct gate *gate);           /* parent: everybody goes on */

#endif
