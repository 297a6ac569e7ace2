#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real server and real clients: what is reported is what nginx's log has, request by
# request: of curl over IPv4 and IPv6, with bodies up and down; on the server's side,
# the client's, on lo, and once only on a router with both interfaces watched. With
# responses, their status. Of wrk at full rate.
. "$(dirname "$0")/httpsniff-lib.sh" || exit
need curl nginx wrk

netns far
wire far eth0 there eth1
address far eth0 10.88.0.2/24
address there eth1 10.88.0.1/24
ip -n far route add default via 10.88.0.1
ip -n here route add 10.88.0.0/24 via $there4
on there sysctl -qw net.ipv4.ip_forward=1
head -c 3000000 /dev/urandom >"$work/up"

# clients NAMESPACE URL
clients() {
	local curl=(on "$1" curl -gso /dev/null) url=$2
	"${curl[@]}" "$url/a" -o /dev/null "$url/b" -o /dev/null "$url/c" -H "Cookie: $(printf 'x%.0s' {1..8000})"
	"${curl[@]}" -T "$work/up" "$url/up" -o /dev/null "$url/behind"
	"${curl[@]}" -T - "$url/chunks" <"$work/up"
	"${curl[@]}" -I "$url/head" -o /dev/null "$url/head2"
	"${curl[@]}" "$url/down" -o /dev/null "$url/behind"
	"${curl[@]}" -X DELETE "$url/delete" -o /dev/null "$url/missing"
}

# where NAME NAMESPACE INTERFACES CLIENT URL [ARGUMENT...]
where() {
	rm -f "$work/access"
	web here "location /missing { return 404; }" "location /down { root $work/root; }"
	sniff "$2" "$3" "${@:6}"
	clients "$4" "$5"
	stop
	web_log >"$work/log"
	cut -d ' ' -f 1-4 "$work/log" >"$work/truth"
	seen '"\(.src_port) \(.depth) \(.method) \(.target)"' >"$work/seen"
	same "$1"
}

mkdir -p "$work/root"
head -c 2000000 /dev/zero >"$work/root/down"
chmod -R a+rX "$work" "$work/root"
where 'on the server' here eth0 there "http://$here4"
where 'IPv6' here eth0 there "http://[$here6]"
where 'on the client' there eth0 there "http://$here4"
where 'on lo' here lo here "http://127.0.0.1"
where 'on a router' there 'eth*' far "http://$here4"
where 'with responses' here eth0 there "http://$here4" --set plugin.httpsniff.responses=yes --stats
cut -d ' ' -f 1,2,5 "$work/log" >"$work/truth"
jq -r 'select(.event == "http_response") | "\(.src_port) \(.depth) \(.status)"' "$work/events" | sort -n >"$work/seen"
same 'responses'
for status in 2 4; do
	metric "$(cut -d ' ' -f 5 "$work/log" | grep -c "^$status")" httpsniff_responses_total "{status=\"${status}xx\"}"
done
metric "$(wc -l <"$work/log")" httpsniff_latency_seconds_count
expect "$(wc -l <"$work/log")" '.event == "http_response" and .latency > 0 and .latency < 1000000000'

# Many connections at once, each request in two packets that are apart.
rm -f "$work/access"
web here
sniff here eth0
on there python3 - "$here4" <<-'END'
	import socket, sys, threading, time
	def ask(k):
	    for r in range(4):
	        request = b'GET /%d/%d HTTP/1.1\r\nHost: h%d\r\nConnection: close\r\n\r\n' % (k, r, k)
	        cut = 1 + (k * 7 + r) % (len(request) - 1)
	        s = socket.create_connection((sys.argv[1], 80))
	        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	        s.send(request[:cut])
	        time.sleep(0.02)
	        s.send(request[cut:])
	        while s.recv(65536):
	            pass
	threads = [threading.Thread(target=ask, args=(k,)) for k in range(250)]
	[t.start() for t in threads]
	[t.join() for t in threads]
END
stop
web_log | cut -d ' ' -f 1-4 >"$work/truth"
seen '"\(.src_port) \(.depth) \(.method) \(.target)"' >"$work/seen"
same 'many at once'
expect 1000 '.event == "http_request" and (.http_host | startswith("h")) and (.flags | not)'

# At full rate, by connection.
rm -f "$work/access"
web here
sniff here eth0 --stats
on there wrk -t 1 -c 32 -d "${TI_WRK:-3}s" "http://$here4/" >"$work/wrk.out"
stop
web_log | cut -d ' ' -f 1 | uniq -c >"$work/truth"
grep -o '"src_port":[0-9]*' "$work/events" | cut -d : -f 2 | sort -n | uniq -c >"$work/seen"
same 'wrk, connections of'
metric "$(wc -l <"$work/access")" httpsniff_requests_total '{method="get"}'
grep -q '0 lost' "$work/daemon.log" || fail "wrk: events were lost"
echo "ok: wrk: $(wc -l <"$work/events") requests"
