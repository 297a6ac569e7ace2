#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several plugins at one interface's XDP hook: each sees exactly what those declared
# before it let pass, whatever comes, goes or was there before.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need bpftool hping3 jq
[ -e "$TI_TEST_PLUGINS/t_xdp_drop.so" ] || skip "no test plugins in $TI_TEST_PLUGINS"

netns here there
lower=20 # of two numbers that are one modulo 4096
wires() { # NUMBER OF THE NETWORK
	ip link add "w$1" index $((lower + 4096 * $1)) netns here type veth peer name "w$1" netns there
	ip -n here link set "w$1" up
	ip -n there link set "w$1" up
	address here "w$1" "10.9.$1.1/24"
	address there "w$1" "10.9.$1.2/24"
	on there ping -q -c 1 -W 5 "10.9.$1.1" >/dev/null
}
ip link add v0 netns here type veth peer name v1 netns there
ip -n here link set v0 up
ip -n there link set v1 up
address here v0 10.9.9.1/24
address there v1 10.9.9.2/24
on there ping -q -c 1 -W 5 10.9.9.1 >/dev/null

said() {
	grep -qE "$1" "$work/daemon.log"
}

# chain INTERFACES PLUGIN... - run them, as declared on the command line.
chain() {
	local plugin files=()
	for plugin in "${@:2}"; do
		files+=(-P "$TI_TEST_PLUGINS/$plugin.so")
		[ "$plugin" != t_xdp_drop ] || files+=(--set plugin.t_xdp_drop.port=4000)
	done
	start here "${files[@]}" -i "$1"
	at xdp "${1%%,*}" "${@:2}"
}

# at HOOK INTERFACE PLUGIN...
at() {
	local plugin
	for plugin in "${@:3}"; do
		eventually 10 said "^tcpinspect: $plugin: attached $1 to $2( |\$)" || fail "$plugin is not at $1 of $2"
	done
}

# knock NUMBER PORT [ADDRESS [NAMESPACE]] - so many SYNs; go on and call arrived.
knock() {
	on "${4-there}" hping3 -q -S -i u1000 -c "$1" -p "$2" "${3-10.9.9.1}" >/dev/null 2>&1 &
	knocks+=($!)
}
knocks=()

arrived() {
	wait "${knocks[@]}" || :
	knocks=()
}

# saw PLUGIN NUMBER CONDITION
saw() {
	expect "$2" ".plugin == \"$1\" and $3"
}

# dropped NUMBER [PLUGIN] - as it is said at the end.
dropped() {
	said "^tcpinspect: ${2-t_xdp_drop}: .*, $1 dropped at XDP\$" || fail "it doesn't say that it dropped $1"
	[ "$(grep -c 'dropped at XDP' "$work/daemon.log")" = 1 ] || fail "who else has dropped packets?"
}

# What the daemon has in the kernel.
holds() {
	programs=$(programs)
	maps=$(sed -n 's/^map_id:[[:space:]]*//p' "/proc/$daemon/fdinfo/"* | sort -u)
	links=$(sed -n 's/^link_id:[[:space:]]*//p' "/proc/$daemon/fdinfo/"* | sort -u)
	[ -n "$programs" ] || fail "the daemon holds no program"
	[ -n "$maps" ] || fail "the daemon holds no map"
	[ -n "$links" ] || fail "the daemon holds no link"
}

let_go() {
	local id
	for id in $programs; do ! bpftool prog show id "$id" >/dev/null 2>&1 || return; done
	for id in $maps; do ! bpftool map show id "$id" >/dev/null 2>&1 || return; done
	for id in $links; do ! bpftool link show id "$id" >/dev/null 2>&1 || return; done
}

nothing_left() {
	[ -z "$(on here bpftool -j net list | jq -r '.[] | .xdp[]')" ] || fail "a program is attached still"
	eventually 5 let_go || fail "a program, map or link is left"
}

