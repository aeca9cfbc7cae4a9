/* SPDX-License-Identifier: MIT
 *
 * event.h - what stands behind a sinew_event: a mechanism's table, and what the core keeps for it.
 *
 * The core owns who may use the handle, deadlines, cancellation, interruption and counting; a
 * mechanism is asked to try, and where it can wait with a deadline in one system call, to wait.
 */
#ifndef SINEW_EVENT_H
#define SINEW_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "scheme.h"
#include "sys.h"

enum { SINEW__MOST_STEPS = 32 };

/* How long a post or a wait of a mechanism can wait in one system call. */
enum sinew__patience {
	SINEW__IMPATIENT,
	SINEW__NO_DEADLINE, /* for ever, while the event's `blocks` is set; SA_RESTART restarts it */
	SINEW__DEADLINE,    /* until a deadline; a handler that ran ends it, SA_RESTART or not */
};

/* A URI understood. */
struct sinew__event_spec {
	const struct sinew__event_type *type;
	void *own;  /* the mechanism's settings */
	char *text; /* the URI as given, for words */
	struct sinew__uri uri;
};

struct sinew__event_type {
	struct sinew__scheme scheme; /* first: registry.c knows only this */
	/* Fills *caps for these options; checks what can be checked without opening. Never blocks. */
	int (*describe)(const struct sinew__event_spec *, struct sinew_caps *);
	/* Opens on an event whose spec, caps and flags are set; sets flags to what it is open for. May
	 * wait until the deadline. After a failure close() is called all the same. */
	int (*open)(struct sinew_event *, int64_t until);
	/* One post, one wait, steps on a set: 0; -EAGAIN not without waiting; -EINTR; -ETIMEDOUT; else
	 * -errno in words. The core asks for no more patience than there is: else it gives SINEW_NOW and
	 * waits itself, for the descriptor or, without one, in pauses. */
	int (*post)(struct sinew_event *, uint64_t value, int64_t until);
	int (*wait)(struct sinew_event *, struct sinew_notice *, int64_t until);
	int (*apply)(struct sinew_event *, const struct sinew_event_step *, unsigned count,
		int64_t until);
	enum sinew__patience patience;
	/* Removes the name; NULL: leaves nothing. Never blocks. */
	int (*remove)(const struct sinew__event_spec *);
	/* Gives up state; what was pending and is dropped. `child`: in a forked child of the opener. */
	int (*close)(struct sinew_event *, bool child);
};

struct sinew_event {
	unsigned flags;      /* SINEW_IN | SINEW_OUT as resolved, SINEW_CANCELLABLE, … */
	uint64_t process;    /* who may use it; 0: relatives, too */
	int fd;              /* reads as ready while a wait may succeed; -1: cannot be polled */
	short room;          /* poll event of fd: one unit can be posted; 0: posts wait in pauses */
	_Atomic bool blocks; /* a read of fd may wait: its flags lack O_NONBLOCK */
	bool adopted;        /* the flags of fd are not ours to change */
	enum sinew__patience patience; /* the mechanism's, as far as the flags let it wait alone */
	int cancel_fd;
	_Atomic bool cancelled;
	bool slow[2]; /* the last wait, the last post found nothing at once: look before trying */
	void *state;  /* the mechanism's own, of one allocation */
	_Atomic uint64_t done[2], calls[2], waits[2]; /* waiting, posting */
	struct sinew_caps caps;
	struct sinew__event_spec spec;
};

/* event_spec.c */
int sinew__event_parse(struct sinew__event_spec *, const char *uri);
void sinew__event_spec_fini(struct sinew__event_spec *);

/* event.c: pauses of a growing length, at most 1 ms, for what cannot be waited for. 0: look again; else
 * the result of a wait. *pause starts at 0. */
int sinew__event_pause(struct sinew_event *, int64_t *pause, int64_t until);

/* event.c: reads from fd, waiting only for SINEW_FOREVER: bytes or -errno. */
ssize_t sinew__event_read(struct sinew_event *, void *buf, size_t size, int64_t until);
/* From now on nobody waits in a call on fd, which is ours. 0 or -errno. */
int sinew__event_unblock(struct sinew_event *);

/* For mechanisms that wait themselves: the absolute time as the C library wants it. */
struct timespec sinew__event_time(int64_t ns);

#endif
