/* SPDX-License-Identifier: MIT
 *
 * settings.h - what the words of one command line came to.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split {
	SPLIT_LINE, /* a message is a line without its newline */
	SPLIT_NUL,  /* the same with a zero byte */
	SPLIT_NONE, /* the largest pieces; nothing between messages on output */
	SPLIT_SIZE, /* pieces of `piece` bytes */
};

enum { MOST_PIDS = 256, MOST_SIZES = 16, MOST_NOTES = 16 };
enum { MOST_FDS = 253 }; /* that the kernel lets travel with one message */

struct settings {
	enum split split;
	uint64_t piece;   /* SPLIT_SIZE, or -o chunk=SIZE; 0: not given */
	const char *data; /* --data, or NULL */
	bool counted;     /* -n was given: */
	uint64_t count;
	uint32_t priority;               /* of every message sent */
	int64_t timeout;                 /* nanoseconds; < 0: for ever */
	uint64_t create, offset, length; /* of a region; 0: not given */
	int64_t watch;                   /* nanoseconds between looks; 0: one look */
	bool dump, load;
	unsigned format;               /* of report and trace: enum sinew__format */
	const char *notes[MOST_NOTES]; /* too */
	unsigned note_count;
	const char *list;
	const char *columns; /* of ps, or NULL */
	unsigned states;     /* of ps: a bit for each enum sinew__state; 0: all */
	bool tree, processes, others;
	int fds[MOST_FDS]; /* send --fd */
	unsigned fd_count;
	bool take_fds; /* recv --fd */
	bool json, events, quiet, verbose, help;

	/* trace */
	uint32_t pids[MOST_PIDS];
	unsigned pid_count;
	const char *cgroup, *output, *html, *tier;
	int64_t duration; /* nanoseconds; 0: until it ends */
	uint64_t buffer;  /* bytes; 0: not given */
	bool all;

	/* bench; duration too */
	struct bench_settings {
		bool quick;
		unsigned modes; /* a bit for each enum mode; 0: all */
		size_t sizes[MOST_SIZES];
		unsigned size_count;
		int cpus[2]; /* of the client, of the server; -1: not pinned */
		bool cpus_given;
		uint64_t rate; /* messages a second; 0: not given */
		const char *wait, *json, *html, *baseline;
		unsigned repeat; /* 0: not given */
	} bench;

	const char **pairs; /* -o key=value, as given */
	int pair_count;
	char **operands;
	int operand_count;
};

#endif