# Each of them sees what those before it let pass: 40 SYNs of 70 are dropped.
orders() {
	local seen plugin
	while read -r -a order; do
		chain v0 "${order[@]}"
		holds
		knock 40 4000
		knock 30 4001
		arrived
		stop
		seen=40
		for plugin in "${order[@]}"; do
			saw "$plugin" "$seen" '.dst_port == 4000 and .ifname == "v0"'
			saw "$plugin" 30 '.dst_port == 4001 and .ifname == "v0"'
			[ "$plugin" != t_xdp_drop ] || seen=0
		done
		saw t_xdp_drop 40 '.dropped'
		dropped 40
		nothing_left
		echo "ok: ${order[*]}"
	done <<-'END'
		t_xdp_drop t_xdp2
		t_xdp2 t_xdp_drop
		t_xdp_drop t_xdp2 t_xdp
		t_xdp t_xdp_drop t_xdp2
		t_xdp2 t_xdp t_xdp_drop
	END
}

# The order of -p, and of sections; not that of names.
declared() {
	local seen how
	printf '[plugin t_xdp_drop]\nport = 4000\nenabled = yes\n[plugin t_xdp2]\nenabled = yes\n' >"$work/drop.ini"
	printf '[plugin t_xdp2]\nenabled = yes\n[plugin t_xdp_drop]\nport = 4000\nenabled = yes\n' >"$work/see.ini"
	while read -r seen how; do
		# shellcheck disable=SC2086 # words
		start here --plugin-dir "$TI_TEST_PLUGINS" -i v0 $how
		at xdp v0 t_xdp2 t_xdp_drop
		knock 10 4000
		arrived
		stop
		saw t_xdp2 "$seen" '.dst_port == 4000'
		saw t_xdp_drop 10 '.dropped'
		echo "ok: ${how//"$work"\//}"
	done <<-END
		0 -c $work/drop.ini
		10 -c $work/see.ini
		0 -c $work/see.ini -p t_xdp_drop,t_xdp2
		10 -c $work/drop.ini -p t_xdp2,t_xdp_drop
	END
}

# Who can't attach leaves no gap.
one_fails() {
	start here -i v0 -P "$TI_TEST_PLUGINS/t_xdp_drop.so" -P "$TI_TEST_PLUGINS/t_missing.so" \
		-P "$TI_TEST_PLUGINS/t_refused.so" -P "$TI_TEST_PLUGINS/t_xdp2.so" --set plugin.t_xdp_drop.port=4000
	at xdp v0 t_xdp_drop t_xdp2
	knock 10 4000
	knock 10 4001
	arrived
	stop
	said '2 of 4 plugins could not run' || fail "it doesn't say that two can't run"
	saw t_xdp2 10 true
	saw t_xdp_drop 20 true
	dropped 10
	echo "ok: one that can't attach"
}

# often NUMBER TEXT - so many lines of the log say it.
often() {
	[ "$(grep -cE "$2" "$work/daemon.log")" = "$1" ]
}

# A chain of its own for each interface, which may come, go and come again.
interfaces() {
	local n
	chain 'v0,w*' t_xdp t_xdp_drop t_xdp2
	for n in 1 2; do
		wires 0
		eventually 10 often $((3 * n)) 'attached xdp to w0' || fail "not at XDP of w0"
		knock 10 4000 10.9.0.1
		knock 10 4001 10.9.0.1
		arrived
		ip -n here link del w0
		eventually 10 often $((3 * n)) 'detached from w0' || fail "w0 is not forgotten"
	done
	! said 'cannot|no hook' || fail "it complains"
	knock 10 4000
	arrived
	stop
	saw t_xdp 20 '.ifname == "w0" and .dst_port == 4000'
	saw t_xdp_drop 20 '.ifname == "w0" and .dst_port == 4000'
	saw t_xdp2 0 '.dst_port == 4000'
	saw t_xdp2 20 '.ifname == "w0" and .dst_port == 4001'
	saw t_xdp 10 '.ifname == "v0"'
	dropped 30
	echo "ok: interfaces come and go"
}

rename() {
	ip -n here link set "$1" down
	ip -n here link set "$1" name "$2"
	ip -n here link set "$2" up
	eventually 10 on there ping -q -c 1 -W 1 10.9.9.1 >/dev/null
}

