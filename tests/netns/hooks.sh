#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One plugin a hook: each attaches, reports exactly what was sent over IPv4 and
# IPv6, and leaves nothing behind, neither when it is stopped nor when it is killed.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need bpftool curl hping3 jq nft python3 ss tc
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

# linked KEY VALUE - does one of the daemon's links say so of itself?
linked() {
	grep -qsE "^$1:[[:space:]]*$2\$" "/proc/$daemon/fdinfo/"*
}

# Its own hook, not one that stands in; and which programs are to go.
at_its_hook() {
	ids=$(programs)
	[ -n "$ids" ] || fail "$plugin has no program"
	grep -q "$plugin: attached $hook to $place" "$work/daemon.log" || fail "$plugin is not at $hook"
	case $hook in
	xdp) on here ip link show v0 | grep -q 'prog/xdp' ;;
	tc)
		grep -q "to v0 ($mode)" "$work/daemon.log" || fail "$plugin is not there by $mode"
		if [ "$mode" = tcx ]; then
			linked attach_type '46.*'
		else
			tc -n here filter show dev v0 ingress | grep -q packets_tc
		fi
		;;
	socket) on here ss -0 -H -n | grep -q v0 ;;
	sock_ops | cgroup_skb) linked cgroup_id "$(stat -c %i "$cgroup2")" ;;
	esac || fail "$plugin says that it is attached, the kernel doesn't"
}

packets() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
	at_its_hook
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
	at_its_hook
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

# A killed daemon detaches nothing itself; only a tc filter, where there is no
# tcx, stays until the next start finds it.
killed() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
	ids=$(programs)
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	if [ "$mode" = clsact ]; then
		tc -n here filter show dev v0 ingress | grep -q packets_tc || fail "no filter was left"
		start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
		[ "$(tc -n here filter show dev v0 ingress | grep -c packets_tc)" = 1 ] ||
			fail "the filter of the killed tcpinspect is there still"
		stop
	fi
	nothing_left
}

# Two groups, one a direction.
both() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
	eventually 10 attached_twice || fail "$plugin is not attached in both directions"
	at_its_hook
	for _ in {1..10}; do
		knock here 10.9.0.2:4005
	done
	for _ in {1..5}; do
		knock here "[fd09::2]:4006"
	done
	for _ in {1..7}; do
		on there curl -g -s -o "$work/body" http://10.9.0.1:$port4/
	done
	stop
	expect 10 '.egress and .src_ip == "10.9.0.1" and .dst_ip == "10.9.0.2" and .dst_port == 4005 and .ifname == "v0"'
	expect 5 '.egress and .src_ip == "fd09::1" and .dst_ip == "fd09::2" and .dst_port == 4006 and .ifname == "v0"'
	expect 7 "(.egress | not) and .src_ip == \"10.9.0.2\" and .dst_port == $port4 and .ifname == \"v0\""
	expect 22 '.event == "syn"'
}

attached_twice() {
	[ "$(grep -c "$plugin: attached $hook to $place" "$work/daemon.log")" = 2 ]
}

# What reaches a listening socket of this namespace, behind the firewall.
received() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so"
	at_its_hook
	on here nft -f - <<-END
		add table ip first
		add chain ip first in { type filter hook input priority 0; }
		add rule ip first in tcp sport 4003 counter drop
	END
	on there hping3 -q -S -i u2000 -c 40 -p $port4 10.9.0.1 >/dev/null 2>&1
	on there hping3 -q -S -i u2000 -c 5 -p $port4 -s 4003 -k 10.9.0.1 >/dev/null 2>&1 || :
	on here nft list table ip first | grep -q 'packets 5 ' || fail "the firewall has not dropped 5"
	on here nft delete table ip first
	for _ in {1..10}; do
		on there curl -g -s -o "$work/body" "http://[fd09::1]:$port6/"
	done
	on here curl -g -s -o "$work/body" http://10.9.0.1:$port4/ # by lo
	knock there 10.9.0.1:4002
	on here curl -g -s -o "$work/body" http://10.9.0.2:$port4/ # a socket of another namespace
	stop
	expect 40 ".src_ip == \"10.9.0.2\" and .dst_ip == \"10.9.0.1\" and .dst_port == $port4 and .ifname == \"v0\""
	expect 10 ".src_ip == \"fd09::2\" and .dst_ip == \"fd09::1\" and .dst_port == $port6 and .ifname == \"v0\""
	expect 1 ".src_ip == \"10.9.0.1\" and .dst_port == $port4 and .ifname == \"lo\""
	expect 51 '.event == "syn" and .src_port > 0'
}

# foreign NAME PORT SEGMENTS - attach somebody else's program: a SYN to the port
# offers a window of so many segments, and RTT callbacks are asked for.
foreign() {
	mkdir "$work/$1"
	mount -t bpf bpf "$work/$1"
	bpftool prog load "$TI_TEST_PLUGINS/foreign_sockops.bpf.o" "$work/$1/prog" type sockops
	bpftool map update id "$(foreign_map "$1")" key 0 0 0 0 value \
		$((${2} & 255)) $((${2} >> 8)) 0 0 "$3" 0 0 0 8 0 0 0 0 0 0 0
	bpftool cgroup attach "$cgroup2" sock_ops pinned "$work/$1/prog" multi
}

foreign_map() {
	bpftool -j prog show pinned "$work/$1/prog" | jq '.map_ids[0]'
}

foreigners_go() {
	local name
	for name in before after; do
		[ ! -e "$work/$name/prog" ] ||
			bpftool cgroup detach "$cgroup2" sock_ops pinned "$work/$name/prog" 2>/dev/null || :
	done
}

