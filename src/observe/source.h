/* SPDX-License-Identifier: MIT
 *
 * source.h - where records come from while things happen. A source is one file that ends in one const
 * row; tracer.c tries the rows in order, best first, by opening them. What the better ones lacked is
 * told in a sentence with everything that comes of the one that works.
 */
#ifndef SINEW_OBSERVE_SOURCE_H
#define SINEW_OBSERVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

/* What is asked for. */
struct sinew__request {
	enum sinew__scope scope;
	const uint32_t *pids; /* PIDS: as this process sees them */
	unsigned pid_count;
	const char *cgroup; /* CGROUP: its directory */
	uint64_t buffer;    /* bytes between the kernel and us; 0: 8 MiB */
	const char *tier;   /* "A" … "D": only that one; NULL: the best */
};

/* Who takes them. A record is good until `take` returns, and whole: size and type are right. */
struct sinew__sink {
	void (*take)(void *arg, const struct sinew__record *record);
	void *arg;
	/* Of a source that looks at threads: it waits in this now, so that the object can be asked for its
	 * name before the record comes. May say where a word in memory lies. NULL: nobody wants to know. */
	void (*meet)(void *arg, const struct sinew__who *who, struct sinew__wait *wait);
};

struct sinew__source_type;

/* The head of every source's own structure; filled in by its open() where nothing else is said. */
struct sinew__source {
	const struct sinew__source_type *type; /* set by the tracer, as is */
	struct sinew__sink sink;               /* before the first read() */
	const struct sinew__request *request;
	uint32_t has;     /* enum sinew__has */
	uint64_t started; /* from then on nothing is missed */
	uint64_t ended;   /* after finish(): nothing is told of what came later */
	uint64_t seeding, seeded;
	uint64_t lost; /* all that was told by LOSS */
	uint64_t slice;
	int fd;            /* readable when there is much to read; -1: only time tells */
	const char *lacks; /* a sentence about what it cannot know, or NULL */
};

struct sinew__source_type {
	enum sinew__tier tier;
	const char *name; /* "BPF" */

	/* 0 and a source, or -errno with a sentence that says what would help (fault.h). */
	int (*open)(struct sinew__source **source, const struct sinew__request *request);

	/* COMMAND. Before it is forked; `held`: does the child have to wait until after forked()? */
	void (*fork)(struct sinew__source *source);
	int (*forked)(struct sinew__source *source, pid_t pid);
	bool held;

	/* COMMAND has ended and is not reaped yet; may be NULL. */
	void (*over)(struct sinew__source *source);

	/* Gives what has come to the sink. Does not wait. 0 or -errno. */
	int (*read)(struct sinew__source *source);
	/* The last states and totals, then nothing more. Sets source->ended. */
	int (*finish)(struct sinew__source *source);
	void (*close)(struct sinew__source *source);
};

/* Those that this build has, best first, up to a NULL. */
extern const struct sinew__source_type *const sinew__sources[];

uint64_t sinew__observe_now(void); /* CLOCK_MONOTONIC, ns */

#endif
