#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One plugin a hook: each attaches, reports exactly what was sent over IPv4 and
# IPv6, and leaves nothing behind, neither when it is stopped nor when it is killed.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need bpftool curl hping3 jq python3 ss tc
[ -e "$TI_TEST_PLUGINS/t_xdp.so" ] || skip "no test plugins in $TI_TEST_PLUGINS"

netns here there
wire here v0 there v1
address here v0 10.9.0.1/24 fd09::1/64
address there v1 10.9.0.2/24 fd09::2/64
on there ping -q -c 1 -W 5 10.9.0.1 >/dev/null
on there ping -q -c 1 -W 5 fd09::1 >/dev/null

nothing_left() {
	[ -z "$(on here bpftool -j net list | jq -r '.[] | .xdp[], .tc[]')" ] ||
		fail "$plugin is attached still"
	! tc -n here qdisc show dev v0 | grep -q clsact || fail "$plugin has left its qdisc"
	# shellcheck disable=SC2086
	eventually 5 gone $ids || fail "$plugin has left a program"
}

# Its own hook, not one that stands in; and which programs are to go.
at_its_hook() {
	ids=$(programs)
	[ -n "$ids" ] || fail "$plugin has no program"
	grep -q "$plugin: attached $hook to $1" "$work/daemon.log" || fail "$plugin is not at $hook"
	case $hook in
	xdp) on here ip link show v0 | grep -q 'prog/xdp' ;;
	tc) tc -n here filter show dev v0 ingress | grep -q packets_tc ;;
	socket) on here ss -0 -H -n | grep -q v0 ;;
	esac || fail "$plugin says that it is attached, the kernel doesn't"
}

# Why the plugin has not got the hook here; empty: it has. Asked of the daemon,
# which loads the program to know.
missing() {
	on here "$TCPINSPECT" doctor --json -c /dev/null -P "$TI_TEST_PLUGINS/$plugin.so" 2>/dev/null |
		jq -r --arg hook "$hook" '[.plugins[0].hooks[] | select(.hook == $hook)] |
			if all(.possible | not) then .[0].why else "" end'
}

# run_it ARGUMENT... - the plugin at its hook.
run_it() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set "plugin.$plugin.hook=$hook" "$@"
}

# From a namespace to a port at which nobody listens: one SYN.
knock() {
	! on "$1" curl -g -s "http://$2/" || fail "somebody listens at $2"
}

packets() {
	run_it
	at_its_hook "${target:-v0}"
	on there hping3 -q -S -i u2000 -c 40 -p 4000 10.9.0.1 >/dev/null 2>&1
	for _ in {1..10}; do
		knock there "[fd09::1]:4001"
	done
	knock here 10.9.0.2:4002
	stop
	expect 40 '.event == "syn" and .src_ip == "10.9.0.2" and .dst_ip == "10.9.0.1" and .dst_port == 4000'
	expect 10 '.event == "syn" and .src_ip == "fd09::2" and .dst_ip == "fd09::1" and .dst_port == 4001'
	expect 50 '.plugin == "'"$plugin"'" and .ifname == "v0" and .src_port > 0' # none that went out
	expect 0 '.vlan'
}

serve() {
	on here python3 -m http.server --bind "$1" "$2" >/dev/null 2>&1 &
	eventually 60 listening "$2" || fail "no server at port $2"
}

listening() {
	on here ss -Hltn "sport = :$1" | grep -q .
}

# Seven connections to a server over IPv4 and five over IPv6.
connect() {
	for _ in {1..7}; do
		on there curl -g -s -o "$work/body" http://10.9.0.1:$port4/
	done
	for _ in {1..5}; do
		on there curl -g -s -o "$work/body" "http://[fd09::1]:$port6/"
	done
}

# Tracepoints and functions see the whole host: of their events only those of our
# ports count.
connections() { # EVENT
	run_it
	at_its_hook "$target"
	connect
	stop
	expect 7 ".event == \"$1\" and .port == $port4 and .family == 2"
	expect 5 ".event == \"$1\" and .port == $port6 and .family == 10"
	expect 12 ".event == \"$1\" and (.port == $port4 or .port == $port6)"
	expect 0 'has("peer_port") and .peer_port == 0'
}

states() {
	connections accepted
}

entries() {
	connections asked
}

# labs NUMBER - a process that calls labs(-1) ... labs(-NUMBER) of libc.
labs() {
	on here python3 -c 'import ctypes, sys
labs = ctypes.CDLL("libc.so.6").labs
for n in range(int(sys.argv[1])): labs(ctypes.c_long(-1 - n))' "$1"
}

# Where that libc is.
libc() {
	python3 -c 'print(next(line.split()[-1] for line in open("/proc/self/maps") if "/libc.so" in line))'
}

# In all processes; at the library by its name and where the operator says it is.
user() {
	local sign=-
	[ "$hook" = uprobe ] || sign=
	run_it
	at_its_hook "libc.so.6:$target"
	labs 30
	labs 5
	stop
	expect 35 ".plugin == \"$plugin\" and .pid > 0"
	[ "$(jq -s -c 'group_by(.pid) | map(length) | sort' "$work/events")" = "[5,30]" ] ||
		fail "$plugin does not tell processes apart"
	expect 2 ".number == ${sign}5"
	expect 1 ".number == ${sign}30"

	run_it --set "plugin.$plugin.binary=$(libc)"
	at_its_hook "$(libc):$target"
	labs 7
	stop
	expect 7 ".plugin == \"$plugin\" and .pid > 0"
}

