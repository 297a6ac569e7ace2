#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What goes on too long: a server that doesn't close, one that doesn't accept, one
# whose clients never finish the handshake; and what listeners report of themselves.
# shellcheck source=tests/netns/conn-lib.sh
. "$(dirname "$0")/conn-lib.sh" || exit
need nft

cat >"$work/serve.py" <<'END'
import socket, sys, time
# serve.py PORT BACKLOG ACCEPTED: accept that many, close none.
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("", int(sys.argv[1])))
l.listen(int(sys.argv[2]))
kept = [l.accept() for _ in range(int(sys.argv[3]))]
time.sleep(1000)
END
serve() {
	on here python3 "$work/serve.py" "$@" &
	eventually 10 listening here "$1" || fail "no server"
}

# dial PORT NUMBER - open, and close after a second.
dial() {
	on there python3 -c "
import socket, time
s = [socket.socket() for _ in range($2)]
for x in s: x.setblocking(False); x.connect_ex(('$here4', $1))
time.sleep(1)"
}

serve 801 8 1
dial 801 1 # is in CLOSE_WAIT before the start
inspect --set plugin.conn.stuck_close_wait=2s --set plugin.conn.stuck_fin_wait=2s --set plugin.conn.stuck_syn_recv=1s \
	--set plugin.conn.listener_period=3s --stats
serve 802 8 3
dial 802 3
serve 803 4 0
overflows0=$(counter here TcpExtListenOverflows) drops0=$(counter here TcpExtListenDrops)
dial 803 20
eventually 20 seen 3 "$here_ns" '.event == "stuck" and .dst_port == 802' || :
exactly 3 "$here_ns" '.event == "stuck" and .dst_port == 802 and .state == "close_wait" and .held >= 2e9 and .comm == "python3"
	and .direction == "in" and (.preexisting | not)'
exactly 1 "$here_ns" '.event == "stuck" and .preexisting and .src_port == 801 and .state == "close_wait"'

# Handshakes that are never finished: the SYN-ACKs are lost.
serve 804 8 1
on there nft -f - <<'END'
table inet t {
	chain c {
		type filter hook input priority 0
		tcp sport 804 drop
	}
}
END
dial 804 2
eventually 20 seen 1 "$here_ns" '.event == "stuck" and .state == "syn_recv"' || :
exactly 1 "$here_ns" '.event == "stuck" and .state == "syn_recv" and .dst_port == 804 and .sockets == 2'

# All that was dropped is reported, and by whom.
reported() {
	[ "$(jq -n '[inputs | select(.event == "accept_overflow" and .dst_port == 803).drops] | add' "$work/events")" = \
		$(($(counter here TcpExtListenDrops) - drops0)) ]
}
[ $(($(counter here TcpExtListenOverflows) - overflows0)) -gt 0 ] || fail "no accept queue has overflowed"
eventually 10 reported || fail "not as many drops are reported as nstat counts: $(($(counter here TcpExtListenDrops) - drops0)):
	$(jq -c 'select(.event == "accept_overflow")' "$work/events")"
[ "$(events '.event == "accept_overflow" and (.dst_port != 803 or .queue != 5 or .backlog != 4 or .comm != "python3")')" = 0 ] ||
	fail "wrong: $(jq -c 'select(.event == "accept_overflow")' "$work/events")"
# Those that wait in the queue for long are reported, too.
eventually 20 seen 5 "$here_ns" '.event == "established" and .dst_port == 803' || :
exactly 5 "$here_ns" '.event == "established" and .dst_port == 803 and .comm == "python3" and (.accept_delay | not)'
drops=$(($(counter here TcpExtListenDrops) - drops0))
stop

# Each was said once; listeners add up.
exactly 3 "$here_ns" '.event == "stuck" and .dst_port == 802'
sums() { # PORT
	jq -nc "[inputs | select(.event == \"listener\" and .dst_port == $1)] | [(map(.connections) | add), (map(.accepted) | add)]" \
		"$work/events"
}
[ "$(sums 802)" = '[3,3]' ] || fail "port 802 had 3 connections and accepted 3, not $(sums 802)"
[ "$(sums 803)" = '[5,0]' ] || fail "port 803 had 5 connections and accepted none, not $(sums 803)"
[ "$(jq -n 'last(inputs | select(.event == "listener" and .dst_port == 802)).close_wait' "$work/events")" = 3 ] ||
	fail "port 802 has 3 sockets in CLOSE_WAIT"
metric 3 conn_listener_connections_total '{port="802"}'
metric 3 conn_listener_accepted_total '{port="802"}'
metric 5 conn_listener_connections_total '{port="803"}'
metric 0 conn_listener_accepted_total '{port="803"}'
metric $drops conn_listener_drops_total '{port="803"}'
metric 5 conn_listener_queue '{port="803"}'
metric 4 conn_listener_backlog '{port="803"}'
metric 3 conn_listener_sockets '{port="802",state="close_wait"}'
echo "ok: stuck connections, accept queues, listeners"
