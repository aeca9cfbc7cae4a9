#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh: lets spin look at every order of what the models do, and at each of their seeded bugs, which
# it must find. Reports in the Test Anything Protocol.
set -eu

here=$(cd "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
n=0

# look OPTIONS...: the number of errors that an exhaustive search finds; fails if it was cut short.
look()
{
	spin -a "$@" "$here/park.pml" >spin.log 2>&1 || { cat spin.log >&2; return 1; }
	cc -O1 -w -DSAFETY -DMEMLIM=1024 -o pan pan.c
	timeout 100 ./pan -m100000 >pan.log 2>&1 || return 1
	! grep -q 'max search depth too small\|out of memory' pan.log || return 1
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

tell()
{
	n=$((n + 1))
	echo "$1 $n - $2"
}

# holds NAME OPTIONS...
holds()
{
	name=$1
	shift
	[ "$(look "$@")" = 0 ] && tell ok "$name" || tell 'not ok' "$name"
}

# found NAME OPTIONS...: a seeded bug.
found()
{
	name=$1
	shift
	errors=$(look "$@") && [ "$errors" -gt 0 ] && tell ok "$name is found" || tell 'not ok' "$name is found"
}

command -v spin >/dev/null || { echo '1..0 # SKIP spin is not installed'; exit 0; }
holds 'a sleeper hears, stores in order' -DFUTEX=1
holds 'a sleeper hears, stores in any order' -DFUTEX=1 -DWEAK
holds 'who polls hears' -DFUTEX=0 -DBELL=1
holds 'one of two sleepers hears' -DFUTEX=2 -DMESSAGES=2 -DSPURIOUS=0
for bug in NO_FENCE NO_FENCE_WHEN_EAGER NO_LAST_LOOK NO_MEMBARRIER RUNG_AFTER_WAKE RUNG_READ_LATE \
	UNMARK_WITHOUT_GENERATION; do
	found "$bug" -DFUTEX=1 "-DBUG_$bug"
done
found DISARM_AFTER_RINGING -DFUTEX=0 -DBELL=1 -DBUG_DISARM_AFTER_RINGING
echo "1..$n"
