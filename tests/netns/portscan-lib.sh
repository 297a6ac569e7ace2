# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portscan-lib.sh - what the portscan-*.sh share. To be sourced first:
#	. "$(dirname "$0")/portscan-lib.sh" || exit
#
# Each script takes a hook as its argument; without one it runs itself for those in
# TI_SCAN_HOOKS (default: all that this kernel offers), side by side. In `here`, where
# tcpinspect runs, and `there` eth0 is wired to eth0.
set -eu

hook=${1-}
if [ -z "$hook" ]; then
	set -o pipefail
	declare -A pids
	result=77
	read -ra hooks <<<"${TI_SCAN_HOOKS-tc xdp socket kprobe}"
	for hook in "${hooks[@]}"; do
		bash "$0" "$hook" 2>&1 | sed "s/^/$hook: /" &
		pids[$hook]=$!
	done
	for hook in "${hooks[@]}"; do
		status=0
		wait "${pids[$hook]}" || status=$?
		[ $status = 77 ] || [ $result = 1 ] || result=$((status != 0))
	done
	exit $result
fi

. "$(dirname "$0")/lib.sh" || exit
need hping3 jq nginx nmap

[ "$hook" != kprobe ] || grep -qw tcp_v4_send_reset /proc/kallsyms || skip "no kernel symbols here"
[ "$hook" != kprobe ] || [ -e /sys/bus/event_source/devices/kprobe ] || skip "this kernel has no kprobes"

here4=10.88.0.1 there4=10.88.0.2 here6=fd88::1 there6=fd88::2
netns here there
wire here eth0 there eth0
address here eth0 $here4/24 $here6/64
address there eth0 $there4/24 $there6/64

# inspect ARGUMENT... - start tcpinspect here.
inspect() {
	start here -P "$TI_PLUGINS/portscan.so" -i eth0 --set plugin.portscan.hook="$hook" "$@"
	eventually 5 grep -q "attached $hook to" "$work/daemon.log" || fail "not attached at $hook"
}

# scan COMMAND... - from there, to its end.
scan() {
	on there timeout 30 "$@" >"$work/scan.out" 2>&1 || fail "$*: $(tail -n 3 "$work/scan.out")"
}

# one CONDITION - what was scanned was found as one scan, and fulfils it.
one() {
	stop
	[ "$(events '.event == "scan_start"')" = 1 ] ||
		fail "$(events '.event == "scan_start"') scans: $(jq -c 'select(.event == "scan_start") |
			[.src_ip, .dst_ip, .kind, .rule, .ports]' "$work/events")"
	event ".event == \"scan_end\" and ($1)" || fail "not $1: $(grep -v closed "$work/scan.out" | tail -n 5) $(jq -c 'select(.event == "scan_end")' "$work/events")"
}
