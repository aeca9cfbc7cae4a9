/* SPDX-License-Identifier: MIT
 *
 * bench_options.h - the options of sinew bench.
 */
#ifndef CLI_BENCH_OPTIONS_H
#define CLI_BENCH_OPTIONS_H

#include "verb.h"

extern const struct cli_option bench_options[];

#define BENCH_VERB                                                                                 \
	.name = "bench", .synopsis = "[URI|GROUP...]",                                             \
	.summary = "measure what each mechanism costs here, beside bare system calls",             \
	.about = "Two processes exchange messages that are numbered and checked, through sinew "   \
		 "and through the bare system calls of the same mechanism, in turns. GROUP is a "  \
		 "mechanism (pipe, unix-dgram, unix, ring) or channels, events, regions, locks, "  \
		 "processes, pipes, "                                                              \
		 "sockets, queues, rings; of a URI the options count, and its name is not "        \
		 "touched. "                                                                       \
		 "Without any: all. Ctrl-C ends it and keeps what is done.",                       \
	.options = bench_options,                                                                  \
	.examples = {"sinew bench --duration 20ms --repeat 1 --mode latency pipe unix",            \
		"sinew bench --duration 20ms --repeat 1 --mode stream 'unix:?type=seqpacket'"},    \
	.least = 0, .most = -1

#endif