# Its callbacks still come.
is_called() {
	[ "$(bpftool -j map dump id "$(foreign_map "$1")" | jq '.[0].formatted.value.called')" -gt 0 ]
}

closed() {
	[ "$(events "(.event == \"closed\") and (.local_port, .remote_port | IN($port4, $port6))")" = "$1" ]
}

# Both ends of a connection; and others' replies and flags stay, whoever was
# attached first.
sockets() {
	trap 'foreigners_go; finish' EXIT
	foreign before $port4 3
	start here -P "$TI_TEST_PLUGINS/$plugin.so"
	foreign after $port6 5
	at_its_hook
	on here nft -f - <<-END
		add table inet first
		add chain inet first in { type filter hook input priority 0; }
		add rule inet first in tcp flags == syn tcp dport $port4 tcp window 4380 counter
		add rule inet first in tcp flags == syn tcp dport $port6 tcp window 7200 counter
	END
	for _ in {1..7}; do
		on there curl -g -s -o "$work/body" http://10.9.0.1:$port4/
	done
	for _ in {1..5}; do
		on there curl -g -s -o "$work/body" "http://[fd09::1]:$port6/"
	done
	eventually 10 closed 24 || fail "$(events '.event == "closed"') ends instead of 24"
	on here nft list table inet first | grep -q 'window 4380 .* packets 7 ' ||
		fail "the reply of the program before ours is lost: $(on here nft list table inet first)"
	on here nft list table inet first | grep -q 'window 7200 .* packets 5 ' ||
		fail "the reply of the program after ours is lost: $(on here nft list table inet first)"
	on here nft delete table inet first
	is_called before || fail "the flags of the program before ours are lost"
	is_called after || fail "the flags of the program after ours are lost"
	stop
	expect 7 ".event == \"established\" and .accepted and .netns == $(on here stat -Lc %i /proc/self/ns/net) and .local_ip == \"10.9.0.1\" and .local_port == $port4 and .remote_ip == \"10.9.0.2\" and .remote_port > 0"
	expect 7 ".event == \"established\" and (.accepted | not) and .netns == $(on there stat -Lc %i /proc/self/ns/net) and .local_ip == \"10.9.0.2\" and .remote_ip == \"10.9.0.1\" and .remote_port == $port4"
	expect 5 ".event == \"established\" and .accepted and .local_ip == \"fd09::1\" and .local_port == $port6"
	expect 5 ".event == \"established\" and (.accepted | not) and .local_ip == \"fd09::2\" and .remote_port == $port6"
	expect 12 ".event == \"closed\" and (.remote_port | IN($port4, $port6)) and .flags == 12" # RTT, theirs, and STATE
	expect 12 ".event == \"closed\" and (.local_port | IN($port4, $port6)) and .flags == 4"
	foreigners_go
}

leaves_nothing() {
	$check
	nothing_left
	killed
	counted "$plugin" "$hook"
	echo "ok: $plugin${mode:+ ($mode)}"
}

# A group that an option adds, and an alternative that one takes away.
at_wish() {
	plugin=t_wanted hook=tc place=v0
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set plugin.$plugin.out=yes
	eventually 10 attached_twice || fail "$plugin is not attached in both directions"
	knock here 10.9.0.2:4005
	knock there 10.9.0.1:4006
	stop
	expect 1 '.egress and .dst_port == 4005'
	expect 1 '(.egress | not) and .dst_port == 4006'
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set plugin.$plugin.no_tc=yes
	knock here 10.9.0.2:4005
	knock there 10.9.0.1:4006
	stop
	grep -q "attached xdp to v0" "$work/daemon.log" || fail "$plugin is not at xdp without tc"
	expect 1 '.dst_port == 4006'
	expect 1 '.event == "syn"'
	echo "ok: $plugin"
}

# TCP headers in pieces of 8 bytes: of the first of them the ports are known.
in_pieces() {
	plugin=t_fragment
	for hook in tc xdp; do
		start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set plugin.$plugin.hook=$hook
		on there nmap -n -Pn -sS -f --max-retries 0 -p 4000-4019 10.9.0.1 >/dev/null
		stop
		[ "$(jq -s '[.[] | select(.dst_ip == "10.9.0.1" and .src_ip == "10.9.0.2" and .flags == 0) | .dst_port] | unique == [range(4000; 4020)]' "$work/events")" = true ] ||
			fail "not each of 20 ports in fragments at $hook"
	done
	echo "ok: $plugin"
}

# Of their own: another script's connections show at tracepoints, too.
port4=$((20000 + RANDOM % 20000))
port6=$((port4 + 1))
serve here 10.9.0.1 $port4
serve here fd09::1 $port6
on there python3 -m http.server --bind 10.9.0.2 $port4 >/dev/null 2>&1 &
cgroup2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
while read -r check hook place; do
	plugin=t_$hook
	[ "$check" != both ] || plugin+=_out
	mode=
	[ "$hook" != tc ] || mode=$(tc_mode)
	leaves_nothing
	[ "$mode" != tcx ] || mode=clsact without_tcx leaves_nothing
done <<'END'
packets xdp v0
packets tc v0
packets socket v0
both tc v0
both socket v0
states tp sock/inet_sock_set_state
states raw_tp inet_sock_set_state
states tp_btf inet_sock_set_state
sockets sock_ops the root cgroup
received cgroup_skb the root cgroup
both cgroup_skb the root cgroup
END
at_wish
if command -v nmap >/dev/null; then in_pieces; else echo 'no nmap here: no fragments'; fi
