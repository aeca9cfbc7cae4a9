/* SPDX-License-Identifier: MIT
 *
 * judge.h - what is said of Unix sockets, of TCP on one host and of signals, tried out with bare system calls.
 */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* What became of numbered datagrams whose reader pauses now and then. */
struct delivery {
	uint64_t sent, received, lost, reordered;
};

/* What a socket took while nobody read, before it pushed back. */
struct fill {
	uint64_t bytes, messages;
	bool pushed_back; /* EAGAIN, and after a read there was room again */
};

enum { JUDGE_SIGNALS = 100 };

struct evidence {
	bool tried;
	char error[200];        /* "" unless it failed */
	int checksums_left_out; /* of loopback: 1 yes, 0 no, -1 not known */
	unsigned tcp_messages;  /* sent one by one, each read before the next */
	unsigned tcp_segments;  /* that carried them */
	unsigned tcp_answers;   /* segments that the reader sent without data */
	unsigned tcp_resent,
		tcp_window;   /* segments; the congestion window at the end, in segments */
	char tcp_control[16]; /* the congestion control */
	struct fill unix_stream, unix_dgram, unix_seqpacket, tcp;
	struct delivery dgram, seqpacket, udp;
	unsigned plain_signals, realtime_signals; /* that came, of JUDGE_SIGNALS each */
};

/* judge_signals.c */
void judge_signals(struct evidence *evidence);

/* Tries everything with so many datagrams. False: it failed, and says why. */
bool judge(struct evidence *evidence, uint64_t messages);

#endif
