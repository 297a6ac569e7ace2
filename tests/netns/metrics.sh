#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Metrics of plugins and of the daemon, as `run --stats` prints them: what Prometheus'
# own parser says of it, and that they are what nftables has counted.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need jq nft python3

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

on here nft -f - <<END
table inet count {
	counter syns {}
	chain in {
		type filter hook prerouting priority raw;
		iifname eth0 tcp flags & (syn|ack) == syn counter name syns
	}
}
END
five_delivered() {
	metrics | grep -q '^tcpinspect_events_total{plugin="t_tc",sink="console",outcome="delivered"} 5$'
}

start here -P "$TI_TEST_PLUGINS/t_metrics.so" -i eth0 --stats
knock_at 1000 300
stop
nft_says=$(on here nft -j list counter inet count syns | python3 -c 'import json, sys; print([c["counter"]["packets"] for c in json.load(sys.stdin)["nftables"] if "counter" in c][0])')

[ "$nft_says" = 300 ] || fail "nftables has seen $nft_says SYNs"
metric 300 t_metrics_syns_total
metric 300 t_metrics_balance
[ "$(metrics | grep -c '^t_metrics_port_syns_total{port=')" = 256 ] || fail "not 256 ports found room"
metric 1 t_metrics_port_syns_total '{port="1000"}'
metric 44 t_metrics_port_syns_total '{overflow="true"}'
metric 300 t_metrics_port_syns_total
metrics | grep -q '^t_metrics_waited_seconds_total{overflow="true"} 0.044$' || fail "44 times 1 ms"
metric 44 tcpinspect_label_overflow_total
for bucket in 512 1024 2048 +Inf; do
	metric 300 t_metrics_length_bucket "{le=\"$bucket\"}"
done
metric $((300 * 74)) t_metrics_length_sum
metric 300 t_metrics_length_count
! command -v promtool >/dev/null || metrics | promtool check metrics || fail "promtool finds fault"

# While it runs, the daemon's own, and a plugin of an older SDK, which has none.
start here -P "$TI_TEST_PLUGINS/t_tc.so" -i eth0 --stats=100ms
knock_at 1000 5
eventually 10 five_delivered || fail "not printed while it runs"
metric 1 tcpinspect_plugin_running '{plugin="t_tc"}'
metric 1048576 tcpinspect_ring_size_bytes '{plugin="t_tc"}'
! metrics | grep '^t_tc' || fail "a plugin without metrics has some"
stop
metric 5 tcpinspect_ring_events_total
metric 0 tcpinspect_ring_lost_total
[ "$(events .)" = 5 ] || fail "metrics have come between the events"
