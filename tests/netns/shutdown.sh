#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ends, good and bad, in the middle of a flood of events: whatever happens, each
# event is in the file once or in the account as lost, no line is torn, and
# nothing stays attached.
. "${0%/*}/lib.sh"
need bpftool jq python3 tc
[ -e "$TI_TEST_PLUGINS/t_flood.so" ] || skip "no t_flood.so in $TI_TEST_PLUGINS"

netns here
cp "$(type -P dd)" "$work/ti_flood" # t_flood reports the system calls of that name
cd "$work" || exit
modules=(-P "$TI_PLUGINS/synflood.so" -P "$TI_TEST_PLUGINS/t_flood.so")

floods=()
# flood [CALLS] - system calls until calm, or about so many.
flood() {
	./ti_flood if=/dev/zero of=/dev/null bs=1 ${1:+count=$(($1 / 2))} 2>/dev/null &
	floods+=($!)
}

calm() {
	kill "${floods[@]}" 2>/dev/null || :
	wait "${floods[@]}" 2>/dev/null || :
	floods=()
}

# config FILE [LINE] - all goes there, with LINE in [sink file].
config() {
	rm -f "$1"*
	printf '%s\n' '[plugin t_flood]' 'ring_size = 8MiB' '[sink file]' "path = $work/$1" \
		'rotate_size = 0' "${@:2}" >t.ini
}

# run ARGUMENT... - the daemon with t.ini.
run() {
	run_to out -c t.ini "$@"
}

