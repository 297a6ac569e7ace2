#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# idle.sh - what a host that nothing happens on pays, with all plugins of the
# build: wake-ups, memory, and the time from the start to the first attached
# program. Run by `sudo make bench`, or: sudo bench/idle.sh BUILD-FOLDER
set -eu
build=${1:-.}
seconds=${2:-20}
ns=ti-bench-$$
log=$(mktemp)
pid=
trap 'kill $pid 2>/dev/null || true; wait; ip netns del $ns; rm -f "$log"' EXIT

ip netns add $ns
ip -n $ns link set lo up
ip -n $ns link add veth0 type veth peer name veth1
ip -n $ns link set veth0 up
ip -n $ns link set veth1 up

daemon() {
	# shellcheck disable=SC2046 # a list of options, one a line
	cd "$build" && exec ip netns exec $ns ./tcpinspect run $(cat modules/stamp) 2>"$log" >/dev/null
}

start_ms() {
	local before after
	before=$(date +%s%N)
	daemon &
	pid=$!
	until grep -q attached "$log"; do sleep 0.002; done
	after=$(date +%s%N)
	echo $(((after - before) / 1000000))
}

stop() {
	kill $pid
	wait $pid
	: >"$log"
}

status() { # KEY - of the daemon, which ip netns exec has become
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$pid/status"
}

times=()
for _ in 1 2 3 4 5; do
	start_ms >"$log.ms"
	times+=("$(cat "$log.ms")")
	stop
done
rm -f "$log.ms"
mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
echo "start to first attached program: median ${times[2]} ms of 5 (${times[*]}); at most 300"

daemon &
pid=$!
until grep -q attached "$log"; do sleep 0.1; done
sleep 2
before=$(status voluntary_ctxt_switches)
sleep "$seconds"
after=$(status voluntary_ctxt_switches)
echo "wake-ups in $seconds s: $((after - before)), of which ticks: $seconds for each plugin with one"

# A ring's data pages are mapped twice, one page more for each position.
maps=$(awk '/^[0-9a-f]+-[0-9a-f]+ /{ in_map = $6 ~ /bpf-map/ } in_map && $1 == "Rss:" { n += $2 } END { print n + 0 }' "/proc/$pid/smaps")
rss=$(status VmRSS)
echo "RSS $rss KiB, of which mapped BPF maps and rings $maps KiB; the rest $((rss - maps)) KiB; at most 12288 beside the rings"
stop
