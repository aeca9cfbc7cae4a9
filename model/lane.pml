/* SPDX-License-Identifier: MIT
 *
 * lane.pml - one writer, one reader, one lane: is each message read whole, in order, once? For spin.
 *
 * Model of src/ring/lane.h and lane.c: reserve() with has_room() and skip(), commit(), hold() and show(),
 * read(), give_back(), lane_end(); of member.c take_lane() and join_pair(), for those who come after the dead; and
 * of read.c the copy and the borrowing. Positions run modulo two laps: a stale word is one lap old, for
 * each lap writes each start of a line, and the rest is cleared. Bytes beside a word (payload, tag)
 * look like the word that would be awaited there next. Words and data carry the number of their message.
 *
 * The writer's stores wait in a buffer: first in, first out (x86-TSO); with WEAK in any order, but that
 * of each place, and none that is released before all that was stored earlier. What is stored later may
 * pass it. The reader's loads come in order: between the acquire of a word and the release of `taken`
 * the order of the loads does not matter, and the seeded bugs let them leave that window. A writer stores
 * into room only when it has read `taken` (acquire), so not before.
 *
 * Both die anywhere. What a send did that returned gets to memory; of the last one, any part that the
 * order allows. Reading changes nothing, so who dies in it dies before. Each BUG_ must be found.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef WRITER_DEATHS
#define WRITER_DEATHS 1
#endif
#ifndef READER_DEATHS
#define READER_DEATHS 1
#endif
#ifndef LINE
#define LINE 2 /* words */
#endif
#ifndef COUNT
#define COUNT (2 * LINE) /* words of the lane; units of data */
#endif
#ifndef BUFFER
#define BUFFER 6 /* stores on their way to memory */
#endif
#define STORES (LINE > 2 -> 5 : 4) /* of one message, at most */
#ifndef ABANDONED
#define ABANDONED 1
#endif

/* What a word says: a message with 1 or 2 units of data, one beside its word, one with a tag. */
#define ONE 0
#define TWO 1
#define INLINE 2
#define TAGGED 3
#define SKIP 4
#define POSED 5 /* no word at all */
/* Of a batch of two in a line, each with 1 unit: the second word is stored first, and published by the first. */
#define FIRST 6
#define SECOND 7
#define IS_MESSAGE(kind) ((kind) < SKIP || (kind) > POSED)
#define IS_ONE(kind) ((kind) == ONE || (kind) > POSED)

#define RUN (2 * COUNT) /* positions are modulo this */
#define PLACE(p) ((p) % LINE)
#define NEXT_LINE(p) (((p) / LINE * LINE + LINE) % RUN)
#define SINCE(a, b) (((a) + RUN - (b)) % RUN)
#define MAKE(lap, kind, number) ((lap) * 128 + (kind) * 16 + (number))
#define LAP(p) ((p) / COUNT + 1)
#define LAP_OF(word) ((word) / 128)
#define KIND_OF(word) ((word) / 16 % 8)
#define NUMBER_OF(word) ((word) % 16)
#define PACK(words, units) ((words) * RUN + (units))

/* Places in memory. */
#define WORD(p) ((p) % COUNT)
#define DATA(u) (COUNT + (u) % COUNT)
#define TAKEN (2 * COUNT)
#define PLACES (2 * COUNT + 1)

short memory[PLACES];
byte count, older; /* stores in the buffer; of these, of sends that returned */
byte where[BUFFER];
short what[BUFFER];
bool released[BUFFER];
chan back = [2] of {byte}; /* the reader's stores of `taken` */

byte visible;  /* the last message that got to memory */
byte given;    /* the last that was given back */
byte writer_deaths = WRITER_DEATHS, reader_deaths = READER_DEATHS, abandons = ABANDONED;

/* ---- memory ---- */

