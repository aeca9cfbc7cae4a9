#!/bin/sh
# format.sh SOURCE: every C and C++ file is as clang-format leaves it; every script is executable and parses.
# Prints TAP.
cd "$1" || exit 1
files=$(find src include cli bench tests examples fuzz -name '*.[ch]' -o -name '*.cpp' | sort)
echo 1..2
if clang-format --dry-run --Werror $files >/dev/null 2>&1; then
	echo 'ok 1 clang-format'
else
	clang-format --dry-run $files 2>&1 | grep -c warning | sed 's/^/# places that differ: /'
	echo 'not ok 1 clang-format'
fi
bad=
for script in demo check .ci/run tests/*.sh model/*.sh; do
	sh -n "$script" && [ -x "$script" ] || bad="$bad $script"
done
[ -z "$bad" ] && echo 'ok 2 scripts' || echo "not ok 2 scripts:$bad"
