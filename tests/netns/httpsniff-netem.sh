#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bad network: packets are lost, come twice and out of order on their way to the server.
# What is reported is what nginx has served, request by request.
. "$(dirname "$0")/httpsniff-lib.sh" || exit
need curl nginx
on there tc qdisc add dev eth0 root netem delay 5ms 2ms loss 2% duplicate 2% reorder 10% 50% 2>/dev/null ||
	skip "this kernel has no netem"
on there ethtool -K eth0 tso off gso off >/dev/null 2>&1 || :

web here
sniff here eth0
head -c 200000 /dev/urandom >"$work/up"
pids=()
for i in {1..8}; do
	urls=()
	for j in {1..25}; do
		urls+=(-o /dev/null "http://$here4/$i/$j?$(printf "%0$((j * 60))d" 0)")
	done
	on there curl -s "${urls[@]}" &
	pids+=($!)
done
on there curl -s -T "$work/up" "http://$here4/up" -o /dev/null -o /dev/null "http://$here4/behind" &
wait "${pids[@]}" $!
stop
web_log | sed 's/?.*//' | cut -d ' ' -f 1-4 >"$work/truth"
[ "$(wc -l <"$work/truth")" -ge 200 ] || fail "nginx has served only $(wc -l <"$work/truth") requests"
seen '"\(.src_port) \(.depth) \(.method) \(.target)"' >"$work/seen"
same "a bad network"
! grep -q truncated "$work/events" || fail "a head is truncated"
counted httpsniff
