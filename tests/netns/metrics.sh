#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Metrics of plugins and of the daemon, as `run --stats` prints them: what Prometheus'
# own parser says of it, and that they are what nftables has counted.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need nft python3

netns here there
wire here eth0 there eth0
address here eth0 10.0.0.1/24
address there eth0 10.0.0.2/24

# SYNs to ports 1000 and up, one a port, `from` + 0 .. n - 1; nobody listens.
knock_at() {
	on there python3 -c "
import socket, sys
for port in range($1, $1 + $2):
    s = socket.socket()
    try: s.connect(('10.0.0.1', port))
    except ConnectionRefusedError: pass
"
}

# What the last block of metrics says: METRIC[{LABELS}], or the sum over labels.
said() {
	block | awk -v name="$1" '$1 == name { print $2 }'
}
sum() {
	block | awk -v name="$1" '{ split($1, part, "{") } part[1] == name { n += $2 } END { printf "%d\n", n }'
}
block() {
	tac "$work/daemon.log" | sed '/^# tcpinspect metrics/q' | tac | sed -n '/^# tcpinspect metrics/,/^# EOF/p'
}
is() {
	[ "$2" = "$3" ] || { block >&2; fail "$1: $2 instead of $3"; }
}

on here nft -f - <<END
table inet count {
	counter syns {}
	chain in {
		type filter hook prerouting priority raw;
		iifname eth0 tcp flags & (syn|ack) == syn counter name syns
	}
}
END
start here -P "$TI_TEST_PLUGINS/t_metrics.so" -i eth0 --stats
knock_at 1000 300
stop
nft_says=$(on here nft -j list counter inet count syns | python3 -c 'import json, sys; print([c["counter"]["packets"] for c in json.load(sys.stdin)["nftables"] if "counter" in c][0])')

is "SYNs seen by nft" "$nft_says" 300
is "SYNs" "$(said t_metrics_syns_total)" 300
is "balance" "$(said t_metrics_balance)" 300
is "ports that found room" "$(block | grep -c '^t_metrics_port_syns_total{port=')" 256
is "SYNs to a port" "$(said 't_metrics_port_syns_total{port="1000"}')" 1
is "SYNs to ports without room" "$(said 't_metrics_port_syns_total{overflow="true"}')" 44
is "sum over ports" "$(sum t_metrics_port_syns_total)" 300
is "seconds" "$(said 't_metrics_waited_seconds_total{overflow="true"}')" 0.044
is "updates without room" "$(said 'tcpinspect_label_overflow_total{plugin="t_metrics"}')" 44
is "packets of 74 bytes up to 512" "$(said 't_metrics_length_bucket{le="512"}')" 300
is "all packets" "$(said 't_metrics_length_bucket{le="+Inf"}')" 300
is "their bytes" "$(said t_metrics_length_sum)" $((300 * 74))
is "their number" "$(said t_metrics_length_count)" 300
if command -v promtool >/dev/null; then
	block | promtool check metrics || fail "promtool finds fault"
fi
