#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# guest.sh - what a VM of matrix.sh runs in /w.
set -eu
for module in veth 8021q sch_ingress cls_bpf tcp_diag inet_diag af_packet_diag; do
	modprobe $module 2>/dev/null || :
done
export TCPINSPECT=/w/tcpinspect TI_PLUGINS=/w/plugins TI_SINKS=/w/sinks TI_TEST_PLUGINS=/w/t
bash netns/hooks.sh
TI_STORM=2000 TI_HELD=2000 bash netns/conn-storm.sh
bash netns/conn-ends.sh
bash netns/conn-watch.sh
bash netns/filters.sh

# A flood from one source to a server on lo: reported with its class.
python3 -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 80))
s.listen(64)
time.sleep(1000)' &
until ss -Hltn 'sport = :80' | grep -q .; do sleep 0.1; done
for hook in tc xdp; do
	$TCPINSPECT run -P plugins/synflood.so -S sinks/console.so -i lo -o json --duration 60s \
		--set plugin.synflood.hook=$hook >/run/events 2>/run/log &
	daemon=$!
	until grep -q "attached $hook to lo" /run/log; do
		kill -0 $daemon || { cat /run/log; exit 1; }
		sleep 0.1
	done
	timeout 20 hping3 -q -S -p 80 -i u2000 -c 4000 -a 127.0.0.9 127.0.0.1 >/dev/null 2>&1 &
	for _ in {1..200}; do
		grep -q flood_start /run/events && break
		sleep 0.1
	done
	kill -INT $daemon
	wait $daemon
	pkill hping3 || :
	jq -es 'map(select(.event == "flood_start")) | length == 1 and
		(.[0] | .class == "single" and .dst_port == 80 and .listening and .completion == "sockets")' /run/events ||
		{ cat /run/events /run/log; exit 1; }
	echo "ok: synflood at $hook"
done
