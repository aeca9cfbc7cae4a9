# Sourced by demo, check and .ci/run: which packages are needed, and how a missing one is installed.
# This is the one list of packages. Needs Debian's dpkg-query and apt-get.

packages_build='gcc libc6-dev meson ninja-build pkg-config python3 libsmartcols-dev libjansson-dev'
# The libraries that the benchmarks compare with; what is not there is left out.
packages_peers='libzmq3-dev libnng-dev libnanomsg-dev libck-dev libsystemd-dev dbus-daemon libboost-dev g++'
# For tracing by programs in the kernel; a build without them says so.
packages_trace='bpftool clang libbpf-dev'
packages_check='
	chromium
	clang
	libclang-rt-14-dev
	clang-format
	socat
	spin
	python3-jsonschema
	netcat-openbsd
	mandoc
	python3-protobuf
	strace
	iproute2
	procps
	util-linux
'

# missing_packages NAME...: those of them that are not installed, on one line.
missing_packages()
{
	missing=
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) missing="$missing${missing:+ }$package" ;;
		esac
	done
	echo "$missing"
}

# as_root COMMAND...
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Whether anything was installed: then what a build directory found missing before is looked for again.
installed=

# need_packages NAME...: installs what is missing, saying what. Fails if that is not possible.
need_packages()
{
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "setup: not installed, and there is no apt-get: $missing" >&2
		return 3
	fi
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		echo "setup: needs root or sudo to install: $missing" >&2
		return 3
	fi
	echo "Installing with apt-get: $missing" >&2
	setup_log=$(mktemp)
	if install_packages >"$setup_log" 2>&1; then
		rm -f "$setup_log"
		installed=yes
		return 0
	fi
	tail -n 20 "$setup_log" >&2
	rm -f "$setup_log"
	echo "setup: apt-get could not install: $missing" >&2
	return 3
}

# want_packages NAME...: the same for what can be done without: says so, and goes on.
want_packages()
{
	need_packages "$@" || echo "setup: going on without: $missing" >&2
}

install_packages()
{
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get update -q &&
		as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
			apt-get install -q -y --no-install-recommends $missing
}

need_build()
{
	need_packages $packages_build
	want_packages $packages_trace
}

need_peers()
{
	need_packages $packages_peers
}

need_check()
{
	need_packages $packages_build $packages_peers $packages_trace $packages_check
}

# set_up DIRECTORY OPTION...: configures it, from the beginning if it is new or something was installed. Quiet unless
# it fails.
set_up()
{
	build=$1 wipe=
	shift
	if [ -f "$build/build.ninja" ] && [ -z "$installed" ]; then
		meson configure "$build" "$@" >/dev/null
		return
	fi
	[ ! -f "$build/build.ninja" ] || wipe=--wipe
	mkdir -p "$build"
	meson setup $wipe "$build" "$@" >"$build.log" 2>&1 || {
		tail -n 30 "$build.log" >&2
		return 3
	}
	rm -f "$build.log"
}

# build_release DIRECTORY: configures it, and builds. Quiet unless it fails.
build_release()
{
	set_up "$1" --buildtype=release || return 3
	ninja -C "$1" >"$1/build.log" 2>&1 || {
		tail -n 40 "$1/build.log" >&2
		return 3
	}
}
