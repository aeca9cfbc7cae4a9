/* SPDX-License-Identifier: MIT
 *
 * member.pml - is who comes to a ring ever refused because of a dead one, do two ever have one place? For spin.
 *
 * Model of src/ring/member.c, and of take_lane() in topic.c and queue.c, function by function under the same names.
 * A slot has two bytes, its owner's and its heir's, which the kernel gives up when their holder dies, both at once;
 * and a word: a generation with the slot, LIVE or LEFT. The word of the only lane names its writer. A pair (PAIR) has
 * one heir's byte for both ends, and no lane to take: its lanes go with the ends, but only one may send.
 *
 * A writer is there at first, who may leave. A reader looks for the dead as long as it lives. Newcomers are writers,
 * and look for the dead, too, once they have a slot. Each dies at any step that others may notice.
 *
 * Each call of the kernel and each access to a word is a step. There are no late stores to look at: the kernel's
 * calls order what is before them and after, words change by exchanges alone, but for that of a newcomer, who has both
 * bytes of its slot then.
 *
 * Who has a slot or the lane, by its own reckoning and while it lives, is `member` or `writing`: there is never a
 * second one, and nobody buries him. `had` is what others had at some moment since a newcomer began to try: it is
 * refused only where that is all that would do for it. Where somebody is just coming or going it tries again when that
 * is over: if it never is, that is a deadlock, which spin reports. When nothing goes on any more, no word says of a
 * dead one that it lives, if there is one who looks. Each BUG_ changes one thing, and must be found.
 */
#ifndef SLOTS
#define SLOTS 2 /* or, without PAIR, 3 */
#endif
#ifndef NEWCOMERS
#define NEWCOMERS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

/* Who holds a byte; 0: nobody. */
#define WRITER 1
#define READER 2
#define NEWCOMER 3 /* the first */

/* A word: bit 0 LIVE, else LEFT; then the slot; then the generation, counted from 1. 0: nobody's. */
#define WORD(generation, slot) (((generation) * SLOTS + (slot)) * 2 + 1)
#define IS_LIVE(word) ((word) % 2 == 1)
#define LEFT(word) ((word) - 1)
#define SLOT(word) ((word) / 2 % SLOTS)
#define GENERATION(word) ((word) / 2 / SLOTS)

byte word[SLOTS], lane;
byte owner[SLOTS];
#ifdef BUG_ONE_BYTE
#define HEIR(slot) owner[slot]
#else
byte heir[SLOTS];
#if defined(PAIR) && !defined(BUG_NO_COMMON_HEIR)
#define HEIR(slot) heir[0]
#else
#define HEIR(slot) heir[slot]
#endif
#endif
#ifdef PAIR
bool sends[SLOTS];
#endif

byte deaths = DEATHS;
byte member[SLOTS], writing;
bool looks = true; /* the reader lives */
bool comes[NEWCOMERS];
byte had[NEWCOMERS];

/* Of `had`: a bit for each slot, and one for the lane, or for an end that sends. */
#define ONE (1 << SLOTS)
#define ALL_SLOTS (ONE - 1)
#ifdef PAIR
#define IS_ONE (member[0] && sends[0] || member[1] && sends[1])
#else
#define IS_ONE (writing != 0)
#endif
#if SLOTS > 2
#define NOW_HAD ((member[0] != 0) | (member[1] != 0) << 1 | (member[2] != 0) << 2 | IS_ONE << SLOTS)
#else
#define NOW_HAD ((member[0] != 0) | (member[1] != 0) << 1 | IS_ONE << SLOTS)
#endif

inline is_had(what)
{
	had[0] = (comes[0] -> had[0] | what : had[0]);
#if NEWCOMERS > 2
	had[1] = (comes[1] -> had[1] | what : had[1]);
#endif
	had[NEWCOMERS - 1] = (comes[NEWCOMERS - 1] -> had[NEWCOMERS - 1] | what : had[NEWCOMERS - 1])
}

/* Whoever dies before a look is not told from one who dies after it. */
#define DIES atomic { deaths > 0 -> deaths--; goto dying }