# One of the middle leaves an interface that the others stay at, and comes back.
middle() {
	cat >"$work/middle.ini" <<-'END'
		[tcpinspect]
		interfaces = v0, x0
		[plugin t_xdp]
		enabled = yes
		[plugin t_xdp_drop]
		enabled = yes
		port = 4000
		interfaces = v0
		[plugin t_xdp2]
		enabled = yes
	END
	start here --plugin-dir "$TI_TEST_PLUGINS" -c "$work/middle.ini"
	at xdp v0 t_xdp t_xdp_drop t_xdp2
	holds
	knock 10 4000
	arrived
	rename v0 x0
	eventually 10 said 't_xdp_drop: detached from v0' || fail "t_xdp_drop has not left"
	knock 20 4000
	arrived
	rename x0 v0
	eventually 10 often 2 't_xdp_drop: attached xdp to v0 \(native, after t_xdp\)' || fail "t_xdp_drop did not come back"
	knock 40 4000
	arrived
	stop
	saw t_xdp 70 '.dst_port == 4000'
	saw t_xdp_drop 50 '.dst_port == 4000'
	saw t_xdp2 20 '.dst_port == 4000'
	nothing_left
	echo "ok: one in the middle leaves and comes back"
}

# Generic mode is that of all.
generic() {
	start here -i lo -P "$TI_TEST_PLUGINS/t_xdp_drop.so" -P "$TI_TEST_PLUGINS/t_xdp2.so" --set plugin.t_xdp_drop.port=4000
	at xdp lo t_xdp_drop t_xdp2
	said 't_xdp_drop: attached xdp to lo \(generic\)' || fail "it doesn't say the mode"
	said 't_xdp2: attached xdp to lo \(generic, after t_xdp_drop\)' || fail "it doesn't say the mode"
	knock 10 4000 127.0.0.1 here
	knock 10 4001 127.0.0.1 here
	arrived
	stop
	saw t_xdp_drop 20 '.ifname == "lo"'
	saw t_xdp2 10 '.ifname == "lo" and .dst_port == 4001'
	saw t_xdp2 0 '.dst_port == 4000'
	dropped 10
	echo "ok: generic mode"
}

xdp_of() { # DEVICE
	ip -n here -j link show "$1" | jq '.[0].xdp.prog.id // empty'
}

# Neither is somebody else's program replaced, nor can it replace ours.
foreign() {
	local id
	on here ip link set dev v0 xdp obj "$TI_TEST_PLUGINS/foreign_xdp.bpf.o" sec xdp
	id=$(xdp_of v0)
	[ -n "$id" ] || fail "the foreign program isn't there"
	start here -i v0 -P "$TI_TEST_PLUGINS/t_xdp_drop.so" -P "$TI_TEST_PLUGINS/t_xdp2.so" --set plugin.t_xdp_drop.port=4000
	at tc v0 t_xdp_drop t_xdp2
	often 2 "v0 has XDP program 'foreign' \(id $id\) already; detach it or use hook = tc" || fail "it doesn't say why"
	knock 10 4000
	arrived
	stop
	[ "$(xdp_of v0)" = "$id" ] || fail "the foreign program was replaced"
	saw t_xdp2 10 true # nothing is dropped at tc
	! said 'dropped at XDP' || fail "nothing was dropped"
	on here ip link set dev v0 xdp off

	chain v0 t_xdp_drop t_xdp2
	id=$(xdp_of v0)
	! on here ip link set dev v0 xdp obj "$TI_TEST_PLUGINS/foreign_xdp.bpf.o" sec xdp 2>/dev/null || fail "ours was replaced"
	[ "$(xdp_of v0)" = "$id" ] || fail "ours was replaced"
	stop
	echo "ok: a foreign program"
}

