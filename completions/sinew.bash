# SPDX-License-Identifier: MIT
# Completion of sinew for bash: verbs, options, schemes, the options of a URI after ? and &, and
# the live objects a URI can name. Everything but the paths comes from `sinew help --list`.

_sinew_first_column() {
	local name rest
	sinew help --list "$@" 2>/dev/null | while IFS=$'\t' read -r name rest; do
		printf '%s\n' "$name"
	done
}

# The values of one option of a scheme: those of "yes|no" and the like.
_sinew_values() {
	local name values rest
	sinew help --list options "$1" 2>/dev/null | while IFS=$'\t' read -r name values rest; do
		[[ $name == "$2" && $values == *'|'* ]] && printf '%s\n' "${values//|/$'\n'}"
	done
}

# Whether the option of a verb is followed by a value.
_sinew_takes_value() {
	local name argument rest
	sinew help --list options "$1" 2>/dev/null | {
		while IFS=$'\t' read -r name argument rest; do
			[[ $name == "$2" && $argument != - ]] && exit 0
		done
		exit 1
	}
}

_sinew_pairs() { # SCHEME WORD
	if [[ $2 == *=* ]]; then
		compgen -P "${2%%=*}=" -W "$(_sinew_values "$1" "${2%%=*}")" -- "${2#*=}"
	else
		compgen -S = -W "$(_sinew_first_column options "$1")" -- "$2"
	fi
}

# Paths that can be the name: directories on the way, and sockets or fifos.
_sinew_paths() { # TEST WORD
	local path
	compgen -f -- "$2" | while IFS= read -r path; do
		if [[ -d $path ]]; then
			printf '%s/\n' "$path"
		elif test "$1" "$path"; then
			printf '%s\n' "$path"
		fi
	done
}

_sinew_abstract() { # WORD
	local line
	while read -r line; do
		line=${line##* }
		[[ $line == "$1"* && $line == @* ]] && printf '%s\n' "$line"
	done </proc/net/unix | sort -u
}

_sinew_keys() { # WORD
	local key rest
	while read -r key rest; do
		[[ $key =~ ^-?[0-9]+$ && $key != 0 ]] && printf '0x%x\n' $((key & 0xffffffff))
	done </proc/sysvipc/shm | while IFS= read -r key; do
		[[ $key == "$1"* ]] && printf '%s\n' "$key"
	done
}

_sinew_names() { # SCHEME WORD
	case $1 in
	fifo) _sinew_paths -p "$2" ;;
	unix)
		if [[ $2 == @* ]]; then
			_sinew_abstract "$2"
		else
			_sinew_paths -S "$2"
		fi
		;;
	tcp | udp) compgen -W 'localhost: 127.0.0.1: [::1]:' -- "$2" ;;
	mq) [[ -d /dev/mqueue ]] && compgen -P / -W "$(ls /dev/mqueue)" -- "${2#/}" ;;
	msgq) _sinew_paths -f "$2" ;;
	sem) compgen -W "$(cd /dev/shm && for name in sem.*; do printf '/%s ' "${name#sem.}"; done)" -- "$2" ;;
	sysvsem) compgen -f -- "$2" ;;
	signal) compgen -W "self $(cd /proc && echo [1-9]*)" -- "$2" ;;
	memfd) _sinew_paths -S "$2" ;;
	file) _sinew_paths -f "$2" ;;
	shm) _sinew_paths -f "/dev/shm$2" | sed 's,^/dev/shm,,' ;;
	sysvshm) _sinew_keys "$2" ;;
	esac
}