/* What was open is closed. */
inline die()
{
	d_step {
		i = 0;
		do
		:: i < SLOTS ->
			owner[i] = (owner[i] == me -> 0 : owner[i]);
			HEIR(i) = (HEIR(i) == me -> 0 : HEIR(i));
			member[i] = (member[i] == me -> 0 : member[i]);
			i++
		:: else -> break
		od;
		i = 0;
		writing = (writing == me -> 0 : writing)
	}
}

/* ---- bytes ---- */

inline lock_byte(place)
{
	if
	:: d_step { place == 0 -> place = me; locked = true }
	:: d_step { place != 0 -> locked = false }
	:: DIES
	fi
}

inline unlock_byte(place)
{
	if
	:: d_step { assert(place == me); place = 0 }
	:: DIES
	fi
}

/* The kernel does not tell us of a lock of our own. */
inline ring_lives(slot)
{
	lives = (owner[slot] != 0 && owner[slot] != me)
}

inline is_live(slot)
{
	live = IS_LIVE(word[slot])
}

/* ---- the dead ---- */

inline leave_lanes(left)
{
#ifdef BUG_LANE_LEFT_BLINDLY
	if
	:: lane == left ->
		if
		:: lane = LEFT(left)
		:: DIES
		fi
	:: else
	fi
#else
	if
	:: d_step { lane == left -> lane = LEFT(left) }
	:: lane != left
	:: DIES
	fi
#endif
}

inline leave_slot(slot, left)
{
	if
	:: d_step { assert(member[slot] == 0); word[slot] = (word[slot] == left -> LEFT(left) : word[slot]) }
	:: DIES
	fi
}

inline bury(slot)
{
	dead = word[slot];
	if
	:: IS_LIVE(dead) ->
#ifdef BUG_SLOT_LEFT_FIRST
		leave_slot(slot, dead);
		leave_lanes(dead)
#else
		leave_lanes(dead);
		leave_slot(slot, dead)
#endif
	:: else
	fi;
	dead = 0
}

inline look_at(slot)
{
	is_live(slot);
	if
	:: live -> ring_lives(slot)
	:: else -> lives = true
	fi;
	if
	:: !lives ->
#ifdef BUG_NO_HEIR
		locked = true;
#else
		lock_byte(HEIR(slot));
#endif
		if
		:: locked ->
#if !defined(BUG_NO_SECOND_LOOK) && !defined(BUG_ONE_BYTE)
			ring_lives(slot);
#endif
			if
			:: !lives -> bury(slot)
			:: else
			fi;
#if !defined(BUG_HEIR_KEEPS_BYTE) && !defined(BUG_NO_HEIR)
			unlock_byte(HEIR(slot))
#endif
		:: else
		fi
	:: else
	fi;
	d_step { live = false; lives = false; locked = false }
}

/* ---- coming ---- */

/* What try_slot() says. */
#define TAKEN 0
#define OURS 1
#define CHANGES 2
#define REFUSED 3

inline fits_in(slot)
{
#ifdef PAIR
	other = 1 - slot;
	is_live(other);
	if
	:: live ->
#ifdef BUG_DEAD_IN_THE_WAY
		lives = true;
#else
		ring_lives(other);
#endif
		if
		:: lives -> r = (sends[other] -> REFUSED : TAKEN)
		:: else
		fi
	:: else
	fi;
	other = 0
#else
	skip
#endif
}

inline settle_in(slot)
{
#ifdef PAIR
	if
	:: sends[slot] = true
	:: DIES
	fi;
#endif
	if
	:: d_step {
		assert(member[slot] == 0);
#ifdef BUG_GENERATION_KEPT
		mine = WORD(GENERATION(word[slot]), slot);
#else
		mine = WORD(GENERATION(word[slot]) + 1, slot);
#endif
		word[slot] = mine;
		member[slot] = me;
#ifdef PAIR
		assert(member[1 - slot] == 0 || !sends[1 - slot]);
		is_had(1 << slot | ONE)
#else
		is_had(1 << slot)
#endif
	   }
	:: DIES
	fi
}

/* As its heir. */
inline bury_and_settle_in(slot)
{
#ifdef BUG_HEIR_LEFT_EARLY
	unlock_byte(HEIR(slot));
#endif
#ifdef BUG_BYTE_BEFORE_BURIAL
	lock_byte(owner[slot]);
	bury(slot);
#else
	bury(slot);
#ifndef BUG_ONE_BYTE
	lock_byte(owner[slot]);
#endif
#endif
	if
	:: locked -> settle_in(slot); r = OURS
	:: else -> r = CHANGES
	fi
}

