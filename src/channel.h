/* SPDX-License-Identifier: MIT
 *
 * channel.h - what stands behind a sinew_channel, and the three tables it is driven by:
 *
 *   transport   one mechanism: its URI, options, capabilities; opens, pairs, removes
 *   io          how messages are made: stream_io over byte streams, packet_io over datagrams
 *   link_ops    how bytes or datagrams move on one connection: one system call each
 *
 * A channel has one link (pipe, fifo, connecting socket, datagram socket) or a table of them
 * (listening socket). The receiving thread owns the `in` half of a link, the sending one `out`.
 */
#ifndef SINEW_CHANNEL_H
#define SINEW_CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hot.h"
#include "scheme.h"
#include "sys.h"

enum { SINEW__BULK = 64 * 1024 }; /* what one read asks for beyond the message at hand */

enum sinew__direction { SINEW__DIR_IN, SINEW__DIR_OUT, SINEW__DIR_BOTH };
enum sinew__framing { SINEW__FRAME_LENGTH, SINEW__FRAME_LINE, SINEW__FRAME_RAW };

/* Options every scheme has; -1 where the URI says nothing and the mechanism decides. */
struct sinew__common {
	int64_t dir, side, keep, keep_open, mode, owner, group, max, frame, coalesce;
};

/* A URI understood: its parts, its mechanism, its options. */
struct sinew__spec {
	struct sinew__uri uri;
	char *text; /* the URI as given, for words */
	const struct sinew__transport *transport;
	struct sinew__common common;
	void *own; /* the transport's settings */
};

/* In describe(): the mechanism keeps boundaries itself, packet_io serves it. Not told outside. */
#define SINEW__CAP_PACKETS (UINT64_C(1) << 63)
/* What everything but a network's datagrams can say of itself. */
#define SINEW__CAP_SURE (SINEW_CAP_RELIABLE | SINEW_CAP_COUNTED)

struct sinew__transport {
	struct sinew__scheme scheme; /* first: registry.c knows only this */
	const struct sinew__io *io;  /* NULL: stream_io, or packet_io, as the capabilities say */
	/* Fills *caps for these options; checks what can be checked without opening. Never blocks. */
	int (*describe)(const struct sinew__spec *, struct sinew_caps *);
	/* Opens the mechanism on a channel whose spec is set and whose all else is blank. May wait
	 * until the deadline. A failure leaves nothing behind but what sinew__channel_free undoes. */
	int (*open)(struct sinew_channel *, int64_t until);
	/* Two connected ends on two such channels; NULL: cannot. Never blocks. */
	int (*pair)(struct sinew_channel *ends[2]);
	/* Writes the URI that adopts this channel's descriptors; NULL: cannot. */
	int (*adopt)(struct sinew_channel *, char *uri, size_t size);
	/* Removes the name; NULL: leaves nothing. Never blocks. */
	int (*remove)(const struct sinew__spec *);
	/* Gives up the name and the transport's state. Links are still open. NULL: nothing to do. */
	void (*close)(struct sinew_channel *);
	/* Writes the URI by which others reach this channel; NULL: as it was opened. */
	int (*name)(struct sinew_channel *, char *uri, size_t size);
	/* The connection of a channel with one link broke, as the receiving (SINEW_IN) or the sending
	 * half found: 1 that half has a new one, 0 or -errno not. NULL: never. */
	int (*reconnect)(struct sinew_channel *, unsigned direction, int64_t until);
	/* Whether the writer of message pieces is still alive, on the kernel's evidence. */
	bool (*writer_alive)(struct sinew_channel *, uint64_t writer);
};

struct sinew__link;

/* What is known of a packet beside its bytes. */
struct sinew__about {
	uint64_t peer, tag;
	uint32_t priority, flags;
};

/* Moves bytes (stream) or one datagram (packet). Waits only if `wait`, then for ever.
 * Result: bytes; 0 the end (stream read); -EAGAIN; -EINTR; what passes (sinew__passes); any other
 * -errno: the link is broken. */
struct sinew__link_ops {
	ssize_t (*read)(struct sinew__link *, struct iovec *, int n, bool wait);
	ssize_t (*write)(struct sinew__link *, const struct iovec *, int n, bool wait);
	/* Streams: a write whose first byte takes the descriptors of the message along. NULL: none
	 * travel here. */
	ssize_t (*pass)(struct sinew__link *, const struct iovec *, int n,
		const struct sinew_msg *about, bool wait);
	/* Packets only: as read and write. receive tells what the mechanism knows of the message, where
	 * that is not what stands there; SINEW__NO_PACKET means the end. transmit obeys peer,
	 * priority and fds. */
	ssize_t (*receive)(
		struct sinew__link *, struct iovec *, int n, struct sinew__about *, bool wait);
	ssize_t (*transmit)(struct sinew__link *, const struct iovec *, int n,
		const struct sinew_msg *about, bool wait);
	/* Packets only: the failure of a transmit (msg), or of a receive (NULL), in the mechanism's
	 * own words; returns what the call returns. NULL: the words for sockets serve. */
	int (*explain)(struct sinew__link *, const struct sinew_msg *, int error);
	/* We will send no more. NULL: the mechanism has no such thing. */
	int (*finish)(struct sinew__link *);
	/* Our process is about to close this link, which others may still read. NULL: nothing to do. */
	void (*part)(struct sinew__link *);
};

