/* SPDX-License-Identifier: MIT
 *
 * sinew.h - communication between Unix processes: channels move messages, regions share bytes,
 * events wake. Locks for shared memory are in lock.h.
 *
 * Each is named by a URI, "scheme:rest?key=value&key=value"; sinew(7) lists the schemes. One small
 * set of calls serves all schemes of a kind, and what a mechanism cannot do is told in advance by
 * its capabilities and refused with -EOPNOTSUPP, never emulated in silence.
 *
 * Results      0 or a count on success, -errno on failure. sinew_error_text() has the words.
 * Deadlines    `until` is an absolute CLOCK_MONOTONIC time in nanoseconds, or SINEW_NOW (never
 *              wait: -EAGAIN) or SINEW_FOREVER. A finite one that passes gives -ETIMEDOUT.
 * Threads      one sending and one receiving thread may use a channel at the same time; nothing
 *              more, except sinew_cancel(), which any thread and any signal handler may call.
 * Fork         a channel works in the process that opened it. In a forked child every call but
 *              sinew_close() answers -EOWNERDEAD, except on channels from sinew_pair().
 * Manners      the library never prints, ends the process, starts a thread unasked, raises SIGPIPE or
 *              changes a signal disposition. Every descriptor it makes is close-on-exec.
 */
#ifndef SINEW_H
#define SINEW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sinew_channel sinew_channel;

#define SINEW_NOW INT64_C(0)
#define SINEW_FOREVER INT64_MAX

/* What sinew_recv() and sinew_take() return when the last of at least one peer has left, or said that
 * it will send no more. Where many peers are served, the end of one peer's messages ends its connection
 * both ways: answer it before the receive that follows its last message. */
#define SINEW_END 0

/* A peer id: which of a channel's peers. Never reused by the same channel. */
#define SINEW_ANY_PEER UINT64_C(0)

/* Flags of sinew_open(). Direction and side may also stand in the URI: dir=, side=. */
#define SINEW_IN 0x01u          /* we receive */
#define SINEW_OUT 0x02u         /* we send; with neither, both where the mechanism can */
#define SINEW_LISTEN 0x04u      /* own the name and serve whoever comes */
#define SINEW_CONNECT 0x08u     /* use a name that somebody owns; the default */
#define SINEW_CANCELLABLE 0x10u /* sinew_cancel() works; a wait then costs two system calls more */
#define SINEW_INTERRUPTIBLE                                                                        \
	0x20u              /* a signal handler that ran ends a wait with -EINTR; the same cost */
#define SINEW_EVENTS 0x40u /* receive an empty message when a peer joins or leaves */
#define SINEW_EXACT 0x80u  /* take from the kernel no byte more than is delivered; slower */

/* Flags of a received message. */
#define SINEW_MSG_JOINED 0x01u     /* no data: this peer has come (with SINEW_EVENTS) */
#define SINEW_MSG_LEFT 0x02u       /* no data: this peer has gone (with SINEW_EVENTS) */
#define SINEW_MSG_CORRUPT 0x04u    /* with LEFT: it was cut off: it broke the framing, or pool= */
#define SINEW_MSG_UNFINISHED 0x08u /* frame=line: the peer left before the end of this line */
#define SINEW_MSG_TAGGED 0x10u     /* tag is set; on sending: carry it */
#define SINEW_MSG_LATE 0x20u       /* was overtaken, and counted in `lost` before it came */
#define SINEW_MSG_FDS_LOST 0x40u   /* some of its descriptors could not be taken in: it has none */
#define SINEW_MSG_REDELIVERED                                                                      \
	0x80u /* was in the hands of a reader that died: maybe handled before */
#define SINEW_MSG_OVERWRITTEN                                                                      \
	0x100u /* sinew_release(): was overwritten while it was borrowed; what was read is worth nothing */

/* One message. Set what you do not use to zero: later versions give the reserved words a meaning,
 * and a channel refuses what it cannot carry. */
