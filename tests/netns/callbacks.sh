#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Callbacks that are slow, crash, overflow the stack, abort or exit: the log names
# module, file, version and callback, the process ends by the signal it would have
# ended by anyway, and nothing stays attached.
. "${0%/*}/lib.sh"
need "${CC:-cc}" bpftool
[ -e "$TI_TEST_PLUGINS/t_flood.bpf.o" ] || skip "no t_flood.bpf.o in $TI_TEST_PLUGINS"
top=$(cd "${0%/*}/../.." && pwd)
ulimit -c 0

mount -t tmpfs -o mode=755 tmpfs /mnt # root trusts no sticky folder
cd /mnt || exit
umask 022
cp "$(type -P dd)" ti_flood
ip link set lo up
! nm -D "$TCPINSPECT" 2>/dev/null | grep -q __asan_init || asan=yes

# build FILE FLAG...
build() {
	"${CC:-cc}" -g -shared -fPIC -I"$top/sdk/include" -Wa,-I"$TI_TEST_PLUGINS" "${@:2}" -o "$1" "$top/tests/modules/broken.c" ||
		fail "$1 does not build"
}
build broken.so -DNAME=broken
build drain.so -DNAME=drain -DSINK
build fed.so -DNAME=fed -DOBJECT='"t_tc.bpf.o"'
build early.so -DNAME=early -DIN_CONSTRUCTOR

# run PLUGIN-SETTINGS SINK-SETTINGS [ARGUMENT...] - for 300 ms, with events meanwhile.
run() {
	printf '%s\n' '[plugin broken]' 'enabled = yes' "${1//,/$'\n'}" '[sink drain]' "${2//,/$'\n'}" >t.ini
	status=0
	"$TCPINSPECT" run -c t.ini -P ./broken.so -S ./drain.so --duration 300ms "${@:3}" \
		>out 2>err </dev/null 9>&- &
	daemon=$!
	{
		eventually 5 attached_or_ended || fail "it hangs"
		mapfile -t ids < <(programs)
		./ti_flood if=/dev/zero of=/dev/null bs=1 count=3
		wait "$daemon" || status=$?
	} 2>/dev/null # where the shell tells who crashed
	daemon=
}

attached_or_ended() {
	grep -q attached err || ! kill -0 "$daemon" 2>/dev/null
}

# says STATUS TEXT
says() {
	[ $status = "$1" ] || { cat err >&2; fail "$2: ended with $status instead of $1"; }
	grep -q -- "$2" err || { cat err >&2; fail "it is not said: $2"; }
}

signal() {
	echo $((128 + $(kill -l "$1")))
}

# crash WHICH HOW SIGNAL TEXT - of the plugin.
crash() {
	run "in=$1,how=$2,emit=yes" ""
	says "$(signal "$3")" "^tcpinspect: error: plugin broken 1.5 (/mnt/broken.so) crashed in its $1()$4"
	eventually 5 gone "${ids[@]}" || fail "$1: programs have stayed"
}

