#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Interfaces that come and go, an XDP program that is somebody else's, and what
# a killed tcpinspect leaves behind.
. "$(dirname "$0")/synflood-lib.sh" || exit
need "${CLANG:-clang}" python3 tc

second_wire() {
	wire here eth1 there eth1
	address here eth1 10.86.0.1/24
	address there eth1 10.86.0.2/24
}

said() {
	grep -q "$1" "$work/daemon.log"
}

attached_again() {
	[ "$(grep -c "attached $hook to eth1" "$work/daemon.log")" = 2 ]
}

xdp_of() { # DEVICE
	ip -n here -j link show "$1" | jq '.[0].xdp.prog.id // empty'
}

filters() {
	tc -n here filter show dev eth0 ingress | grep -c packets_tc || :
}

killed() {
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	eventually 5 [ -z "$(xdp_of eth0)" ] || fail "an XDP program is left behind"
	[ "$hook" = xdp ] || [ "$(filters)" = 1 ] || fail "no filter was left: this tests nothing"
}

nothing_left() {
	[ "$(filters)" = 0 ] || fail "a filter is there still"
	! tc -n here qdisc show dev eth0 | grep -q clsact || fail "a qdisc is there still"
}

web here 8001-8010

# An interface that comes later counts; nothing happens when it has gone.
inspect 'eth*' --set plugin.synflood.clear_after=1s
second_wire
eventually 5 said "attached $hook to eth1" || fail "not attached to eth1"
flood 8001 hping3 -q -S -i u1000 -p 8001 10.86.0.1
is_flood 8001 '.ifname == "eth1" and .dst_ip == "10.86.0.1"'
ip -n here link del eth1
eventually 5 said 'detached from eth1' || fail "eth1 is not forgotten"
second_wire
eventually 5 attached_again || fail "not attached to eth1 when it came again"
flood 8002 hping3 -q -S -i u1000 -p 8002 10.86.0.1
is_flood 8002 '.ifname == "eth1"'
flood 8003 hping3 -q -S -i u1000 -p 8003 $here4
is_flood 8003 '.ifname == "eth0"'
stop
! grep -vE 'attached |detached |stopping$|to console:| packets seen' "$work/daemon.log" || fail "it complains"
nothing_left

# A program of somebody else's stays; with hook = xdp tc stands in there.
cat >"$work/foreign.c" <<'END'
__attribute__((section("xdp"), used)) int foreign(void *packet) { return 2; /* XDP_PASS */ }
char _license[] __attribute__((section("license"), used)) = "GPL";
END
"${CLANG:-clang}" -O2 -g -target bpf -c -o "$work/foreign.o" "$work/foreign.c"
on here ip link set dev eth1 xdp obj "$work/foreign.o" sec xdp
id=$(xdp_of eth1)
[ -n "$id" ] || fail "the foreign program isn't there"
inspect 'eth*'
if [ "$hook" = xdp ]; then
	eventually 5 said "eth1 has XDP program 'foreign' (id $id) already; detach it or use hook = tc" ||
		fail "it doesn't say why it is not at XDP"
	eventually 5 said 'eth1: tc stands in for xdp' || fail "it doesn't say where it is instead"
fi
eventually 5 said 'attached tc to eth1' || fail "not attached to eth1"
[ "$(xdp_of eth1)" = "$id" ] || fail "the foreign program was replaced"
flood 8004 hping3 -q -S -i u1000 -p 8004 10.86.0.1
is_flood 8004 '.ifname == "eth1"'
stop
[ "$(xdp_of eth1)" = "$id" ] || fail "the foreign program was removed"

# What is killed leaves no XDP program, and a filter, where there is no tcx, only
# until it is looked for.
old=()
[ "$hook" = xdp ] || old=(without_tcx)
"${old[@]}" inspect eth0
killed
inspect eth0
[ "$hook" = xdp ] || said 'removed what a killed tcpinspect left at tc' || fail "it says nothing"
[ "$hook" = xdp ] || [ "$(tc_mode)" = tcx ] || [ "$(filters)" = 1 ] || fail "more than one filter"
[ "$hook" = xdp ] || [ "$(tc_mode)" = clsact ] || [ "$(filters)" = 0 ] || fail "the filter is there still"
stop
nothing_left
"${old[@]}" inspect eth0
killed
on here "$TCPINSPECT" doctor --clean -P "$TI_PLUGINS/synflood.so" >"$work/doctor" || fail "doctor --clean"
nothing_left
