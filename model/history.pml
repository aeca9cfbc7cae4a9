/* SPDX-License-Identifier: MIT
 *
 * history.pml - a lane that every reader reads for itself: is what a reader believes what was sent, and what it
 * counts as lost what was lost? For spin.
 *
 * Model of src/ring/history.h and history.c: advance() with leave_mark(), give_up_marks() and all_let_pass(), tell(),
 * read_mark(), walk(), history_end(), history_oldest(), take_over(); and of topic.c find(), catch_up(),
 * go_to_newest() and join(). Each message has one word and one unit, so that a place has two equal halves, and the
 * number of a message is its place: whoever sees three that differ has read what was torn. Beside the number,
 * words and data carry which writer it was; no reader may go by that.
 *
 * The writer's stores wait in a buffer: first in, first out (x86-TSO); with WEAK in any order, but that of each
 * place, none that is released before all that was stored earlier, and none before those that a fence divides it
 * from. It may die anywhere, with any of its last stores undone, and has a successor. Readers load one thing
 * at a time, in order. One that may be overtaken is there from the start, and one that is waited for, with WAITS,
 * comes when it likes, or with LATEST one of the newest value. Who finds nothing sleeps until
 * has() would be true: whom nobody wakes then is a deadlock. Each BUG_ must be found.
 */
#ifndef MESSAGES
#define MESSAGES 5
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef COUNT
#define COUNT 3 /* words of the lane; units of data */
#endif
#ifndef STEP
#define STEP 1 /* how far the edge goes at once */
#endif
#ifndef OVERTAKEN
#define OVERTAKEN 1 /* readers that may be */
#endif
#ifndef MARKS
#define MARKS 4
#endif
#define RECENT 2
#define BUFFER 14
#define STORES 12 /* of one message, at most */

/* Places in memory. */
#define WORD(p) ((p) % COUNT)
#define DATA(p) (COUNT + (p) % COUNT)
#define EDGE_WORDS (2 * COUNT)
#define EDGE_UNITS (2 * COUNT + 1)
#define WISH (2 * COUNT + 2)
#define FIRST (2 * COUNT + 3)
#define LAST (2 * COUNT + 4)
#define HEAD (2 * COUNT + 5)
#define MARK_WORDS(i) (2 * COUNT + 6 + (i) % MARKS * 3)
#define MARK_UNITS(i) (MARK_WORDS(i) + 1)
#define MARK_NUMBER(i) (MARK_WORDS(i) + 2)
#define NEWEST_WORDS(n) (2 * COUNT + 6 + 3 * MARKS + (n) % RECENT * 2)
#define NEWEST_UNITS(n) (NEWEST_WORDS(n) + 1)
#define PLACES (2 * COUNT + 6 + 3 * MARKS + 2 * RECENT)

/* What a word and data say: number and writer. */
#define SAYS(n) (life * 16 + (n) + 1)
#define IS_THERE(word, p) ((word) % 16 == (p) + 1)
#define WITHIN(p, edge) ((p) + COUNT >= (edge))

byte memory[PLACES];
byte count;  /* stores in the buffer */
byte fences; /* that divide them */
byte where[BUFFER], what[BUFFER], after[BUFFER]; /* after so many fences */
bool released[BUFFER];
byte deaths = DEATHS;
bool came, comes; /* the reader that is waited for is a member; does not know yet where it begins */
byte cursor;

/* ---- memory ---- */

/* Fences that nothing is before any more, as they never were. */
inline settle()
{
	do
	:: count > 0 && after[0] > 0 ->
		do
		:: k < count -> after[k]--; k++
		:: else -> k = 0; break
		od;
		fences--
	:: else -> break
	od;
	if
	:: count == 0 -> fences = 0
	:: else
	fi
}

inline flush(i)
{
	memory[where[i]] = what[i];
	k = i;
	do
	:: k + 1 < count ->
		where[k] = where[k + 1];
		what[k] = what[k + 1];
		released[k] = released[k + 1];
		after[k] = after[k + 1];
		k++
	:: else -> break
	od;
	count--;
	where[count] = 0;
	what[count] = 0;
	released[count] = false;
	after[count] = 0;
	k = 0;
	settle()
}

#define PASSES(i, j) (where[i] != where[j])
#define MAY(i) (count > i && !released[i] && after[i] == 0)

active proctype machine()
{
	byte k;
end:
	do
	:: d_step { count > 0 -> flush(0) }
#ifdef WEAK
	:: d_step { MAY(1) && PASSES(1, 0) -> flush(1) }
	:: d_step { MAY(2) && PASSES(2, 0) && PASSES(2, 1) -> flush(2) }
	:: d_step { MAY(3) && PASSES(3, 0) && PASSES(3, 1) && PASSES(3, 2) -> flush(3) }
#endif
	od
}

/* ---- writing ---- */

inline store(place, value, release)
{
	where[count] = place;
	what[count] = value;
	released[count] = release;
	after[count] = fences;
	count++
}