run "" ""
says 0 'broken to drain'
! grep -q 'slow\|crash' err || { cat err >&2; fail "something was said without cause"; }
[ ${#ids[@]} -ge 1 ] || fail "it holds no programs"
echo "ok: nothing to say"

for i in start attached tick stop; do
	how=slow
	[[ $i = attached || $i = tick ]] || how=very_slow
	run "in=$i,how=$how" ""
	says 0 "^tcpinspect: warning: broken: its $i() took [0-9]* ms, and nothing else runs meanwhile: it should"
done
[ "$(grep -c 'took' err)" = 1 ] || fail "it is said more than once a minute"
run "in=tick,how=slow" "" --stats
says 0 "^tcpinspect: warning: broken: [2-9] callbacks were slow"
says 0 '^tcpinspect_slow_callbacks_total{plugin="broken"} [2-9]'
says 0 '^tcpinspect_slow_callbacks_total{sink="drain"} 0'
[ "$(grep -c 'took' err)" = 1 ] || { cat err >&2; fail "each slow tick is told"; }
run "in=event,how=slow" ""
says 0 "^tcpinspect: warning: broken: its event() took [0-9]* ms for an event call,"
run "in=start,how=slow" ""
! grep -q took err || fail "start() may take 100 ms"
run "emit=yes" "in=write,how=slow"
says 0 "^tcpinspect: warning: sink drain: its write() took"
! grep -q 'broken: its' err || fail "the plugin is charged with the sink's time"
echo "ok: slow callbacks"

run "in=tick,how=exit" ""
says 0 "^tcpinspect: error: plugin broken 1.5 (/mnt/broken.so) ended the process in its tick(): it called exit()"
if [ -n "${asan-}" ]; then
	echo "ok: crashes are ASan's to report in this build"
	exit
fi

segv=": SIGSEGV, invalid memory access at address 0x10; code at broken.so+0x[0-9a-f]*$"
for i in start attached tick stop; do
	crash $i crash SEGV "$segv"
done
crash event crash SEGV " with an event call$segv"
# The code is where it says.
if command -v addr2line >/dev/null; then
	at=$(sed -n 's/.*broken.so+\(0x[0-9a-f]*\)$/\1/p' err)
	addr2line -e broken.so "$at" | grep -q 'broken.c:' || fail "broken.so+$at is nowhere in the source"
fi
crash tick overflow SEGV ": SIGSEGV, stack overflow at address 0x[0-9a-f]*; code at"
crash tick log_badly SEGV ": SIGSEGV, invalid memory access at address 0x10$"
[ "$(uname -m)" != x86_64 ] || crash tick divide FPE ": SIGFPE, division by zero or overflow; code at"
[ "$(uname -m)" != x86_64 ] || crash tick illegal ILL ": SIGILL, invalid instruction; code at"
crash tick abort ABRT ": SIGABRT, abort, by an assertion or the C library$"
crash event free_twice ABRT " with an event call: SIGABRT"
echo "ok: crashes of a plugin"

for i in start write stop; do
	run "emit=yes" "in=$i,how=crash"
	says "$(signal SEGV)" "^tcpinspect: error: sink drain 2.0 (/mnt/drain.so) crashed in its $i()${segv/broken/drain}"
done
run "" "" -P ./early.so
says "$(signal SEGV)" "^tcpinspect: error: plugin early (/mnt/early.so) crashed in its constructors: SIGSEGV"
echo "ok: crashes of a sink, and while loading"

# The same in a replay, whose log doesn't depend on how long anything took: a SYN, and
# another a second later.
if [ -x "${TCPINSPECT}-replay" ]; then
	frame='\0\0\0\0\0\1\0\0\0\0\0\2\x08\0\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2'
	frame+='\x12\x34\0\x50\0\0\0\0\0\0\0\0\x50\2\xff\xff\0\0\0\0'
	printf '%b' '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\0\0' \
		'\1\0\0\0\0\0\0\0\x36\0\0\0\x36\0\0\0' "$frame" '\2\0\0\0\0\0\0\0\x36\0\0\0\x36\0\0\0' "$frame" >two.pcap
	replay() {
		status=0
		{ "$TCPINSPECT" replay two.pcap -P ./fed.so -S "$TI_SINKS/console.so" --set plugin.fed.in="$1" --set plugin.fed.how="$2" >out 2>err || status=$?; } 2>/dev/null
	}
	replay tick slow
	says 0 'fed to console: 2 events'
	! grep -q 'took\|slow' err || { cat err >&2; fail "time is told in a replay"; }
	replay event crash
	says "$(signal SEGV)" "plugin fed 1.5 (/mnt/fed.so) crashed in its event() with an event syn${segv/broken/fed}"
	echo "ok: in a replay"
fi

# From without, and of the daemon itself.
"$TCPINSPECT" run -c t.ini -P ./broken.so -S ./drain.so --duration 20s >out 2>err 9>&- &
daemon=$!
eventually 5 attached_or_ended || fail "it hangs"
kill -SEGV "$daemon"
status=0
wait "$daemon" 2>/dev/null || status=$?
says "$(signal SEGV)" "^tcpinspect: error: process $$ has sent a fatal signal: SIGSEGV$"
echo "ok: a signal from elsewhere"
