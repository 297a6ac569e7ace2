#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is said of connections: their last summary against what ss has said just
# before, their owners, alarms, the top, histograms; also of a connection that is
# older than tcpinspect.
. "$(dirname "$0")/retrans-lib.sh" || exit
need ss

host here
serve here 5403 1000
serve far 5401 20000
serve far 5402 200

# talk NUMBER ADDRESS PORT - a connection that stays until it reads "close" from
# the file descriptor talks[NUMBER].
cat >"$work/talk.py" <<'END_PY'
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("open", flush=True)
for line in sys.stdin:
    if line == "close\n":
        break
    s.sendall(b"." * int(line))
    s.recv(1)
    print("answered", flush=True)
END_PY
mkfifo "$work/in1" "$work/in2" "$work/in3" "$work/in4"
talks=()
talk() {
	on here python3 "$work/talk.py" "$2" "$3" <"$work/in$1" >"$work/out$1" &
	exec {fd}>"$work/in$1"
	talks[$1]=$fd
	eventually 30 grep -qs open "$work/out$1" || fail "no connection to $2 port $3"
}
# say NUMBER BYTES [TIMES] - a message, and its answer.
say() {
	local n
	n=$(grep -c answered "$work/out$1" || :)
	for _ in $(seq "${3-1}"); do
		echo "$2" >&"${talks[$1]}"
		n=$((n + 1))
		eventually 30 answered "$1" $n || fail "$1: no answer"
	done
}
answered() {
	[ "$(grep -c answered "$work/out$1")" -ge "$2" ]
}
# port_of FAMILY PORT - the local port of the connection to that port.
port_of() {
	on here ss "$1" -Htn "dport = :$2" | awk '{ sub(/.*:/, "", $4); print $4 }'
}
# ss_has FAMILY PORT KEY - of `retrans:0/17 dsack_dups:3 ...`, of that connection.
ss_has() {
	on here ss "$1" -Htin "dport = :$2" | tr '\n' ' ' | sed -n "s/.* $3:\([^ ]*\).*/\1/p"
}
# reported NUMBER CONDITION - so many segments, at least.
reported() {
	[ "$(jq -s "map(select(.event == \"retransmit\" and ($2)).segs) | add // 0" "$work/events")" -ge "$1" ]
}
# closed PORT - its last summary is there.
closed() {
	grep -q "\"src_port\":$1,.*\"closed\":true" "$work/events"
}
every14th='tcp dport 5401 meta length > 500 numgen inc mod 14 3'

# Older than tcpinspect, with retransmissions from before.
talk 1 $net4.1.2 5401
drop "$every14th"
say 1 20000 3
undrop
before=$(ss_has -4 5401 retrans | sed 's/.*\///')
[ "${before:-0}" -gt 0 ] || fail "nothing was retransmitted before the start"

start here -P "$TI_PLUGINS/retrans.so" --set plugin.retrans.netns=self \
	--set plugin.retrans.period=1h --set plugin.retrans.window=1h \
	--set plugin.retrans.alarm_connection=10 --set plugin.retrans.alarm_port=12 \
	--set plugin.retrans.alarm_prefix=20
talk 2 $net6:1::2 5401
drop "$every14th"
say 1 20000 4
say 2 20000 12
undrop

# Every other packet gets lost: each message is sent twice, as often as is allowed;
# then once more, and on.
talk 3 $net4.1.2 5402
port=$(port_of -4 5402)
drop 'tcp dport 5402 meta length > 200 numgen inc mod 2 0'
say 3 200 10
eventually 10 reported 10 ".src_port == $port" || fail "not 10 retransmissions of 10 messages"
expect 0 ".event == \"retrans_alarm\" and .scope == \"connection\" and .src_port == $port"
say 3 200 3
talk 4 $net6:1::2 5402
say 4 200 2
undrop

# What gets lost is the acknowledgement, with the answer: the message is sent again in
# vain, and the other end says so, in an ACK that is longer.
on here nft -f - <<'END_NFT'
table inet answers {
	chain in {
		type filter hook input priority 0
		tcp sport 5402 meta length < 60 counter drop
	}
}
END_NFT
say 3 200 &
eventually 30 reported 14 ".src_port == $port" || fail "nothing was sent again"
on here nft delete table inet answers
wait $!
[ "$(ss_has -4 5402 dsack_dups)" = 1 ] || fail "there was no DSACK"

# A server's answers, over two connections.
drop 'tcp sport 5403 tcp flags psh numgen inc mod 2 0'
messages far 5403 1 8 1000 $net4.1.1 $net6:1::1
undrop

# The sockets close, but for the last.
port4=$(port_of -4 5401)
port6=$(port_of -6 5401)
for p in "-4 $port4" "-6 $port6"; do
	read -r family p <<<"$p"
	echo "$p $(ss_has "$family" 5401 retrans | sed 's/.*\///') $(ss_has "$family" 5401 data_segs_out)" \
		"$(ss_has "$family" 5401 bytes_sent)"
done >"$work/ss"
dsacks=$(ss_has -4 5402 dsack_dups)
for n in 1 2 3; do
	echo close >&"${talks[$n]}"
done
for p in "$port4" "$port6" "$port"; do
	eventually 30 closed "$p" || fail "no last summary of port $p"
done
stop

# last PORT EXPRESSION - of the only last summary of the connection from that port.
last() {
	jq -rs "map(select(.event == \"retrans_summary\" and .closed and .src_port == $1)) |
		if length == 1 then .[0] | $2 else \"\(length) summaries\" end" "$work/events"
}
# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}
while read -r p retrans segs bytes; do
	is "retrans of port $p" "$(last "$p" .retrans)" "$retrans"
	is "segs_sent of port $p" "$(last "$p" .segs_sent)" "$segs"
	is "bytes_sent of port $p" "$(last "$p" .bytes_sent)" "$bytes"
	is "segs of port $p" "$(last "$p" .segs)" \
		"$(jq -s "map(select(.event == \"retransmit\" and .src_port == $p).segs) | add" "$work/events")"
	is "sum of port $p" "$(last "$p" '.tail_loss_probe + .fast + .slow_start + .timeout + .syn + .synack')" \
		"$(last "$p" .segs)"
done <"$work/ss"
is "retransmissions before the start" "$(last "$port4" '.retrans - .segs')" "$before"
is "retransmissions not seen" "$(last "$port6" '.retrans - .segs')" 0
is "spurious" "$(last "$port" .spurious)" "$dsacks"
expect 1 '.event == "retrans_summary" and (.closed | not)'
expect 1 ".event == \"retrans_summary\" and (.closed | not) and .dst_ip == \"$net6:1::2\" and .segs == 2 and .period_segs == 2"

# Owners: of those whose connect was seen, and no other.
expect 0 "(.src_port == $port or .src_port == $port6) and (.comm != \"python3\" or .pid < 2)"
expect 0 "(.src_port == $port4 or .src_port == 5403) and (.comm or .pid)"

# Alarms: at one more than is allowed, once in the window.
expect 1 ".event == \"retrans_alarm\" and .src_port == $port and .scope == \"connection\""
expect 1 ".event == \"retrans_alarm\" and .src_port == $port and .segs == 11 and .limit == 10 and .dst_port == 5402"
expect 1 ".event == \"retrans_alarm\" and .scope == \"port\" and .src_port == 5403 and .segs == 13"
expect 1 '.event == "retrans_alarm" and .scope == "port"'
expect 1 ".event == \"retrans_alarm\" and .scope == \"prefix\" and .prefix == \"$net4.1.0/24\""

is top "$(jq -c 'select(.event == "retrans_top") | [.segs, .connections, .top[0].segs, (.top | map([.src_port, .dst_port, .segs]) | sort)]' \
	"$work/events")" \
	"$(jq -cs 'map(select(.event == "retransmit")) | group_by([.src_port, .dst_port]) |
		map([.[0].src_port, .[0].dst_port, (map(.segs) | add)]) | [(map(.[2]) | add), length, (map(.[2]) | max), .]' \
		"$work/events")"
# Of each retransmission and each connection that closed, also those without any.
samples=$(jq -s 'map(select((.event == "retransmit" or .closed) and .srtt and (.dst_ip | startswith("fd88:")))) | length' \
	"$work/events")
expect 1 ".event == \"rtt_histogram\" and .prefix == \"$net6:1::/48\" and .samples >= $samples and
	.samples < $samples + 8 and .samples == (.srtt | map(.count) | add)"
is "ports with a histogram" "$(jq -c 'select(.event == "rtt_histogram" and .src_port).src_port' "$work/events" |
	sort -n | tr '\n' ' ')" "$(printf '%s\n' "$port4" 5403 | sort -n | tr '\n' ' ')"
