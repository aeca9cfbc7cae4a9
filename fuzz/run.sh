#!/bin/sh
# run.sh: fuzzes; see run.sh --help.
set -eu

usage()
{
	cat <<'END'
Usage: fuzz/run.sh BUILD [SECONDS [TARGET...]]
Fuzzes each TARGET (all of them, if none is named) of a build directory made with
CC=clang meson setup BUILD -Dfuzz=enabled, for SECONDS each (by default FUZZ_SECONDS, or 60), and
prints one line for each. The corpus grows in BUILD/fuzz/grown/, from the seeds in fuzz/corpus/.
With FUZZ_SEED=NUMBER it begins with the seeds alone and tries the same inputs in the same order each
time, as many as there is time for: what it finds can be found again.
The exit status is 1 if something was found; the line then names the input that reproduces it, in
BUILD/fuzz/found/, and what the target said stands beside it in TARGET.log.
END
}

fail()
{
	echo "run.sh: $*" >&2
	exit 2
}

case ${1-} in
--help | -h)
	usage
	exit 0
	;;
'')
	usage >&2
	exit 2
	;;
esac

build=$1
seconds=${2:-${FUZZ_SECONDS:-60}}
[ $# -lt 2 ] || shift
shift
here=$(cd "$(dirname -- "$0")" && pwd)
# The names of the targets are single words.
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cd "$here/corpus" && echo *)
case $seconds in
*[!0-9]* | '' | 0) fail "SECONDS is a whole number from 1 on, not '$seconds'" ;;
esac
found=$build/fuzz/found
mkdir -p "$found" "$build/fuzz/tmp"
export TMPDIR="$build/fuzz/tmp"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# figure LOG NAME: a number from libFuzzer's statistics.
figure()
{
	sed -n "s/^stat::$2: *//p" "$1"
}

# fuzz TARGET: one line; fails if something was found.
fuzz()
{
	program=$build/fuzz/fuzz-$1
	log=$found/$1.log
	[ -x "$program" ] || fail "$program: not built; see --help"
	[ -d "$here/corpus/$1" ] || fail "$1: has no corpus"
	seed=
	if [ "${FUZZ_SEED-}" ]; then
		seed=-seed=$FUZZ_SEED
		rm -rf "$build/fuzz/grown/$1"
	fi
	mkdir -p "$build/fuzz/grown/$1"
	dictionary=
	[ ! -f "$build/fuzz/$1.dict" ] || dictionary=-dict=$build/fuzz/$1.dict
	status=0
	"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
		-print_final_stats=1 -artifact_prefix="$found/$1-" ${dictionary:+"$dictionary"} \
		${seed:+"$seed"} \
		"$build/fuzz/grown/$1" "$here/corpus/$1" >"$log" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		echo "$1: $seconds s, $(figure "$log" number_of_executed_units) inputs," \
			"$(find "$build/fuzz/grown/$1" -type f | wc -l) kept, nothing found"
		return 0
	fi
	input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	echo "$1: FOUND ${input:-nothing that was written down} (exit status $status; see $log)"
	grep -m 3 -E '!\(|ERROR: |runtime error: ' "$log" | sed 's/^/    /' || :
	return 1
}

status=0
for target; do
	fuzz "$target" || status=1
done
exit "$status"
