/* SPDX-License-Identifier: MIT
 *
 * semaphore.pml - is each unit taken once, and does nobody sleep beside one? The semaphore of src/lock_count.c,
 * for spin.
 *
 * One word: the value, and whether somebody may sleep. It is changed by exchanges alone, so there is no order
 * of stores to look at. A process dies at any step. Who gave and died before its wake-up leaves sleepers to the
 * look that they take every 100 ms (`looks`); else, when nothing goes on any more, nobody may be asleep while
 * there is a unit. Each BUG_ changes one thing, and must be found.
 */
#ifndef TAKERS
#define TAKERS 3
#endif
#ifndef GIVERS
#define GIVERS 2
#endif
#ifndef UNITS
#define UNITS 2 /* that each giver gives, and each taker wants */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

byte value, given, taken, deaths = DEATHS;
bool sleepers, looks;
bool asleep[TAKERS];

#define DIES atomic { deaths > 0 -> deaths--; goto over }

inline wake()
{
#ifdef BUG_ONE_WOKEN
	atomic {
		if
		:: asleep[0] -> asleep[0] = false
		:: asleep[1] -> asleep[1] = false
		:: asleep[TAKERS - 1] -> asleep[TAKERS - 1] = false
		:: else
		fi
	}
#else
	d_step { asleep[0] = false; asleep[1] = false; asleep[TAKERS - 1] = false }
#endif
}

active [GIVERS] proctype giver()
{
	byte n;
	bool woken;

	do
	:: n < UNITS ->
		if
		:: d_step {
			given++;
			value++;
			n++;
			woken = sleepers;
#ifndef BUG_MARK_KEPT
			sleepers = false
#endif
		   }
		:: DIES
		fi;
		if
		:: woken ->
			if
			:: wake()
			:: atomic { deaths > 0 -> deaths--; looks = true; goto over }
			fi
		:: else
		fi;
		woken = false
	:: else -> break
	od;
over:
	skip
}

#ifdef BUG_SLEEPS_ON_VALUE
#define UNCHANGED (value == 0)
#else
#define UNCHANGED sleepers
#endif

active [TAKERS] proctype taker()
{
	byte me = _pid - GIVERS, n;
	bool none;

	do
	:: n < UNITS ->
		if
		:: d_step { value > 0 -> assert(taken < given); value--; taken++; n++ }
		:: value == 0 -> none = true
		:: DIES
		fi;
		if
		:: none ->
			none = false;
#ifdef BUG_MARKED_BLINDLY
			if
			:: sleepers = true
#else
			if
			:: d_step { value == 0 -> sleepers = true }
			:: value > 0 -> goto again
#endif
			:: DIES
			fi;
			d_step {
				if
				:: UNCHANGED -> asleep[me] = true
				:: else
				fi
			}
end_asleep:
			if
			:: !asleep[me]
			:: atomic { looks -> asleep[me] = false }
			:: DIES
			fi
		:: else
		fi;
again:
		skip
	:: else -> break
	od;
over:
	asleep[me] = false
}

/* When nothing goes on any more. */
active proctype observer()
{
end:
	timeout;
	assert(value == given - taken);
	assert(value == 0 || looks || !(asleep[0] || asleep[1] || asleep[TAKERS - 1]))
}