struct sinew_msg {
	const void *data;  /* sending: yours until the call returns; receiving: see the call */
	size_t size;       /* bytes; 0 is a message too, except with frame=raw on a byte stream */
	uint64_t peer;     /* who sent it, or whom to send it to; SINEW_ANY_PEER: the only one */
	uint64_t tag;      /* your number to match replies with requests; needs SINEW_CAP_TAGS */
	uint64_t lost;     /* messages known to be lost before this one and not yet reported */
	uint32_t priority; /* higher is received first; needs SINEW_CAP_PRIORITIES, else 0 */
	uint32_t flags;    /* SINEW_MSG_... */
	int *fds;          /* descriptors that travel with it, see below; NULL: none */
	uint32_t fd_count; /* how many; needs SINEW_CAP_FDS, else 0 */
	uint32_t copies;   /* second copies dropped before this message and not yet reported */
	uint64_t reserved[8];
};

/* Descriptors change hands with their message. Sending: when the call has accepted the message it has
 * closed them and stored -1 in their places in the array; keep a dup() if you need one. If the message
 * was not accepted they are still yours. Such a message goes at once, coalesce= or not. Receiving: fds
 * points into the channel. Take a descriptor by storing -1 in its place, or send it on as it is; those
 * that are still there at the next sinew_recv() or sinew_take(), whatever that returns, at
 * sinew_release() or sinew_close() are closed, and so are those of a message that is dropped. They are
 * close-on-exec. sinew_take() ends a batch with a message that has some. */

/* Capability bits. */
#define SINEW_CAP_BOUNDARIES (UINT64_C(1) << 0)    /* a message arrives whole, as it was sent */
#define SINEW_CAP_BOTH_WAYS (UINT64_C(1) << 1)     /* one channel can send and receive */
#define SINEW_CAP_ANSWERS (UINT64_C(1) << 2)       /* the reader can answer the peer it heard */
#define SINEW_CAP_KNOWS_PEER (UINT64_C(1) << 3)    /* sinew_peer() gives the peer's uid, gid, pid */
#define SINEW_CAP_POLLABLE (UINT64_C(1) << 4)      /* sinew_fd() works */
#define SINEW_CAP_MANY_WRITERS (UINT64_C(1) << 5)  /* several processes may send to one reader */
#define SINEW_CAP_MANY_READERS (UINT64_C(1) << 6)  /* several processes may share the reading */
#define SINEW_CAP_TAGS (UINT64_C(1) << 7)          /* sinew_msg.tag is carried */
#define SINEW_CAP_PRIORITIES (UINT64_C(1) << 8)    /* sinew_msg.priority is carried and obeyed */
#define SINEW_CAP_PAIR (UINT64_C(1) << 9)          /* sinew_pair() works */
#define SINEW_CAP_NAMED (UINT64_C(1) << 10)        /* unrelated processes can meet by the name */
#define SINEW_CAP_NETWORK (UINT64_C(1) << 11)      /* reaches other machines */
#define SINEW_CAP_EMPTY (UINT64_C(1) << 12)        /* a message of no bytes can be sent */
#define SINEW_CAP_END (UINT64_C(1) << 13)          /* the reader learns that its peers have left */
#define SINEW_CAP_FDS (UINT64_C(1) << 14)          /* descriptors travel with a message */
#define SINEW_CAP_SURVIVES (UINT64_C(1) << 15)     /* unread messages outlive all processes */
#define SINEW_CAP_RELIABLE (UINT64_C(1) << 16)     /* loses nothing while both sides live */
#define SINEW_CAP_COUNTED (UINT64_C(1) << 17)      /* what was lost is counted and reported */
#define SINEW_CAP_ZERO_COPY (UINT64_C(1) << 18)    /* sinew_loan(); sinew_take() copies nothing */
#define SINEW_CAP_EVERY_READER (UINT64_C(1) << 19) /* each message goes to every reader */

struct sinew_caps {
	uint64_t bits;
	uint64_t max_message; /* largest message in bytes, with these options, on this system */
	uint64_t reserved[6];
};

/* Who is at the other end, as far as the kernel vouches for it. */
struct sinew_peer {
	uid_t uid; /* valid if `known` */
	gid_t gid;
	pid_t pid;         /* when it connected or sent; 0 if outside our pid namespace */
	int known;         /* whether uid, gid and pid come from the kernel */
	char address[112]; /* printable: "127.0.0.1:4711", "/run/a.sock", "@name", or "" */
};

