#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Floods that the operator doesn't want to hear of raise nothing, the same from or
# to elsewhere do; and handshakes of those left out don't hide a flood.
. "$(dirname "$0")/synflood-lib.sh" || exit
need python3 wrk

web here 8001-8003
web here 8080

inspect eth0 --set plugin.synflood.allow=$there4,198.51.100.0/24 \
	--set plugin.synflood.src=0.0.0.0/0 --set plugin.synflood.ports=8001-8003

# For three seconds 500 a second: five times the alarm rate.
for unwanted in "-a $there4 -p 8001" "-a 198.51.100.7 -p 8002" "-a 203.0.113.7 -p 8080"; do
	# shellcheck disable=SC2086 # a list of words
	on there timeout 3 hping3 -q -S -i u2000 $unwanted $here4 >/dev/null 2>&1 || :
done
flood 8001 hping3 -q -S -i u2000 -a 203.0.113.7 -p 8001 $here4
is_flood 8001 '.class == "single" and .top[0].prefix == "203.0.113.7/32"'

# Of its own 500 SYNs a second none completes; of an allowed client's, all do.
on there wrk -q -c 8 -t 1 -d 30 -H 'Connection: close' http://$here4:8003/ >/dev/null 2>&1 &
flood 8003 hping3 -q -S -i u2000 -a 203.0.113.8 -p 8003 $here4
is_flood 8003 '.completed_per_s == 0 and .sources == 1'
stop
expect 2 '.event == "flood_start"'
left_out=$(sed -n 's/^tcpinspect: synflood: .* \([0-9]\+\) filtered.*/\1/p' "$work/daemon.log" | head -n 1)
[ "${left_out:-0}" -gt 1000 ] || fail "${left_out:-0} filtered"
