/* SPDX-License-Identifier: MIT
 *
 * ring.h - a ring as one process has it open: what is private. Whatever decides where memory is read
 * or written was copied here when the ring was attached; shared memory is never asked for it again.
 *
 *   map.c      attach, check, map the data twice      member.c  slots, locks, who lives, who comes after
 *   lane.c     one writer, one reader                 queue.c   many readers of a lane
 *   history.c  a lane that keeps what was sent        topic.c   readers of that
 *   read.c     messages out                           write.c   messages in
 *   region.c   the region behind it                   look.c    who is in it, from outside
 *   park.c     waiting and waking                     bell.c    descriptors to poll
 *   linger.c   letting messages gather
 *
 * The receiving thread owns what is under `reading`, the sending one what is under `writing`.
 */
#ifndef SINEW_RING_H
#define SINEW_RING_H

#include <limits.h>

#include "../channel.h"
#include "../region.h"
#include "history.h"
#include "lane.h"
#include "linger.h"

enum sinew__ring_full {
	SINEW__RING_BLOCK,
	SINEW__RING_FAIL,
	SINEW__RING_DROP_NEW,
	SINEW__RING_DROP_OLD
};
enum { SINEW__RING_LENT = 64 }; /* the most messages lent at once, but of a pair */
enum sinew__ring_wait { SINEW__RING_LATENCY, SINEW__RING_BALANCED, SINEW__RING_POWER };

/* One direction's way of waiting (park.c). */
struct sinew__waiting {
	unsigned
		spun_in_vain; /* waits that were longer than spinning pays for, one after another */
	unsigned unwoken;     /* operations since we last woke somebody */
	bool eager;           /* we do not fence: who goes to sleep does it for us */
	int bell;             /* a descriptor that others ring for us; -1: none */
	int set, tick, full;  /* sinew_fd(): the set, its timer, what makes it ready; -1 */
	bool is_full;
	struct sinew__linger linger;
};

/* A message that found no room. */
struct sinew__wanted {
	uint32_t size;
	bool tagged, inside;
};

struct sinew__ring {
	struct sinew_channel *channel;
	struct sinew_region *region; /* NULL: of a pair, which has no name */
	int fd;                      /* its own open file: holds the lock of our slot */
	bool owns_fd, read_only;
	int parcel; /* a socket in which an end waits for a program, or waited for us; -1 */
	void *base; /* header, members, lanes, words */
	size_t base_size;
	void *data; /* of all lanes, each twice */
	size_t data_size;
	unsigned guard; /* guard=: its slot in region_guard.c, from 1; the region has another */

	struct sinew__ring_header *header;
	struct sinew__ring_member *members;
	struct sinew__ring_lane *shared;
	unsigned pattern, deaths, slots, lane_count;
	uint32_t most; /* bytes of a message */
	struct sinew__lane lanes[SINEW__RING_LANES];
	struct sinew__ring_history *histories; /* of each lane; NULL: pair, queue */
	struct sinew__ring_mark *cursors;      /* of each member, cursors_each; NULL: the same */
	unsigned cursors_each;

	enum sinew__ring_full full;
	enum sinew__ring_wait wait;
	bool may_be_eager; /* membarrier(2) works */
	unsigned history;  /* latest: values that a reader does not want to pass over */
	bool from_oldest;  /* topic: a reader begins with what is kept */
	bool one_cpu;      /* spinning would keep the other side from running */
	bool bells_named;  /* beside the ring, at its path; else they came with it */
	char path[PATH_MAX];
	struct sinew__region_guests *guests; /* of a memfd: bells and connections; else NULL */
	_Atomic bool minded;      /* one of our threads looks after listener and connections */
	_Atomic bool repairing;   /* one of our threads looks after the dead */
	_Atomic int64_t checked;  /* when we last did */
	_Atomic int64_t unlinked; /* when a connection last ended */

	uint64_t owner; /* ours */
	unsigned slot;
	unsigned does;
	_Atomic uint64_t peer;  /* pair: the owner of the other slot as we last saw it; 0: never */
	uint64_t before_us;     /* pair: who had left the other slot before we came */
	_Atomic bool peer_gone; /* its connection has ended; queue of a memfd: that of the maker */

