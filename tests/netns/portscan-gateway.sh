#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A router, with and without DNAT, and a bridge, with a scanner on one side: clients of
# the servers behind are silent, their scanners are found, once.
. "$(dirname "$0")/portscan-lib.sh" || exit
need nft wrk
[ "$hook" != kprobe ] || skip "what is forwarded never gets to tcp_v4_rcv"

# there - here (eth0, eth1) - behind, routed; there - here (p0, p1 of br0) - aside, bridged.
netns behind
wire here eth1 behind eth0
address here eth1 10.89.0.1/24
address behind eth0 10.89.0.2/24
on here sysctl -qw net.ipv4.ip_forward=1
ip -n behind route add default via 10.89.0.1
ip -n there route add 10.89.0.0/24 via $here4
netns left right
wire here p0 left eth0
wire here p1 right eth0
ip -n here link add br0 type bridge
ip -n here link set br0 up
ip -n here link set p0 master br0
ip -n here link set p1 master br0
address left eth0 10.90.0.1/24
address right eth0 10.90.0.2/24
on here nft -f - <<-END
	table ip n {
		chain pre { type nat hook prerouting priority -100; iifname eth0 tcp dport { 80, 6000-6100 } dnat to 10.89.0.2; }
		chain post { type nat hook postrouting priority 100; oifname eth0 masquerade; }
	}
END
web behind 80
web behind 200
web right 80
web there 81
# Many ports with a service behind DNAT.
on behind python3 -c '
import selectors, socket
s = selectors.DefaultSelector()
for port in range(6000, 6050):
    s.register(socket.create_server(("", port)), selectors.EVENT_READ)
while True:
    for key, _ in s.select():
        key.fileobj.accept()[0].close()' &
eventually 30 listening behind 6049 || fail "no server"

watch() {
	start here -P "$TI_PLUGINS/portscan.so" -i "$1" --set plugin.portscan.hook="$hook" \
		--set plugin.portscan.answer_wait=500ms
	eventually 5 grep -q "attached $hook to" "$work/daemon.log" || fail "not attached at $hook"
}

# load NAMESPACE URL - by 50 clients that all succeed.
load() {
	local how
	for how in keep-alive close; do
		on "$1" wrk -t 1 -c 50 -d 1 -H "Connection: $how" "$2" >"$work/wrk"
		! grep -E 'Socket errors|Non-2xx' "$work/wrk" || fail "wrk had errors"
	done
}

for interfaces in eth0,eth1 eth0; do
	watch $interfaces
	load there http://10.89.0.2/
	load there http://$here4/
	load behind http://$there4:81/
	on there python3 -c '
import socket, sys
for port in range(6000, 6050):
    socket.create_connection((sys.argv[1], port)).close()' $here4
	! event true || fail "clients through a router: $(jq -c . "$work/events")"
	stop
	# Through DNAT, to ports of which half are closed behind it.
	watch $interfaces
	scan nmap -n -Pn -sS -p 6000-6100 $here4
	one ".kind == \"syn\" and .dst_ip == \"$here4\" and .ranges == \"6000-6100\" and .open == 50 and .closed == 51"
	watch $interfaces
	scan nmap -n -Pn -sS -p 101-400 10.89.0.2
	one '.kind == "syn" and .dst_ip == "10.89.0.2" and .ranges == "101-400" and .closed == 299 and .open == 1'
	for ack in -sA -sM; do
		watch $interfaces
		scan nmap -n -Pn $ack -p 201-300 10.89.0.2
		one '(.kind == "ack" or .kind == "maimon") and .dst_ip == "10.89.0.2" and .ports == 100'
	done
done

watch 'p0,p1,br0'
load left http://10.90.0.2/
! event true || fail "clients through a bridge: $(jq -c . "$work/events")"
on left timeout 30 hping3 -q -S -p ++1 -i u1000 -c 100 10.90.0.2 >"$work/scan.out" 2>&1 || fail "$(cat "$work/scan.out")"
one '.kind == "syn" and .src_ip == "10.90.0.1" and .dst_ip == "10.90.0.2" and .ranges == "1-100"'
watch 'p0,p1,br0'
on left timeout 30 nmap -n -Pn -sF -p 1-100 10.90.0.2 >"$work/scan.out"
one '.kind == "fin" and .src_ip == "10.90.0.1" and .dst_ip == "10.90.0.2" and .ranges == "1-100"'
counted portscan
