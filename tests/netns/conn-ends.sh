#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How connections end and whose they are: each way to end is seen at both sides, the
# owner is who connected and who accepted, and the numbers are what ss says.
# shellcheck source=tests/netns/conn-lib.sh
. "$(dirname "$0")/conn-lib.sh" || exit
need curl nft

cat >"$work/end.py" <<'END'
import os, signal, socket, struct, sys, time
# end.py serve PORT HOW | end.py dial ADDRESS PORT HOW: one connection, ended by HOW.
def finish(s, how):
    if how == "fin":
        s.close()
    elif how == "rst": # SO_LINGER of 0, when the other side knows that it is connected
        time.sleep(0.3)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    elif how == "unread": # data that nobody has read
        time.sleep(0.3)
        s.close()
    elif how == "send":
        s.sendall(b"x" * 1000)
        try:
            while s.recv(4096): pass
        except ConnectionResetError: pass
        s.close()
    elif how == "data": # known amounts; wait for RST until told to go
        s.sendall(b"y" * 70000)
        got = 0
        while got < 30000: got += len(s.recv(65536))
        open(sys.argv[-1], "w").close()
        while True: time.sleep(1)
    else: # until the other side ends it
        try:
            while s.recv(4096): pass
        except OSError: pass
        s.close()
if sys.argv[1] == "serve":
    l = socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind(("::", int(sys.argv[2])))
    l.listen(8)
    s, _ = l.accept()
    finish(s, sys.argv[3])
else:
    a, port, how = sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if how == "give up":
        s = socket.socket(socket.AF_INET)
        s.setblocking(False)
        s.connect_ex((a, port))
        time.sleep(0.3)
        s.close()
    elif how == "user timeout":
        s = socket.create_connection((a, port))
        s.setsockopt(socket.IPPROTO_TCP, 18, 700) # TCP_USER_TIMEOUT
        open(sys.argv[5], "w").close()
        while not os.path.exists(sys.argv[6]): time.sleep(0.02)
        s.sendall(b"z")
        try:
            s.recv(1)
        except OSError: pass
    else:
        finish(socket.create_connection((a, port)), how)
END

# pair PORT SERVER CLIENT ADDRESS
pair() {
	on here python3 "$work/end.py" serve "$1" "$2" &
	local server=$!
	eventually 10 listening here "$1" || fail "no server"
	on there python3 "$work/end.py" dial "$4" "$1" "$3" || fail "the client of port $1 failed"
	wait $server || fail "the server of port $1 failed"
}

# ends PORT AT-SERVER AT-CLIENT - the reasons that both sides report.
ends() {
	exactly 1 "$here_ns" ".dst_port == $1 and .event == \"closed\" and .direction == \"in\" and .reason == \"$2\""
	exactly 1 "$there_ns" ".dst_port == $1 and .event == \"closed\" and .direction == \"out\" and .reason == \"$3\""
	exactly 1 "$here_ns" ".dst_port == $1 and .event == \"closed\""
	exactly 1 "$here_ns" ".dst_port == $1 and .event == \"established\" and .comm == \"python3\""
	exactly 1 "$there_ns" ".dst_port == $1 and .event == \"established\" and .comm == \"python3\""
	echo "ok: $2 and $3"
}

# One that is older.
on here python3 "$work/end.py" serve 799 wait &
eventually 10 listening here 799
nsenter --net=/run/netns/there python3 -c "import socket, time; s = socket.create_connection(('$here4', 799)); time.sleep(1000)" &
older=$!
old() { on here ss -Htn 'sport = :799' | grep -q .; }
eventually 10 old || fail "no connection"
sleep 0.3
inspect # with no options

pair 701 wait fin $here4
ends 701 remote_fin local_fin
pair 702 fin wait $here6
ends 702 local_fin remote_fin
pair 703 wait rst $here4
ends 703 rst_in rst_out
pair 704 rst wait $here6
ends 704 rst_out rst_in
pair 705 unread send $here4
ends 705 rst_out rst_in

# Never established: no `established`.
! on there curl -s http://$here4:706/ || fail "somebody listens"
exactly 1 "$there_ns" '.dst_port == 706 and .event == "closed" and .reason == "refused" and .comm == "curl" and .src_port'
on here nft -f - <<'END'
table inet t {
	chain c {
		type filter hook input priority 0
		tcp dport 707 drop
		iif != lo tcp dport 708 meta mark 7 drop
	}
}
END
on there python3 "$work/end.py" dial $here4 707 'give up'
exactly 1 "$there_ns" '.dst_port == 707 and .event == "closed" and .reason == "aborted" and .comm == "python3"'
on there sysctl -qw net.ipv4.tcp_syn_retries=1
on there sysctl -qw net.ipv4.tcp_syn_linear_timeouts=0 2>/dev/null || :
! on there timeout 20 curl -s http://$here4:707/ || fail "it is dropped, yet somebody answers"
exactly 1 "$there_ns" '.dst_port == 707 and .event == "closed" and .reason == "timeout" and .comm == "curl" and .retransmits == 1'
exactly 0 "$there_ns" '.event == "established" and (.dst_port == 706 or .dst_port == 707)'
echo "ok: refused, aborted, timeout without a connection"

