#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What takes a while: floods that never reach alarm_rate, by their sum, and an
# accept queue that is full, which is no flood.
. "$(dirname "$0")/synflood-lib.sh" || exit
need python3

# A server with a backlog of 1 that accepts nothing until a file is there.
cat >"$work/busy" <<'END'
import os, socket, sys, time
s = socket.create_server((sys.argv[1], 8004), backlog=1)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.1)
served = [s.accept() for _ in range(5)]
time.sleep(60)
END

cat >"$work/client" <<'END'
import socket, sys, time
with socket.create_connection((sys.argv[1], 8004), 60):
    time.sleep(60)
END

# syns_per_s RATE SECONDS PORT
syns_per_s() {
	on there hping3 -q -S -i u$((1000000 / $1)) -c $(($1 * $2)) -p "$3" $here4 >"$work/hping3-$3" 2>&1 || :
}

web here 8001-8003
on here python3 "$work/busy" $here4 "$work/accept" &
eventually 5 listening 8004 || fail "no server at port 8004"
inspect eth0 --set plugin.synflood.clear_after=2s --set plugin.synflood.update_period=2s \
	--set plugin.synflood.explain=yes

syns_per_s 45 60 8001 &
syns_per_s 90 60 8002 &
{
	for rate in 40 55 70 85; do
		syns_per_s $rate 2 8003
	done
	syns_per_s 90 50 8003
} &
for _ in {1..5}; do
	on there python3 "$work/client" $here4 &
done

soon '.event == "flood_start" and .class == "overload" and .listening and .dst_port == 8004' 10
touch "$work/accept"
soon '.event == "flood_end" and .class == "overload" and .dst_port == 8004' 10

for port in 8002 8003; do
	soon ".event == \"flood_start\" and .class == \"single\" and .dst_port == $port and
		.peak_syns_per_s < 100 and (.explain | contains(\"for long\"))" 50
done
soon '.event == "flood_update" and .class == "single" and .dst_port == 8002 and .syns_per_s > 0'
stop
expect 3 '.event == "flood_start"'
