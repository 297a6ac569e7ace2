#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Connections that others have through this host, as a router, with DNAT, masquerading
# and as a bridge, are no flood, and no backscatter; floods through it are found.
. "$(dirname "$0")/synflood-lib.sh" || exit
need nft nmap wrk

netns behind left bridge right
wire here eth1 behind eth0
address here eth1 10.86.0.1/24 fd86::1/64
address behind eth0 10.86.0.2/24 fd86::2/64
ip -n behind route add default via 10.86.0.1
ip -n behind route add default via fd86::1
ip -n there route add 10.86.0.0/24 via $here4
ip -n there route add fd86::/64 via $here6
on here sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

wire left eth0 bridge eth0
wire right eth0 bridge eth1
ip -n bridge link add br0 type bridge
for port in eth0 eth1; do
	ip -n bridge link set $port master br0
done
ip -n bridge link set br0 up
address bridge br0 10.85.0.1/24
address left eth0 10.85.0.2/24
address right eth0 10.85.0.3/24

options=(--set plugin.synflood.clear_after=1s --set plugin.synflood.unlistened_rate=100 --set plugin.synflood.explain=yes)

# quiet WHAT - nothing has been reported but sources, up to now.
quiet() {
	sleep 1.2
	! event '.event != "syn_sources"' || fail "$1: $(jq -c . "$work/events")"
}

# through PORT ADDRESS - clients are silent, a flood is found.
through() {
	load $sender -d 1 -H 'Connection: close' "http://$2:$1/"
	quiet "clients of port $1"
}

# Of what others serve.
behind='.completion == "packets" and (.listening | not)'

web behind 8001-8006
web here 8002 # what others serve at this port is theirs all the same

# A router.
inspect 'eth*' "${options[@]}"
through 8001 10.86.0.2
through 8002 10.86.0.2
through 8001 '[fd86::2]'
on there nmap -n -Pn -sS --min-rate 3000 -p- 10.86.0.2 >"$work/nmap"
quiet 'a scan'
flood 8001 hping3 -q -S -i u1000 -p 8001 10.86.0.2
is_flood 8001 "$behind and .dst_ip == \"10.86.0.2\" and .class == \"single\" and .ifname == \"eth0\""
flood 8002 hping3 -q -S -i u1000 --rand-source -p 8002 10.86.0.2
is_flood 8002 "$behind and .dst_ip == \"10.86.0.2\" and .class == \"spoofed\""
flood 8003 hping3 -q -S -i u1000 -p 8003 10.86.0.2 # to one that nobody has used
is_flood 8003 "$behind"
flood 7 hping3 -q -S -i u300 -p 7 $here4
is_flood 7 ".dst_ip == \"$here4\""
stop
expect 4 '.event == "flood_start"'

# DNAT, of a port that nobody listens on here, and of one that somebody does; and
# clients behind.
on here nft -f - <<'END'
table ip gateway {
	chain in {
		type nat hook prerouting priority dstnat
		iif eth0 tcp dport 8002 dnat to 10.86.0.2:8005 # whose TIME_WAITs are none of the above
		iif eth0 tcp dport 8004 dnat to 10.86.0.2
	}
	chain out {
		type nat hook postrouting priority srcnat
		oif eth0 masquerade
	}
}
END
inspect 'eth*' "${options[@]}"
through 8002 $here4
through 8004 $here4
web there 9001
load behind -d 1 -H 'Connection: close' http://$there4:9001/
quiet 'masqueraded clients'
flood 8002 hping3 -q -S -i u1000 -p 8002 $here4
is_flood 8002 ".dst_ip == \"$here4\""
flood 8004 hping3 -q -S -i u1000 -p 8004 $here4
is_flood 8004 "$behind and .dst_ip == \"$here4\""
on there hping3 -q -S -A -i u1000 -c 1500 -p 8003 $here4 >"$work/hping3" 2>&1
soon ".event == \"backscatter\" and .dst_ip == \"$here4\""
stop
expect 2 '.event == "flood_start"'

# A bridge that doesn't route, and has an address of its own.
probe=bridge sender=left
web right 8001
web bridge 8001-8002
inspect 'eth*' "${options[@]}"
through 8001 10.85.0.3
through 8001 10.85.0.1
flood 8001 hping3 -q -S -i u1000 -p 8001 10.85.0.3
is_flood 8001 "$behind and .dst_ip == \"10.85.0.3\""
flood 8002 hping3 -q -S -i u1000 -p 8002 10.85.0.1
is_flood 8002 '.listening and .dst_ip == "10.85.0.1" and .completion == "sockets"'
stop
expect 2 '.event == "flood_start"'