# Another tcpinspect's programs are somebody else's.
second_instance() {
	local id second
	chain v0 t_xdp_drop
	id=$(xdp_of v0)
	nsenter --net=/run/netns/here -- "$TCPINSPECT" run -S "$TI_SINKS/console.so" -o json --duration 100s \
		-P "$TI_TEST_PLUGINS/t_xdp2.so" -i v0 >"$work/second" 2>"$work/second.log" &
	second=$!
	eventually 10 grep -q 't_xdp2: attached tc to v0' "$work/second.log" || fail "the second one isn't at tc"
	grep -q "v0 has XDP program 'packets_xdp' (id $id) already; detach it or use hook = tc" "$work/second.log" ||
		fail "it doesn't say why"
	knock 10 4000
	knock 10 4001
	arrived
	kill -INT $second
	wait $second
	stop
	saw t_xdp_drop 20 true
	[ "$(jq -s length "$work/second")" = 10 ] || fail "the second one doesn't see what the first lets pass"
	echo "ok: a second tcpinspect"
}

# The kernel has let go of all when the daemon is killed.
killed() {
	chain v0,lo t_xdp t_xdp_drop t_xdp2
	at xdp lo t_xdp t_xdp_drop t_xdp2
	holds
	[ "$(wc -w <<<"$programs")" = 5 ] || fail "it holds the programs $programs"
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	nothing_left
	echo "ok: killed"
}

# Interfaces whose numbers are one modulo 4096: no chain there, but nobody is in
# anybody's place.
numbers() {
	local n
	wires 0
	wires 1
	chain w0,w1 t_xdp
	at xdp w1 t_xdp
	stop
	start here -i w0,w1 -P "$TI_TEST_PLUGINS/t_xdp_drop.so" -P "$TI_TEST_PLUGINS/t_xdp2.so" --set plugin.t_xdp_drop.port=4000
	at xdp w0 t_xdp_drop
	at xdp w1 t_xdp_drop
	at tc w0 t_xdp2
	at tc w1 t_xdp2
	said "w0: in chains at XDP t_xdp_drop can't tell its number, $lower, from that of w1, $((lower + 4096)); use hook = tc" ||
		fail "it doesn't say why w0 has no chain"
	said "w1: in chains at XDP t_xdp_drop can't tell its number" || fail "it doesn't say why w1 has no chain"
	for n in 0 1; do
		knock 10 4000 10.9.$n.1
		knock 20 4001 10.9.$n.1
	done
	arrived
	stop
	for n in 0 1; do
		saw t_xdp_drop 30 ".ifname == \"w$n\""
		saw t_xdp2 20 ".ifname == \"w$n\" and .dst_port == 4001"
	done
	saw t_xdp2 40 true
	dropped 20
	ip -n here link del w0
	ip -n here link del w1
	echo "ok: interface numbers that are one modulo 4096"
}

# A bond hands the program down to its ports, whose packets carry their own number.
bond() {
	if ! ip -n here link add b0 type bond 2>/dev/null; then
		echo "no bond can be made here: left out"
		return
	fi
	wires 2
	ip -n here address flush dev w2
	ip -n here link set w2 down
	ip -n here link set w2 master b0
	ip -n here link set b0 up
	address here b0 10.9.2.1/24
	eventually 10 on there ping -q -c 1 -W 1 10.9.2.1 >/dev/null || fail "no way through the bond"
	start here -i b0 -P "$TI_TEST_PLUGINS/t_xdp_drop.so" -P "$TI_TEST_PLUGINS/t_xdp2.so" --set plugin.t_xdp_drop.port=4000
	at xdp b0 t_xdp_drop
	if said 't_xdp_drop: attached xdp to b0 \(native\)'; then
		at tc b0 t_xdp2
		said 'b0 hands its XDP program, of t_xdp_drop, down to other interfaces' || fail "it doesn't say why"
	else
		at xdp b0 t_xdp2
	fi
	knock 10 4000 10.9.2.1
	knock 20 4001 10.9.2.1
	arrived
	stop
	saw t_xdp_drop 30 true
	saw t_xdp2 20 true
	dropped 10
	ip -n here link del b0
	ip -n here link del w2
	echo "ok: a bond"
}

orders
declared
one_fails
interfaces
middle
generic
foreign
second_instance
killed
numbers
bond
