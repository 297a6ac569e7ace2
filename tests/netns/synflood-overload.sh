#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An accept queue that is full, which is no flood. (What is one: tests/unit/test-synflood.c.)
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

on here python3 "$work/busy" $here4 "$work/accept" &
eventually 5 listening 8004 || fail "no server at port 8004"
inspect eth0 --set plugin.synflood.clear_after=2s --set plugin.synflood.update_period=2s \
	--set plugin.synflood.explain=yes

for _ in {1..5}; do
	on there python3 "$work/client" $here4 &
done

soon '.event == "flood_start" and .class == "overload" and .listening and .dst_port == 8004' 10
touch "$work/accept"
soon '.event == "flood_end" and .class == "overload" and .dst_port == 8004' 10

stop
expect 1 '.event == "flood_start"'
