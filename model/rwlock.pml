/* SPDX-License-Identifier: MIT
 *
 * rwlock.pml - does a writer ever meet a reader, is news of a death ever lost? The read-write lock of
 * src/lock_rw.c, for spin, function by function under the same names.
 *
 * The gate and the seats are robust mutexes: had by one; free, but not nobody's, when their holder is dead.
 * Each access to the state, to a mark and to the word of the gate is a step; what is said of a seat inside it is
 * seen by the next who has it, as what mutexes guard is. Plain stores to the state lie in a buffer of
 * their process until they get to memory, first in, first out (x86-TSO; there is but one variable so stored, so
 * it is the order of any machine). Who locks or unlocks empties it, and so do exchanges. What comes after a
 * lock was taken is done after others see it taken. A process dies at any step; what it stored gets to memory
 * before its mutexes are free.
 *
 * `broken`: somebody died writing, and nobody repaired. Then, and only then, must the next one have news; it
 * repairs, or gives the lock back, which is lost then. If somebody waits for ever that is a deadlock, which
 * spin reports. Each BUG_ changes one thing, and must be found.
 */
#ifndef READERS
#define READERS 2
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef SEATS
#define SEATS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef DEADLINES
#define DEADLINES 1 /* of writers who wait for readers */
#endif
#ifndef ROUNDS
#define ROUNDS 2 /* of each process */
#endif
#define ALL (READERS + WRITERS)

mtype = {FREE, DRAINING, WRITING, BROKEN, LOST};
mtype state = FREE;
bool mark[SEATS], sure[SEATS];
byte seat[SEATS], gate; /* their holder, from 1; 0 nobody */
byte deaths = DEATHS, deadlines = DEADLINES, reading;
bool writing, broken;
chan buffer[ALL] = [3] of {mtype};

#define OWNER (me + 1)
#define DEAD 255 /* holds it no more, and the next one learns so */
#define NONE(mutex) (mutex == 0 || mutex == DEAD)
#define STORED empty(buffer[me])
#define DIES atomic { deaths > 0 -> deaths--; goto dying }

/* And whoever asks, in vain, whether the gate is its own: that makes a dead one's nobody's. */
active proctype memory()
{
	mtype value;
end:
	do
	:: d_step { gate == DEAD -> gate = 0 }
	:: d_step { nempty(buffer[0]) -> buffer[0]?state }
#if ALL > 1
	:: d_step { nempty(buffer[1]) -> buffer[1]?state }
#endif
#if ALL > 2
	:: d_step { nempty(buffer[2]) -> buffer[2]?state }
#endif
#if ALL > 3
	:: d_step { nempty(buffer[3]) -> buffer[3]?state }
#endif
	od
}

/* ---- robust mutexes ---- */

inline lock(mutex)
{
	if
	:: atomic { STORED && NONE(mutex) -> mutex = OWNER }
	:: DIES
	fi
}

inline unlock(mutex)
{
	if
	:: atomic { STORED -> assert(mutex == OWNER); mutex = 0 }
	:: DIES
	fi
}

/* taken: whether it was free. */
inline try(mutex)
{
	if
	:: d_step { STORED && NONE(mutex) -> mutex = OWNER; taken = true }
	:: d_step { !NONE(mutex) -> taken = false }
	:: DIES
	fi
}

inline store(value)
{
	if
	:: d_step { nfull(buffer[me]) -> buffer[me]!value }
	:: DIES
	fi
}

/* ---- through the gate: news, or left again for the lock is lost, or state is FREE ---- */

inline enter()
{
	lock(gate);
	if
	:: d_step { STORED -> seen = state }
	:: DIES
	fi;
	if
	:: seen == WRITING || seen == BROKEN ->
		d_step { assert(broken); news = true }
#ifdef BUG_TOLD_ONCE
		store(FREE)
#else
		store(BROKEN)
#endif
	:: seen == LOST -> assert(broken); unlock(gate); lost = true
	:: seen == DRAINING -> assert(!broken); store(FREE)
	:: seen == FREE -> assert(!broken)
	fi
}