/* Whether an error says nothing of the link: memory was short, and the same call may do next time. */
static inline bool sinew__passes(ssize_t error)
{
	return error == -ENOMEM || error == -ENOBUFS;
}

enum { SINEW__NO_PACKET = -0x10000 };

/* A place in a list that goes round. */
struct sinew__circle {
	struct sinew__circle *next, *prev;
};

/* What one of many links holds of the memory that its table bounds (pool.h). */
struct sinew__hold {
	size_t claim; /* how much of it may be used beyond what is free for everybody, counted from own */
	struct sinew__circle ring; /* among those in its state */
	int state;
	uint8_t *own; /* memory of its own, and the size of that */
	size_t most;
	size_t want;   /* waiting: for so much */
	uint64_t mark; /* receiving: bytes taken at `since`; sending: how far own was ever used */
	int64_t since; /* when it last made progress */
	bool spared;   /* its time was over once, with bytes of it waiting in the kernel */
};

struct sinew__inbox {
	uint8_t *data;
	size_t head, tail, size;
	uint64_t taken;                /* bytes that ever came in */
	size_t need;                   /* bytes from head on that would make progress */
	bool in_pieces;                /* a piece has been seen: some messages come so */
	bool long_run;                 /* the last message was a long one; streams: in one frame, */
	size_t last_header, last_size; /* of so many bytes, which the next may have, too */
	size_t scanned;                /* frame=line: bytes from head on without a newline */
	const uint8_t *whole;          /* a message put together from pieces, not yet consumed */
	size_t whole_size;
	uint64_t skip; /* bytes still to come of a message too large to receive */
};

struct sinew__outbox {
	uint8_t *data;
	size_t head, tail, size;
};

/* Of thousands of links each message may touch another: what it needs stands together at the front. */
struct sinew__link {
	struct sinew_channel *channel;
	const struct sinew__link_ops *ops;
	int rfd, wfd; /* the same for sockets; -1 where there is no such direction */
	size_t below; /* shorter messages may take the short way; 0: none */
	uint64_t id;
	struct sinew__session *session; /* receiving: what its HELLO said */
	uint64_t after;                 /* receiving: not before that link's end; 0: at once */
	size_t sip;                     /* nonzero: long payloads are read in pieces of this size */
	_Atomic unsigned refs;          /* one of the table, one of a sender at work */
	uint64_t next;                  /* of the session: the number its HELLO said */
	bool spoke;                     /* receiving: a message came already */
	bool finished;                  /* receiving: its end was told, it can still be answered */
	bool ended, broken;             /* receiving: read its end; sending: write failed */
	bool torn;                      /* sending: it failed inside a frame, nothing may follow */
	int failed;                     /* packets, receiving: the error that ended it, or 0 */
	bool hello_due;                 /* sending: introduce ourselves before the next frame */
	bool no_nowait;                 /* the kernel refused RWF_NOWAIT on it */
	bool ours;                      /* we made the descriptors: their kind is known */
	bool pollable;                  /* POLLOUT on wfd says that the peer has room */
	bool named;                     /* seqpacket: the peer's packets come with an address */
	struct sinew__inbox in;
	struct sinew__outbox out;
	struct sinew__hold in_hold, out_hold; /* of a table with a pool */
	size_t stride;   /* nonzero: long payloads go alone, and in writes of this size */
	size_t atomic;   /* nonzero: a write of at most this many bytes is never interleaved */
	uint64_t writer; /* nonzero: larger messages go in pieces under this id */
	int quick;       /* the same file, not blocking; or -1 */
	void *mapped;    /* both buffers */
	size_t mapped_size;
	struct sinew_peer who;
	struct sinew__about kept;    /* receiving: about the packet kept in the inbox */
	struct sinew__queue *passed; /* receiving: descriptors that came; NULL: none are taken in */
};