/* What a channel did so far. Counters never go back. */
struct sinew_stats {
	uint64_t sent, received;             /* messages */
	uint64_t bytes_sent, bytes_received; /* payload bytes */
	uint64_t calls;                      /* system calls that moved data or waited */
	uint64_t waits;                      /* of these, those that waited for readiness */
	uint64_t lost;                       /* messages known to be lost, reported or not */
	uint64_t refused;                    /* peers or messages turned away: allow=, peers= */
	uint64_t peers;                      /* connected now */
	uint64_t joined;                     /* connected ever */
	uint64_t late;                       /* of those lost: came after all, overtaken */
	uint64_t copies;                     /* second copies of a message, dropped */
	uint64_t yields; /* times it gave way while it waited in a ring; not in `calls` */
	uint64_t reserved[3];
};

/* A deadline `ns` nanoseconds from now; ns <= 0 gives SINEW_NOW. */
int64_t sinew_after(int64_t ns);

/* Opens `uri`. A listening channel owns its name when this returns; a connecting one waits for the
 * name until the deadline. On failure *channel is untouched and nothing is left behind.
 * A descriptor named in the URI (read=, write=, fd=) belongs to the channel from now on.
 * Errors: -EINVAL bad URI or option, -EADDRINUSE somebody lives there, -EEXIST the name is
 * something else, -ENOENT or -ECONNREFUSED nobody there by the deadline, -EACCES, -EMFILE, … */
int sinew_open(sinew_channel **channel, const char *uri, unsigned flags, int64_t until);

/* Two connected ends for relatives: use one before fork() and the other after it. Where the
 * mechanism is one-way ends[0] receives and ends[1] sends. Each process closes the end it does not
 * use. flags: CANCELLABLE, INTERRUPTIBLE, EVENTS, EXACT. Never blocks. */
int sinew_pair(sinew_channel *ends[2], const char *uri, unsigned flags);

/* For a program to be executed: makes this end's descriptors survive exec and writes a URI into
 * `uri` that adopts them there. Call it in the child, between fork and exec. Never blocks.
 * Returns the URI's length, -ENAMETOOLONG, or -EOPNOTSUPP where the mechanism has no such form. */
int sinew_inherit(sinew_channel *channel, char *uri, size_t size);

/* Sends `count` messages in order. Returns how many were accepted, at least 1 unless count is 0, or
 * -errno if none was. An accepted message is on its way, with two exceptions that never reorder or
 * tear anything: with coalesce= it may wait in our buffer; and a message whose first bytes had gone
 * when the deadline came, a cancel arrived or the kernel was short of memory counts as accepted, its
 * rest is kept and goes first with the next sinew_send() or sinew_flush().
 * -EMSGSIZE: too large for this channel, or too many descriptors; the text names the limit. -EBADF: one
 * of them is not open. -ETOOMANYREFS: too many are under way. -EPIPE: no reader is left.
 * -EDESTADDRREQ: several peers and none named. -ESTALE: that peer has left. */
int sinew_send(sinew_channel *channel, const struct sinew_msg *msgs, unsigned count, int64_t until);

/* Lends room for one message of up to `size` bytes, to be written where its reader will find it: *msg gets
 * data, which is yours to write until sinew_commit() or sinew_abandon(), and size. Nothing else is sent
 * on this channel until then: -EBUSY. Waits for room as sinew_send(), and fails as it does. Only with
 * SINEW_CAP_ZERO_COPY. */
int sinew_loan(sinew_channel *channel, size_t size, struct sinew_msg *msg, int64_t until);
/* Sends what was lent, msg->size bytes of it, which may be fewer than asked for. Never blocks. */
int sinew_commit(sinew_channel *channel, struct sinew_msg *msg);
/* Gives the room back unused. */
void sinew_abandon(sinew_channel *channel, struct sinew_msg *msg);

/* Hands over what is still in our buffer. 0, or -errno and the rest is kept. */
int sinew_flush(sinew_channel *channel, int64_t until);

/* Says that we will send no more: the peer, having read everything, sees the end; we can still
 * receive. Flushes first. -EOPNOTSUPP on a channel with several peers or without an end. */
int sinew_finish(sinew_channel *channel, int64_t until);

