/* SPDX-License-Identifier: MIT
 *
 * region.h - what stands behind a sinew_region, and the table of a medium: what keeps its bytes.
 *
 * The core asks the medium in turn: attach to what is there; if nothing is, make it. Each answers
 * whether it did, whether it pays to look again, or why not. A medium builds under no name or a
 * private one and publishes by one atomic act, so a creator that dies leaves nothing that an
 * attacher could take for a region.
 */
#ifndef SINEW_REGION_H
#define SINEW_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "scheme.h"
#include "sys.h"

enum { SINEW__REGION_MODE = 0600 }; /* where mode= says nothing */

/* Options every scheme of a region has; mode is -1 where the URI says nothing. */
struct sinew__region_common {
	int64_t create, mode;
};

struct sinew__region_spec {
	struct sinew__uri uri;
	char *text; /* the URI as given, for words */
	const struct sinew__medium *medium;
	struct sinew__region_common common;
	void *own; /* the medium's settings */
};

/* huge=no|2M|1G, in this order. */
enum sinew__region_pages { SINEW__PAGES_PLAIN, SINEW__PAGES_2M, SINEW__PAGES_1G };
/* What the kernel says if there are none of these, with words. */
int sinew__region_no_pages(const struct sinew_region *, int64_t pages, int error);

/* What attach() and make() answer beside 0 and -errno. */
enum sinew__region_answer {
	SINEW__REGION_ABSENT = 1, /* nothing is there: make it, or wait for somebody who does */
	SINEW__REGION_BUSY,       /* somebody is making or removing it: wait */
	SINEW__REGION_AGAIN,      /* it changed while we looked: look again at once */
};

enum { SINEW__REGION_FDS = 64, SINEW__REGION_LINKS = 32 };

/* What a region that is handed out takes along, for who asks for it: descriptors that its maker gives to
 * all who may write, and that they find here instead of their own; and the connections at which it
 * was handed out, kept open, so that each side sees the end of the other. */
struct sinew__region_guests {
	int fds[SINEW__REGION_FDS];
	unsigned fd_count;
	int links[SINEW__REGION_LINKS];
	unsigned link_count;
	pthread_mutex_t lock; /* of the links: a thread may let guests in */
};

/* Closes the connections that have ended: how many. (region/memfd.c) */
unsigned sinew__region_tidy(struct sinew__region_guests *);

/* What is asked of a region. */
struct sinew__region_wish {
	size_t size;
	bool any_size; /* one of another size will do, if it is there */
	sinew_region_init init;
	void *arg;
	struct sinew__region_guests *guests; /* NULL: none */
};

struct sinew_region {
	struct sinew__region_spec spec;
	unsigned flags; /* SINEW_IN, or SINEW_IN | SINEW_OUT */
	size_t wanted;  /* the size asked for; 0: what there is */
	bool any_size;  /* or another */
	struct sinew__region_guests *guests;
	sinew_region_init init;
	void *arg;
	uint64_t process; /* who opened it */
	void *data;       /* NULL: not mapped */
	size_t size;
	int fd; /* of the memory, or -1 */
	bool made;
	bool forsaken; /* what is made of it failed: the last one removes the name */
	int guard;     /* its slot in region_guard.c, or -1 */
	void *state;   /* the medium's own, freed by the core */
	int64_t until; /* while it is being opened */
};

struct sinew__medium {
	struct sinew__scheme scheme; /* first: registry.c knows only this */
	uint64_t caps;
	/* Checks what can be checked without opening; *largest: bytes that could be had now. */
	int (*describe)(const struct sinew__region_spec *, uint64_t *largest);
	/* Attaches to what is there, or makes and attaches: 0, an answer, or -errno. What they took
	 * and did not give up is undone by release(). Only attach() may wait, if it must. */
	int (*attach)(struct sinew_region *);
	int (*make)(struct sinew_region *);
	/* Onto the storage; NULL: there is none. */
	int (*sync)(struct sinew_region *, void *at, size_t size);
	/* Hands it out to one who asks, if there is one: 1 given, 0 not; NULL: not needed. */
	int (*serve)(struct sinew_region *);
	int (*serve_fd)(const struct sinew_region *);
	/* Gives up state and mapping; the name, too, if ours alone (`last`: we are its process, and
	 * it was opened). Must not fail. */
	void (*release)(struct sinew_region *, bool last);
	int (*remove)(const struct sinew__region_spec *);
	/* Whether all bytes are still there; NULL: nobody can take them away. */
	bool (*is_whole)(const struct sinew_region *);
};

/* Attaches to a region for reading and writing, or makes it. As sinew_region_make(). */
int sinew__region_obtain(
	struct sinew_region **, const char *uri, const struct sinew__region_wish *, int64_t until);

/* ---- for the media ---- */

/* Maps `size` bytes of fd as the region's flags say. -errno with words. */
int sinew__region_map(struct sinew_region *, int fd, size_t size);
void sinew__region_unmap(struct sinew_region *);

/* Gives a new file its size and all of its space, or says what is free. `where`: for words. */
int sinew__region_reserve(struct sinew_region *, int fd, size_t size, const char *where);

/* Whether the size asked for is a whole number of these pages. -EINVAL with words. */
int sinew__region_whole_pages(struct sinew_region *, int64_t pages);

/* Lets the caller of sinew_region_make() fill the bytes. */
int sinew__region_fill(struct sinew_region *);

/* An existing region has `size` bytes: 0 if that was asked for. -EEXIST with words. */
int sinew__region_fits(struct sinew_region *, uint64_t size);

/* The mode of what we make. */
static inline mode_t sinew__region_mode(const struct sinew__region_spec *spec)
{
	return spec->common.mode < 0 ? SINEW__REGION_MODE : (mode_t)spec->common.mode;
}

/* region_spec.c */
int sinew__region_spec_parse(struct sinew__region_spec *, const char *uri);
void sinew__region_spec_fini(struct sinew__region_spec *);

/* region_guard.c: guards a mapping; a slot or -errno, of which sinew__guard_failed() makes words. */
int sinew__guard(void *at, size_t size, int prot);
int sinew__guard_failed(const char *uri, int error);
void sinew__unguard(int slot); /* before it is unmapped; -1 is fine */
bool sinew__guard_was_hit(int slot);

/* Forgets the region, before it is unmapped; whether a page of it was replaced. */
void sinew__region_unguard(struct sinew_region *);
bool sinew__region_was_hit(const struct sinew_region *);

#endif
