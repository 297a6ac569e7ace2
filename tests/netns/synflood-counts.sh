#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every SYN is counted, and counted once: syn_sources and flood_end against
# counters of nftables, to the packet.
. "$(dirname "$0")/synflood-lib.sh" || exit
need nft nping taskset

# A second way from there to here.
wire here eth1 there eth1
address here eth1 10.86.0.1/24
address there eth1 10.86.0.2/24
# Spoofed sources are not answered: hping3 -c would count what others are.
ip -n here route add blackhole 198.51.100.0/24

on here nft -f - <<'END'
table netdev oracle {
	counter syns { }
	counter port1 { }
	counter port2 { }
	counter port3 { }
	map ports {
		type inet_service : counter
		elements = { 8001 : "port1", 8002 : "port2", 8003 : "port3" }
	}
	chain eth0 {
		type filter hook ingress device eth0 priority 0
		tcp flags & (syn | ack) == syn counter name syns counter name tcp dport map @ports
	}
	chain eth1 {
		type filter hook ingress device eth1 priority 0
		tcp flags & (syn | ack) == syn counter name syns counter name tcp dport map @ports
	}
}
END

# by_nft COUNTER
by_nft() {
	on here nft -j list counter netdev oracle "$1" | jq '.nftables[].counter.packets // empty'
}

# equal WHAT GOT WANTED
equal() {
	[ "$2" = "$3" ] || fail "$1: $2, nftables has counted $3: $(jq -c . "$work/events")"
}

web here 8001-8004
inspect 'eth*' --set plugin.synflood.clear_after=3s --set plugin.synflood.update_period=1s \
	--set plugin.synflood.sources_top=32 --stats

# Known numbers from known sources.
generators=()
for host in 1 2 3 4 5 6 7 8 9; do
	on there hping3 -q -S -i u20000 -c $((50 + host)) -a 198.51.100.$host -p 8001 $here4 >"$work/hping3" 2>&1 &
	generators+=($!)
done
on there nping -6 --tcp --flags syn --rate 500 -c 1000 -p 8002 $here6 >"$work/nping" &
generators+=($!)
wait "${generators[@]}"

# One flood on two interfaces.
generators=()
on there hping3 -q -S -i u2000 -c 500 -p 8003 $here4 >"$work/hping3" 2>&1 &
generators+=($!)
on there hping3 -q -S -i u2000 -c 700 -p 8003 10.86.0.1 >"$work/hping3" 2>&1 &
generators+=($!)
wait "${generators[@]}"

for port in 1 2 3; do
	soon ".event == \"flood_end\" and .dst_port == 800$port"
	equal "SYNs of the flood of port 800$port" \
		"$(jq "select(.event == \"flood_end\" and .dst_port == 800$port).syns" "$work/events")" "$(by_nft port$port)"
done

# One that begins slowly, all of which is its; then what another flood of that
# port says is its own, not the earlier one's.
on there hping3 -q -S -i u16000 -c 125 -a 198.51.100.10 -p 8004 $here4 >"$work/hping3" 2>&1 &
sleep 1.2
on there taskset -c 0 hping3 -q -S -i u1000 -c 1375 -a 198.51.100.10 -p 8004 $here4 >"$work/hping3" 2>&1 || :
soon '.event == "flood_end" and .dst_port == 8004 and .syns == 1500'
on there taskset -c $(($(nproc) - 1)) hping3 -q -S -i u2500 -c 700 -p 8004 10.86.0.1 >"$work/hping3" 2>&1
soon '.event == "flood_end" and .dst_port == 8004 and .dst_ip == "10.86.0.1" and .ifname == "eth1"
	and .syns == 700 and .peak_syns_per_s < 600'

stop
expect 5 '.event == "flood_start"'
expect 0 '.event == "flood_update" and .syns_per_s == 0' # it is quiet then
expect 1 '.event == "syn_sources"'
equal syn_sources "$(jq 'select(.event == "syn_sources").syns' "$work/events")" "$(by_nft syns)"
metric "$(by_nft syns)" synflood_syns_total
wanted=$(jq -nc "[(range(9; 0; -1) | [\"198.51.100.\\(.)\", 50 + .]), [\"$there6\", 1000], [\"$there4\", 500],
	[\"198.51.100.10\", 1500], [\"10.86.0.2\", 1400]] | sort_by(-.[1])")
equal 'syns by source' "$(jq -c 'select(.event == "syn_sources" and .exact).top | map([.src_ip, .syns])' \
	"$work/events")" "$wanted"
expect 0 'any(.top[]?; .error)'

# More sources than fit, in more periods than one: all are counted, and it says that it guesses.
before=$(by_nft syns)
inspect 'eth*' --set plugin.synflood.sources_period=1s --stats
on there timeout 3 hping3 -q -S --flood --rand-source -p 8001 $here4 >"$work/hping3" 2>&1 || :
sleep 0.2
stop
equal 'sum of syn_sources' "$(jq -s 'map(select(.event == "syn_sources").syns) | add' "$work/events")" \
	$(($(by_nft syns) - before))
metric $(($(by_nft syns) - before)) synflood_syns_total
event '.event == "syn_sources" and .syns > 20000 and (.exact | not)' || fail "all is said to be exact"