_sinew_uri() { # WORD
	local scheme=${1%%:*} rest=${1#*:} line
	if [[ $1 != *:* ]]; then
		compgen -S : -W "$(_sinew_first_column schemes)" -- "$1"
	elif [[ $rest == *\?* ]]; then
		local last=${1##*[?&]}
		_sinew_pairs "$scheme" "$last" | while IFS= read -r line; do
			printf '%s\n' "${1%"$last"}$line"
		done
	else
		_sinew_names "$scheme" "$rest" | while IFS= read -r line; do
			printf '%s\n' "$scheme:$line"
		done
	fi
}

# Bash breaks words at : and =. This gives the whole word left of the cursor.
_sinew_whole_word() {
	local line=${COMP_LINE:0:COMP_POINT}
	line=${line##*[[:space:]]}
	line=${line#[\'\"]}
	printf '%s' "$line"
}

_sinew_scheme_of_line() {
	local word
	for word in $COMP_LINE; do
		word=${word#[\'\"]}
		[[ $word == [a-z]*:* ]] && printf '%s' "${word%%:*}" && return
	done
}

# The verb, how many operands stand before the cursor, and the option that waits for its value.
_sinew_scan() {
	local word words=()
	verb='' operands=0 pending=''
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}x"
	unset "words[${#words[@]}-1]"
	for word in "${words[@]:1}"; do
		if [[ -n $pending ]]; then
			pending=''
		elif [[ $word == --*=* || $word == -?* ]]; then
			case $word in
			-o) [[ $verb == ps ]] && word=--columns || word=--option ;;
			-n) word=--count ;;
			-d) word=--data ;;
			-s) word=--state ;;
			esac
			[[ -n $verb ]] && _sinew_takes_value "$verb" "$word" && pending=$word
		elif [[ -z $verb ]]; then
			verb=$word
		else
			operands=$((operands + 1))
		fi
	done
}

# Words with commas between them, of which the last is being typed.
_sinew_list_of() { # WORD CHOICE...
	local last=${1##*[,+]}
	local before=${1%"$last"}
	shift
	compgen -P "$before" -W "$*" -- "$last"
}

_sinew_candidates() { # WORD
	case $pending in
	--option) _sinew_pairs "$(_sinew_scheme_of_line)" "$1" && return ;;
	--split) compgen -W 'line nul none 64K' -- "$1" && return ;;
	--output | --html) compgen -f -- "$1" && return ;;
	--cgroup) compgen -d -- "$1" && return ;;
	--format) compgen -W 'text json svg flame flame-svg perfetto html' -- "$1" && return ;;
	--state) _sinew_list_of "$1" new ready running blocked terminated && return ;;
	--columns) _sinew_list_of "$1" PID TID PPID USER COMM STATE SINCE RAN DELAY VOL INVOL CPU CAUSE CALL \
		OBJECT OTHER WCHAN EVIDENCE && return ;;
	--list) compgen -W 'schemes verbs options' -- "$1" && return ;;
	--*) return ;;
	esac
	if [[ -z $verb ]]; then
		compgen -W "$(_sinew_first_column verbs) --help --version" -- "$1"
	elif [[ $1 == -* ]]; then
		compgen -W "$(_sinew_first_column options "$verb")" -- "$1"
	elif [[ $verb == help ]]; then
		compgen -W "$(_sinew_first_column verbs; _sinew_first_column schemes)" -- "$1"
	elif [[ $verb == trace || ($verb == lock && $operands -gt 0) ]]; then
		compgen -c -- "$1"
	elif [[ $verb == ps ]]; then
		compgen -W "$(cd /proc && echo [1-9]*)" -- "$1"
	elif [[ $verb == report || ($verb == send && $operands -gt 0) ]]; then
		compgen -f -- "$1"
	else
		_sinew_uri "$1"
	fi
}

_sinew() {
	local verb operands pending word shown
	word=$(_sinew_whole_word)
	_sinew_scan
	mapfile -t COMPREPLY < <(_sinew_candidates "$word")
	shown=${COMP_WORDS[COMP_CWORD]}
	[[ $shown == [:=] ]] && shown=''
	shown=${shown#[\'\"]}
	COMPREPLY=("${COMPREPLY[@]#"${word%"$shown"}"}")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=/] ]] && compopt -o nospace
	return 0
}

complete -F _sinew sinew