#define put(place, value) store(place, value, false)
#define publish(place, value) store(place, value, true)

inline fence_before_writing()
{
#ifndef BUG_NO_FENCE
	if
	:: count > 0 -> fences++
	:: else
	fi
#else
	skip
#endif
}

/* Whether the reader that is waited for does not forbid that edge. */
#ifdef BUG_COMING_IGNORED
#define LETS_PASS(edge) (!came || comes || WITHIN(cursor, edge))
#else
#define LETS_PASS(edge) (!came || (!comes && WITHIN(cursor, edge)))
#endif

inline leave_mark()
{
	put(MARK_WORDS(last), at);
	put(MARK_UNITS(last), at);
	put(MARK_NUMBER(last), at);
	marks[last % MARKS] = at;
	last++;
	publish(LAST, last)
}

inline give_up_marks()
{
	i = first;
	do
	:: last - first == MARKS || !WITHIN(marks[first % MARKS], edge) -> first++
	:: else -> break
	od;
#ifdef BUG_MARK_GIVEN_UP_LATE
	if
	:: i != first && i > 0 -> publish(FIRST, i)
	:: else
	fi;
#else
	if
	:: i != first -> publish(FIRST, first)
	:: else
	fi;
#endif
	i = 0
}

inline move_edge()
{
	publish(EDGE_WORDS, edge);
	publish(EDGE_UNITS, edge)
}

inline write()
{
	put(DATA(at), SAYS(at));
	publish(WORD(at), SAYS(at))
}

inline tell(n)
{
	fence_before_writing();
	put(NEWEST_WORDS(n), n);
	put(NEWEST_UNITS(n), n);
	publish(HEAD, n + 1)
}

/* What is left of a writer that dies: its stores up to some one. */
inline die()
{
	do
	:: count > 0 -> flush(0)
	:: break
	od;
	do
	:: count > 0 ->
		count--;
		where[count] = 0;
		what[count] = 0;
		released[count] = false;
		after[count] = 0
	:: else -> break
	od;
	fences = 0
}

/* take_over(). Nobody else writes, so that it reads at once. */
inline take_over()
{
	life++;
	edge = memory[EDGE_WORDS];
	last = memory[LAST];
	first = last;
#ifdef BUG_UNPUBLISHED_MARK
	last++;
#endif
	i = last;
	do
	:: i != memory[FIRST] && last - i < MARKS - 1 ->
		assert(memory[MARK_WORDS(i - 1)] == memory[MARK_UNITS(i - 1)]);
		assert(memory[MARK_WORDS(i - 1)] == memory[MARK_NUMBER(i - 1)]);
		if
		:: !WITHIN(memory[MARK_WORDS(i - 1)], edge) -> break
		:: else
		fi;
		i--;
		marks[i % MARKS] = memory[MARK_WORDS(i)];
		first = i
	:: else -> break
	od;
#ifndef BUG_MARKS_TAKEN_UNTOLD
	publish(FIRST, first);
	fence_before_writing();
#endif
	at = edge;
	if
	:: first != last -> at = marks[(last - 1) % MARKS]
	:: else
	fi;
	i = at;
	do
	:: IS_THERE(memory[WORD(at)], at) -> at++
	:: else -> break
	od;
	publish(WISH, edge);
#ifdef LATEST
	/* tell_newest() */
	do
	:: i < at ->
#ifndef BUG_TOLD_AGAIN
		if
		:: i >= memory[HEAD] -> tell(i)
		:: else
		fi;
#else
		tell(i);
#endif
		i++
	:: else -> break
	od;
#endif
	i = 0
}

active proctype writer()
{
	byte at, edge, need, first, last, life, i, k;
	byte marks[MARKS];

	do
	:: d_step { at < MESSAGES && at < edge && count <= BUFFER - STORES ->
			write();
#ifdef LATEST
			tell(at);
#endif
			at++
	   }
	:: at < MESSAGES && at == edge && count <= BUFFER - STORES ->
		need = at + STEP;
#ifdef WAITS
		d_step { publish(WISH, need) };
#ifndef BUG_NO_FENCE_AFTER_WISH
		count == 0;
#endif
		if
		:: LETS_PASS(need)
		:: !LETS_PASS(need) && STEP > 1 ->
			need = at + 1;
			d_step { publish(WISH, need) };
			count == 0;
			LETS_PASS(need)
		fi;
#endif
		d_step {
			edge = need;
			if
			:: last != first && marks[(last + MARKS - 1) % MARKS] == at
			:: else -> leave_mark()
			fi;
#ifdef BUG_EDGE_AFTER_DATA
			give_up_marks();
			write();
			move_edge();
#else
			give_up_marks();
			move_edge();
			fence_before_writing();
			write();
#endif
#ifdef LATEST
			tell(at);
#endif
			at++;
			need = 0
		}
	:: atomic { deaths > 0 -> deaths--; die() }
		/* What it stored was seen long before another has its lane. */
		d_step { take_over() }
	:: at == MESSAGES && count == 0 -> break
	od
}