/* What was broken is whole again. */
inline repair()
{
	if
	:: d_step {
		nfull(buffer[me]) ->
			assert(reading == 0 && !writing);
			buffer[me]!WRITING;
			broken = false;
			writing = true
	   }
	:: DIES
	fi;
	news = false
}

inline give_up()
{
	store(LOST);
	unlock(gate);
	news = false
}

inline begin_writing()
{
	if
	:: d_step {
		nfull(buffer[me]) ->
			assert(reading == 0 && !writing);
			buffer[me]!WRITING;
			writing = true
	   }
	:: DIES
	fi
}

inline end_writing()
{
#ifdef BUG_OPENED_WITHOUT_GATE
	writing = false;
	unlock(gate);
	store(FREE)
#else
	if
	:: d_step { nfull(buffer[me]) -> buffer[me]!FREE; writing = false }
	:: DIES
	fi;
	unlock(gate)
#endif
}

/* The kernel gives back what a dead one held. */
inline die()
{
	d_step {
		STORED ->
			reading = reading - reads;
			broken = broken || (writing && gate == OWNER);
			writing = writing && gate != OWNER;
			seat[0] = (seat[0] == OWNER -> DEAD : seat[0]);
			seat[SEATS - 1] = (seat[SEATS - 1] == OWNER -> DEAD : seat[SEATS - 1]);
			gate = (gate == OWNER -> DEAD : gate)
	}
}

/* ---- a reader ---- */

inline set_mark(s)
{
	if
	:: d_step { mark[s] -> skip }
	:: d_step { STORED && !mark[s] -> mark[s] = true }
	:: DIES
	fi
}

/* The first seat that is free, from the one it prefers; taken: whether there was one. */
inline sit()
{
	s = me % SEATS;
	try(seat[s]);
#if SEATS > 1
	if
	:: taken
	:: else -> s = (s + 1) % SEATS; try(seat[s])
	fi
#endif
}

inline look()
{
	if
	:: d_step { free = (state == FREE) }
	:: DIES
	fi
}

inline say_sure()
{
	if
	:: d_step { sure[s] = true }
	:: DIES
	fi
}

/* Whoever has the gate after this look sees the mark. */
inline look_at_gate()
{
	if
	:: d_step { free = (gate == 0) }
	:: DIES
	fi
}

/* free: no writer is at work that does not see our mark. */
inline make_sure()
{
#ifdef BUG_SURE_BEFORE_LOOK
	say_sure();
#endif
#ifndef BUG_LOOKED_BEFORE_MARK
	set_mark(s);
#endif
#ifdef BUG_NO_LOOK_AT_GATE
	look();
#else
	look_at_gate();
#endif
#ifdef BUG_LOOKED_BEFORE_MARK
	set_mark(s);
#endif
	if
	:: free ->
#ifdef BUG_SURE_THOUGH_LOST
		say_sure();
#endif
#ifndef BUG_NO_SECOND_LOOK
		look();
#endif
		if
		:: free -> say_sure()
		:: else
		fi
	:: else
	fi
}

inline read_at_once()
{
	look();
	if
	:: free ->
		sit();
		if
#ifdef BUG_MARK_BELIEVED
		:: taken && mark[s]
		:: taken && !mark[s] ->
#else
		:: taken && sure[s]
		:: taken && !sure[s] ->
#endif
			make_sure();
			if
			:: free
			:: else -> unlock(seat[s])
			fi
		:: else -> free = false
		fi
	:: else
	fi
}

/* Inside the gate, where no writer is. */
inline read_in_turn()
{
#ifdef BUG_GATE_LEFT_EARLY
	unlock(gate);
#endif
	sit();
	if
	:: taken
	:: else -> store(DRAINING); shut = true; s = me % SEATS; lock(seat[s])
	fi;
#ifndef BUG_SAT_UNMARKED
	set_mark(s);
#endif
	say_sure();
	if
	:: shut -> store(FREE)
	:: else
	fi;
#ifndef BUG_GATE_LEFT_EARLY
	unlock(gate)
#endif
}