	struct {                           /* reading */
		struct sinew__lane_in in;  /* pair: our lane; queue: the one we hold messages of */
		struct sinew__ring_at end; /* queue: of what we hold */
		unsigned holds;            /* queue: the lane of that, counted from 1; 0: none */
		unsigned borrowed;         /* messages lent to the caller */
		unsigned turn;             /* queue: the lane to look at first */
		bool again;                /* queue: what we hold was in another's hands */
		uint64_t from;             /* who wrote it */
		uint64_t broken;           /* lanes whose writer breaks the rules */
		bool told_join;
		struct sinew__waiting waiting;
		unsigned reads; /* since we last served */
	} r;
	struct { /* writing */
		struct sinew__lane_out out;
		struct sinew__lane_slot slot;
		struct sinew__wanted wanted;
		bool loaned, broken;
		bool latest; /* the newest are found by their number */
		struct sinew__waiting waiting;
	} w;
	struct { /* topic, latest: behind what every message needs */
		struct sinew__history_mark next[SINEW__RING_LANES]; /* reading: of each lane */
		struct sinew__history_at lent[SINEW__RING_LENT];    /* what is borrowed */
		struct sinew__history_out history;                  /* writing */
		int64_t minded; /* when we last looked who comes or goes */
	} topic;
};

/* ---- guarded.c: guard=yes ---- */

extern const struct sinew__io sinew__ring_guarded_io;
int sinew__ring_guard(struct sinew__ring *);
int sinew__ring_was_cut(const struct sinew__ring *); /* -EIO in words */

/* ---- channel/ring.c ---- */

int sinew__ring_flush(struct sinew_channel *, int64_t until);
int sinew__ring_peer(struct sinew_channel *, uint64_t id, struct sinew_peer *);

/* ---- region.c ---- */

/* The region's URI. attach_only: it must be there. -ENAMETOOLONG with words. */
int sinew__ring_region_uri(const struct sinew__spec *, bool attach_only, char *uri, size_t size);
/* -EINVAL with words if a ring cannot be in such a region. */
int sinew__ring_region_parse(const struct sinew__spec *, struct sinew__region_spec *);
/* The file that keeps it; "" of a memfd, whose path is that of a socket. */
void sinew__ring_region_path(const struct sinew__region_spec *, char *path, size_t size);

/* ---- map.c ---- */

struct sinew__ring_make {
	unsigned pattern, deaths, lanes;
	uint64_t lane_size;
};

/* Bytes that such a ring takes. */
uint64_t sinew__ring_total(const struct sinew__ring_make *);
/* Writes the header of a new ring into its zeroed bytes. */
int sinew__ring_format(void *data, size_t size, void *make);
/* Checks the ring in ring->fd, which has `size` bytes, and maps it. -EBADMSG, -ENOMEM, ... with words. */
int sinew__ring_map(struct sinew__ring *, size_t size);
void sinew__ring_unmap(struct sinew__ring *);

/* ---- pair.c ---- */

/* Makes the two ends of a ring without a name. */
int sinew__ring_pair(struct sinew__ring *const rings[2], const struct sinew__ring_make *);
/* Packs an end for a program, and writes the URI it adopts that by: its length, or -errno. */
int sinew__ring_hand_on(struct sinew__ring *, char *uri, size_t size);
int sinew__ring_adopt(struct sinew__ring *, int socket);

/* ---- member.c ---- */

/* Takes a slot, `preferred` if it can, and with WRITES a lane. -EBUSY with words: all are taken; it waits
 * only for who is just coming or going. */