/* Receives one message into buf. Returns 1, SINEW_END, or -errno. msg->data is buf; what lies behind
 * msg->size bytes of it may have been written to.
 * -EMSGSIZE: msg->size bytes are needed; the message is kept and the next call can have it. If
 * msg->size is larger than max= the peer's message cannot be received: it is skipped and counted as
 * lost. -EBADMSG: the peer does not speak this framing; it was cut off. -ECONNRESET, -ECONNABORTED:
 * the connection broke; END follows. Where a channel serves many peers the last four never end a
 * call: they cost that peer its message or its connection, counted in `lost` of the next message,
 * which may be that of END; a connection counts as one, for nobody knows what was on its way.
 * -ENOMEM, -ENOBUFS: the kernel was short of memory; nothing is lost, call again. */
int sinew_recv(sinew_channel *channel, void *buf, size_t cap, struct sinew_msg *msg, int64_t until);

/* Borrows up to `count` messages, at least one, without copying; waits only for the first. Each
 * msgs[i].data stays valid until sinew_release(), the next sinew_take() or sinew_recv(), or
 * sinew_close(). Returns how many, SINEW_END, or -errno as sinew_recv(). */
int sinew_take(sinew_channel *channel, struct sinew_msg *msgs, unsigned count, int64_t until);

/* Gives borrowed messages back. Never fails, never blocks. Where a writer does not wait for its readers (a
 * ring with pattern=topic or latest) it may have overwritten some meanwhile: those get
 * SINEW_MSG_OVERWRITTEN, and count as lost; do nothing with what you read there before you know. */
void sinew_release(sinew_channel *channel, struct sinew_msg *msgs, unsigned count);

/* A descriptor for poll() or epoll that reads as ready (POLLIN, level-triggered) while receiving
 * (SINEW_IN) or sending (SINEW_OUT) may succeed; readiness may be spurious, and is never missed.
 * The channel owns it; ask again after fork. -EOPNOTSUPP without SINEW_CAP_POLLABLE. */
int sinew_fd(sinew_channel *channel, unsigned direction);

/* Ends the waits of this channel, now and later, with -ECANCELED, until sinew_resume(). What is
 * half done is kept. Async-signal-safe. -EOPNOTSUPP without SINEW_CANCELLABLE. */
int sinew_cancel(sinew_channel *channel);
/* After a cancel: waits may wait again. */
int sinew_resume(sinew_channel *channel);

/* Closes and frees. Removes a path it created, unless keep=1. Returns how many received messages
 * were never delivered, or -EAGAIN if bytes that sinew_send() had accepted could not be handed over
 * without waiting (sinew_flush() first), or why else they could not. The channel is gone in every case.
 * NULL is fine. */
int sinew_close(sinew_channel *channel);

/* The peer a message came from. With SINEW_ANY_PEER the only one, or, where one socket hears many, the
 * sender of the last message: one without an address has no id. -ESTALE if it has left. */
int sinew_peer(sinew_channel *channel, uint64_t id, struct sinew_peer *peer);

/* Writes the URI by which others reach this channel: as it was opened, with the port that the kernel
 * chose for port 0. Returns its length, or -ENAMETOOLONG. */
int sinew_name(sinew_channel *channel, char *uri, size_t size);

/* What this channel did so far. Any thread. */
int sinew_stats(sinew_channel *channel, struct sinew_stats *stats);

/* What `uri` can do with these options on this system, without opening it. */
int sinew_caps(const char *uri, struct sinew_caps *caps);
/* The same of an open channel: what its URI left to what is there is known now. */
int sinew_channel_caps(sinew_channel *channel, struct sinew_caps *caps);

/* ---- rings, seen from outside ---- */

#define SINEW_RING_JOINED 0x01u /* a member has this slot, alive or not yet cleaned up behind */
#define SINEW_RING_LIVES 0x02u  /* the kernel says so */
#define SINEW_RING_READS 0x04u
#define SINEW_RING_WRITES 0x08u
#define SINEW_RING_HOLDS 0x10u /* has borrowed messages of a queue */
/* Sleeps until there is a message, or room; or wants its descriptor, see sinew_fd(), to say so. Of one that
 * does not live: it did when it died. */
#define SINEW_RING_AWAITS_MESSAGES 0x20u
#define SINEW_RING_AWAITS_ROOM 0x40u

