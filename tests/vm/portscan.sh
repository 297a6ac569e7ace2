#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scans at every hook, one after the other: each is one, of its kind, with all of its
# ports. The many tools and the false alarms are tried natively.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need jq nmap
netns here there
wire here v0 there v1
address here v0 10.9.0.1/24 fd09::1/64
address there v1 10.9.0.2/24 fd09::2/64
for decoy in 11 12 13 14; do
	address there v1 10.9.0.$decoy/24
done

over() {
	[ "$(grep -c scan_end "$work/events")" -ge $scans ]
}

# found KIND ARGUMENT... - of nmap.
found() {
	on there timeout 60 nmap -n -Pn -p 101-200 "${@:2}" >"$work/nmap" 2>&1 || fail "nmap ${*:2}: $(tail -n 3 "$work/nmap")"
	scans=$((scans + 1))
	eventually 20 over || fail "$hook: no scan of nmap ${*:2}"
	expect $scans '.event == "scan_start"'
	jq -es ".[-1] | .kind == \"$1\" and .ranges == \"101-200\" and .closed == 100 and .exact" "$work/events" >/dev/null ||
		fail "$hook: not $1: $(tail -n 1 "$work/events")"
}

for hook in tc xdp socket kprobe; do
	start here -P "$TI_PLUGINS/portscan.so" -i v0 --set plugin.portscan.hook=$hook \
		--set plugin.portscan.end_after=1s --set plugin.portscan.update_period=0
	eventually 10 grep -q "attached $hook to" "$work/daemon.log" || fail "not attached at $hook"
	scans=0
	found distributed -sS -D 10.9.0.11,10.9.0.12,10.9.0.13,10.9.0.14,ME 10.9.0.1
	case $hook in
	tc) found connect -6 -sT fd09::1 ;;
	xdp) found syn -f -sS 10.9.0.1 ;;
	socket) found fin -sF 10.9.0.1 ;;
	kprobe) # where RSTs are known from what they answer
		found ack -sA 10.9.0.1
		found maimon -sM 10.9.0.1
		;;
	esac
	stop
	counted portscan $hook
	echo "ok: portscan at $hook"
done