inline read()
{
	if
	:: d_step { assert(!writing && !broken); reading++; reads = true }
	:: DIES
	fi;
	if
	:: d_step { reading--; reads = false }
	:: DIES
	fi;
	unlock(seat[s])
}

proctype reader(byte me)
{
	byte s, rounds;
	bool taken, free, news, lost, reads, shut;
	mtype seen;

	do
	:: rounds < ROUNDS ->
		rounds++;
		read_at_once();
		if
		:: free
		:: else ->
			enter();
			if
			:: news -> repair(); end_writing()
			:: news -> give_up()
			:: lost
			:: !news && !lost -> read_in_turn(); free = true
			fi
		fi;
		if
		:: free -> read()
		:: else
		fi;
		d_step { free = false; taken = false; shut = false; lost = false; s = 0; seen = 0 }
	:: else -> break
	od;
	goto over;
dying:
	die();
over:
	skip
}

/* ---- a writer ---- */

inline take_mark_back()
{
#ifndef BUG_MARK_TAKEN_BEFORE_SURE
#ifndef BUG_SURE_KEPT
	if
	:: d_step { sure[s] = false }
	:: DIES
	fi;
#endif
#endif
	if
	:: d_step { STORED -> mark[s] = false }
	:: DIES
	fi
#ifdef BUG_MARK_TAKEN_BEFORE_SURE
	;
	if
	:: d_step { sure[s] = false }
	:: DIES
	fi
#endif
}

/* Where a reader sits, or sat: waits until nobody does, or gives up. */
inline drain_seat()
{
#ifdef BUG_UNMARKED_BEFORE_FREE
	take_mark_back();
#endif
	if
	:: atomic { STORED && NONE(seat[s]) -> seat[s] = OWNER }
#ifndef BUG_UNMARKED_BEFORE_FREE
#ifndef BUG_UNMARKED_AFTER_LEFT
		take_mark_back();
#endif
#endif
		unlock(seat[s]);
#ifdef BUG_UNMARKED_AFTER_LEFT
		take_mark_back()
#endif
	:: d_step { !NONE(seat[s]) && deadlines > 0 -> deadlines--; given_up = true }
	:: DIES
	fi
}

inline look_at_marks()
{
	if
	:: d_step {
		at_seat[0] = mark[0];
		at_seat[SEATS - 1] = mark[SEATS - 1]
	   }
	:: DIES
	fi
}

inline drain()
{
	if
	:: at_seat[0] || at_seat[SEATS - 1] -> store(DRAINING)
	:: else
	fi;
#ifdef BUG_WRITING_BEFORE_DRAINED
	store(WRITING);
#endif
	s = 0;
	do
	:: s < SEATS && at_seat[s] && !given_up -> drain_seat(); s++
	:: s < SEATS && (!at_seat[s] || given_up) -> s++
	:: s == SEATS -> break
	od
}

proctype writer(byte me)
{
	byte s, rounds;
	bool at_seat[SEATS];
	bool news, lost, given_up, reads;
	mtype seen;

	do
	:: rounds < ROUNDS ->
		rounds++;
#ifdef BUG_NO_FENCE
		look_at_marks();
#endif
		enter();
		if
		:: news -> repair(); end_writing()
		:: news -> give_up()
		:: lost
		:: !news && !lost ->
#ifndef BUG_NO_FENCE
			look_at_marks();
#endif
			drain();
			if
			:: given_up -> store(FREE); unlock(gate)
			:: else -> begin_writing(); end_writing()
			fi
		fi;
		d_step {
			s = 0; given_up = false; lost = false; seen = 0;
			at_seat[0] = 0; at_seat[SEATS - 1] = 0
		}
	:: else -> break
	od;
	goto over;
dying:
	die();
over:
	skip
}

init
{
	atomic {
		run reader(0);
#if READERS > 1
		run reader(1);
#endif
#if READERS > 2
		run reader(2);
#endif
		run writer(READERS);
#if WRITERS > 1
		run writer(READERS + 1)
#endif
	}
}
