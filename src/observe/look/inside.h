/* SPDX-License-Identifier: MIT
 *
 * inside.h - what the parts of a look share: the threads, and what was read once for all of them.
 */
#ifndef SINEW_LOOK_INSIDE_H
#define SINEW_LOOK_INSIDE_H

#include <stddef.h>

#include "facts.h"
#include "look.h"
#include "sockets.h"

/* A piece of memory of a process, of /proc/PID/maps. */
struct sinew__piece {
	uint64_t from, to, offset, ino;
	bool shared;
	char path[SINEW__LOOK_OBJECT];
};

enum sinew__file_kind {
	/* what has another side, for others to hold */
	SINEW__FILE_PIPE,
	SINEW__FILE_FIFO,
	SINEW__FILE_SOCKET,
	SINEW__FILE_EVENTFD,
	SINEW__FILE_MQ,
	/* what has none */
	SINEW__FILE_REGULAR,
	SINEW__FILE_OTHER,
};

/* What a descriptor leads to. */
struct sinew__file {
	enum sinew__file_kind kind;
	char link[160];    /* as /proc/PID/fd has it, cut */
	uint64_t id;       /* of an eventfd */
	uint64_t dev, ino; /* of what has a path */
	int32_t fd;        /* its number */
	uint64_t peer;     /* inode of a socket's other end; 0: none, or not known */
	char text[SINEW__LOOK_OBJECT];
};

/* A descriptor whose holders are looked for: its link and what they have to be able to do. */
struct sinew__want {
	uint32_t thread;   /* index */
	uint32_t hash;     /* of the link */
	unsigned mode;     /* 4 read, 2 write, 0 anything */
	uint64_t id;       /* of an eventfd, or 0 */
	uint64_t dev, ino; /* of a file with a path, or 0 */
	int32_t fd;        /* the thread's own is not meant */
	char link[160];
};

struct sinew__look {
	struct sinew__facts *threads;
	size_t count, room;
	bool others_too;
	bool at_once; /* who runs was seen at one moment: facts->runs */
	char *lacks;  /* why not by a better source; or NULL */
	struct sinew__sockets *sockets;
	uint32_t maps_of; /* whose maps these are */
	char *maps;
	char *locks, *sems, *queues; /* /proc/locks, /proc/sysvipc: read on demand */
	char own_ipc[64];
	struct sinew__want *wants;
	size_t want_count, want_room;
	uint64_t clock_from,
		clock_at; /* the scheduler's clock was so much at that moment; 0: unknown */
};

/* ---- look.c ---- */

struct sinew__facts *sinew__look_find(struct sinew__look *look, uint32_t tid);
/* By process and thread number. */
void sinew__look_sort(struct sinew__look *look);
uint64_t sinew__look_now(void); /* CLOCK_MONOTONIC, ns */

/* The processes that were asked for. */
struct sinew__asked {
	uint32_t *pids; /* NULL: all */
	size_t count;
};

bool sinew__is_asked(const struct sinew__asked *asked, uint32_t pid);

/* ---- sources: each fills look->threads, sorted; `here` is the CPU on which we stay meanwhile ---- */

struct sinew__look_source {
	char letter;
	/* 0, or -errno with a sentence that says what would help (fault.h). */
	int (*threads)(struct sinew__look *look, const struct sinew__asked *asked, int here);
};

/* tiers.c: those that this build has, best first; the last letter is 0. */
extern const struct sinew__look_source sinew__look_sources[];

/* proc.c */
int sinew__proc_threads(struct sinew__look *look, const struct sinew__asked *asked, int here);
/* Adds the processes that look->threads, sorted, has not. */
int sinew__proc_missing(struct sinew__look *look, const struct sinew__asked *asked);
/* Its letter and what it sleeps in, as of now. False: it is gone. */
bool sinew__proc_state(struct sinew__facts *facts);
void sinew__proc_wchan(struct sinew__facts *facts);
/* What the scheduler has accounted for by now. */
void sinew__proc_again(struct sinew__facts *facts);
void sinew__proc_clock(struct sinew__look *look);
/* iter.c */
int sinew__iter_threads(struct sinew__look *look, const struct sinew__asked *asked, int here);

/* ---- decide.c ---- */

void sinew__decide(struct sinew__look *look);

/* ---- waits.c: cause, call and object of one that is blocked ---- */

void sinew__explain(struct sinew__look *look, struct sinew__facts *facts);

/* ---- objects.c ---- */

/* The object behind a descriptor into facts->object; what else it decides. */
void sinew__file_object(
	struct sinew__look *look, struct sinew__facts *facts, int32_t fd, unsigned mode);
/* What a descriptor is. False: cannot be seen; the text is "unknown" then. */
bool sinew__file_look(
	struct sinew__look *look, struct sinew__facts *facts, int32_t fd, struct sinew__file *file);
/* Those who hold its other side are to be found; mode: what the waiting thread does. */
void sinew__file_want(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__file *file, unsigned mode);

/* ---- futexes.c ---- */

void sinew__futex_object(struct sinew__look *look, struct sinew__facts *facts, uint64_t address,
	uint32_t operation, uint64_t value);
/* ---- rings.c ---- */

/* Whether this word is one that members of a ring sleep on; then object and cause say so. */
bool sinew__ring_word(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__piece *piece, uint64_t address);
/* Whether who polls these descriptors sleeps in a ring, to be rung. */
bool sinew__ring_bell(
	struct sinew__look *look, struct sinew__facts *facts, const int32_t *fds, size_t count);

/* ---- pieces.c ---- */

bool sinew__piece_at(struct sinew__look *look, struct sinew__facts *facts, uint64_t address,
	struct sinew__piece *piece);
/* One after the other: `*at` is NULL at first. */
bool sinew__piece_next(struct sinew__look *look, struct sinew__facts *facts, const char **at,
	struct sinew__piece *piece);

/* ---- polls.c ---- */

void sinew__poll_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__select_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__epoll_object(struct sinew__look *look, struct sinew__facts *facts);

/* ---- names.c: objects that are told by arguments ---- */

/* "USR1 TERM": the set of signals, bit 0 is signal 1. */
void sinew__signals_text(uint64_t mask, char *text, size_t room);
void sinew__open_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__address_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__signals_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__lock_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__sem_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__queue_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__child_object(struct sinew__look *look, struct sinew__facts *facts);
void sinew__vfork_object(struct sinew__look *look, struct sinew__facts *facts);

/* ---- others.c ---- */

/* facts: one of look->threads. */
void sinew__want(
	struct sinew__look *look, const struct sinew__facts *facts, const struct sinew__want *want);
void sinew__find_others(struct sinew__look *look);
/* A thread's number; a process has that of its first. */
void sinew__add_other(struct sinew__facts *facts, uint32_t tid);

#endif
