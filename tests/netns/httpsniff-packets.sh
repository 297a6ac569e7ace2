#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Requests as hardly any client sends them, from packets alone: split, pipelined, out
# of order, twice, with holes, in VLANs and behind extension headers, in SYNs; bodies
# and tunnels that hold what looks like requests.
. "$(dirname "$0")/httpsniff-lib.sh" || exit
need python3

# Both ways, by port, depth and target; of an event only what the expectation names.
compare='
	def table: map({key: "\(.src_port) \(.depth) \(.target)", value: (.flags //= [])}) | from_entries;
	($want | table) as $want | ($got | table) as $got |
	(($want | keys) + ($got | keys) | unique)[] as $k |
	if $got[$k] == null then "missing: \($want[$k])"
	elif $want[$k] == null then "nobody sent: \($got[$k])"
	else $want[$k] | to_entries[] | select($got[$k][.key] != .value) |
		"\($k): \(.key) is \($got[$k][.key]), not \(.value)" end'

for hook in tc socket xdp; do
	sniff here eth0 --set plugin.httpsniff.hook=$hook
	on there python3 "$packets" eth0 >"$work/expected"
	eventually 5 grep -q /gap/next "$work/events" || fail "$hook: no request behind a hole"
	stop
	! grep -q -e trap -e secret "$work/events" || fail "$hook: what must not be reported was: $(grep -m 1 -e trap -e secret "$work/events")"
	jq -nr --slurpfile want "$work/expected" --slurpfile got "$work/events" "$compare" >"$work/diff"
	[ ! -s "$work/diff" ] || {
		head -n 20 "$work/diff" >&2
		fail "$hook: requests are not reported as they were sent"
	}
	n=$(wc -l <"$work/expected")
	expect "$n" '.event == "http_request"'
	grep -q ': 0 lost\|, 0 lost' "$work/daemon.log" || fail "$hook: events were lost"
	counted httpsniff
	echo "ok: $hook: $n requests"
done