inline flush(i)
{
	memory[where[i]] = what[i];
	if
	:: where[i] < COUNT && what[i] && KIND_OF(what[i]) < SKIP -> visible = NUMBER_OF(what[i])
	:: where[i] < COUNT && what[i] && KIND_OF(what[i]) == FIRST -> visible = NUMBER_OF(what[i]) + 1
	:: else
	fi;
	if
	:: i < older -> older--
	:: else
	fi;
	k = i;
	do
	:: k + 1 < count ->
		where[k] = where[k + 1];
		what[k] = what[k + 1];
		released[k] = released[k + 1];
		k++
	:: else -> break
	od;
	count--;
	where[count] = 0;
	what[count] = 0;
	released[count] = false;
	k = 0
}

/* `taken` gets to memory. What is free now belongs to message 0, which no reader awaits: so that what was
 * there does not multiply the states. Its laps stay. */
inline free()
{
	k = memory[TAKEN] / RUN;
	freed = memory[TAKEN] % RUN;
	back?memory[TAKEN];
	do
	:: k != memory[TAKEN] / RUN ->
		if
		:: memory[WORD(k)] == 0
		:: else ->
			memory[WORD(k)] = MAKE(LAP_OF(memory[WORD(k)]),
				(KIND_OF(memory[WORD(k)]) == POSED -> POSED : SKIP), 0)
		fi;
		k = (k + 1) % RUN
	:: else -> break
	od;
	do
	:: freed != memory[TAKEN] % RUN ->
		memory[DATA(freed)] = 0;
		freed = (freed + 1) % RUN
	:: else -> break
	od;
	k = 0
}

#define PASSES(i, j) (where[i] != where[j])
#define MAY(i) (count > i && !released[i])

active proctype machine()
{
	byte k, freed;
end:
	do
	:: d_step { count > 0 -> flush(0) }
	:: d_step { nempty(back) -> free(); freed = 0 }
#ifdef WEAK
	:: d_step { MAY(1) && PASSES(1, 0) -> flush(1) }
	:: d_step { MAY(2) && PASSES(2, 0) && PASSES(2, 1) -> flush(2) }
	:: d_step { MAY(3) && PASSES(3, 0) && PASSES(3, 1) && PASSES(3, 2) -> flush(3) }
	:: d_step { MAY(4) && PASSES(4, 0) && PASSES(4, 1) && PASSES(4, 2) && PASSES(4, 3) -> flush(4) }
	:: d_step {
		MAY(5) && PASSES(5, 0) && PASSES(5, 1) && PASSES(5, 2) && PASSES(5, 3) && PASSES(5, 4) ->
			flush(5)
	   }
#endif
	od
}

/* ---- writing ---- */

/* Nobody sees what happens in the buffer, so that all stores of a send enter it at once. */
inline store(place, value, release)
{
	where[count] = place;
	what[count] = value;
	released[count] = release;
	count++
}

#define put(place, value) store(place, value, false)
#ifdef BUG_PUBLISHED_RELAXED
#define publish(place, value) store(place, value, false)
#else
#define publish(place, value) store(place, value, true)
#endif

#ifdef BUG_ROOM_NOT_TO_LINE_END
#define LINE_END(p) (p)
#else
#define LINE_END(p) NEXT_LINE((p) + RUN - 1)
#endif

#ifdef BUG_ROOM_IN_WORDS_ONLY
#define ROOM_IN_DATA(u) true
#else
#define ROOM_IN_DATA(u) (SINCE(u, memory[TAKEN] % RUN) <= COUNT)
#endif

/* has_room() after look(), as late as can be: an earlier look knows of less room. */
#define ROOM(p, u) (SINCE(LINE_END(p), memory[TAKEN] / RUN) <= COUNT && ROOM_IN_DATA(u))

inline follow(p, u, kind)
{
	if
	:: kind == INLINE || kind == SKIP -> p = NEXT_LINE(p)
	:: kind == TAGGED -> p = (p + 2) % RUN; u = (u + 1) % RUN
	:: IS_ONE(kind) -> p = (p + 1) % RUN; u = (u + 1) % RUN
	:: kind == TWO -> p = (p + 1) % RUN; u = (u + 2) % RUN
	fi
}

/* What the bytes of message n say at p: just what a reader would take for a word there, next lap. */
#define POSE(p, n) MAKE(LAP(((p) + COUNT) % RUN), POSED, n)

