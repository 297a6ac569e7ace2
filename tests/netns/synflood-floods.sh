#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Floods of every kind are reported as what they are, each once, the first within
# two seconds.
. "$(dirname "$0")/synflood-lib.sh" || exit
need nping python3

# SYNs of eight hosts of one /24.
cat >"$work/subnet" <<'END'
for host in 1 2 3 4 5 6 7 8; do
	hping3 -q -S -i u10000 -c 1000 -a 198.51.100.$host -p $1 $2 &
done
wait
END

# SYNs behind a hop-by-hop and a destination options header.
cat >"$work/extended" <<'END'
import socket, struct, sys, time
PADDING = bytes([0, 0, 1, 4, 0, 0, 0, 0])
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 16)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, PADDING)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, PADDING)
for i in range(10000):
    syn = struct.pack("!HHIIBBHHH", 1024 + i, int(sys.argv[1]), i, 0, 0x50, 2, 1000, 0, 0)
    s.sendto(syn, (sys.argv[2], 0))
    time.sleep(0.001)
END

# SYNs within VLANs: port, address, then type and id of each tag.
cat >"$work/tagged" <<'END'
import socket, struct, sys, time
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xffff)
port, address = int(sys.argv[1]), socket.inet_aton(sys.argv[2])
tags = b"".join(struct.pack("!HH", int(t, 16), int(i)) for t, i in zip(sys.argv[3::2], sys.argv[4::2]))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for i in range(10000):
    ip = struct.pack("!BBHHHBB", 0x45, 0, 40, i, 0, 64, 6) + b"\0\0" + socket.inet_aton("10.88.0.2") + address
    ip = ip[:10] + checksum(ip) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", 1024 + i, port, i, 0, 0x50, 2, 1000, 0, 0)
    tcp = tcp[:16] + checksum(ip[12:] + struct.pack("!HH", 6, 20) + tcp) + tcp[18:]
    s.send(b"\xff" * 6 + b"\2\0\0\0\0\2" + tags + b"\x08\0" + ip + tcp)
    time.sleep(0.001)
END

web here 8001-8009
inspect eth0 --set plugin.synflood.clear_after=1s

began=$(date +%s%N)
flood 8001 hping3 -q -S -i u1000 -p 8001 $here4
reported=$(date -d "$(jq -r .time "$work/events")" +%s%N)
# Half a second is hping3's, to start.
[ $((reported - began)) -lt 2500000000 ] || fail "flood_start after $((reported - began)) ns"
is_flood 8001 ".class == \"single\" and .dst_ip == \"$here4\" and .ifname == \"eth0\" and .listening
	and .completion == \"sockets\" and .sources == 1 and .vlan == null and .severity == \"warning\"
	and .top[0].prefix == \"$there4/32\" and .top[0].syns_per_s == .syns_per_s"

flood 8002 hping3 -q -S --flood -a 198.51.100.1 -p 8002 $here4
is_flood 8002 '.class == "single" and .top[0].prefix == "198.51.100.1/32"'

flood 8003 hping3 -q -S -i u1000 --rand-source -p 8003 $here4
is_flood 8003 '.class == "spoofed" and .sources > 50'

# What one of these hosts has sent before doesn't make it theirs alone.
flood 8004 bash "$work/subnet" 8004 $here4
is_flood 8004 '.class == "subnet" and .top[0].prefix == "198.51.100.0/24"'

flood 8005 hping3 -q -S -X -Y -i u1000 -p 8005 $here4 # ECE and CWR
is_flood 8005 '.class == "single"'

flood 8006 nping -6 --tcp --flags syn --rate 500 -c 5000 -p 8006 $here6
is_flood 8006 ".class == \"single\" and .dst_ip == \"$here6\" and .top[0].prefix == \"$there6/128\""

flood 8007 python3 "$work/extended" 8007 $here6
is_flood 8007 ".class == \"single\" and .dst_ip == \"$here6\""

flood 8008 python3 "$work/tagged" 8008 10.88.0.1 8100 100
is_flood 8008 '.vlan == 100 and .dst_ip == "10.88.0.1" and .ifname == "eth0"'

flood 8009 python3 "$work/tagged" 8009 10.88.0.1 88a8 300 8100 7 8100 8 8100 9
is_flood 8009 '.vlan == 300 and .dst_ip == "10.88.0.1"'

# A listener that comes later is one.
web here 8010
sleep 1.5
flood 8010 hping3 -q -S -i u1000 -p 8010 $here4
is_flood 8010 .listening

# To what nobody listens on; the second isn't taken for the first.
flood 7 hping3 -q -S -i u300 -p 7 $here4
is_flood 7 "(.listening | not) and .dst_ip == \"$here4\" and .class == \"single\""
soon '.event == "flood_end" and .dst_port == 7'
flood 9 hping3 -q -S -i u300 -p 9 $here4
is_flood 9 '.listening | not'
soon '.event == "flood_end" and .dst_port == 9'

stop
expect 12 '.event == "flood_start"'
expect 12 '.event == "flood_end"'
