#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packets.sh [PLUGIN]... - what a packet costs in the kernel at each hook of each plugin
# that sees packets (packets.c), in a daemon that runs them as it would.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
packets=${TI_BUILD:-$PWD}/bench/packets
[ -x "$packets" ] || skip "no $packets: run make bench"

plugins=("$@")
[ $# -gt 0 ] || plugins=(synflood portscan httpsniff)
arguments=()
for plugin in "${plugins[@]}"; do
	[ ! -e "$TI_PLUGINS/$plugin.so" ] || arguments+=(-P "$TI_PLUGINS/$plugin.so")
done

netns here
on here sysctl -qw net.ipv6.conf.all.disable_ipv6=1
serve here 127.0.0.1 80
start here "${arguments[@]}" -i lo
for plugin in "${plugins[@]}"; do
	[ ! -e "$TI_PLUGINS/$plugin.so" ] || eventually 30 grep -q " $plugin: attached " "$work/daemon.log" ||
		fail "$plugin is not attached"
done
sleep 1.5 # the listener is known
status=0
"$packets" "$daemon" "$packets.bpf.o" || status=$?
stop
exit $status