inline copy_in()
{
	if
	:: kind == INLINE ->
		i = 1;
		do
		:: i < LINE -> put(WORD(at + i), POSE(at + i, number)); i++
		:: else -> break
		od;
		i = 0
	:: kind == TWO ->
		put(DATA(unit), number);
		put(DATA(unit + 1), number)
	:: else -> put(DATA(unit), number)
	fi
}

inline clear()
{
	if
	:: PLACE(after) != 0 -> put(WORD(after), 0)
	:: else
	fi
}

inline commit()
{
#if !defined(BUG_NOT_CLEARED) && !defined(BUG_CLEARED_LATE)
	clear();
#endif
	publish(WORD(at), MAKE(LAP(at), kind, number));
#ifdef BUG_CLEARED_LATE
	clear();
#endif
#ifdef BUG_PUBLISHED_BEFORE_COPY
	copy_in();
#endif
	at = after;
	unit = after_unit;
	number++
}

inline reserve()
{
	assert(SINCE(at, memory[TAKEN] / RUN) <= COUNT);
	assert(SINCE(unit, memory[TAKEN] % RUN) <= COUNT);
	if
	:: kind == TAGGED -> put(WORD(at + 1), POSE(at + 1, number))
	:: else
	fi;
#ifndef BUG_PUBLISHED_BEFORE_COPY
	copy_in();
#endif
}

#define PAIR_END ((at + 2) % RUN)

/* hold(), hold(), show(). */
inline send_two()
{
	put(DATA(unit), number);
#ifndef BUG_NOT_CLEARED
	put(WORD(at + 1), 0);
#endif
	put(DATA(unit + 1), number + 1);
	put(WORD(at + 1), MAKE(LAP(at + 1), SECOND, number + 1));
	publish(WORD(at), MAKE(LAP(at), FIRST, number));
	at = PAIR_END;
	unit = (unit + 2) % RUN;
	number = number + 2
}

/* What is left of a writer that dies: of the sends that have returned all, of the last what is there. */
inline drain(n)
{
	do
	:: n > 0 && count > 0 -> flush(0)
	:: else -> break
	od;
	do
	:: count > 0 ->
		count--;
		where[count] = 0;
		what[count] = 0;
		released[count] = false
	:: else -> break
	od;
	older = 0
}

/* take_lane(): what the last one published stays, what it did not is not there. */
inline find_place()
{
	at = memory[TAKEN] / RUN;
	unit = memory[TAKEN] % RUN;
	number = visible + 1;
#ifndef BUG_WRITER_BEGINS_AT_TAKEN
	do
	:: i < COUNT && LAP_OF(memory[WORD(at)]) == LAP(at) ->
		kind = KIND_OF(memory[WORD(at)]);
		assert(kind != POSED);
		follow(at, unit, kind);
		i++
	:: else -> break
	od;
	i = 0;
#endif
	kind = 0; after = 0; after_unit = 0
}

active proctype writer()
{
	byte at, unit, number = 1, kind, after, after_unit, i, k;

	do
	:: atomic {
		number <= MESSAGES && count <= BUFFER - STORES ->
			older = count;
			if
			:: PLACE(at) == 0 -> kind = INLINE
			:: kind = ONE
			:: kind = TWO
			:: kind = TAGGED
			fi
	   };
		if
		:: kind == TAGGED && PLACE(at) + 1 > LINE - 1 ->
			d_step {
				ROOM(NEXT_LINE(at), unit) ->
					publish(WORD(at), MAKE(LAP(at), SKIP, 0));
					at = NEXT_LINE(at)
			}
		:: else
		fi;
		d_step {
			after = at;
			after_unit = unit;
			follow(after, after_unit, kind)
		}
		if
		:: d_step { ROOM(after, after_unit) -> reserve(); commit() }
		:: d_step { ROOM(after, after_unit) && abandons > 0 -> abandons--; reserve() }
		:: d_step { writer_deaths > 0 -> writer_deaths--; drain(older); find_place() }
		fi;
		d_step { kind = 0; after = 0; after_unit = 0 }
#ifdef BATCHES
	:: d_step {
		number < MESSAGES && PLACE(at) == 0 && count <= BUFFER - 5 &&
		ROOM(PAIR_END, (unit + 2) % RUN) ->
			older = count;
			send_two()
	   }
#endif
	:: d_step { writer_deaths > 0 -> writer_deaths--; drain(older); find_place() }
	:: d_step { writer_deaths > 0 -> writer_deaths--; drain(count); find_place() }
	:: number > MESSAGES -> break
	od
}

