# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# retrans-lib.sh - what the retrans-*.sh share. To be sourced first:
#	. "$(dirname "$0")/retrans-lib.sh" || exit
#
# `far` is the other end of every cable, and where segments get lost: what is
# dropped where it is sent is no loss to TCP. The Nth host is $net4.N.1 and
# $net6:N::1, far there $net4.N.2 and $net6:N::2; by chance, since tracepoints tell of
# the whole machine.
. "$(dirname "$0")/lib.sh" || exit
need iperf3 jq nft nstat python3

net4=10.$((RANDOM % 256)) net6=fd88:$((1000 + RANDOM % 9000))
netns far
hosts=0

# host NAME - a namespace with a cable to far, on which segments go one by one.
host() {
	hosts=$((hosts + 1))
	netns "$1"
	wire "$1" v0 far "v$hosts"
	address "$1" v0 $net4.$hosts.1/24 $net6:$hosts::1/64
	address far "v$hosts" $net4.$hosts.2/24 $net6:$hosts::2/64
	ip -n "$1" link set v0 gso_max_segs 1
	on "$1" ping -q -c 1 -W 5 $net4.$hosts.2 >/dev/null
	on "$1" ping -q -c 1 -W 5 $net6:$hosts::2 >/dev/null
}

# drop RULE - at far, from now on; one table a call, undrop takes the last away.
drops=0
drop() {
	drops=$((drops + 1))
	on far nft -f - <<-END
		table inet drop$drops {
			chain in {
				type filter hook input priority 0
				$1 counter drop
			}
		}
	END
}
undrop() {
	on far nft delete table inet drop$drops
	drops=$((drops - 1))
}

# undrop_after N - when so many packets have been dropped.
undrop_after() {
	eventually 60 dropped "$1" || fail "less than $1 packets were dropped"
	undrop
}
dropped() {
	[ "$(on far nft list table inet drop$drops | sed -n 's/.* packets \([0-9]*\) .*/\1/p')" -ge "$1" ]
}

netns_of() {
	on "$1" stat -L -c %i /proc/self/ns/net
}

# note NAME - write down what the kernel has counted there, for kernel.
note() {
	on "$1" nstat -asz >"$work/nstat-$1"
}

# kernel NAME COUNTER - as nstat had it then.
kernel() {
	awk -v name="$2" '$1 == name { print $2 }' "$work/nstat-$1"
}

# retransmits - note all of them, for ours.
retransmits() {
	jq -r 'select(.event == "retransmit") | [.netns, .cause, .segs, .src_ip] | @tsv' "$work/events" >"$work/retransmits"
}

# ours NAME [CAUSE...] - segments that are reported as retransmitted from there.
ours() {
	awk -v netns="$(netns_of "$1")" -v causes=" ${*:2} " \
		'$1 == netns && (causes == "  " || index(causes, " " $2 " ")) { n += $3 } END { print n + 0 }' \
		"$work/retransmits"
}

cat >"$work/messages.py" <<'END_PY'
import socket, sys, threading

def receive(s, n):
    while n > 0:
        got = s.recv(min(n, 65536))
        if not got:
            return False
        n -= len(got)
    return True

def answer(s, size):
    while receive(s, size):
        s.sendall(b"!")
    s.close()

def serve(port, size):
    l = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
    while True:
        s, _ = l.accept()
        threading.Thread(target=answer, args=(s, size), daemon=True).start()

def send(host, port, messages, size):
    s = socket.create_connection((host, port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(messages):
        s.sendall(b"." * size)
        receive(s, 1)
    s.close()

if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), int(sys.argv[3]))
threads = [threading.Thread(target=send, args=(host, int(sys.argv[2]), int(sys.argv[4]), int(sys.argv[5])))
           for host in sys.argv[6:] for _ in range(int(sys.argv[3]))]
for t in threads:
    t.start()
for t in threads:
    t.join()
END_PY

# serve NAME PORT BYTES - answer each message of so many bytes.
serve() {
	on "$1" python3 "$work/messages.py" serve "$2" "$3" &
	eventually 30 listening "$1" "$2" || fail "no server at port $2 in $1"
}

# messages NAME PORT CONNECTIONS MESSAGES BYTES ADDRESS... - so many connections to
# each address, so many messages on each, each awaiting its answer.
messages() {
	on "$1" timeout 60 python3 "$work/messages.py" send "${@:2}" || fail "$1: no answer"
}
