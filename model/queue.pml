/* SPDX-License-Identifier: MIT
 *
 * queue.pml - many readers of the lanes of a queue: does each message go to one, whoever dies? For spin.
 *
 * Model of src/ring/queue.c, function by function under the same names: enter(), announce(), copy_out(),
 * take_from(), settle() with heed(), done(), catch_up(), bury() with settle_hold(), drop() and adopt();
 * and of an heir's byte in member.c. A lane is one that keeps what lane.pml shows: a message is there or not,
 * and stays until `taken` has passed it. Each access to what others change meanwhile is a step.
 *
 * All stores but `told` and the statistics are released, and a claim is an acquiring and releasing
 * exchange, so each reader's stores get to memory in their order, but late: a buffer, first in, first out,
 * which an exchange empties (x86-TSO; with IN_ORDER none). `told` changes under the claim alone.
 *
 * A reader dies at any store or look, an heir too; what it stored gets to memory before its lock is
 * free. A message is NEW, HELD, and then DONE or DROPPED, and that once: who holds one has
 * it whole, it is delivered again only if its holder died with it, and `forgotten` counts what was
 * dropped. A run ends when each is DONE or DROPPED, else it is a deadlock, which spin reports. Each BUG_
 * changes one thing, and must be found.
 */
#ifndef READERS
#define READERS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LANES
#define LANES 2
#endif
#ifndef MESSAGES
#define MESSAGES 2 /* of each writer */
#endif
#ifndef LAST
#define LAST MESSAGES /* of the last */
#endif
#ifndef ROOM
#define ROOM 1 /* messages in a lane */
#endif
#ifndef COPIES
#define COPIES 1 /* readers also copy, and do not borrow alone */
#endif
#ifndef MOST
#define MOST 2 /* messages borrowed at a time */
#endif
#ifndef MORTAL
#define MORTAL READERS /* the first of them may die */
#endif
#ifndef TAKERS
#define TAKERS READERS /* the first of them take messages, all are heirs */
#endif
#define BUFFER 2
#define COUNTED 16

/* Places in memory: of a lane, then of a member. */
#define NEXT(l) ((l) * 5)
#define TAKEN(l) ((l) * 5 + 1)
#define CLAIM(l) ((l) * 5 + 2)
#define FORGOTTEN(l) ((l) * 5 + 3)
#define TOLD(l) ((l) * 5 + 4)
#define HOLD(m) (LANES * 5 + (m) * 4)
#define FROM(m) (LANES * 5 + (m) * 4 + 1)
#define TO(m) (LANES * 5 + (m) * 4 + 2)
#define COUNT(m) (LANES * 5 + (m) * 4 + 3)

#define OWNER(m) ((m) + 1)
#define LANE_OF(hold) ((hold) % COUNTED) /* from 1; 0: none */

byte memory[LANES * 5 + READERS * 4];
byte slot[LANES * ROOM]; /* the message there, from 1 */
byte lock[READERS];      /* of a dead one's slot: its heir, from 1 */
bool dead[READERS], buried[READERS];
byte deaths = DEATHS;
#ifdef IN_ORDER
#define MAY_STORE true
#define STORE(place, value) memory[place] = value
#define STORED true
#else
chan buffer[READERS] = [BUFFER] of {byte, byte};
#define MAY_STORE nfull(buffer[me])
#define STORE(place, value) buffer[me]!place, value
#define STORED empty(buffer[me])
#endif

mtype = {NEW, HELD, DONE, DROPPED};
mtype state[LANES * MESSAGES] = NEW;
byte ended, dropped[LANES], told[LANES];

#define STATE(l, p) state[(l) * MESSAGES + (p)]
#define IS_THERE(l, p) (slot[(l) * ROOM + (p) % ROOM] == (p) + 1)

#ifndef IN_ORDER
active proctype machine()
{
	byte place, value;
end:
	do
	:: d_step { nempty(buffer[0]) -> buffer[0]?place, value; memory[place] = value; place = 0; value = 0 }
#if READERS > 1
	:: d_step { nempty(buffer[1]) -> buffer[1]?place, value; memory[place] = value; place = 0; value = 0 }
#endif
#if READERS > 2
	:: d_step { nempty(buffer[2]) -> buffer[2]?place, value; memory[place] = value; place = 0; value = 0 }
#endif
	od
}
#endif