/* ---- reading ---- */

#ifdef BUG_NO_LAP
#define THERE(p) (memory[WORD(p)] != 0)
#else
#define THERE(p) (LAP_OF(memory[WORD(p)]) == LAP(p))
#endif
#define READY(p) (THERE(p) && (KIND_OF(memory[WORD(p)]) != SKIP || THERE(NEXT_LINE(p))))

inline give_back()
{
	d_step { back!PACK(at, unit); given = given + held; held = 0 }
}

/* One load of the message whose word is `word` at `from`: of the bytes beside it, or of its data. */
#define BESIDE(i) assert(memory[WORD(from + (i))] == POSE(from + (i), NUMBER_OF(word)))
#define INSIDE(i) assert(memory[DATA(from_unit + (i))] == NUMBER_OF(word))

inline copy_out()
{
	if
	:: KIND_OF(word) == INLINE ->
		do
		:: d_step { i + 1 < LINE -> i++; BESIDE(i) }
		:: else -> break
		od;
		i = 0
#ifdef BUG_WORD_RELAXED
	:: d_step { IS_ONE(KIND_OF(word)) && is_early -> assert(early == NUMBER_OF(word)) }
#endif
	:: d_step { IS_ONE(KIND_OF(word)) -> INSIDE(0) }
	:: d_step { KIND_OF(word) == TWO -> INSIDE(0) }
		INSIDE(1)
	:: d_step { KIND_OF(word) == TAGGED -> BESIDE(1) }
		INSIDE(0)
	fi
}

/* The word, and the next line's where it only says to go on there: both stay as they are. */
inline read()
{
	word = memory[WORD(at)];
	if
	:: KIND_OF(word) == SKIP ->
		assert(PLACE(at) != 0);
		at = NEXT_LINE(at);
		word = memory[WORD(at)]
	:: else
	fi;
	assert(IS_MESSAGE(KIND_OF(word)));
	assert(NUMBER_OF(word) == given + held + 1);
	assert(NUMBER_OF(word) <= visible);
	from = at;
	from_unit = unit;
	follow(at, unit, KIND_OF(word));
	held++
}

/* join_pair(): what the last one did not give back. */
inline begin()
{
	do
	:: nempty(back) -> free()
	:: empty(back) -> break
	od;
	freed = 0; held = 0;
	at = memory[TAKEN] / RUN;
	unit = memory[TAKEN] % RUN;
#ifdef BUG_READER_BEGINS_AT_END
	do
	:: THERE(at) -> follow(at, unit, KIND_OF(memory[WORD(at)]))
	:: else -> break
	od;
	k = 0
#endif
}

active proctype reader()
{
	byte at, unit, from, from_unit, held, i, k, freed;
	short word;
#ifdef BUG_WORD_RELAXED
	short early;
	bool is_early;
#endif

	do
	:: given == MESSAGES -> break
	:: held > 0 -> give_back()
	:: d_step { reader_deaths > 0 -> reader_deaths--; begin() }
#ifdef BUG_WORD_RELAXED
	:: d_step { !is_early -> early = memory[DATA(unit)]; is_early = true }
#endif
	:: d_step { READY(at) -> read() }
#ifdef BUG_GIVEN_BACK_BEFORE_COPY
		give_back();
#endif
		copy_out();
		d_step {
			word = 0; from = 0; from_unit = 0;
#ifdef BUG_WORD_RELAXED
			is_early = false; early = 0
#endif
		}
	od;
}
