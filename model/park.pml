/* SPDX-License-Identifier: MIT
 *
 * park.pml - does a sleeper always hear? The protocol of src/ring/park.c and bell.c, for spin.
 *
 * One writer, whose plain stores lie in a buffer until they reach memory: first in, first out (x86-TSO), or
 * with WEAK in any order but that of each variable. Read-modify-writes and fences empty it, and so
 * does another's membarrier(2). FUTEX readers sleep on `rung`, BELL ones on a descriptor. No tick: that all
 * who live sleep while a message is there is a deadlock, which spin reports. Each BUG_ leaves one thing
 * out, and must be found.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef FUTEX
#define FUTEX 2
#endif
#ifndef BELL
#define BELL 0
#endif
#ifndef SPURIOUS
#define SPURIOUS 1 /* ends of sleep that nobody made: a deadline, a signal */
#endif
#define CALM 1     /* operations that woke nobody until the writer is eager */
#define READERS (FUTEX + BELL)

mtype = {PUBLISHED, EAGER};
chan buffer = [4] of {mtype, byte};

byte published, taken, rung, generation, spurious = SPURIOUS;
bool eager, mark_futex, mark_bell, over;
bool asleep[READERS], armed[READERS], bell[READERS];

#define fence() (empty(buffer))

active proctype memory()
{
	byte value;
end:
	do
	:: atomic { buffer?PUBLISHED, value -> published = value }
	:: atomic { buffer?EAGER, value -> eager = value }
#ifdef WEAK
	:: atomic { buffer??PUBLISHED, value -> published = value }
	:: atomic { buffer??EAGER, value -> eager = value }
#endif
	od
}

#ifdef BUG_RUNG_AFTER_WAKE
#define RING_BEFORE skip
#define RING_AFTER rung++
#else
#define RING_BEFORE rung++
#define RING_AFTER skip
#endif

active proctype writer()
{
	byte sent, unwoken, seen, i;
	bool is_eager, futex, bells, woken;

	do
	:: sent < MESSAGES ->
		sent++;
		buffer!PUBLISHED, sent;
		/* tell */
		if
		:: is_eager
		:: else ->
#ifndef BUG_NO_FENCE
			fence();
#endif
			unwoken++
		fi;
		d_step { futex = mark_futex; bells = mark_bell; seen = generation }
		if
		:: !futex && !bells && !is_eager && unwoken >= CALM ->
			unwoken = 0;
			buffer!EAGER, 1;
#ifndef BUG_NO_FENCE_WHEN_EAGER
			fence();
#endif
			is_eager = true
		:: !futex && !bells && (is_eager || unwoken < CALM)
		:: futex || bells ->
			unwoken = 0;
			if
			:: is_eager -> is_eager = false; buffer!EAGER, 0
			:: else
			fi;
			if
			:: bells ->
				atomic {
					fence();
					if
					:: generation == seen && mark_futex == futex -> mark_bell = false
					:: else
					fi
				}
				i = 0;
				do
				:: i < READERS ->
#ifdef BUG_DISARM_AFTER_RINGING
					if
					:: armed[i] -> bell[i] = true; armed[i] = false
					:: else
					fi;
#else
					if
					:: atomic { armed[i] -> armed[i] = false }; bell[i] = true
					:: else
					fi;
#endif
					i++
				:: else -> i = 0; break
				od
			:: else
			fi;
			if
			:: futex ->
				fence();
				RING_BEFORE;
				atomic {
					woken = false;
					if
					:: asleep[0] -> asleep[0] = false; woken = true
#if FUTEX > 1
					:: asleep[1] -> asleep[1] = false; woken = true
#endif
#if FUTEX > 2
					:: asleep[2] -> asleep[2] = false; woken = true
#endif
					:: else
					fi
				}
				RING_AFTER;
				if
				:: woken
				:: else ->
#ifdef BUG_UNMARK_WITHOUT_GENERATION
					mark_futex = false
#else
					d_step {
						if
						:: generation == seen -> mark_futex = false
						:: else
						fi
					}
#endif
				fi
			:: else
			fi
		fi
	:: else -> break
	od
}

#define READY (published > taken)

inline take()
{
	d_step {
		if
		:: READY -> taken++
		:: else
		fi
	}
}

/* Where a writer does not fence, we have it done. */
inline barrier()
{
#ifdef BUG_NO_MEMBARRIER
	skip
#else
	if
	:: eager -> fence()
	:: else
	fi
#endif
}

active [FUTEX] proctype sleeper()
{
	byte me = _pid - 2, before, mine;
	bool first;

	do
	:: READY -> take()
	:: taken == MESSAGES -> break
	:: !READY && taken < MESSAGES ->
#ifndef BUG_RUNG_READ_LATE
		before = rung;
#endif
		d_step { first = !mark_futex; mark_futex = true; generation++; mine = generation }
		barrier();
		if
#ifndef BUG_NO_LAST_LOOK
		:: READY || taken == MESSAGES
#endif
		:: else ->
#ifdef BUG_RUNG_READ_LATE
			before = rung;
#endif
			atomic {
				if
				:: rung == before -> asleep[me] = true
				:: else
				fi
			}
		fi;
		if
		:: !asleep[me]
		:: atomic { asleep[me] && spurious > 0 -> spurious--; asleep[me] = false }
		:: atomic { asleep[me] && taken == MESSAGES -> asleep[me] = false }
		fi;
		d_step {
			if
			:: first && generation == mine -> mark_futex = false
			:: else
			fi
		}
	od
}

#if BELL > 0
active [BELL] proctype poller()
{
	byte me = _pid - 2;

	do
	:: READY -> take()
	:: taken == MESSAGES -> break
	:: !READY && taken < MESSAGES ->
		armed[me] = true;
		d_step { mark_bell = true; generation++ }
		barrier();
		if
		:: READY || taken == MESSAGES
		:: else ->
			if
			:: bell[me] -> bell[me] = false
			:: taken == MESSAGES
			:: atomic { spurious > 0 -> spurious-- }
			fi
		fi;
		armed[me] = false
	od
}
#endif
