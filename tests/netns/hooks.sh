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

packets() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
	at_its_hook v0
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

# Tracepoints see the whole host: of their events only those of our ports count.
states() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so"
	at_its_hook "$target"
	for _ in {1..7}; do
		on there curl -g -s -o "$work/body" http://10.9.0.1:$port4/
	done
	for _ in {1..5}; do
		on there curl -g -s -o "$work/body" "http://[fd09::1]:$port6/"
	done
	stop
	expect 7 ".event == \"accepted\" and .port == $port4 and .family == 2"
	expect 5 ".event == \"accepted\" and .port == $port6 and .family == 10"
	expect 12 ".port == $port4 or .port == $port6"
}

# A killed daemon detaches nothing itself; only a tc filter stays, until the next
# start finds it.
killed() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
	ids=$(programs)
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	if [ "$hook" = tc ]; then
		tc -n here filter show dev v0 ingress | grep -q packets_tc || fail "no filter was left"
		start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
		[ "$(tc -n here filter show dev v0 ingress | grep -c packets_tc)" = 1 ] ||
			fail "the filter of the killed tcpinspect is there still"
		stop
	fi
	nothing_left
}

# Of their own: another script's connections show at tracepoints, too.
port4=$((20000 + RANDOM % 20000))
port6=$((port4 + 1))
serve here 10.9.0.1 $port4
serve here fd09::1 $port6
while read -r hook target; do
	plugin=t_$hook
	if [ -z "$target" ]; then
		packets
	else
		states
	fi
	nothing_left
	killed
	echo "ok: $plugin"
done <<'END'
xdp
tc
socket
tp sock/inet_sock_set_state
raw_tp inet_sock_set_state
tp_btf inet_sock_set_state
END
