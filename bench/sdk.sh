#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sdk.sh [-r ROUNDS] - what a plugin's author and his operators wait for: seconds from
# `tcpinspect new` to the first event, command by command (the bundled plugins, which the
# installed configuration enables, start beside it); lines of code of what it writes;
# the time that 1 and 20 plugins take from the start until all are attached, at tc and at
# XDP. Medians of ROUNDS (5).
# shellcheck source=tests/sdk/installed.sh
. "$(dirname "$0")/../tests/sdk/installed.sh" || exit
need jq

rounds=5
while getopts r: option; do
	case $option in
	r) rounds=$OPTARG ;;
	*) exit 2 ;;
	esac
done

# timed COMMAND... - milliseconds to $ms.
timed() {
	local begin=${EPOCHREALTIME/[.,]/}
	"$@" >"$work/out" || fail "$*: $(tail -n 3 "$work/out")"
	ms=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
}

median() { # FILE
	sort -n "$1" | sed -n $((rounds / 2 + 1))p
}

run() { # ARGUMENT...
	rm -f "$work/log" "$work/events"
	env SUDO_UID="$uid" SUDO_GID="$gid" tcpinspect run -i lo -o json --duration 60s "$@" >"$work/events" 2>"$work/log" &
	daemon=$!
}

end() {
	kill -INT "$daemon"
	wait "$daemon" || fail "tcpinspect run ended with $?"
}

# --- new to first event ------------------------------------------------------------------

# Somebody connects every 20 ms.
first_event() {
	run -P ./synfar.so
	eventually 20 knocked || fail "no event"
	end
}

knocked() {
	[ ! -s "$work/events" ] || return 0
	(: </dev/tcp/127.0.0.1/9) 2>/dev/null || :
	return 1
}

cd "$home" || exit
for ((i = 0; i < rounds; i++)); do
	sum=0
	for step in new make check run; do
		case $step in
		new) timed author tcpinspect new synfar; cd synfar || exit ;;
		make) timed author make ;;
		check) timed sudoer make check ;;
		run) timed first_event ;;
		esac
		echo "$ms" >>"$work/time.$step"
		sum=$((sum + ms))
	done
	echo $sum >>"$work/time.sum"
	cd .. && rm -rf synfar
done
echo "ms from nothing to the first event:"
for step in new make check run sum; do
	printf '  %-8s %6s\n' $step "$(median "$work/time.$step")"
done

# --- lines ----------------------------------------------------------------------------------

# Neither blank nor comments.
lines() { # FILE...
	cat "$@" | grep -cvE '^[[:space:]]*($|//|/?\*|#[^i]|;|dnl)'
}

echo "lines of code that 'new' writes (.bpf.c, .c, Makefile):"
for hook in packet tracepoint kprobe sockops; do
	author tcpinspect new -q "of_$hook" --hook $hook
	printf '  %-11s %3s\n' $hook "$(lines of_$hook/*.[ch] of_$hook/Makefile)"
done

# --- loading ----------------------------------------------------------------------------------

attached() { # NUMBER
	[ "$(grep -c ' attached ' "$work/log" 2>/dev/null)" = "$1" ]
}

loaded() { # HOOK FILE...
	local file arguments=(-c "$work/empty.ini")
	for file in "${@:2}"; do
		arguments+=(-P "$file" --set "plugin.$(basename "$file" .so).hook=$1")
	done
	run "${arguments[@]}"
	eventually 60 attached $(($# - 1)) || fail "not all are attached: $(tail -n 3 "$work/log")"
}

# The installed configuration enables the bundled plugins, too.
: >"$work/empty.ini"
files=()
for ((i = 1; i <= 20; i++)); do
	author tcpinspect new -q "copy_$i"
	author make -s -C "copy_$i" >/dev/null
	files+=("$PWD/copy_$i/copy_$i.so")
done
echo "ms from the start until all plugins are attached:"
for hook in tc xdp; do
	for n in 1 20; do
		rm -f "$work/time.load"
		for ((i = 0; i < rounds; i++)); do
			timed loaded $hook "${files[@]:0:n}"
			echo "$ms" >>"$work/time.load"
			end
		done
		printf '  %-4s %3d plugins %6s\n' $hook $n "$(median "$work/time.load")"
	done
done