# What there is nothing to attach to is said, with what to do.
refused() { # STATUS WORDS ARGUMENT...
	local status=0
	on here "$TCPINSPECT" run -S "$TI_SINKS/console.so" --duration 1s "${@:3}" >"$work/refused.log" 2>&1 || status=$?
	[ $status = "$1" ] || fail "it ended with $status instead of $1: $*"
	grep -qF -- "$2" "$work/refused.log" || fail "it does not say '$2': $(cat "$work/refused.log")"
}

# A killed daemon detaches nothing itself; only a tc filter stays, until the next
# start finds it.
killed() {
	run_it
	ids=$(programs)
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	if [ "$hook" = tc ]; then
		tc -n here filter show dev v0 ingress | grep -q packets_tc || fail "no filter was left"
		run_it
		[ "$(tc -n here filter show dev v0 ingress | grep -c packets_tc)" = 1 ] ||
			fail "the filter of the killed tcpinspect is there still"
		stop
	fi
	nothing_left
}

# Of their own: another script's connections show at tracepoints, too.
port4=$((20000 + RANDOM % 20000))
port6=$((port4 + 1))
serve 10.9.0.1 $port4
serve fd09::1 $port6
while read -r run hook target plugin; do
	: "${plugin:=t_$hook}"
	why=$(missing)
	[ -z "$why" ] || {
		echo "skipped: $plugin: $why"
		continue
	}
	$run
	nothing_left
	killed
	echo "ok: $plugin"
done <<'END'
packets xdp
packets tc
packets socket
packets kprobe tcp_v4_rcv t_packet_kprobe
states tp sock/inet_sock_set_state
states raw_tp inet_sock_set_state
states tp_btf inet_sock_set_state
states tp_btf inet_sock_set_state t_together
entries fentry inet_csk_accept
entries kprobe inet_csk_accept
states fexit inet_csk_accept
states kretprobe inet_csk_accept
user uprobe labs
user uretprobe labs
END

# Both ends of a function from one source, at whichever hooks there are.
plugin=t_function hook=auto
why=$(hook=kprobe missing)
if [ -z "$why" ] || [ -z "$(hook=fentry missing)" ]; then
	start here -P "$TI_TEST_PLUGINS/$plugin.so"
	grep -Eq "$plugin: attached (fentry|kprobe) to inet_csk_accept" "$work/daemon.log" || fail "$plugin is at no entry"
	grep -Eq "$plugin: attached (fexit|kretprobe) to inet_csk_accept" "$work/daemon.log" || fail "$plugin is at no return"
	connect
	stop
	for event in asked accepted; do
		expect 12 ".event == \"$event\" and (.port == $port4 or .port == $port6)"
	done
	echo "ok: $plugin"
else
	echo "skipped: $plugin: $why"
fi

# A group of interface and host hooks: at interfaces if it can be, unless the
# operator wants it otherwise.
plugin=t_packet_kprobe
start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
grep -q "$plugin: attached socket to v0" "$work/daemon.log" || fail "$plugin is not at v0"
! grep -q "attached kprobe" "$work/daemon.log" || fail "$plugin is at the host, too"
stop
hook=kprobe
run_it
if [ -z "$(missing)" ]; then
	for function in tcp_v4_rcv tcp_v6_rcv; do
		grep -q "$plugin: attached kprobe to $function" "$work/daemon.log" || fail "$plugin is not at $function"
	done
	! grep -q "attached socket" "$work/daemon.log" || fail "$plugin is at v0, too"
else
	grep -q "$plugin: v0: socket stands in for kprobe" "$work/daemon.log" || fail "nothing stands in for kprobe"
fi
stop
echo "ok: interfaces and host"

# Of its alternatives: why not.
plugin=t_together
on here "$TCPINSPECT" doctor -c /dev/null -P "$TI_TEST_PLUGINS/$plugin.so" >"$work/doctor" || fail "doctor"
grep -Eq 'tp_btf inet_sock_set_state +missing +goes with raw_tp ti_no_such_tracepoint: this kernel has no' "$work/doctor" ||
	fail "doctor says: $(cat "$work/doctor")"
[ "$(grep -c ' used *sees' "$work/doctor")" = 2 ] || fail "not two programs are used: $(cat "$work/doctor")"
echo "ok: $plugin's alternatives"

uprobe=(-P "$TI_TEST_PLUGINS/t_uprobe.so" --set)
plugin=t_uprobe hook=uprobe
if [ -z "$(missing)" ]; then
	refused 4 "/no/such.so: no such file; install it, or say where it is by binary = PATH" "${uprobe[@]}" plugin.t_uprobe.binary=/no/such.so
	refused 4 "libnosuch.so.1: no such file" "${uprobe[@]}" plugin.t_uprobe.binary=libnosuch.so.1
	refused 4 "$TCPINSPECT has no function labs" "${uprobe[@]}" "plugin.t_uprobe.binary=$TCPINSPECT"
	refused 4 "$0 is no ELF file" "${uprobe[@]}" "plugin.t_uprobe.binary=$0"
fi
refused 2 "--set: binary: t_xdp has no uprobe" -P "$TI_TEST_PLUGINS/t_xdp.so" --set plugin.t_xdp.binary=libc.so.6
refused 1 "programs states_raw_tp and states_tc are one alternative" -P "$TI_TEST_PLUGINS/t_mixed.so"
echo "ok: what is not there is said"