proctype writer(byte l)
{
	byte p;

	do
	:: d_step {
		p < (l + 1 < LANES -> MESSAGES : LAST) && p < memory[TAKEN(l)] + ROOM ->
			slot[l * ROOM + p % ROOM] = p + 1;
			p++
	   }
	:: p == (l + 1 < LANES -> MESSAGES : LAST) -> break
	od
}

#define DIES atomic { deaths > 0 && me < MORTAL -> deaths--; goto dying }

inline publish(place, value)
{
	if
	:: d_step { MAY_STORE -> STORE(place, value) }
	:: DIES
	fi
}

/* What a message now is. */
inline becomes(l, p, before, after)
{
	assert(STATE(l, p) == before);
	STATE(l, p) = after;
	ended = ended + (after != HELD)
}

/* ---- the claim ---- */

inline claim_as(l, owner)
{
	if
	:: d_step { STORED && memory[CLAIM(l)] == 0 -> memory[CLAIM(l)] = owner; claimed = true }
	:: memory[CLAIM(l)] != 0 -> claimed = false
	:: DIES
	fi
}

/* From `first`, under the claim: the oldest message in hand. A hold is looked at, its `from`, and it again. */
inline settle(l, end)
{
	oldest = end;
#ifndef BUG_HOLDS_IGNORED
	i = 0;
	do
	:: memory[TAKEN(l)] == end -> break
	:: i < READERS && LANE_OF(memory[HOLD(i)]) != l + 1 -> i++
	:: i < READERS && LANE_OF(memory[HOLD(i)]) == l + 1 ->
		seen = memory[FROM(i)];
		d_step {
			if
			:: LANE_OF(memory[HOLD(i)]) == l + 1 && seen >= memory[TAKEN(l)] && seen < oldest ->
				oldest = seen
			:: else
			fi;
			seen = 0;
			i++
		}
	:: i == READERS -> break
	od;
	i = 0;
#endif
	if
	:: oldest > memory[TAKEN(l)] -> publish(TAKEN(l), oldest)
	:: else
	fi;
	oldest = 0
}

inline leave(l, end)
{
	settle(l, end);
	publish(CLAIM(l), 0)
}

/* ---- taking ---- */

inline tell_forgotten(l)
{
	d_step { forgotten = memory[FORGOTTEN(l)]; n = forgotten - memory[TOLD(l)] }
	if
	:: n > 0 ->
		if
		:: d_step {
			MAY_STORE ->
				STORE(TOLD(l), forgotten);
				told[l] = told[l] + n;
				assert(told[l] <= dropped[l])
		   }
		:: DIES
		fi
	:: else
	fi;
	d_step { forgotten = 0; n = 0 }
}

inline announce(l)
{
	publish(FROM(me), from);
	publish(TO(me), to);
	publish(HOLD(me), l + 1)
}

/* next = to, and what that means for the messages. */
inline pass(l, after)
{
	if
	:: d_step {
		MAY_STORE ->
			STORE(NEXT(l), to);
			n = from;
			do
			:: n < to -> becomes(l, n, NEW, after); n++
			:: else -> break
			od;
			n = 0
	   }
	:: DIES
	fi
}

/* ---- done ---- */

#define HAS_LEFT_OVER (again && at < end)

inline done()
{
	d_step { l = holds - 1 }
	if
	:: HAS_LEFT_OVER ->
		if
		:: d_step {
			MAY_STORE ->
				STORE(FROM(me), at);
				becomes(l, at - 1, HELD, DONE)
		   }
		:: DIES
		fi
	:: else ->
		if
		:: d_step {
			MAY_STORE ->
				STORE(HOLD(me), 0);
				n = (again -> end - 1 : begin);
				do
				:: n < end -> becomes(l, n, HELD, DONE); n++
				:: else -> break
				od;
				n = 0; holds = 0; again = false; begin = 0; at = 0; end = 0
		   }
		:: DIES
		fi
	fi;
	claim_as(l, OWNER(me));
	if
	:: claimed -> leave(l, memory[NEXT(l)])
	:: else
	fi
}

/* Whether settle() would free room: so that the model catches up only where it helps. */
#define OLDER(m, l) (LANE_OF(memory[HOLD(m)]) == (l) + 1 && memory[FROM(m)] == memory[TAKEN(l)])
#if READERS > 2
#define OLDEST_IS_HELD(l) (OLDER(0, l) || OLDER(1, l) || OLDER(2, l))
#else
#define OLDEST_IS_HELD(l) (OLDER(0, l) || OLDER(1, l))
#endif
#define BEHIND(l) (memory[CLAIM(l)] == 0 && memory[TAKEN(l)] < memory[NEXT(l)] && !OLDEST_IS_HELD(l))