struct sinew_ring_member {
	uint64_t id;    /* as in sinew_msg.peer; 0: never used */
	pid_t pid;      /* as the member sees itself: of no use in another pid namespace */
	uid_t uid;      /* the same */
	uint32_t flags; /* SINEW_RING_... */
	uint32_t reserved32;
	uint64_t slept[2]; /* times that it slept in a call: for messages, for room */
	uint64_t
		behind; /* topic, latest: messages sent, or dropped, since what a reader had last */
	uint64_t lost;  /* the same: messages that it was told it has lost, or passed over */
	uint64_t reserved[3];
};

struct sinew_ring_lane {
	uint64_t writer;      /* the id of its writer, now or last; 0: never one */
	uint64_t has_writer;  /* whether it is there */
	uint64_t depth;       /* messages that nobody has taken; topic, latest: that are kept */
	uint64_t depth_bytes; /* bytes of these */
	uint64_t sent, sent_bytes, received, dropped; /* since the ring was made */
	uint64_t forgotten;                           /* dropped with readers that died */
	uint64_t reserved[7];
};

struct sinew_ring_look {
	uint32_t pattern; /* 0 pair, 1 queue, 2 topic, 3 latest */
	uint32_t drops;   /* what dies with a reader: 0 redelivered, 1 dropped */
	uint64_t lane_size;
	uint32_t members, lanes; /* how many of these are valid */
	uint64_t reserved[4];
	struct sinew_ring_member member[32];
	struct sinew_ring_lane lane[64];
};

/* Looks at a ring without becoming a member, stopping anybody, or changing a byte. Figures are those of
 * slightly different moments. A memfd is seen while its maker is in a call. Errors: -EOPNOTSUPP the URI
 * names no ring; -ENOENT, -EACCES, -EBADMSG, ... as sinew_open(). */
int sinew_ring_look(const char *uri, struct sinew_ring_look *look, int64_t until);

/* Removes what outlived its processes under that name. -EBUSY: somebody lives there (of a fifo: a sinew
 * channel reads it; others who have it open cannot be seen without disturbing them, and go on without the
 * name; of a queue: a sinew channel has it open); -ENOENT; -EEXIST: the name is something else;
 * -EOPNOTSUPP: this mechanism leaves nothing. */
int sinew_remove(const char *uri);

/* This thread's last failure in words, "connect unix:/run/x: nobody listens there"; never NULL,
 * valid until this thread's next call. */
const char *sinew_error_text(void);

/* The version, "0.1.0". */
const char *sinew_version(void);

/* ---- regions: the same bytes in several processes ----
 *
 * A region is memory that several processes have mapped, named by a URI: shm:, memfd:, file:,
 * sysvshm:. Whoever comes first makes it, unless create=no, and nobody ever sees half a region:
 * under its name it has its size, its space is reserved (using it never raises SIGBUS for want of
 * room) and its first bytes are written. What a process writes others see, at once and in no
 * promised order: take turns by the locks of lock.h, or by atomics.
 *
 * Fork    the mapping and the calls that only look at it (data, size, fd, caps, check, sync) work
 *         in a forked child, too; sinew_region_close() there unmaps it there.
 * Threads any thread may use the bytes and the calls that only look; close and serve one at a time.
 */
typedef struct sinew_region sinew_region;

/* Capability bits of a region's URI, as sinew_caps() gives them; max_message is then the largest
 * region that could be made now, in bytes. */
#define SINEW_REGION_CAP_SURVIVES (UINT64_C(1) << 48) /* stays when all its processes have left */
#define SINEW_REGION_CAP_FIXED (UINT64_C(1) << 49)    /* nobody can shrink it under its users */
#define SINEW_REGION_CAP_SYNC (UINT64_C(1) << 50)     /* sinew_region_sync() reaches a disk */
#define SINEW_REGION_CAP_FD (UINT64_C(1) << 51)       /* sinew_region_fd() works */
#define SINEW_REGION_CAP_SERVED (UINT64_C(1) << 52)   /* its maker has to hand it out */
#define SINEW_REGION_CAP_TEMP (UINT64_C(1) << 53)     /* temp=yes: goes with its last user */
#define SINEW_REGION_CAP_HUGE (UINT64_C(1) << 54)     /* huge= asks for huge pages */

