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
	at_its_hook
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
	local sign=- function=$place
	[ "$hook" = uprobe ] || sign=
	run_it
	place=libc.so.6:$function
	at_its_hook
	labs 30
	labs 5
	stop
	expect 35 ".plugin == \"$plugin\" and .pid > 0"
	[ "$(jq -s -c 'group_by(.pid) | map(length) | sort' "$work/events")" = "[5,30]" ] ||
		fail "$plugin does not tell processes apart"
	expect 2 ".number == ${sign}5"
	expect 1 ".number == ${sign}30"

	run_it --set "plugin.$plugin.binary=$(libc)"
	place=$(libc):$function
	at_its_hook
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

# A killed daemon detaches nothing itself; only a tc filter, where there is no
# tcx, stays until the next start finds it.
killed() {
	run_it
	ids=$(programs)
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	if [ "$mode" = clsact ]; then
		tc -n here filter show dev v0 ingress | grep -q packets_tc || fail "no filter was left"
		run_it
		[ "$(tc -n here filter show dev v0 ingress | grep -c packets_tc)" = 1 ] ||
			fail "the filter of the killed tcpinspect is there still"
		stop
	fi
	nothing_left
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
	connect
	eventually 10 closed 24 || fail "$(events '.event == "closed"') ends instead of 24"
	on here nft list table inet first | grep -q 'window 4380 .* packets 7 ' ||
		fail "the reply of the program before ours is lost: $(on here nft list table inet first)"
	on here nft list table inet first | grep -q 'window 7200 .* packets 5 ' ||
		fail "the reply of the program after ours is lost: $(on here nft list table inet first)"
	on here nft delete table inet first
	is_called before || fail "the flags of the program before ours are lost"
	is_called after || fail "the flags of the program after ours are lost"
	stop
	expect 7 ".event == \"established\" and .accepted and .local_ip == \"10.9.0.1\" and .local_port == $port4 and .remote_ip == \"10.9.0.2\" and .remote_port > 0"
	expect 7 ".event == \"established\" and (.accepted | not) and .local_ip == \"10.9.0.2\" and .remote_ip == \"10.9.0.1\" and .remote_port == $port4"
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

# Of their own: another script's connections show at tracepoints, too.
port4=$((20000 + RANDOM % 20000))
port6=$((port4 + 1))
serve 10.9.0.1 $port4
serve fd09::1 $port6
on there python3 -m http.server --bind 10.9.0.2 $port4 >/dev/null 2>&1 &
cgroup2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
while read -r check hook plugin place; do
	why=$(missing)
	[ -z "$why" ] || {
		not_here "$plugin" "$hook" "$why"
		echo "skipped: $plugin: $why"
		continue
	}
	mode=
	[ "$hook" != tc ] || mode=$(tc_mode)
	leaves_nothing
	[ "$mode" != tcx ] || mode=clsact without_tcx leaves_nothing
done <<'END'
packets xdp t_xdp v0
packets tc t_tc v0
packets socket t_socket v0
packets kprobe t_packet_kprobe tcp_v4_rcv
states tp t_tp sock/inet_sock_set_state
states raw_tp t_raw_tp inet_sock_set_state
states tp_btf t_tp_btf inet_sock_set_state
states tp_btf t_together inet_sock_set_state
entries fentry t_fentry inet_csk_accept
entries kprobe t_kprobe inet_csk_accept
states fexit t_fexit inet_csk_accept
states kretprobe t_kretprobe inet_csk_accept
user uprobe t_uprobe labs
user uretprobe t_uretprobe labs
sockets sock_ops t_sock_ops the root cgroup
received cgroup_skb t_cgroup_skb the root cgroup
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
