#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mode = limit: what is dropped, what never is, and that all of it is counted and ends
# with the flood. Every SYN is counted by nftables where it is sent and behind XDP.
set -- xdp
. "$(dirname "$0")/synflood-lib.sh" || exit
need bpftool curl nft nstat wrk

address there eth0 10.87.0.3/24 10.87.0.4/24 10.87.0.5/24
ip -n here route add blackhole 198.51.100.0/24 # answered, they would be reset
ip -n here route add blackhole 203.0.113.0/24
ip -n here route replace blackhole default

on there nft -f - <<'END'
table inet oracle {
	counter port1 { }
	counter port2 { }
	chain sent {
		type filter hook output priority 0
		tcp flags & (syn | ack | fin) == syn tcp dport vmap { 8001 : goto port1, 8002 : goto port2 }
	}
	chain port1 { ip saddr != 198.51.100.7 counter name port1; }
	chain port2 { counter name port2; }
}
END
on here nft -f - <<'END'
table netdev oracle {
	counter port1 { }
	counter port2 { }
	counter allowed { }
	counter denied { }
	counter impossible { }
	chain passed {
		type filter hook ingress device eth0 priority 0
		tcp flags & (fin | syn) == fin | syn counter name impossible
		tcp flags == 0x0 counter name impossible
		ip saddr 198.51.100.7 counter name allowed return
		ip saddr 203.0.113.0/24 counter name denied
		tcp flags & (syn | ack | fin) == syn tcp dport 8001 counter name port1
		tcp flags & (syn | ack | fin) == syn tcp dport 8002 counter name port2
	}
}
END

# by_nft NAMESPACE COUNTER
by_nft() {
	on "$1" nft -j list counters | jq ".nftables[].counter | select(.name == \"$2\") | .packets"
}

# equal WHAT GOT WANTED
equal() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3: $(jq -c . "$work/events")"
}

# fetch ADDRESS PORT - as a client with this address; how many SYNs it sent again.
fetch() {
	local again
	on there nstat -n
	on there curl -sf --max-time 9 --interface "$1" "http://$here4:$2/" >"$work/curl" || fail "$1 doesn't get to port $2"
	again=$(on there nstat -j | jq '.kernel.TcpExtTCPSynRetrans // 0')
	echo "$again"
}

# hail PORT ARGUMENT... - SYNs until hush.
hail() {
	on there hping3 -q -S -i u500 -p "$1" "${@:2}" $here4 >"$work/hping3" 2>&1 &
	hailing=$!
}

hush() {
	# shellcheck disable=SC2046 # a list of words
	kill -INT $(ip netns pids there)
	wait $hailing || :
}

web here 8001-8004

# It drops nothing unless asked to, and makes no tables for it.
inspect eth0 --set plugin.synflood.clear_after=1s
hail 8001 --rand-source
soon '.event == "flood_start"'
sleep 1
hush
soon '.event == "flood_end"'
! bpftool map show name first | grep -q first || fail "tables for what isn't done"
stop
equal 'SYNs that passed' "$(by_nft here port1)" "$(by_nft there port1)"
expect 0 .dropped

# tc can't drop.
hook=tc
start here -P "$TI_PLUGINS/synflood.so" -i eth0 --set plugin.synflood.hook=tc --set plugin.synflood.mode=limit
eventually 5 grep -q "attached xdp to eth0" "$work/daemon.log" || fail "not at xdp"
stop
hook=xdp

before_sent=$(by_nft there port1) before_passed=$(by_nft here port1)
inspect eth0 --set plugin.synflood.mode=limit --set plugin.synflood.clear_after=2s --set plugin.synflood.allow=198.51.100.7 \
	--set 'plugin.synflood.deny=203.0.113.0/24, 2001:db8::/32' --set plugin.synflood.drop_impossible=yes \
	--set plugin.synflood.explain=yes --stats
fetch $there4 8001 >"$work/known"
on there hping3 -q -S -i u2000 -c 50 -a 203.0.113.5 -p 8002 $here4 >"$work/hping3" 2>&1 || :
on there hping3 -q -S -F -i u2000 -c 20 -a 198.51.100.9 -p 8003 $here4 >"$work/hping3" 2>&1 || :
on there hping3 -q -i u2000 -c 20 -a 198.51.100.9 -p 8003 $here4 >"$work/hping3" 2>&1 || :
equal 'denied ones that passed' "$(by_nft here denied)" 0
equal 'impossible ones that passed' "$(by_nft here impossible)" 0

hail 8001 --rand-source
soon '.event == "flood_start" and .dst_port == 8001'
sleep 1.2
equal 'SYNs of a known client sent again' "$(fetch $there4 8001)" 0
equal 'SYNs of a new client sent again' "$(fetch 10.87.0.3 8001)" 1
equal 'SYNs to another port sent again' "$(fetch 10.87.0.4 8002)" 0
on there hping3 -q -S -i u2000 -c 200 -a 198.51.100.7 -p 8001 $here4 >"$work/hping3" 2>&1 || :
equal 'allowed ones that passed' "$(by_nft here allowed)" 200
hush
soon '.event == "flood_end" and .dst_port == 8001'
equal 'SYNs of a new client after the flood sent again' "$(fetch 10.87.0.5 8001)" 0
sent=$(($(by_nft there port1) - before_sent)) passed=$(($(by_nft here port1) - before_passed))

# One that is known as good floods, too: he is limited, and others are not, also who
# sends more than he does.
hail 8002 -a 10.87.0.5
soon '.event == "flood_start" and .dst_port == 8002 and .class == "single"'
sleep 1.2
equal 'SYNs of a client beside it sent again' "$(fetch 10.87.0.3 8002)" 0
load there -d 3 -H 'Connection: close' http://$here4:8002/
hush
soon '.event == "flood_end" and .dst_port == 8002'
[ "$(bpftool map dump name heavy -j | jq length)" = 0 ] || fail "someone is limited after the flood"
stop

end='.event == "flood_end" and .dst_port == 8001'
# Beside the flood's there is one SYN of a client before and one after it.
equal 'SYNs dropped and passed' "$(jq "select($end) | .dropped" "$work/events")" $((sent - passed))
equal 'SYNs counted' "$(jq "select($end) | .syns" "$work/events")" $((sent - 2))
metric 50 synflood_dropped_total '{reason="denied"}'
metric 40 synflood_dropped_total '{reason="flags"}'
metric $((sent - passed)) synflood_dropped_total '{reason="unknown"}'
metric "$(metrics | sed -n 's/^tcpinspect_packets_dropped_total{plugin="synflood"} //p')" synflood_dropped_total
event "$end and .dropped == .dropped_unknown and .class == \"spoofed\"" || fail "dropped for other reasons"
event '.event == "flood_end" and .dst_port == 8002 and .dropped == .dropped_heavy and .dropped > 0' ||
	fail "a known one that floods is not limited: $(jq -c . "$work/events")"
grep -q ' 50 denied, .* heavy, .* unknown, 40 with impossible flags$' "$work/daemon.log" || fail "no sum of what was dropped"