/* ---- the dead ---- */

inline is_held_by_another()
{
	is_held = false;
	i = 0;
	do
	:: i < READERS && (i == d || LANE_OF(memory[HOLD(i)]) != l + 1) -> i++
	:: i < READERS && i != d && LANE_OF(memory[HOLD(i)]) == l + 1 ->
		seen = memory[FROM(i)];
		d_step {
#ifdef BUG_HOLD_NOT_SEEN_AGAIN
			is_held = is_held || seen == from;
#else
			is_held = is_held || (seen == from && LANE_OF(memory[HOLD(i)]) == l + 1);
#endif
			seen = 0;
			i++
		}
	:: i == READERS -> break
	od;
	i = 0
}

inline drop()
{
#ifndef BUG_COUNTED_TWICE
	if
	:: memory[HOLD(d)] < COUNTED ->
#endif
		publish(COUNT(d), memory[FORGOTTEN(l)] + to - from);
#ifndef BUG_COUNTED_TWICE
		publish(HOLD(d), l + 1 + COUNTED)
	:: else
	fi;
#endif
	STORED; /* what we read now we may have stored */
	if
	:: d_step {
		MAY_STORE ->
			STORE(FORGOTTEN(l), memory[COUNT(d)]);
			n = from;
			do
			:: n < to && STATE(l, n) == HELD ->
				becomes(l, n, HELD, DROPPED);
				dropped[l]++;
				n++
			:: n < to && STATE(l, n) != HELD -> assert(STATE(l, n) == DROPPED); n++
			:: n >= to -> break
			od;
			assert(memory[COUNT(d)] == dropped[l]);
			n = 0
	   }
	:: DIES
	fi;
	publish(HOLD(d), 0)
}

inline adopt()
{
#ifdef BUG_HEIR_CLEARS_FIRST
	publish(HOLD(d), 0);
#endif
	announce(l);
	d_step { holds = l + 1; at = from; begin = from; end = to; again = true }
#ifndef BUG_HEIR_CLEARS_FIRST
	publish(HOLD(d), 0)
#endif
}

inline settle_hold()
{
	d_step { from = memory[FROM(d)]; to = memory[TO(d)] }
	if
	:: LANE_OF(memory[HOLD(d)]) != l + 1
	:: else ->
		is_held_by_another();
		if
		:: is_held || from == memory[NEXT(l)] -> publish(HOLD(d), 0)
#ifdef DROP
		:: else -> drop()
#else
		:: !is_held && from != memory[NEXT(l)] && !holds -> adopt()
		:: !is_held && from != memory[NEXT(l)] && holds -> settled = false
#endif
		fi
	fi;
	d_step { from = 0; to = 0; is_held = false }
}

/* Whose heir we are. */
inline bury()
{
	settled = true;
	l = 0;
	do
	:: l < LANES ->
		claimed = (memory[CLAIM(l)] == OWNER(d));
		if
		:: !claimed && LANE_OF(memory[HOLD(d)]) == l + 1 ->
			claim_as(l, OWNER(d));
			settled = settled && claimed
		:: else
		fi;
		if
		:: claimed ->
			settle_hold();
			STORED;
			settle(l, memory[NEXT(l)]);
#ifdef BUG_CLAIM_KEPT
			if
			:: holds == l + 1 -> publish(CLAIM(l), 0)
			:: else
			fi
#else
			publish(CLAIM(l), 0)
#endif
		:: else
		fi;
		l++
	:: l == LANES -> break
	od;
	STORED;
	d_step {
		buried[d] = settled;
		lock[d] = 0;
		d = 0; l = 0; settled = false; claimed = false
	}
}

#ifdef BUG_NO_LOCK
#define IS_LOCKED(m) false
#else
#define IS_LOCKED(m) (lock[m] != 0)
#endif
#define HAS_CLAIM(m) (memory[CLAIM(0)] == OWNER(m) || memory[CLAIM(LANES - 1)] == OWNER(m))
#define CAN_CLAIM(m) (memory[HOLD(m)] == 0 || memory[CLAIM(LANE_OF(memory[HOLD(m)]) - 1)] == 0)
/* Where that changes something. */
#define CAN_BURY(m)                                                                                \
	(dead[m] && !buried[m] && !IS_LOCKED(m) && (HAS_CLAIM(m) || (holds == 0 && CAN_CLAIM(m))))
