#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is no scan isn't reported as one: clients of one port and of many, health checks,
# floods from random sources, backscatter, what is left of connections. And then one is.
. "$(dirname "$0")/portscan-lib.sh" || exit
need python3 wrk

web here 8001-8006
web there 9001
# Spoofed sources are answered, as on the Internet.
ip -n here route add default via $there4
ip -n there neigh replace $here4 lladdr "$(ip -n here -br link show eth0 | awk '{ print $3 }')" dev eth0
on here nft -f - <<-END
	table ip f {
		chain i { type filter hook input priority 0; tcp dport 4444 drop; }
	}
END
# A hundred ports, as of a passive FTP server: each greets who comes and hangs up.
on here python3 -c '
import selectors, socket
s = selectors.DefaultSelector()
for port in range(40000, 40100):
    l = socket.create_server(("", port))
    s.register(l, selectors.EVENT_READ)
while True:
    for key, _ in s.select():
        c, _ = key.fileobj.accept()
        try:
            c.send(b"x" * 1000)
        except OSError:
            pass
        c.close()' &
eventually 30 listening here 40099 || fail "no server"
# What has no answer by then counts.
inspect --set plugin.portscan.answer_wait=500ms

quiet() {
	! event true || fail "$1: $(jq -c . "$work/events")"
}

for how in keep-alive close; do
	on there wrk -t 1 -c 50 -d 1 -H "Connection: $how" http://$here4:8001/ >"$work/wrk"
	! grep -E 'Socket errors|Non-2xx' "$work/wrk" || fail "wrk had errors"
done
quiet wrk

# Reads all, nothing, or aborts.
on there python3 -c '
import socket, struct, sys
for how in range(3):
    for port in range(40000, 40100):
        c = socket.create_connection((sys.argv[1], port))
        if how == 0:
            c.recv(2000)
        elif how == 1:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()' $here4
quiet "many open ports"

for port in {8001..8006} 8007 {8001..8006} 8007; do
	on there curl -s "http://$here4:$port/" >"$work/curl" || [ "$port" = 8007 ] || fail "no health at $port"
done
on there curl -s --connect-timeout 3 http://$here4:4444/ >"$work/curl" && fail "nobody drops port 4444"
quiet "health checks and SYNs sent again"

# Backscatter: answers to nothing, to many ports.
on there hping3 -q -S -A -i u500 -c 1000 -s 80 -k -p ++1000 $here4 >"$work/hping3" 2>&1 || :
on there hping3 -q -R -i u500 -c 500 -s 80 -k -p ++1000 $here4 >"$work/hping3" 2>&1 || :
on there hping3 -q -R -A -i u500 -c 500 -s 80 -k -p ++1000 $here4 >"$work/hping3" 2>&1 || :
quiet backscatter

# Connections from here that are given up: what comes late is answered with RSTs.
for _ in 1 2 3; do
	on here timeout -s KILL 0.3 wrk -t 1 -c 50 -d 5 http://$there4:9001/ >"$work/wrk" 2>&1 || :
done
quiet "what comes too late"

on there timeout 2 hping3 -q -S --flood --rand-source -p 8002 $here4 >"$work/hping3" 2>&1 || :
on there timeout 3 hping3 -q -S --flood --rand-source -p ++1 $here4 >"$work/hping3" 2>&1 || :
on there hping3 -q -S -i u2000 -c 1000 --rand-source -p ++1 $here4 >"$work/hping3" 2>&1 || :
quiet "a flood from random sources"

# Meanwhile, a scan.
on there timeout 4 hping3 -q -S --flood --rand-source -p ++1 $here4 >"$work/hping3" 2>&1 &
scan nmap -n -Pn -sS -p 1-100 --max-retries 2 --min-rate 100 $here4
wait $! || :
one '.kind == "syn" and .ports > 50'
counted portscan
