#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh: lets spin look at every order of what the models do, and at each of their seeded bugs, which
# it must find. Reports in the Test Anything Protocol.
set -eu

here=$(cd "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# look MODEL OPTIONS...: the number of errors that an exhaustive search finds; fails if it was cut short.
# $how: what the compiler gets; $run: how it is run.
look()
{
	model=$1
	shift
	spin -a "$@" "$here/$model.pml" >spin.log 2>&1 || { cat spin.log >&2; return 1; }
	cc -w $how -DMEMLIM=$memory -o pan pan.c
	timeout "$limit" ./pan -m20000 -w20 $run >pan.log 2>&1 || return 1
	! grep -q 'max search depth too small\|out of memory\|reached -DMEMLIM bound' pan.log || return 1
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

tell()
{
	echo "$1 - $2"
}

# holds NAME MODEL OPTIONS...
holds()
{
	name=$1 how='-O1 -DSAFETY' run=
	shift
	[ "$(look "$@")" = 0 ] && tell ok "$name" || tell 'not ok' "$name"
}

# ends NAME MODEL OPTIONS...: no run goes round for ever.
ends()
{
	name=$1 how='-O1 -DNP' run=-l
	shift
	[ "$(look "$@")" = 0 ] && tell ok "$name" || tell 'not ok' "$name"
}

# found BUG MODEL OPTIONS...: a seeded one. One of them is met earlier from the other end.
found()
{
	name=$1 how='-O0 -DSAFETY' run=
	model=$2
	shift 2
	case $name in HOLD_NOT_SEEN_AGAIN) how="$how -DREVERSE -DT_REVERSE" ;; esac
	errors=$(look "$model" "$@" "-DBUG_$name") || errors=0
	case "$*" in *BATCHES*) name="$name of a batch" ;; esac
	[ "$errors" -gt 0 ] &&
		tell ok "$model: $name is found" || tell 'not ok' "$model: $name is found"
}

command -v spin >/dev/null || { echo '1..0 # SKIP spin is not installed'; exit 0; }
memory=1024 limit=300
three='queue -DREADERS=3 -DIN_ORDER'
waited='-DWAITS -DOVERTAKEN=0'
lost='-DSEATS=1 -DWRITERS=2 -DROUNDS=1'
mover="$three -DROOM=2 -DLAST=1 -DMORTAL=1 -DTAKERS=2 -DCOPIES=0 -DMOST=1"

parks()
{
	holds 'a sleeper hears, stores in order' park -DFUTEX=1
	holds 'a sleeper hears, stores in any order' park -DFUTEX=1 -DWEAK
	holds 'who polls hears' park -DFUTEX=0 -DBELL=1
	holds 'one of two sleepers hears' park -DFUTEX=2 -DMESSAGES=2 -DSPURIOUS=0
	for bug in NO_FENCE NO_FENCE_WHEN_EAGER NO_LAST_LOOK NO_MEMBARRIER RUNG_AFTER_WAKE RUNG_READ_LATE \
		UNMARK_WITHOUT_GENERATION; do
		found "$bug" park -DFUTEX=1
	done
	found DISARM_AFTER_RINGING park -DFUTEX=0 -DBELL=1
}

lanes()
{
	holds 'a lane keeps messages whole and in order, stores in any order' lane -DWEAK
	holds 'so it does with batches' lane -DWEAK -DBATCHES -DABANDONED=0
	found NOT_CLEARED lane -DMESSAGES=4 -DBATCHES
	found PUBLISHED_RELAXED lane -DBATCHES -DWEAK
	for bug in PUBLISHED_BEFORE_COPY NO_LAP NOT_CLEARED CLEARED_LATE GIVEN_BACK_BEFORE_COPY WORD_RELAXED \
		ROOM_NOT_TO_LINE_END ROOM_IN_WORDS_ONLY WRITER_BEGINS_AT_TAKEN; do
		found "$bug" lane -DMESSAGES=4
	done
	found PUBLISHED_RELAXED lane -DMESSAGES=4 -DWEAK
	found READER_BEGINS_AT_END lane -DWRITER_DEATHS=0
}