/* Fills the bytes of a region that is being made, all of them zero, before anybody else can see
 * them. Returns 0, or -errno: then nothing is made and the call that makes it returns that. */
typedef int (*sinew_region_init)(void *data, size_t size, void *arg);

/* Attaches to a region, or makes it. size: in bytes; 0 attaches only. An existing region of another
 * size is refused. flags: SINEW_IN alone maps it for reading (a write faults) and never makes it;
 * SINEW_IN | SINEW_OUT, or 0, for both. Without anybody who makes it waits until the deadline, and
 * while somebody is just making it. On failure *region is untouched and nothing is left behind.
 * -ENOENT: nobody has made it. -EEXIST: the name is something else, or has another size. -ENOSPC,
 * -ENOMEM, -EFBIG: no room; the words tell what is free. -EPERM: another user could truncate it
 * under us (shm, file: trust=yes attaches all the same), or who hands it out is not allowed to.
 * -EACCES; -EINVAL; -EAGAIN, -ETIMEDOUT: it is being made. */
int sinew_region_open(
	sinew_region **region, const char *uri, size_t size, unsigned flags, int64_t until);

/* The same for reading and writing; if we make it, init fills it. */
int sinew_region_make(sinew_region **region, const char *uri, size_t size, sinew_region_init init,
	void *arg, int64_t until);

/* The bytes, page-aligned, until sinew_region_close(). Other processes have them elsewhere: keep
 * offsets in a region, never pointers. */
void *sinew_region_data(const sinew_region *region);
/* Its size in bytes. */
size_t sinew_region_size(const sinew_region *region);
/* Whether our call made it: 1 or 0. */
int sinew_region_is_new(const sinew_region *region);

/* Puts size bytes from offset on (0: all from there) onto the storage and waits for it: when it returns
 * 0 they, the file and its name are found after a power failure, as far as the disk keeps its
 * promises. -EIO: something written earlier, by anybody, may be lost. -EOPNOTSUPP without
 * SINEW_REGION_CAP_SYNC. Source: msync(2), fsync(2). */
int sinew_region_sync(sinew_region *region, size_t offset, size_t size);

/* The descriptor of the memory, to pass on or to map again; the region owns it. -EOPNOTSUPP. */
int sinew_region_fd(const sinew_region *region);

/* What must be done where SINEW_REGION_CAP_SERVED: answers everybody who wants to attach, until the
 * deadline, and returns how many were given it. Only its maker can. With serve=thread a thread does
 * it. -EINTR: a signal handler ran. -EOPNOTSUPP; -EOWNERDEAD in a forked child. */
int sinew_region_serve(sinew_region *region, int64_t until);
/* For poll(): readable when somebody wants to attach. -EOPNOTSUPP. */
int sinew_region_serve_fd(const sinew_region *region);

/* Turns SIGBUS at this region's bytes, that of a file cut short, into zeros: the missing page is
 * replaced by one of our own, and sinew_region_check() tells from then on. Installs a handler for
 * SIGBUS, once in a process, which hands what is not ours to the one that was there. At most 64
 * regions at a time: -ENOSPC. */
int sinew_region_guard(sinew_region *region);

/* 0 while all bytes are there; -EIO once somebody has cut the region short. */
int sinew_region_check(sinew_region *region);

/* Unmaps and frees. With temp=yes the last one removes the name. NULL is fine. */
int sinew_region_close(sinew_region *region);

/* ---- events: wake another process, perhaps with one 64-bit word ----
 *
 * signal:PID, sem:/name, sysvsem:0xKEY and eventfd: wake whoever waits. The rules of channels hold:
 * results, deadlines, fork, manners. One posting and one waiting thread may use an event at the same
 * time; where several wait, they open it several times. After a fork only an eventfd: that we made
 * works in the child, too: it is for relatives. */
typedef struct sinew_event sinew_event;

/* What a wait brought. */
struct sinew_notice {
	uint64_t value; /* the poster's word; of an event that counts: how many units were taken */
	pid_t pid;      /* who posted, with SINEW_NOTICE_SENDER */
	uid_t uid;
	uint32_t flags; /* SINEW_NOTICE_... */
	uint32_t reserved32;
	uint64_t reserved[4];
};