# run_to FILE ARGUMENT... - with standard output there.
run_to() {
	rm -f daemon.log
	nsenter --net=/run/netns/here -- "${by[@]}" "$TCPINSPECT" run -S "$TI_SINKS/file.so" -S "$TI_SINKS/console.so" \
		-i lo --duration 100s "${modules[@]}" "${@:2}" >"$1" 2>daemon.log 9>&- &
	daemon=$!
	eventually 10 all_attached || fail "tcpinspect did not attach"
	mapfile -t ids < <(programs)
	[ ${#ids[@]} -ge 2 ] || fail "it holds no programs"
}

all_attached() {
	grep -qs 'synflood: attached tc' daemon.log && grep -q 't_flood: attached raw_tp' daemon.log
}

has_ended() {
	! kill -0 "$daemon" 2>/dev/null
}

# ended SECONDS [STATUS] - by itself or by a signal that was sent.
ended() {
	local status=0
	eventually "$1" has_ended || fail "tcpinspect is still there after $1 s"
	wait "$daemon" 2>/dev/null || status=$?
	[ $status = "${2-0}" ] || fail "tcpinspect ended with $status"
	calm
}

larger_than() {
	[ -e "$1" ] && [ "$(stat -c %s "$1")" -gt "$2" ]
}

detached() {
	eventually 5 gone "${ids[@]}" || fail "a program of the daemon is there still"
	[ "$(on here bpftool -j net list | jq '[.[] | .xdp[], .tc[]] | length')" = 0 ] ||
		fail "something is attached to an interface still"
	! tc -n here qdisc show dev lo | grep -q clsact || fail "its qdisc is there still"
}

# account NUMBER - of t_flood's events in the file: emitted delivered filtered lost ring queue
account() {
	sed -nE 's/.*t_flood to file: ([0-9]+) events, ([0-9]+) delivered, ([0-9]+) filtered, ([0-9]+) lost \(([0-9]+) ring, ([0-9]+) queue\).*/\1 \2 \3 \4 \5 \6/p' daemon.log |
		cut -d ' ' -f "$1"
}

# accounted FILE... - together they hold what the account says, line by line.
accounted() {
	local emitted delivered filtered lost
	emitted=$(account 1) delivered=$(account 2) filtered=$(account 3) lost=$(account 4)
	[ -n "$emitted" ] || fail "no account was given"
	[ "$emitted" -gt 0 ] || fail "the account says that nothing was reported"
	[ "$emitted" = $((delivered + filtered + lost)) ] || fail "the account does not add up"
	[ "$lost" = $(($(account 5) + $(account 6))) ] || fail "the account of what is lost does not add up"
	for f; do
		[ ! -s "$f" ] || [ "$(tail -c 1 "$f" | od -An -tx1)" = " 0a" ] || fail "$f ends inside a line"
	done
	jq -c 'select(.plugin == "t_flood") | [.on_cpu, .seq]' "$@" >seen || fail "a line is no JSON"
	[ "$(wc -l <seen)" = "$delivered" ] ||
		fail "$(wc -l <seen) events in the file, $delivered in the account"
	in_turn "$lost"
}

# in_turn LOST - by CPU each number comes once and after the one before; what is
# missing is not more than is said to be lost.
in_turn() {
	tr -d '[]' <seen | awk -F, -v lost="$1" '
		$2 <= last[$1] { print "CPU " $1 ": " $2 " came after " last[$1]; exit 1 }
		{ missing += $2 - last[$1] - 1; last[$1] = $2 }
		END { if (missing > lost) { print missing " are missing, " lost " said to be lost"; exit 1 } }
	' >turn || fail "$(cat turn)"
}

signals() {
	local began
	for signal in TERM INT; do
		config events.json
		run
		flood
		flood
		eventually 10 larger_than events.json 1000000 || fail "no events came"
		began=${EPOCHREALTIME/[.,]/}
		kill -$signal $daemon
		ended 10
		echo "SIG$signal: $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) ms, $(account 1) events, $(account 4) lost"
		detached
		accounted events.json
	done
}

# Nothing outlives it but the tc filter, where there is no tcx, which is known for
# what it is.
killed() {
	config events.json
	without_tcx run
	flood
	eventually 10 larger_than events.json 1000000 || fail "no events came"
	kill -KILL "$daemon"
	ended 10 137
	tc -n here filter show dev lo ingress | grep -q packets_tc || fail "no filter is left to be swept"
	eventually 5 only_the_filter || fail "not just the filter is left"
	without_tcx run
	[ "$(tc -n here filter show dev lo ingress | grep -c 'bpf.*packets_tc')" = 1 ] ||
		fail "the filter of the killed one was not swept"
	kill -KILL "$daemon"
	ended 10 137
	on here "$TCPINSPECT" doctor --clean -c /dev/null -P "$TI_PLUGINS/synflood.so" -S "$TI_SINKS/console.so" >out
	grep -q '^1 stale attachment removed' out || fail "doctor --clean says: $(cat out)"
	detached
	# What the end cut off is ended when the file is opened again.
	run
	kill -TERM $daemon
	ended 10
	[ "$(jq -R 'fromjson? // empty' events.json | jq -c . | wc -l)" -ge $(($(wc -l <events.json) - 2)) ] ||
		fail "more than the last line of each of the two was torn"
}

only_the_filter() {
	local id left=0
	for id in "${ids[@]}"; do
		gone "$id" || left=$((left + 1))
	done
	[ $left = 1 ]
}

# As logrotate does it: nothing is lost by that.
reopen=(-HUP -USR1)
rotated() {
	config events.json
	run
	flood 600000
	for n in 1 2 3 4 5 6; do
		eventually 10 larger_than events.json 100000 || break
		mv events.json events.json.$n
		kill "${reopen[n % 2]}" $daemon
		eventually 10 test -e events.json || fail "it did not open its file anew"
	done
	wait "${floods[@]}"
	kill -TERM $daemon
	ended 10
	[ "$(find . -name 'events.json.*' | wc -l)" -ge 3 ] || fail "it was not rotated often"
	[ "$(account 6)" = 0 ] || fail "$(account 6) were lost before the file"
	accounted events.json.? events.json
}

# A disk that is full, and has room again.
full_disk() {
	local size
	mkdir small
	mount -t tmpfs -o size=2m,mode=755 tmpfs small
	head -c 1500000 /dev/zero >small/ballast
	config small/events.json "queue = 64KiB"
	run
	flood 40000
	eventually 10 grep -q 'sink file: cannot write: No space left on device' daemon.log ||
		fail "nothing is said of the full disk"
	wait "${floods[@]}"
	rm small/ballast
	eventually 15 grep -q 'sink file: writes again after' daemon.log || fail "it does not write again"
	size=$(stat -c %s small/events.json)
	flood 1000
	wait "${floods[@]}"
	kill -TERM $daemon
	ended 10
	larger_than small/events.json "$size" || fail "no event came after it was full"
	[ "$(grep -c 'cannot write: No space left' daemon.log)" = 1 ] || fail "the full disk is not told once"
	[ "$(account 6)" -gt 0 ] || fail "nothing was lost by a full disk"
	accounted small/events.json
	umount small
}

: >nothing
# The reader goes away, as head does.
reader_gone() {
	config events.json
	mkfifo pipe
	head -n 1 pipe >first &
	run_to pipe -c nothing -o json
	flood
	ended 10
	jq -e '.seq >= 1' first >/dev/null || fail "the first line is no event"
	[ "$(wc -l <daemon.log)" -lt 20 ] || fail "it had too much to say of it"
	rm pipe
}

# Somebody holds the pipe and reads nothing: not the daemon's end, nor a reason to
# be deaf.
reader_asleep() {
	mkfifo pipe
	exec 9<>pipe
	run_to pipe -c nothing -o json
	flood
	eventually 20 grep -q 'sink console: it takes less than there is' daemon.log ||
		fail "nothing is said of the reader that sleeps"
	kill -TERM $daemon
	ended 10
	grep -q 't_flood to console: .* lost' daemon.log || fail "no account was given"
	exec 9>&-
	rm pipe
}

# Ticks and events of another plugin come through as if there was no flood.
side_by_side() {
	config events.json
	run --set plugin.synflood.sources_period=1s
	flood
	flood
	eventually 10 larger_than events.json 1000000 || fail "no events came"
	on here bash -c ': <>/dev/tcp/127.0.0.1/1' 2>/dev/null || :
	eventually 10 grep -q '"event":"syn_sources"' events.json || fail "synflood's event did not come"
	kill -TERM $daemon
	ended 10
	accounted events.json
}

for part in signals killed rotated full_disk reader_gone reader_asleep side_by_side; do
	$part
	echo "ok: ${part//_/ }"
done