#define FINDS(l) (IS_THERE(l, memory[NEXT(l)]) && memory[CLAIM(l)] == 0)

/* ---- a reader ---- */

inline take(index)
{
	d_step { l = index; from = memory[NEXT(l)] }
	claim_as(l, OWNER(me));
	if
	:: claimed ->
#ifndef BUG_NEXT_READ_BEFORE_CLAIM
		from = memory[NEXT(l)];
#endif
		if
		:: !IS_THERE(l, from) -> publish(CLAIM(l), 0)
		:: COPIES && IS_THERE(l, from) -> /* copy_out() */
			to = from + 1;
#ifndef BUG_GIVEN_BACK_BEFORE_COPY
			assert(IS_THERE(l, from));
#endif
#ifndef BUG_TOLD_WITHOUT_CLAIM
			tell_forgotten(l);
#endif
			pass(l, DONE);
			leave(l, to);
#ifdef BUG_GIVEN_BACK_BEFORE_COPY
			assert(IS_THERE(l, from));
#endif
#ifdef BUG_TOLD_WITHOUT_CLAIM
			tell_forgotten(l)
#endif
		:: IS_THERE(l, from) && !holds -> /* take_from() */
			if
			:: to = from + 1
			:: MOST > 1 && IS_THERE(l, from + 1) -> to = from + 2
			fi;
			tell_forgotten(l);
#ifndef BUG_NEXT_BEFORE_HOLD
			announce(l);
#endif
			pass(l, HELD);
#ifdef BUG_NEXT_BEFORE_HOLD
			announce(l);
#endif
			d_step { holds = l + 1; begin = from; end = to }
			publish(CLAIM(l), 0)
		fi
	:: else
	fi;
	d_step { l = 0; from = 0; to = 0; claimed = false }
}

/* Of what is lent to us, the first and the last: and then they are not any more. */
inline use()
{
	d_step { assert(IS_THERE(holds - 1, begin)); assert(IS_THERE(holds - 1, end - 1)) }
	done();
	d_step { l = 0; claimed = false }
}

/* One message that was in another's hands, marked. */
inline use_left_over()
{
	d_step {
		assert(IS_THERE(holds - 1, at));
		assert(STATE(holds - 1, at) == HELD);
		at++
	}
	done();
	d_step { l = 0; claimed = false }
}

proctype reader(byte me)
{
	byte l, d, i, n, from, to, seen, oldest, forgotten;
	byte holds, begin, at, end;
	bool claimed, again, is_held, settled;

	do
	:: ended == (LANES - 1) * MESSAGES + LAST -> break
	:: holds && !again -> use()
	:: HAS_LEFT_OVER -> use_left_over()
	:: !holds && me < TAKERS && FINDS(0) -> take(0)
#if LANES > 1
	:: !holds && me < TAKERS && FINDS(1) -> take(1)
#endif
#ifndef BUG_NO_CATCH_UP
	:: atomic { BEHIND(0) -> l = 0 }
		claim_as(l, OWNER(me));
		if
		:: claimed -> leave(l, memory[NEXT(l)])
		:: else
		fi;
		d_step { l = 0; claimed = false }
#if LANES > 1
	:: atomic { BEHIND(1) -> l = 1 }
		claim_as(l, OWNER(me));
		if
		:: claimed -> leave(l, memory[NEXT(l)])
		:: else
		fi;
		d_step { l = 0; claimed = false }
#endif
#endif
	:: atomic { CAN_BURY(0) -> d = 0; lock[d] = OWNER(me) }
		bury()
	:: atomic { CAN_BURY(1) -> d = 1; lock[d] = OWNER(me) }
		bury()
#if READERS > 2
	:: atomic { CAN_BURY(2) -> d = 2; lock[d] = OWNER(me) }
		bury()
#endif
	:: DIES
	od;
	goto over;
dying:
	atomic {
		STORED ->
			dead[me] = true;
			i = 0;
			do
			:: i < READERS ->
				if
				:: lock[i] == OWNER(me) -> lock[i] = 0
				:: else
				fi;
				i++
			:: else -> break
			od
	}
over:
	skip
}

init
{
	atomic {
		run reader(0);
		run reader(1);
#if READERS > 2
		run reader(2);
#endif
		run writer(0);
#if LANES > 1
		run writer(1)
#endif
	}
}