histories()
{
	holds 'a reader that is overtaken knows what it lost, stores in order' history -DMESSAGES=6 -DMARKS=3
	holds 'so it does with stores in any order' history -DWEAK
	holds 'who is waited for loses nothing, from now on' history $waited -DWEAK
	holds 'or from the oldest on' history $waited -DWEAK -DFROM_OLDEST -DMESSAGES=6
	holds 'so it is with few marks' history $waited -DFROM_OLDEST -DMARKS=3 -DMESSAGES=7
	holds 'the newest value is whole, stores in any order' history -DLATEST -DWEAK -DSTEP=2
	for bug in EDGE_AFTER_DATA EDGE_READ_FIRST UNPUBLISHED_MARK; do
		found "$bug" history
	done
	found NO_FENCE history -DWEAK
	for bug in MARK_GIVEN_UP_LATE MARK_BELIEVED; do
		found "$bug" history -DMARKS=3 -DMESSAGES=6
	done
	for bug in COMING_IGNORED SHOWN_BEFORE_COPY; do
		found "$bug" history $waited
	done
	for bug in NO_FENCE_AFTER_WISH WISH_IGNORED; do
		found "$bug" history $waited -DFROM_OLDEST
	done
	found MARKS_TAKEN_UNTOLD history $waited -DFROM_OLDEST -DMARKS=3 -DMESSAGES=7
	for bug in TOLD_AGAIN CELL_BELIEVED; do
		found "$bug" history -DLATEST -DSTEP=2
	done
}

queues()
{
	holds 'each message of a queue has one reader, or another' queue -DLANES=1 -DMESSAGES=3 -DROOM=2
	holds 'each message of a queue has one reader, or is counted' queue -DLANES=1 -DDROP
	holds 'it has an heir, and that one, too' queue -DLANES=1 -DREADERS=3 -DDEATHS=2 -DMORTAL=2 -DMESSAGES=1 -DIN_ORDER
	holds 'it is counted once, if an heir dies, too' \
		queue -DLANES=1 -DREADERS=3 -DDEATHS=2 -DMORTAL=2 -DMESSAGES=1 -DIN_ORDER -DDROP
	ends 'the readers of a queue go on' queue -DLANES=1
	for bug in NEXT_READ_BEFORE_CLAIM GIVEN_BACK_BEFORE_COPY NO_CATCH_UP; do
		found "$bug" queue -DLANES=1 -DDEATHS=0
	done
	for bug in NEXT_BEFORE_HOLD CLAIM_KEPT; do
		found "$bug" queue -DLANES=1
	done
	found HOLDS_IGNORED queue -DLANES=1 -DDEATHS=0 -DMESSAGES=3 -DROOM=2
	found NO_LOCK $three -DLANES=1 -DMESSAGES=1
	found HEIR_CLEARS_FIRST $three -DLANES=1 -DDEATHS=2 -DMESSAGES=1
	found COUNTED_TWICE $three -DLANES=1 -DDEATHS=2 -DMESSAGES=1 -DDROP
	found TOLD_WITHOUT_CLAIM $three -DLANES=1 -DMESSAGES=3 -DROOM=2 -DMORTAL=1 -DMOST=1 -DDROP
	found HOLD_NOT_SEEN_AGAIN $mover -DDROP
}

