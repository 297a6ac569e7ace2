#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A flood from one source to a server: reported once with its class and all of its
# SYNs, at tc and at XDP; and with mode = limit what doesn't pass is what was dropped. The
# many kinds of floods are tried natively.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need hping3 jq nft python3 ss
netns here there
wire here v0 there v1
address here v0 10.9.0.1/24
address there v1 10.9.0.2/24

listening() {
	on here ss -Hltn 'sport = :80' | grep -q .
}

over() {
	grep -q flood_end "$work/events"
}

on here python3 -c 'import socket, time
s = socket.socket()
s.bind(("10.9.0.1", 80))
s.listen(64)
time.sleep(1000)' &
eventually 60 listening || fail "no server"
for hook in tc xdp; do
	start here -P "$TI_PLUGINS/synflood.so" -i v0 --set plugin.synflood.hook=$hook --set plugin.synflood.clear_after=2s
	eventually 10 grep -q "attached $hook to v0" "$work/daemon.log" || fail "not attached at $hook"
	# Answered by nobody, so that -c counts what is sent.
	on there hping3 -q -S -p 80 -i u2000 -c 1500 -a 10.9.0.9 10.9.0.1 >"$work/hping3" 2>&1 || :
	eventually 30 over || fail "no flood_end"
	stop
	flood='.class == "single" and .dst_port == 80 and .listening and .completion == "sockets"'
	expect 1 '.event == "flood_start"'
	expect 1 ".event == \"flood_start\" and $flood"
	expect 1 ".event == \"flood_end\" and $flood and .syns == 1500"
	counted synflood $hook
	echo "ok: synflood at $hook"
done

on here nft -f - <<'END'
table netdev oracle {
	counter passed { }
	chain passed {
		type filter hook ingress device v0 priority 0
		tcp flags & (syn | ack) == syn counter name passed
	}
}
END
start here -P "$TI_PLUGINS/synflood.so" -i v0 --set plugin.synflood.mode=limit --set plugin.synflood.clear_after=2s
on there hping3 -q -S -p 80 -i u2000 -c 1500 -a 10.9.0.9 10.9.0.1 >"$work/hping3" 2>&1 || :
eventually 30 over || fail "no flood_end"
stop
passed=$(on here nft -j list counters | jq '.nftables[].counter.packets // empty')
expect 1 ".event == \"flood_end\" and $flood and .syns == 1500 and .dropped > 0 and .dropped == 1500 - $passed"
echo "ok: synflood with mode = limit"
