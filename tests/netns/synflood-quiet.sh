#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is no flood isn't reported as one: busy servers and clients, scans,
# backscatter. A flood of a busy server is, and harms its clients not at all.
. "$(dirname "$0")/synflood-lib.sh" || exit
need nmap wrk

web here 8001-8010
web there 9001
inspect eth0 --set plugin.synflood.clear_after=1s --set plugin.synflood.explain=yes

load there -d 3 http://$here4:8001/
load there -d 3 -H 'Connection: close' http://$here4:8002/
load there -d 2 -H 'Connection: close' "http://[$here6]:8002/"
load here -d 3 -H 'Connection: close' http://$there4:9001/
on there nmap -n -Pn -sS -T5 -p- $here4 >"$work/nmap"
on there nmap -n -Pn -sS --min-rate 5000 -p- $here4 >"$work/nmap"
sleep 1.5
! event '.event != "syn_sources"' || fail "$(jq -c . "$work/events")"

on there hping3 -q -S -A -i u1000 -c 1500 -p 8003 $here4 >"$work/hping3" 2>&1
soon ".event == \"backscatter\" and .dst_ip == \"$here4\" and .src_ip == \"$there4\" and .sources == 1
	and .ifname == \"eth0\" and .synacks_per_s > 100"
! event '.event | startswith("flood")' || fail "SYN-ACKs are a flood: $(jq -c . "$work/events")"

on there timeout 3 hping3 -q -S --flood --rand-source -p 8004 $here4 >"$work/hping3" 2>&1 &
load there -d 4 http://$here4:8004/
soon '.event == "flood_start" and .dst_port == 8004 and .class == "spoofed"'
stop
expect 1 '.event == "flood_start"'
expect 1 '.event == "backscatter"'
