#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# portscan.sh [-r ROUNDS] - CPU time a SYN of portscan and of scanlogd (as Debian builds it,
# on a raw socket), for the same 65,535 SYNs of masscan at 50,000 a second, each to another
# port, in alternating rounds; medians of ROUNDS (5). The kernel's part of portscan, which
# runs where the packet is handled, is by the kernel's statistics, in a round of its own.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need bpftool jq masscan scanlogd

rounds=5
while getopts r: option; do
	case $option in
	r) rounds=$OPTARG ;;
	*) exit 2 ;;
	esac
done


netns here there
wire here eth0 there eth0
address here eth0 10.89.0.1/24
address there eth0 10.89.0.2/24
mac=$(ip -n here -j link show eth0 | jq -r ".[0].address")
mkdir "$work/results"
mkdir -p /run/scanlogd/empty

scan() {
	on there masscan 10.89.0.1 -p1-65535 --rate 50000 --wait 1 --seed 1 --source-ip 10.89.0.2 \
		--interface eth0 --router-mac "$mac" >/dev/null 2>&1
}

received() {
	ip -n here -j -s link show eth0 | jq ".[0].stats64.rx.packets"
}

ns() { # PID - CPU time so far, without the kernel's that handles packets
	awk '{ print $1 }' "/proc/$1/schedstat"
}

once() { # TOOL
	local before pid packets
	if [ "$1" = portscan ]; then
		start here -P "$TI_PLUGINS/portscan.so" -i eth0
		sleep 0.5
		pid=$daemon
	else
		nsenter --net=/run/netns/here -- scanlogd
		eventually 5 pgrep -x scanlogd >/dev/null || fail "scanlogd does not run"
		pid=$(pgrep -x scanlogd)
	fi
	before=$(ns "$pid") packets=$(received)
	scan
	packets=$(($(received) - packets))
	awk -v a="$(ns "$pid")" -v b="$before" -v n=$packets 'BEGIN { print (a - b) / 1000 / n }' >>"$work/results/$1"
	if [ "$1" = portscan ]; then
		stop
		[ "$(events '.event == "scan_start"')" = 1 ] || echo "portscan: $(events '.event == "scan_start"') scan_start"
	else
		kill "$pid"
		eventually 5 eval '! pgrep -x scanlogd >/dev/null' || :
	fi
}

for ((round = 0; round < rounds; round++)); do
	once portscan
	once scanlogd
done
for tool in portscan scanlogd; do
	sort -g "$work/results/$tool" | awk -v tool=$tool '{ v[NR] = $1 } END { printf "%-10s %6.2f us a SYN (%.2f to %.2f)\n", tool, v[int((NR + 1) / 2)], v[1], v[NR] }'
done

start here -P "$TI_PLUGINS/portscan.so" -i eth0
sleep 0.5
stats=$(sysctl -n kernel.bpf_stats_enabled)
sysctl -qw kernel.bpf_stats_enabled=1
scan
sysctl -qw kernel.bpf_stats_enabled="$stats"
for id in $(programs); do
	bpftool -j prog show id "$id" | jq -r "select(.run_cnt) | \"in the kernel: \(.name) \(.run_cnt) runs, \(.run_time_ns / .run_cnt | floor) ns each\""
done
stop
