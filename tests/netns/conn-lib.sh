# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# conn-lib.sh - what the conn-*.sh share. To be sourced first:
#	. "$(dirname "$0")/conn-lib.sh" || exit
#
# In `here`, where tcpinspect runs, and `there` eth0 is wired to eth0. Tracepoints see
# the whole host: events are counted by network namespace.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need jq nstat python3 ss sysctl
[ -e "$TI_PLUGINS/conn.so" ] || skip "no plugin conn in $TI_PLUGINS"

here4=10.89.0.1 there4=10.89.0.2 here6=fd89::1 there6=fd89::2
netns here there
wire here eth0 there eth0
address here eth0 $here4/24 10.89.0.3/24 10.89.0.4/24 $here6/64
address there eth0 $there4/24 $there6/64
# shellcheck disable=SC2034 # for those who source this
here_ns=$(on here stat -Lc %i /proc/self/ns/net) there_ns=$(on there stat -Lc %i /proc/self/ns/net)

# shellcheck disable=SC2120 # none is fine
# inspect ARGUMENT... - start tcpinspect here.
inspect() {
	start here -P "$TI_PLUGINS/conn.so" "$@"
	eventually 30 grep -q 'attached tp_btf to inet_sock_set_state\|attached raw_tp\|attached tp to sock' "$work/daemon.log" ||
		fail "not attached"
}

# counter NAMESPACE NAME - of nstat, since boot.
counter() {
	on "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { print $2 }'
}

# here_event CONDITION, there_event CONDITION - how many have been reported of that
# namespace's sockets.
seen_in() {
	jq -n "[inputs | select(.netns == $1 and ($2))] | length" "$work/events"
}

# seen NUMBER NAMESPACE-INODE CONDITION - there are so many.
seen() {
	[ "$(seen_in "$2" "$3")" = "$1" ]
}

# exactly NUMBER NAMESPACE-INODE CONDITION - now, or soon, and no more.
exactly() {
	eventually 10 seen "$@" || {
		jq -c "select(.netns == $2)" "$work/events" | tail -n 8 >&2
		fail "$(seen_in "$2" "$3") events instead of $1 with $3"
	}
}