#define SINEW_NOTICE_SENDER 0x01u  /* pid and uid are set: as the poster says */
#define SINEW_NOTICE_VOUCHED 0x02u /* and the kernel says so */
#define SINEW_NOTICE_WORD 0x04u    /* value is a word that the poster gave */

/* One of several operations on a set of semaphores. */
struct sinew_event_step {
	unsigned n; /* which of the set */
	int amount; /* > 0 post so many, < 0 take so many, 0 wait until it is zero */
};

/* Capability bits of an event's URI, as sinew_caps() gives them; max_message is then the largest value
 * of a post. */
#define SINEW_EVENT_CAP_WORD (UINT64_C(1) << 32)       /* a post carries a word of 64 bits */
#define SINEW_EVENT_CAP_COUNTS (UINT64_C(1) << 33)     /* a post's value is a number of units */
#define SINEW_EVENT_CAP_EVERY (UINT64_C(1) << 34)      /* each unit posted ends one wait */
#define SINEW_EVENT_CAP_ORDERED (UINT64_C(1) << 35)    /* words arrive as they were posted */
#define SINEW_EVENT_CAP_POLLABLE (UINT64_C(1) << 36)   /* sinew_event_fd() works */
#define SINEW_EVENT_CAP_SENDER (UINT64_C(1) << 37)     /* a notice says who posted */
#define SINEW_EVENT_CAP_NAMED (UINT64_C(1) << 38)      /* unrelated processes can meet */
#define SINEW_EVENT_CAP_SURVIVES (UINT64_C(1) << 39)   /* posts outlive all processes */
#define SINEW_EVENT_CAP_GIVES_BACK (UINT64_C(1) << 40) /* what a dead process took returns */
#define SINEW_EVENT_CAP_WAITERS (UINT64_C(1) << 41)    /* several processes may wait */
#define SINEW_EVENT_CAP_SETS (UINT64_C(1) << 42)       /* sinew_event_apply() works */
#define SINEW_EVENT_CAP_RELATIVES (UINT64_C(1) << 43)  /* works in forked children */

/* Opens `uri`. flags: SINEW_IN to wait, SINEW_OUT to post, neither: what the mechanism can;
 * SINEW_CANCELLABLE, SINEW_INTERRUPTIBLE. Whoever comes first makes the object, in one step that
 * nobody sees half of; with create=no it waits for the name until the deadline. On failure *event
 * is untouched and nothing is left behind.
 * Errors: -EINVAL bad URI or option, -ENOENT and -ESRCH there is none, -EACCES, -EEXIST the name is
 * something else, -EBUSY another thread could take the signal, -ENOSPC, … */
int sinew_event_open(sinew_event **event, const char *uri, unsigned flags, int64_t until);

/* Posts. value: with SINEW_EVENT_CAP_WORD the word; with SINEW_EVENT_CAP_COUNTS how many units, 0 for one;
 * else 0 or 1. Waits only where there is no room: a full queue of signals, a full eventfd.
 * Errors: -EAGAIN, -ETIMEDOUT, -ECANCELED, -EINTR; -EOVERFLOW a semaphore at its maximum, nothing was
 * posted; -EIDRM the object was removed; -ESRCH the process has ended; -EOPNOTSUPP; -EOWNERDEAD. */
int sinew_event_post(sinew_event *event, uint64_t value, int64_t until);

/* Waits for one post and takes it. notice may be NULL. Errors as above. */
int sinew_event_wait(sinew_event *event, struct sinew_notice *notice, int64_t until);

/* All steps, or none of them, at once; waits until all are possible. At most 32. Errors as above. */
int sinew_event_apply(
	sinew_event *event, const struct sinew_event_step *steps, unsigned count, int64_t until);

/* A descriptor that reads as ready (POLLIN) while a wait may succeed. The event owns it; dup() it to
 * keep it. That of an eventfd: can be passed to any process, which adopts it with eventfd:fd=N. */
int sinew_event_fd(sinew_event *event);

/* As sinew_cancel(). */
int sinew_event_cancel(sinew_event *event);
/* As sinew_resume(). */
int sinew_event_resume(sinew_event *event);

/* Closes and frees; the object stays as long as its kind does. A semaphore that gives back gives
 * nothing back here: the process still lives. Returns how many signals were pending and are dropped
 * (they would hit the host otherwise), else 0. Call it in the thread that opened it: a signal is
 * unblocked there. NULL is fine. */
