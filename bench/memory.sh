#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memory.sh - what the daemon takes with all plugins enabled and their defaults, and what
# each plugin takes by itself: resident memory, which has each ring once more since it is
# mapped, and the kernel's memory for BPF maps and rings.
# And what each further CPU adds.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
limit=65536 # KiB, of all

netns here
# The maps that the daemon has a file descriptor of, each once: type, value, entries, KiB.
maps() {
	cat "/proc/$daemon/fdinfo/"* 2>/dev/null | awk '
		/^map_type:/ { type = $2 }
		/^value_size:/ { value = $2 }
		/^max_entries:/ { entries = $2 }
		/^memlock:/ { bytes = $2 }
		/^map_id:/ && !seen[$2]++ { print type, value, entries, bytes / 1024 }'
}

cpus=$(awk -F '[-,]' '{ print $NF + 1 }' /sys/devices/system/cpu/online)
printf '%-36s %9s %9s %9s %9s   KiB, %d CPUs\n' '' RSS maps rings all "$cpus"
row() { # NAME PLUGIN...
	local rss arguments=() plugin
	for plugin in "${@:2}"; do
		arguments+=(-P "$TI_PLUGINS/$plugin.so")
	done
	start here "${arguments[@]}" -i lo
	for plugin in "${@:2}"; do
		eventually 30 grep -q " $plugin: attached " "$work/daemon.log" || fail "$plugin is not attached"
	done
	sleep 2
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status")
	maps >"$work/maps"
	stop
	# BPF_MAP_TYPE_RINGBUF is 27. Arrays with an entry a CPU are those that have as many as
	# there are CPUs and large values: that much is for each of them.
	awk -v name="$1" -v rss="$rss" -v cpus="$cpus" '
		$1 == 27 { rings += $4; next }
		{ maps += $4 }
		$1 == 2 && $3 == cpus { each += $2 / 1024 }
		END {
			printf "%-36s %9d %9d %9d %9d   and %d for each further CPU\n", name, rss, maps, rings, rss + maps + rings, each
		}' "$work/maps" | tee -a "$work/rows"
}

present=()
for plugin in conn httpsniff portscan retrans synflood; do
	[ ! -e "$TI_PLUGINS/$plugin.so" ] || present+=("$plugin")
done
for plugin in "${present[@]}"; do
	row "$plugin" "$plugin"
done
row "${present[*]}" "${present[@]}"
tail -n 1 "$work/rows" | awk -v limit=$limit '{ sub(/ +and .*/, ""); if ($NF > limit) { print "over " limit " KiB"; exit 1 } print "at most " limit " KiB" }'
