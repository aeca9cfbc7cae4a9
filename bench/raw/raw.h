/* SPDX-License-Identifier: MIT
 *
 * raw.h - the bare contenders: plain blocking system calls, as a good programmer writes them.
 *
 * These are frozen: they are the measure, so they change only where they are shown to be slower
 * than they could be. Both sides know the message size; reading loops until a message is whole; one
 * message is one system call where the kernel allows. Nothing here uses the library.
 */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include "../contender.h"

extern const struct contender bare_pipe;
extern const struct contender bare_fifo;
extern const struct contender bare_unix_stream;
extern const struct contender bare_unix_stream_many; /* the server waits in epoll */
extern const struct contender bare_unix_seqpacket;
extern const struct contender bare_unix_seqpacket_many;
extern const struct contender bare_unix_dgram;
extern const struct contender bare_tcp;
extern const struct contender bare_tcp_many;
extern const struct contender bare_udp;
extern const struct contender bare_mq;
extern const struct contender bare_msgq;
extern const struct contender bare_shared; /* a ring by hand in shared memory, for two */
extern const struct contender bare_queue;  /* for many, each message to one reader */
extern const struct contender bare_topic;  /* for many readers, each message to all */
/* A writer that its readers connect to, and that sends to each of them: */
extern const struct contender bare_unix_stream_each, bare_unix_seqpacket_each, bare_unix_dgram_each;
extern const struct contender bare_tcp_each, bare_udp_each;

/* read() and write() on link->in and link->out. */
void raw_write(struct link *link, const void *data, size_t size);
void raw_read(struct link *link, void *data, size_t size);

/* recv() and send(). */
void raw_send(struct link *link, const void *data, size_t size);
void raw_recv(struct link *link, void *data, size_t size);

/* Waits in epoll first: for a server that also watches its listener. */
void raw_watch(struct link *link, int listener);
void raw_recv_watched(struct link *link, void *data, size_t size);

/* For a writer that sends to each of its readers: takes in as many as link->readers says, over a listener or
 * by the datagrams that they send first; sends over connections, as datagrams. (each.c) */
void raw_accept_each(struct link *link, int listener);
void raw_hear_each(struct link *link);
void raw_send_each(struct link *link, const void *data, size_t size);
void raw_sendto_each(struct link *link, const void *data, size_t size);

/* One system call a message, through the contender's own send and recv. */
void raw_put(struct link *link, const unsigned char *first, unsigned count);
unsigned raw_get(struct link *link, const unsigned char **data, unsigned count);

/* link->calls: for what may have made none, and knows it. */
uint64_t raw_calls(struct link *link);

/* link->tuning.buffer as SO_SNDBUF and SO_RCVBUF, if it is set; what a packet needs, if that is more. */
void raw_buffers(struct link *link, int fd);

/* The server of the many-peer benchmark, until the last of its peers has left. */
void raw_echo(int listener);

/* Fails with what was tried and errno. */
int raw_check(int result, const char *what);

#endif