int sinew_event_close(sinew_event *event);

/* What this event did so far: sent (posts), received (waits that took one), calls, waits. */
int sinew_event_stats(sinew_event *event, struct sinew_stats *stats);

/* ---- waiting for a word in shared memory ----
 *
 * For threads and for processes that map the same memory. The words are the caller's; they are
 * changed by atomic operations. Never in memory that a hostile peer can write. */

/* Waits while *word is `expected`. 0: look again, it may be another; spurious ends are allowed, a
 * missed sinew_futex_wake() is not. -EAGAIN with SINEW_NOW, -ETIMEDOUT. */
int sinew_futex_wait(const uint32_t *word, uint32_t expected, int64_t until);

/* Wakes up to `count` of those who wait for this word: how many. Change the word first. */
int sinew_futex_wake(const uint32_t *word, unsigned count);

struct sinew_futex_word {
	const uint32_t *word;
	uint32_t expected;
};
enum { SINEW_FUTEX_MOST = 128 };

/* Waits while each word is what is expected of it: the index of one to look at. At most
 * SINEW_FUTEX_MOST. -ENOSYS on a kernel without it (before 5.16). */
int sinew_futex_wait_any(const struct sinew_futex_word *words, unsigned count, int64_t until);

/* A counting event in shared memory; zeroes are a fresh one. */
struct sinew_tally {
	uint64_t state __attribute__((aligned(8)));
};

/* Adds `count` units; no system call while nobody waits. -EOVERFLOW beyond UINT32_MAX, and nothing is
 * added. */
int sinew_tally_post(struct sinew_tally *tally, uint32_t count);
/* Takes one unit. -EAGAIN, -ETIMEDOUT. */
int sinew_tally_wait(struct sinew_tally *tally, int64_t until);
/* Units that are there. */
uint32_t sinew_tally_value(const struct sinew_tally *tally);

/* ---- looking things up, for help texts and completions ----
 *
 * Each gives NULL past the last row. */

struct sinew_scheme {
	const char *name;    /* "unix" */
	const char *syntax;  /* "unix:/path or unix:@name" */
	const char *summary; /* one line */
};
struct sinew_option {
	const char *key;     /* "max" */
	const char *values;  /* "size", "yes|no", "stream|seqpacket|dgram" */
	const char *preset;  /* the default, as text */
	const char *summary; /* one line */
};
struct sinew_limit {
	const char *name;   /* "largest pipe" */
	const char *source; /* "/proc/sys/fs/pipe-max-size", "limits.h" */
	int64_t value;      /* -1: cannot be read here */
};
/* The schemes of this build. */
const struct sinew_scheme *sinew_scheme(unsigned index);
/* What a URI of this scheme names: "channel", "event", "region"; NULL: the scheme is not known. */
const char *sinew_scheme_kind(const char *scheme);
/* Options of a scheme, those common to all schemes last. */
const struct sinew_option *sinew_option(const char *scheme, unsigned index);
/* Name and meaning of capability bit `bit` ("boundaries", "a message arrives whole, …"). Channels
 * have the bits from 0 on, events those from 32 on, regions those from 48 on; NULL past the last of
 * a kind. */
const char *sinew_cap_name(unsigned bit);
/* The same in words. */
const char *sinew_cap_text(unsigned bit);
/* This system's limits that matter to `scheme`: fills *limit; -ENOENT past the last. */
int sinew_limit(const char *scheme, unsigned index, struct sinew_limit *limit);

/* What a URI says, by the rows of its scheme; nothing is opened or waited for. -EINVAL with words: no
 * such scheme, option or value.
 * Writes the name, what stands between the colon and the options, decoded, with a NUL at its end.
 * Returns its length, or -ENAMETOOLONG. */
int sinew_uri_name(const char *uri, char *name, size_t size);
/* The value of its option `key`: the number, bytes, nanoseconds, permission bits; 0 or 1 of yes|no, the
 * place of a choice from 0, the number of a signal. What the URI does not say is the preset: -ENOENT if
 * there is none. -EOPNOTSUPP: a list of users. */
int sinew_uri_option(const char *uri, const char *key, int64_t *value);

#ifdef __cplusplus
}
#endif

#endif