# Established, then nothing comes any more.
on here python3 "$work/end.py" serve 708 wait &
server=$!
eventually 10 listening here 708
on there python3 "$work/end.py" dial $here4 708 'user timeout' "$work/up" "$work/cut" &
client=$!
eventually 10 test -e "$work/up"
on here nft insert rule inet t c tcp dport 708 drop
touch "$work/cut"
wait $client || :
exactly 1 "$there_ns" '.dst_port == 708 and .event == "closed" and .reason == "timeout" and .retransmits > 0 and .bytes_out == 1'
kill $server
on here nft delete table inet t
echo "ok: timeout"

# ss says the same just before a RST, which changes nothing any more.
on here python3 "$work/end.py" serve 709 data "$work/served" &
server=$!
eventually 10 listening here 709
on there python3 - "$here4" >"$work/said" <<'END' &
import os, socket, struct, subprocess, sys, time
s = socket.create_connection((sys.argv[1], 709))
s.sendall(b"x" * 30000)
got = 0
while got < 70000: got += len(s.recv(65536))
time.sleep(0.5)
sys.stdout.write(subprocess.run(["ss", "-Htin", "dport", "=", ":709"], capture_output=True, text=True).stdout)
sys.stdout.flush()
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
END
client=$!
eventually 10 test -e "$work/served"
wait $client || fail "the client failed"
kill $server
exactly 1 "$there_ns" '.dst_port == 709 and .event == "closed" and .reason == "rst_out"'
field() { # 0: ss leaves it out
	local value
	value=$(grep -oE "(^|\s)$1:[0-9.]+" "$work/said" | sed 's/.*://' || :)
	echo "${value:-0}"
}
wanted="$(field bytes_received) $(($(field bytes_sent) - $(field bytes_retrans))) $(field rtt) $(field minrtt)"
jq -r "select(.netns == $there_ns and .dst_port == 709 and .event == \"closed\") |
	[.bytes_in, .bytes_out, (.srtt // 0) / 1e6, (.min_rtt // 0) / 1e6] | map(tostring) | join(\" \")" "$work/events" >"$work/got"
[ "$(cat "$work/got")" = "$wanted" ] || fail "ss says $wanted, the event $(cat "$work/got"): $(cat "$work/said")"
exactly 1 "$there_ns" '.dst_port == 709 and .bytes_in == 70000 and .bytes_out == 30000'
exactly 1 "$here_ns" '.dst_port == 709 and .bytes_in == 30000 and .bytes_out == 70000'
echo "ok: bytes and round-trip times as ss has them"

# Processes that share a listener: who accepted it, not who listens.
cat >"$work/fork.py" <<'END'
import os, socket
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("", 710))
l.listen(64)
for _ in range(2):
    if os.fork() == 0:
        while True:
            s, _ = l.accept()
            s.sendall(str(os.getpid()).encode())
            s.close()
os.wait()
END
on here python3 "$work/fork.py" &
eventually 10 listening here 710
for _ in {1..20}; do on there python3 -c "
import socket
s = socket.create_connection(('$here4', 710))
print(s.getsockname()[1], s.recv(99).decode())"; done >"$work/accepted"
exactly 20 "$here_ns" '.dst_port == 710 and .event == "closed"'
# Each client's port goes with one worker, in the events as in what it was told.
paste -d' ' <(sort "$work/accepted") <(jq -r "select(.netns == $here_ns and .dst_port == 710 and .event == \"established\") |
	\"\(.src_port) \(.pid)\"" "$work/events" | sort) |
	awk '$1 != $3 || ($2 in pid && pid[$2] != $4) || ($4 in own && own[$4] != $2) { exit 1 } { pid[$2] = $4; own[$4] = $2 }' ||
	fail "accepted by others than reported"
echo "ok: who accepted"

# Older than the start; its listener is known, and so is its direction.
kill $older
exactly 1 "$here_ns" '.dst_port == 799 and .event == "closed" and .preexisting and .direction == "in" and .reason == "remote_fin"'
exactly 1 "$there_ns" '.dst_port == 799 and .event == "closed" and .preexisting and .reason == "local_fin"'
exactly 0 "$here_ns" '.dst_port == 799 and .event == "established"'
exactly 0 "$here_ns" '.preexisting and .dst_port != 799'
echo "ok: preexisting"
stop
counted conn