inline take(slot)
{
#ifdef BUG_ONE_BYTE
	lives = false;
#else
	ring_lives(slot);
#endif
	if
	:: lives ->
#ifdef BUG_LEAVER_IS_TAKEN
		r = TAKEN
#else
		is_live(slot);
		r = (live -> TAKEN : CHANGES)
#endif
	:: else ->
		fits_in(slot);
		if
		:: r == REFUSED
		:: else -> bury_and_settle_in(slot)
		fi
	fi
}

/* lives && live. The lock is asked for before the word: else the word may be a dead one's, and the lock that of
 * who buries him, who may die before he has settled in. */
inline is_taken(slot)
{
#ifdef BUG_ONE_BYTE
	lives = false
#else
#ifdef BUG_WORD_BEFORE_LOCK
	is_live(slot);
	ring_lives(slot)
#else
	ring_lives(slot);
	is_live(slot)
#endif
#endif
}

inline try_slot(slot)
{
	is_taken(slot);
	if
	:: lives && live -> r = TAKEN
	:: else ->
		lock_byte(HEIR(slot));
		if
		:: locked ->
			take(slot);
#ifdef BUG_ONE_BYTE
			if
			:: r != OURS -> unlock_byte(HEIR(slot))
			:: else
			fi
#else
			if
			:: HEIR(slot) == me -> unlock_byte(HEIR(slot))
			:: else
			fi
#endif
		:: else ->
#if defined(BUG_HEIR_IS_TAKEN) || defined(BUG_ONE_BYTE)
			r = TAKEN
#else
			r = CHANGES
#endif
		fi
	fi;
	d_step { live = false; lives = false; locked = false }
}

/* Whether a slot that was CHANGES is so no more, for one who tries now. */
#define IS_FREE(slot) (owner[slot] == 0 && HEIR(slot) == 0)
#define IS_CHANGING(slot) (owner[slot] == 0 && HEIR(slot) != 0 || owner[slot] != 0 && !IS_LIVE(word[slot]))
#if SLOTS > 2
#define MAY_GO_ON \
	(IS_FREE(0) || IS_FREE(1) || IS_FREE(2) || !(IS_CHANGING(0) || IS_CHANGING(1) || IS_CHANGING(2)))
#else
#define MAY_GO_ON (IS_FREE(0) || IS_FREE(1) || !(IS_CHANGING(0) || IS_CHANGING(1)))
#endif

/* From slot `s` on; then that is ours, if one is. */
inline obtain_slot()
{
	do
	:: i < SLOTS ->
		try_slot(s);
		if
		:: r == OURS || r == REFUSED -> break
		:: else -> d_step { changes = changes || r == CHANGES; r = TAKEN; s = (s + 1) % SLOTS; i++ }
		fi
	:: i == SLOTS && changes ->
		if
		:: d_step { MAY_GO_ON -> i = 0; changes = false }
		:: DIES
		fi
	:: i == SLOTS && !changes -> break
	od;
	atomic { i = 0; changes = false }
}

/* ---- a lane for a writer ---- */

/* lives: whether whom the word of a lane names does. The lock is asked for before his word, for the same reason: else
 * the word may be a dead one's, and the lock that of the next in his slot. */
inline is_there(before)
{
#ifdef BUG_LIVE_BELIEVED
	lives = IS_LIVE(before)
#else
	if
	:: IS_LIVE(before) ->
#ifdef BUG_COMPARED_BEFORE_LOCK
		live = (word[SLOT(before)] == before);
#endif
		if
		:: SLOT(before) == s -> lives = true
		:: else -> ring_lives(SLOT(before))
		fi;
#if defined(BUG_COMPARED_BEFORE_LOCK)
		lives = lives && live
#elif !defined(BUG_NOT_COMPARED)
		lives = lives && word[SLOT(before)] == before
#endif
	:: else -> lives = false
	fi;
	live = false
#endif
}

inline is_ours()
{
	assert(writing == 0);
	lane = mine;
	writing = me;
	is_had(ONE)
}