int sinew__ring_join(struct sinew__ring *, unsigned preferred, int64_t until);
/* Goes on in a slot whose lock came with our open file: -ESTALE if nobody lives there. */
int sinew__ring_take_over(struct sinew__ring *, unsigned slot);
void sinew__ring_leave(struct sinew__ring *);
/* Whether the owner of a slot lives, on the kernel's evidence. */
bool sinew__ring_lives(struct sinew__ring *, unsigned slot);
/* Whether the member lives that the word of a slot names. */
bool sinew__ring_is_taken(struct sinew__ring *, unsigned slot);
/* Whether the member lives that a word names: the owner of a lane. Each time it does not, and the word has
 * changed when it was to become ours, somebody else has come or gone: or one writes there who means ill. */
enum { SINEW__RING_LANE_TRIES = 1000 };
bool sinew__ring_is_there(struct sinew__ring *, uint64_t owner);
/* Looks for the dead and cleans up behind them, if it is `interval` ns since that was last done.
 * direction: which of our threads this is; messages of dead readers go to one that receives. */
void sinew__ring_look_after(struct sinew__ring *, unsigned direction, int64_t interval);
/* Queue: whether anybody reads. */
bool sinew__ring_has_readers(struct sinew__ring *);
/* Pair: whether the other side was there and is gone. */
bool sinew__ring_is_alone(struct sinew__ring *);

/* ---- queue.c ---- */

/* What a reader found on a lane that it may change. */
bool sinew__queue_claim(struct sinew__ring *, unsigned lane);
void sinew__queue_let_go(struct sinew__ring *, unsigned lane);
/* Under the claim: everything before the oldest message in hand may be overwritten. */
void sinew__queue_settle(struct sinew__ring *, unsigned lane);
/* Up to `count` messages of one lane into our hands, oldest first: how many; NONE; CORRUPT. */
int sinew__queue_take(struct sinew__ring *, struct sinew__lane_message *, unsigned count);
/* One message, copied: 1; NONE; CORRUPT; -EMSGSIZE: *message has its size, it stays. */
int sinew__queue_copy(struct sinew__ring *, void *buf, size_t cap, struct sinew__lane_message *);
/* What is in our hands is done with. */
void sinew__queue_done(struct sinew__ring *);
/* Whether a lane has messages that nobody has. */
bool sinew__queue_has(struct sinew__ring *);
/* Behind a dead member, whose heir we are: its claims are given up, its messages come to us or are
 * dropped. Whether nothing of it is left. */
bool sinew__queue_bury(struct sinew__ring *, unsigned slot, uint64_t owner, unsigned direction);
/* `taken` follows where a reader that was done could not see to it. */
void sinew__queue_catch_up(struct sinew__ring *);
/* A lane to write to. -EBUSY. */
int sinew__queue_find_lane(struct sinew__ring *);

/* ---- topic.c ---- */

/* A reader finds out where it begins. */
void sinew__topic_join(struct sinew__ring *);
/* A writer on its lane: where it goes on, and whom it waits for. */
void sinew__topic_take_lane(struct sinew__ring *, unsigned lane);
/* A lane whose writer is not there. -EBUSY. */
int sinew__topic_find_lane(struct sinew__ring *);
/* Who writes without ever waiting looks who comes or goes, ten times a second. */
void sinew__topic_mind(struct sinew__ring *);
/* Up to `count` messages of one lane, oldest first: how many; NONE; CORRUPT. */
int sinew__topic_take(struct sinew__ring *, struct sinew__lane_message *, unsigned count);
/* One message, copied: 1; NONE; CORRUPT; -EMSGSIZE: *message has its size, it stays. */
int sinew__topic_copy(struct sinew__ring *, void *buf, size_t cap, struct sinew__lane_message *);
/* The same of most messages, where there is one lane: whether there was one, copied. */
bool sinew__topic_copy_plain(
	struct sinew__ring *, void *buf, size_t cap, struct sinew__lane_message *);
/* What was borrowed is done with; those of `msgs` that were overwritten meanwhile are marked. */
void sinew__topic_done(struct sinew__ring *, struct sinew_msg *msgs, unsigned count);
/* Whether a lane has a message for us, or had some and we were overtaken. */
bool sinew__topic_has(struct sinew__ring *);

/* ---- park.c ---- */

