/* SPDX-License-Identifier: MIT
 *
 * ck.h - Concurrency Kit's ring beside ours, where its library was there to build with.
 */
#ifndef BENCH_PEERS_CK_H
#define BENCH_PEERS_CK_H

/* Shows the round trip of 64 bytes over ck_ring between two processes, or says that it is not built. */
void bench_ck_round_trip(unsigned count, int turns);

#endif