/* writing == me: it is ours. */
inline take_lane()
{
	do
	:: true ->
		before = lane;
		is_there(before);
		if
		:: lives -> break
		:: else
		fi;
		if
#ifdef BUG_LANE_STORED
		:: d_step { is_ours() }
			break
#else
		:: d_step { lane == before -> is_ours() }
			break
		:: lane != before ->
#ifdef BUG_NOT_TRIED_AGAIN
			break
#else
			skip
#endif
#endif
		:: DIES
		fi
	od;
	atomic { before = 0; lives = false }
}

/* ---- going ---- */

inline leave(slot)
{
	if
	:: d_step {
		lane = (lane == mine -> LEFT(mine) : lane);
		writing = (writing == me -> 0 : writing)
	   }
	:: DIES
	fi;
	if
	:: d_step {
		word[slot] = (word[slot] == mine -> LEFT(mine) : word[slot]);
		member[slot] = (member[slot] == me -> 0 : member[slot])
	   }
	:: DIES
	fi;
	unlock_byte(owner[slot])
}

/* ---- who is there ---- */

proctype writer(byte me)
{
	byte i, mine = WORD(1, 0);

	if
	:: leave(0)
	:: DIES
	:: skip /* it stays */
	fi;
	goto over;
dying:
	die();
over:
	skip
}

#define IS_DEAD(slot) (IS_LIVE(word[slot]) && owner[slot] == 0)

/* Where a look changes something. */
proctype reader(byte me)
{
	byte i, dead;
	bool locked, lives, live;

end:
	do
	:: IS_DEAD(0) && HEIR(0) == 0 -> look_at(0)
#if SLOTS > 2
	:: IS_DEAD(1) && HEIR(1) == 0 -> look_at(1)
#endif
	:: DIES
	od;
dying:
	die();
	d_step { looks = false; dead = 0; locked = false; lives = false; live = false }
}

#define N (me - NEWCOMER)

inline join()
{
	obtain_slot();
	if
	:: r == OURS ->
#ifndef PAIR
		do
		:: i < SLOTS && i != s -> look_at(i); i++
		:: i == s -> i++
		:: i == SLOTS -> break
		od;
		i = 0;
		take_lane();
		assert(writing == me || had[N] & ONE)
#endif
	:: r == REFUSED -> assert(had[N] & ONE)
	:: r == TAKEN -> assert((had[N] & ALL_SLOTS) == ALL_SLOTS)
	fi
}

proctype newcomer(byte me)
{
	byte i, s, r, mine, before, dead, other;
	bool locked, lives, live, changes;

	if
	:: s = 0
	:: me > NEWCOMER -> s = 1
	fi;
	d_step { comes[N] = true; had[N] = NOW_HAD }
	join();
	d_step { comes[N] = false; had[N] = 0 }
	if
	:: r == OURS -> leave(s)
	:: DIES
#ifdef PAIR
	:: skip
#else
	:: writing == me || r != OURS /* it stays, or has never come */
#endif
	fi;
	goto over;
dying:
	die();
over:
	atomic {
		comes[N] = false; had[N] = 0;
		i = 0; s = 0; r = 0; mine = 0; before = 0; dead = 0; other = 0;
		locked = false; lives = false; live = false; changes = false
	}
}

/* When nothing goes on any more. */
active proctype observer()
{
end:
	timeout;
	assert(!looks || !(IS_DEAD(0) || IS_DEAD(1) || IS_DEAD(SLOTS - 1)));
	assert(!looks || !IS_LIVE(lane) || writing != 0)
}

init
{
	atomic {
		word[0] = WORD(1, 0);
		owner[0] = WRITER;
		member[0] = WRITER;
		word[SLOTS - 1] = WORD(1, SLOTS - 1);
		owner[SLOTS - 1] = READER;
		member[SLOTS - 1] = READER;
#ifdef PAIR
		sends[0] = true;
#else
		lane = WORD(1, 0);
		writing = WRITER;
#endif
		run writer(WRITER);
		run reader(READER);
		run newcomer(NEWCOMER);
#if NEWCOMERS > 1
		run newcomer(NEWCOMER + 1);
#endif
#if NEWCOMERS > 2
		run newcomer(NEWCOMER + 2)
#endif
	}
}