struct sinew__io {
	int (*send)(struct sinew_channel *, const struct sinew_msg *, unsigned, int64_t until);
	int (*flush)(struct sinew_channel *, int64_t until);
	int (*recv)(struct sinew_channel *, void *, size_t, struct sinew_msg *, int64_t until);
	int (*take)(struct sinew_channel *, struct sinew_msg *, unsigned, int64_t until);
	/* Whole messages received and not delivered, counted up to `most`. */
	unsigned (*buffered)(struct sinew_channel *, unsigned most);
	/* What follows may be NULL: links and descriptors serve, or it cannot be done. */
	void (*release)(struct sinew_channel *, struct sinew_msg *, unsigned);
	int (*finish)(struct sinew_channel *);
	int (*loan)(struct sinew_channel *, size_t, struct sinew_msg *, int64_t until);
	int (*commit)(struct sinew_channel *, struct sinew_msg *);
	void (*abandon)(struct sinew_channel *, struct sinew_msg *);
	int (*fd)(struct sinew_channel *, unsigned direction);
	void (*cancel)(struct sinew_channel *); /* async-signal-safe */
	int (*peer)(struct sinew_channel *, uint64_t id, struct sinew_peer *);
	/* What link->below is to be, for a link that is complete. */
	size_t (*below)(const struct sinew__link *);
};

extern const struct sinew__io sinew__stream_io, sinew__packet_io;

struct sinew__counters {
	_Atomic uint64_t sent, bytes_sent, received, bytes_received;
	_Atomic uint64_t calls[2], waits[2], yields[2]; /* receiving, sending */
	_Atomic uint64_t lost, refused, peers, joined, late, copies;
};

struct sinew_channel {
	/* What every message touches comes first, close together; what opening needs, last. */
	const struct sinew__io *io;
	uint64_t process;             /* who may use it; 0: anybody (a pair) */
	const _Atomic uint64_t *home; /* has that in it in that process alone; NULL: anybody */
	unsigned flags; /* SINEW_IN | SINEW_OUT as resolved, SINEW_LISTEN, SINEW_CANCELLABLE … */
	_Atomic bool cancelled;
	_Atomic bool finished;       /* sending: we said that we will send no more */
	bool interrupted;            /* sending: by a signal, told by the next call */
	struct sinew__link *one;     /* the only link, or NULL: see table */
	struct sinew__link *reading; /* receiving: the only link there can be, if it is there */
	struct sinew__lent *lent;    /* receiving: descriptors of the last message, or NULL */
	int ready_fd, armed_fd;      /* sinew_fd(SINEW_IN): the epoll set, the eventfd inside it */
	uint64_t lost, copies;       /* receiving: not yet reported */
	struct sinew__counters count;
	struct sinew__table *table; /* a listener's links */
	struct sinew__pool *pool;   /* the memory these share, where they may be many */
	int cancel_fd;
	int room_fd, room_armed_fd; /* the same for sinew_fd(SINEW_OUT) */
	int retry_fd[2];            /* timers in these sets: sending, receiving */
	bool armed, room_armed;
	bool renewing;                      /* receiving: broken, and not renewed yet */
	struct sinew__pieces *pieces;       /* receiving: messages that come in pieces */
	struct sinew__sessions *sessions;   /* receiving: senders that may reconnect */
	struct sinew__addresses *addresses; /* datagrams: whom we can answer */
	const struct sinew__users *allow;   /* datagrams: whom we hear */
	unsigned most_fds;                  /* descriptors that a message may carry */
	void *state;                        /* the transport's own */
	struct sinew_caps caps;
	struct sinew__spec spec;
};

/* Each counter has one writing thread: no locked instruction is needed. */
static inline void sinew__add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

extern const struct sinew__option_row sinew__common_options[];

/* spec.c */
int sinew__spec_parse(struct sinew__spec *, const char *uri);
void sinew__spec_fini(struct sinew__spec *);
/* What the spec's mechanism can do, and whether it can do all that the URI says. */
int sinew__spec_caps(const struct sinew__spec *, struct sinew_caps *);

/* The only link there can be is here: messages may be received from it the short way. */
static inline void sinew__read_from(struct sinew_channel *channel, struct sinew__link *link)
{
	if (!link->passed && !(channel->flags & (SINEW_EVENTS | SINEW_EXACT)))
		channel->reading = link;
}

/* A link is complete. */
static inline void sinew__settle_link(struct sinew_channel *channel, struct sinew__link *link)
{
	link->below = channel->io->below ? channel->io->below(link) : 0;
}

/* link.c: a link with its buffers, for the transports. On success it owns the descriptors. -ENOMEM. */
int sinew__link_make(struct sinew_channel *, const struct sinew__link_ops *, int rfd, int wfd,
	struct sinew__link **);
void sinew__link_free(struct sinew__link *);

/* Losses: counted, and told to the reader with the next message. */
static inline void sinew__lose(struct sinew_channel *channel, uint64_t messages)
{
	channel->lost += messages;
	sinew__add(&channel->count.lost, messages);
}

/* A second copy of a message: dropped, counted, and told to the reader with the next message. */
static inline void sinew__drop_copy(struct sinew_channel *channel)
{
	channel->copies++;
	sinew__add(&channel->count.copies, 1);
}

#endif