rwlocks()
{
	holds 'who writes is alone, and its death is told' rwlock
	holds 'so it is with two writers and two deaths' rwlock -DREADERS=1 -DWRITERS=2 -DDEATHS=2
	holds 'and where two readers have one seat' rwlock -DSEATS=1 -DDEATHS=2
	holds 'none of them believes the other when the lock is lost' rwlock $lost
	for bug in NO_FENCE NO_LOOK_AT_GATE NO_SECOND_LOOK LOOKED_BEFORE_MARK MARK_BELIEVED \
		SURE_BEFORE_LOOK SURE_KEPT SAT_UNMARKED GATE_LEFT_EARLY \
		WRITING_BEFORE_DRAINED UNMARKED_BEFORE_FREE UNMARKED_AFTER_LEFT OPENED_WITHOUT_GATE; do
		found "$bug" rwlock
	done
	for bug in TOLD_ONCE MARK_TAKEN_BEFORE_SURE; do
		found "$bug" rwlock -DREADERS=1 -DWRITERS=2 -DDEATHS=2
	done
	found SURE_THOUGH_LOST rwlock $lost
}

semaphores()
{
	holds 'each unit is taken once, and nobody sleeps beside one' semaphore
	for bug in ONE_WOKEN MARK_KEPT SLEEPS_ON_VALUE MARKED_BLINDLY; do
		found "$bug" semaphore
	done
}

members()
{
	holds 'who comes is not refused for a dead one, and nobody has the place of another' member
	holds 'so it is with three slots' member -DSLOTS=3 -DDEATHS=1
	holds 'so it is with a pair, where one sends' member -DPAIR
	for bug in ONE_BYTE NO_HEIR NO_SECOND_LOOK HEIR_LEFT_EARLY HEIR_KEEPS_BYTE BYTE_BEFORE_BURIAL HEIR_IS_TAKEN \
		LEAVER_IS_TAKEN WORD_BEFORE_LOCK COMPARED_BEFORE_LOCK NOT_COMPARED GENERATION_KEPT LIVE_BELIEVED \
		NOT_TRIED_AGAIN LANE_STORED LANE_LEFT_BLINDLY SLOT_LEFT_FIRST; do
		found "$bug" member
	done
	for bug in NO_COMMON_HEIR DEAD_IN_THE_WAY; do
		found "$bug" member -DPAIR
	done
}

longer()
{
	memory=6000 limit=900
	holds 'a lane keeps messages whole and in order, stores in order' lane -DMESSAGES=2
	ends 'a lane goes on' lane -DMESSAGES=2 -DABANDONED=0
	holds 'lanes do not disturb each other' queue -DMESSAGES=1 -DIN_ORDER
	holds 'a lane, four messages' lane -DMESSAGES=4 -DWEAK
	holds 'a lane with batches, four messages' lane -DMESSAGES=4 -DWEAK -DBATCHES -DABANDONED=0
	holds 'a lane with lines of four words' lane -DMESSAGES=3 -DLINE=4 -DWRITER_DEATHS=0
	holds 'one is waited for, another overtaken' history -DWAITS -DWEAK
	holds 'who is overtaken, two deaths' history -DWEAK -DMESSAGES=7 -DDEATHS=2
	holds 'two are overtaken' history -DWEAK -DOVERTAKEN=2
	holds 'two lanes, stores late' queue
	holds 'two lanes, stores late, dropping' queue -DDROP
	holds 'an heir and a reader that goes from lane to lane' $mover
	holds 'who writes is alone among two and two' rwlock -DWRITERS=2 -DDEATHS=2
	holds 'who writes is alone among three readers' rwlock -DREADERS=3 -DROUNDS=1
	holds 'who comes is not refused, three slots, two deaths' member -DSLOTS=3
	holds 'who comes is not refused, three deaths' member -DDEATHS=3
	holds 'who comes to a pair, three deaths' member -DPAIR -DDEATHS=3
}

# at ROOM GROUPS...: in a directory of its own, so that two can go on at a time.
at()
{
	mkdir "$work/$1"
	cd "$work/$1"
	shift
	for group; do
		"$group"
	done
}

(at first parks lanes histories semaphores members) >"$work/first.tap" &
(at second queues rwlocks) >"$work/second.tap"
wait
[ -z "${SINEW_MODEL_LONG:-}" ] || (at third longer) >"$work/third.tap"
cat "$work"/*.tap | awk '{ sub(/ - /, " " NR " - "); print } END { print "1.." NR }'
