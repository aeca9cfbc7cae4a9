#!/bin/sh
# install.sh SOURCE BUILD: installs the build into an empty directory and uses only what is there, as
# a user of the library would: headers, pkg-config, shared and static library, command, man pages.
# Prints TAP.
set -u
source=$1 build=$2
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
count=0

# case_ NAME COMMAND...
case_()
{
	name=$1
	shift
	count=$((count + 1))
	if "$@" >"$here/log" 2>&1; then
		echo "ok $count $name"
	else
		sed 's/^/# /' "$here/log"
		echo "not ok $count $name"
	fi
}

installs()
{
	DESTDIR=$here/root meson install -C "$build" --no-rebuild
}

has()
{
	for wanted in "$@"; do
		[ -n "$(find "$root" -path "*/$wanted")" ] || {
			echo "not installed: $wanted"
			return 1
		}
	done
}

# compiles COMPILER SOURCE FLAGS...: and runs what came out.
compiles()
{
	compiler=$1 program=$2
	shift 2
	$compiler -Wall -Wextra -Wpedantic -Werror -o "$here/program" "$program" "$@" \
		$(pkg-config --cflags sinew) $libraries &&
		LD_LIBRARY_PATH=$libdir "$here/program"
}

exports_only_ours()
{
	nm -D --defined-only "$libdir/libsinew.so" | grep -v ' A ' >"$here/symbols"
	! grep -v '@@SINEW_' "$here/symbols" && grep -q 'sinew_open@@SINEW_0.1' "$here/symbols"
}

exports_the_header()
{
	grep -hoE '\bsinew_[a-z_]+\(' "$source"/include/sinew/*.h | tr -d '(' | sort -u >"$here/want"
	nm -D --defined-only "$libdir/libsinew.so" | grep -oE 'sinew_[a-z_]+' | sort -u >"$here/have"
	# A sentence of the header may name a call, too: each name must be there.
	diff "$here/want" "$here/have"
}

command_runs()
{
	LD_LIBRARY_PATH=$libdir "$root/bin/sinew" --version | grep -q '^sinew '
}

echo 1..11
case_ installs installs
prefix=$(meson introspect "$build" --buildoptions |
	python3 -c 'import json,sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
root=$here/root$prefix
pc=$(find "$root" -name sinew.pc)
libdir=$(dirname -- "$(dirname -- "$pc")")
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$here/root"
libraries=$(pkg-config --libs sinew)

cat >"$here/use.c" <<'END'
#include <sinew/sinew.h>
#include <string.h>
int main(void)
{
	sinew_channel *ends[2];
	struct sinew_msg msg = {0};
	char buf[8];
	if (sinew_pair(ends, "unix:", 0) < 0)
		return 1;
	msg.data = "hello";
	msg.size = 5;
	if (sinew_send(ends[0], &msg, 1, SINEW_FOREVER) != 1 ||
		sinew_recv(ends[1], buf, sizeof buf, &msg, SINEW_FOREVER) != 1)
		return 2;
	sinew_close(ends[0]);
	sinew_close(ends[1]);
	return memcmp(buf, "hello", 5) != 0;
}
END
sed 's/= {0}/{}/' "$here/use.c" >"$here/use.cc"

case_ files has bin/sinew include/sinew/sinew.h libsinew.so libsinew.so.0 libsinew.a sinew.pc \
	man1/sinew.1 man7/sinew.7 man3/sinew_open.3 completions/sinew site-functions/_sinew
case_ gcc compiles gcc "$here/use.c" -std=c99
case_ clang compiles clang "$here/use.c" -std=c11
case_ g++ compiles g++ "$here/use.cc" -std=c++11
libraries="-Wl,-Bstatic $(pkg-config --libs sinew) -Wl,-Bdynamic $(pkg-config --static --libs-only-other sinew) -lpthread"
case_ static compiles gcc "$here/use.c" -std=c11
libraries=$(pkg-config --libs sinew)
case_ exports_only_ours exports_only_ours
case_ exports_the_header exports_the_header
case_ command_runs command_runs
case_ as_shown_in_the_readme sh -c '
	sed -n "/^#include <sinew/,/^}/p" "$1/README.md" >"$2/readme.c" && [ -s "$2/readme.c" ] &&
	gcc -Wall -Wextra -Werror -o "$2/readme" "$2/readme.c" $(pkg-config --cflags --libs sinew)' \
	sh "$source" "$here"
case_ nothing_outside_the_prefix sh -c '[ "$(ls "$1/root")" = "$(echo "$2" | cut -d/ -f2)" ]' sh "$here" "$prefix"