/* ---- reading ---- */

/* keeps(): two loads after all that was read. */
inline keeps(p)
{
	kept = WITHIN(p, memory[EDGE_WORDS]);
	kept = kept && WITHIN(p, memory[EDGE_UNITS])
}

/* A mark into at: `kept` if it stands. */
inline read_mark(i)
{
	at = memory[MARK_WORDS(i)];
	units = memory[MARK_UNITS(i)];
	number = memory[MARK_NUMBER(i)];
#ifdef BUG_MARK_BELIEVED
	kept = true;
#else
	kept = memory[FIRST] <= i;
#endif
	assert(!kept || (at == units && at == number))
}

/* The oldest that is kept, into at; `kept`: there is one. */
inline oldest(later)
{
	last = memory[LAST];
	index = memory[FIRST];
	at = 0;
	kept = last == 0;
	if
	:: last > index + later + 1 -> index = index + later
	:: else
	fi;
	do
	:: index < last && !kept ->
		read_mark(index);
		if
		:: kept ->
			keeps(at);
#ifndef BUG_WISH_IGNORED
			kept = kept && WITHIN(at, memory[WISH])
#endif
		:: else
		fi;
		index++
	:: else -> break
	od
}

/* The next message after all that are there. */
inline newest()
{
	last = memory[LAST];
	at = 0;
	kept = true;
	if
	:: last > 0 -> read_mark(last - 1)
	:: else
	fi;
	if
	:: kept ->
		number = at;
		do
		:: IS_THERE(memory[WORD(at)], at) -> at++
		:: else -> break
		od;
		keeps(number)
	:: else
	fi
}

/* The next message: its word, its data, and whether both were whole. */
inline read_next()
{
#ifdef BUG_EDGE_READ_FIRST
	keeps(next);
#endif
	word = memory[WORD(next)];
	if
	:: IS_THERE(word, next) -> data = memory[DATA(next)]
	:: else
	fi;
#ifndef BUG_EDGE_READ_FIRST
	keeps(next);
#endif
	assert(!kept || !IS_THERE(word, next) || data == word)
}

#define HAS(p) (IS_THERE(memory[WORD(p)], p) || !WITHIN(p, memory[EDGE_WORDS]) || !WITHIN(p, memory[EDGE_UNITS]))

#if OVERTAKEN > 0 && !defined(LATEST)
active [OVERTAKEN] proctype overtaken()
{
	byte next, word, data, at, units, number, index, last;
	bool kept;

	do
	:: next < MESSAGES && HAS(next) ->
		read_next();
		if
		:: d_step { kept && IS_THERE(word, next) -> next++ }
		:: kept && !IS_THERE(word, next)
		:: !kept ->
			oldest(1);
			if
			:: d_step { kept -> assert(at >= next); next = at }
			:: else
			fi
		fi;
		d_step { word = 0; data = 0; at = 0; units = 0; number = 0; index = 0; last = 0; kept = false }
	:: next == MESSAGES -> break
	od
}
#endif

#ifdef WAITS
active proctype waited_for()
{
	byte next, word, data, at, units, number, index, last;
	bool kept;

	d_step { came = true; comes = true };
	do
	:: !kept ->
#ifdef FROM_OLDEST
		oldest(0)
#else
		newest()
#endif
	:: kept -> break
	od;
	atomic { next = at; cursor = at }
	comes = false;
	do
	:: next < MESSAGES && HAS(next) ->
#ifdef BUG_SHOWN_BEFORE_COPY
		cursor = next + 1;
#endif
		read_next();
		assert(kept);
		if
		:: d_step { IS_THERE(word, next) -> next++ }
			cursor = next
		:: else
		fi;
		d_step { word = 0; data = 0; at = 0; units = 0; number = 0; index = 0; last = 0; kept = false }
	:: next == MESSAGES -> break
	od
}
#endif

#ifdef LATEST
active proctype of_the_newest()
{
	byte had, next, units, head, word, data;
	bool kept;

	do
	:: had < MESSAGES && memory[HEAD] != had ->
		head = memory[HEAD];
		assert(head > had);
		next = memory[NEWEST_WORDS(head - 1)];
		units = memory[NEWEST_UNITS(head - 1)];
#ifdef BUG_CELL_BELIEVED
		kept = true;
#else
		kept = memory[HEAD] - (head - 1) < RECENT;
#endif
		if
		:: kept ->
			assert(next == head - 1 && units == next);
			read_next();
			if
			:: d_step { kept -> assert(IS_THERE(word, next)); had = head }
			:: else
			fi
		:: else
		fi;
		d_step { next = 0; units = 0; head = 0; word = 0; data = 0; kept = false }
	:: had == MESSAGES -> break
	od
}
#endif
