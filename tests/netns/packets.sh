#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames that are cut, mutated, or only odd, TI_FRAMES (1,000,000) to each packet
# program of each plugin: all pass, and are counted as what they are (fuzz/packets.c).
# And the daemon goes on, and what it has reported is JSON.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need jq
packets=${TI_BUILD:+$TI_BUILD/tests/fuzz/packets}
: "${packets:=$(dirname "$0")/packets}"
[ -x "$packets" ] || skip "no $packets"

netns here
on here sysctl -qw net.ipv6.conf.all.disable_ipv6=1
serve here 127.0.0.1 80 # so that there is a listener
plugins=("$TI_PLUGINS"/*.so "$TI_TEST_PLUGINS"/t_parsed.so)
arguments=()
for plugin in "${plugins[@]}"; do
	arguments+=(-P "$plugin")
done

start here "${arguments[@]}" -i lo
for plugin in "${plugins[@]}"; do
	plugin=$(basename "$plugin" .so)
	eventually 30 grep -q " $plugin: attached " "$work/daemon.log" || fail "$plugin is not attached"
done
"$packets" "$daemon" "${TI_FRAMES:-1000000}"
stop
jq -r '.event' "$work/events" | sort | uniq -c
