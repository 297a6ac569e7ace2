#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# replay.sh [-r ROUNDS] - packets a second that tcpinspect replay puts through each packet
# plugin, at each of its hooks, from files in the page cache: 1,000,000 SYNs of random
# sources, and 250,000 connections with a request each; medians of ROUNDS (5).
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need python3
[ -x "$TCPINSPECT-replay" ] || skip "no $TCPINSPECT-replay: it was built without libpcap"
capture=$(cd "$(dirname "$0")/../tests/replay" && pwd)/capture.py

rounds=5
while getopts r: option; do
	case $option in
	r) rounds=$OPTARG ;;
	*) exit 2 ;;
	esac
done

# Loading the plugin is no part of it: the same with no packet but one is taken off.
seconds() { # PLUGIN HOOK FILE
	local begin=${EPOCHREALTIME/[.,]/}
	"$TCPINSPECT" replay --plugin-dir "$TI_PLUGINS" --sink-dir "$TI_SINKS" -q -o json -p "$1" \
		--set "plugin.$1.hook=$2" "$3" >/dev/null || fail "replay"
	echo $((${EPOCHREALTIME/[.,]/} - begin))
}

python3 "$capture" flood 1000000 >"$work/flood"
python3 "$capture" requests 250000 >"$work/requests"
head -c 110 "$work/flood" | head -c $((24 + 16 + 54)) >"$work/one"
cat "$work/flood" "$work/requests" >/dev/null

printf '%-10s %-7s %-9s %12s\n' plugin hook file packets/s
for what in "synflood tc" "synflood xdp" "portscan tc" "portscan xdp" "httpsniff tc" "httpsniff xdp" "httpsniff socket"; do
	read -r plugin hook <<<"$what"
	for file in flood requests; do
		for ((i = 0; i < rounds; i++)); do
			echo $((1000000 * 1000000 / ($(seconds "$plugin" "$hook" "$work/$file") - $(seconds "$plugin" "$hook" "$work/one"))))
		done | sort -n >"$work/results"
		printf '%-10s %-7s %-9s %12s\n' "$plugin" "$hook" $file "$(sed -n $((rounds / 2 + 1))p "$work/results")"
	done
done
