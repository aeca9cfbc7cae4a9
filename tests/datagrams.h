/* SPDX-License-Identifier: MIT
 *
 * datagrams.h - for tests of udp: channels, and bare sockets that know nothing of sinew.
 */
#ifndef SINEW_TESTS_DATAGRAMS_H
#define SINEW_TESTS_DATAGRAMS_H

#include <netinet/in.h>

#include "mechanisms.h"
#include "sequence.h"

sinew_channel *listen_on(const char *uri);
uint16_t port_of(sinew_channel *);
sinew_channel *connect_to(uint16_t port, const char *options);
struct sinew_stats stats_of(sinew_channel *);

struct sockaddr_in loopback(uint32_t host, uint16_t port);
/* A bare socket, connected to this port of that address; or to where this channel listens. */
int bare_at(uint32_t host, uint16_t port);
int bare(sinew_channel *to);
/* Sends from it a datagram of this session with this number, and the number as its text. */
void craft(int fd, uint64_t session, uint64_t number);
/* Sends the number as text; what sinew_send() returned. */
int try_send(sinew_channel *, uint64_t number);

/* The next message is that one, after so many that are missing. */
struct sinew_msg expect(sinew_channel *, uint64_t number, uint64_t lost);
void expect_plain(sinew_channel *, uint64_t number, uint64_t lost);
void expect_late(sinew_channel *, uint64_t number);
void expect_nothing(sinew_channel *);

#endif
