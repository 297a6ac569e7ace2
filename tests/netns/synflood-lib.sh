# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# synflood-lib.sh - what the synflood-*.sh share. To be sourced first:
#	. "$(dirname "$0")/synflood-lib.sh" || exit
#
# Each script takes a hook, tc or xdp, as its argument; without one it runs
# itself for both, side by side. In `here`, where tcpinspect runs, and `there`
# eth0 is wired to eth0.
set -eu

hook=${1-}
if [ -z "$hook" ]; then
	set -o pipefail
	declare -A pids
	result=77
	for hook in tc xdp; do
		bash "$0" $hook 2>&1 | sed "s/^/$hook: /" &
		pids[$hook]=$!
	done
	for hook in tc xdp; do
		status=0
		wait "${pids[$hook]}" || status=$?
		[ $status = 77 ] || [ $result = 1 ] || result=$((status != 0))
	done
	exit $result
fi

. "$(dirname "$0")/lib.sh" || exit
need hping3 jq nginx

here4=10.87.0.1 there4=10.87.0.2 here6=fd87::1 there6=fd87::2
netns here there
wire here eth0 there eth0
address here eth0 $here4/24 $here6/64
address there eth0 $there4/24 $there6/64
# Spoofed sources are answered, as on the Internet.
ip -n here route add default via $there4

# Where tcpinspect runs, and who sends.
probe=here sender=there

# inspect INTERFACES ARGUMENT... - start tcpinspect.
inspect() {
	start $probe -P "$TI_PLUGINS/synflood.so" -i "$1" --set plugin.synflood.hook="$hook" "${@:2}"
	eventually 5 grep -q "attached $hook to" "$work/daemon.log" || fail "not attached at $hook"
}

# listening PORT - here.
listening() {
	on here ss -Hltn "sport = :$1" | grep -q .
}

# load NAMESPACE ARGUMENT... - by 50 clients that all succeed.
load() {
	on "$1" wrk -t 1 -c 50 "${@:2}" >"$work/wrk"
	! grep -E 'Socket errors|Non-2xx' "$work/wrk" || fail "wrk had errors"
}

# flood PORT COMMAND... - run it until that is reported.
flood() {
	on $sender timeout 10 "${@:2}" >"$work/flood.out" 2>&1 &
	soon ".event == \"flood_start\" and .dst_port == $1"
	# shellcheck disable=SC2046 # a list of words
	kill $(ip netns pids $sender) 2>/dev/null || :
	wait $! || :
}

# is_flood PORT CONDITION - of its flood_start.
is_flood() {
	event "select(.event == \"flood_start\" and .dst_port == $1) | $2" ||
		fail "the flood of port $1 is not $2: $(jq -c "select(.dst_port == $1)" "$work/events")"
}