/* After a message was published (OUT) or room was made (IN): wakes who waits for it. */
void sinew__ring_tell(struct sinew__ring *, unsigned direction, struct sinew__ring_bell *);
/* Waits until ready() or until something else is worth a look: 0; -EAGAIN, -ETIMEDOUT, -ECANCELED,
 * -EINTR. ready() does not wait. tries: how often the caller was told so and could not go on, as when
 * another has the claim of the lane, or plays with us; that, too, ends at the deadline. */
int sinew__ring_wait(struct sinew__ring *, unsigned direction, bool (*ready)(struct sinew__ring *),
	unsigned tries, int64_t until);
/* Everybody who sleeps on it, because something other than a message has happened. */
void sinew__ring_rouse(struct sinew__ring_bell *);
/* The bell that we sleep on in that direction. */
struct sinew__ring_bell *sinew__ring_bell_of(struct sinew__ring *, unsigned direction);
/* Marks that somebody waits, before the last look; membarrier(2) where a writer asks for it. */
/* Returns what the bell then says, or 0 if others are marked, too. */
uint32_t sinew__ring_mark(struct sinew__ring *, unsigned direction, uint32_t how);
/* Gives the CPU to whoever else wants it, and counts that. */
void sinew__ring_give_way(struct sinew__ring *, unsigned direction);
void sinew__ring_waiting_init(struct sinew__waiting *);
/* Registers this process for barriers by others; whether the kernel has them. */
bool sinew__ring_may_be_eager(void);
void sinew__ring_cancel(struct sinew_channel *);

/* ---- bell.c ---- */

/* Rings the descriptors of all members that have armed theirs in that direction. */
void sinew__ring_ring(struct sinew__ring *, unsigned direction);
/* As park.c does on a word: what came with the grant is polled, with the ends of the others. */
int sinew__ring_park_on_bell(struct sinew__ring *, unsigned direction,
	bool (*ready)(struct sinew__ring *), int64_t until);
/* Lets those in who want to attach, if we are asked for that. */
void sinew__ring_serve(struct sinew__ring *);
/* The same, and sees who has gone, for one who never waits. */
void sinew__ring_mind(struct sinew__ring *);
/* Two eventfds for each member, for messages and for room. -errno without words. */
int sinew__ring_make_bells(struct sinew__region_guests *, unsigned members);
int sinew__ring_fd(struct sinew_channel *, unsigned direction);
/* After an operation: whether sinew_fd() is to be ready. */
void sinew__ring_fd_update(struct sinew__ring *, unsigned direction);
void sinew__ring_bells_close(struct sinew__ring *);
/* The names of the bells of a slot that nobody has any more. */
void sinew__ring_bells_remove(const char *path, unsigned slot);

/* ---- look.c ---- */

void sinew__ring_look_around(struct sinew__ring *, struct sinew_ring_look *);

/* ---- read.c, write.c ---- */

bool sinew__ring_readable(struct sinew__ring *);
bool sinew__ring_writable(struct sinew__ring *);
int sinew__ring_recv(struct sinew_channel *, void *, size_t, struct sinew_msg *, int64_t until);
int sinew__ring_take(struct sinew_channel *, struct sinew_msg *, unsigned, int64_t until);
void sinew__ring_release(struct sinew_channel *, struct sinew_msg *, unsigned);
unsigned sinew__ring_buffered(struct sinew_channel *, unsigned most);
int sinew__ring_send(struct sinew_channel *, const struct sinew_msg *, unsigned, int64_t until);
int sinew__ring_loan(struct sinew_channel *, size_t, struct sinew_msg *, int64_t until);
int sinew__ring_commit(struct sinew_channel *, struct sinew_msg *);
void sinew__ring_abandon(struct sinew_channel *, struct sinew_msg *);
int sinew__ring_finish(struct sinew_channel *);

static inline struct sinew__ring *sinew__ring_of(struct sinew_channel *channel)
{
	return channel->state;
}

static inline struct sinew__lane *sinew__ring_lane(struct sinew__ring *ring, unsigned index)
{
	return &ring->lanes[index];
}

#endif
