#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many connections at once, and many one after the other: each is established once
# and closed once, in this order, and they are as many as the kernel has counted.
# TI_STORM: how many short ones (default 50000); TI_HELD: held at once (20000).
# shellcheck source=tests/netns/conn-lib.sh
. "$(dirname "$0")/conn-lib.sh" || exit
storm=${TI_BUILD:+$TI_BUILD/tests/netns/storm}
: "${storm:=$(dirname "$0")/storm}"
[ -x "$storm" ] || skip "no $storm"
short=${TI_STORM-50000} held=${TI_HELD-20000}

for ns in here there; do
	on $ns sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535 \
		net.ipv4.ip_local_port_range='1100 65000'
done

# counts NUMBER - opened by `there`, accepted by `here`, as many as nstat says.
counts() {
	local active passive
	active=$(($(counter there TcpActiveOpens) - active0))
	passive=$(($(counter here TcpPassiveOpens) - passive0))
	[ "$active $passive" = "$1 $1" ] || fail "the kernel has opened $active and accepted $passive, not $1"
}

# What the tracepoint itself has recorded in interrupts of the host's process 1: some
# kernels run no BPF program there, and these connections, at most, may be missing.
trace=/sys/kernel/tracing/instances/tcpinspect-$RANDOM$RANDOM
untrace() {
	[ ! -d $trace ] || { echo 0 >$trace/tracing_on && rmdir $trace; }
}
trap 'untrace; finish' EXIT
mkdir $trace
echo 65536 >$trace/buffer_size_kb
echo 1 >$trace/options/record-tgid
echo "protocol == 6 && (sport == 700 || dport == 700)" >$trace/events/sock/inet_sock_set_state/filter
echo 1 >$trace/events/sock/inet_sock_set_state/enable

unseen() {
	sed -nE 's/.*\( +1\) .* sport=([0-9]+) dport=([0-9]+) saddr=([^ ]+) daddr=([^ ]+) saddrv6=([^ ]+) daddrv6=([^ ]+) .*/\1 \2 \3 \4 \5 \6/p' \
		$trace/trace | awk -v here="$here_ns" -v there="$there_ns" '{
			l = $3 == "0.0.0.0" ? $5 : $3; r = $4 == "0.0.0.0" ? $6 : $4
			print $1 == 700 ? here " " r " " $2 " " l " 700" : there " " l " " $1 " " r " 700" }' | sort -u
	echo >$trace/trace
}

# accounted NUMBER - each end once, established before closed, of known owners; an
# accepted one's is one of the server's processes.
accounted() {
	jq -rn --argjson here "$here_ns" --argjson there "$there_ns" 'inputs | select(.netns == $here or .netns == $there) |
		[.netns, .src_ip, .src_port, .dst_ip, .dst_port, .event, .direction, .comm // "-", .pid // 0,
		 .preexisting // false, .untracked // false, .reason // "-"] | join(" ")' "$work/events" >"$work/rows"
	unseen >"$work/unseen"
	[ ! -s "$work/unseen" ] || echo "$(wc -l <"$work/unseen") ends had a transition in an interrupt of process 1"
	awk -v n="$1" -v here="$here_ns" -v there="$there_ns" '
		{ key = $1 " " $2 " " $3 " " $4 " " $5 }
		FILENAME == ARGV[1] { unseen[key] = 1; may[$1]++; next }
		key in unseen { next }
		$6 == "established" { if (key in open) bad("established twice"); open[key] = 1; established[$1]++ }
		$6 == "closed" { if (open[key] != 1) bad("closed before it was established, or twice"); open[key] = 2; closed[$1]++ }
		$7 != ($1 == here ? "in" : "out") { bad("direction") }
		$8 != "storm" || !$9 { bad("owner") }
		$10 == "true" || $11 == "true" { bad("was not followed") }
		$6 == "closed" && $12 != ($1 == here ? "remote_fin" : "local_fin") { bad("reason") }
		function bad(what) { if (!(what in said)) print what ": " $0; said[what]++; failed++ }
		END {
			for (ns in closed) if (established[ns] != n - may[ns] || closed[ns] != n - may[ns]) {
				print ns ": " established[ns] " established, " closed[ns] " closed of " n - may[ns]; failed++ }
			if (!closed[here] || !closed[there]) { print "one side is missing"; failed++ }
			exit failed > 0
		}' "$work/unseen" "$work/rows" || fail "connections are not accounted for"
	! grep -q ' lost (0' "$work/daemon.log" || grep -q ' 0 lost (0 ring' "$work/daemon.log" || fail "events were lost"
}

# settled NUMBER EVENT - wait for all of both sides; what is missing then accounted()
# finds.
settled() {
	eventually 10 seen "$1" "$here_ns" ".event == \"$2\"" || :
	eventually 3 seen "$1" "$there_ns" ".event == \"$2\"" || :
}

run_server() {
	on here "$storm" serve 700 3 &
	eventually 10 listening here 700 || fail "no server"
	sleep 0.2
}

addresses=("$here4" 10.89.0.3 10.89.0.4 "$here6")
inspect # with no options
run_server
active0=$(counter there TcpActiveOpens) passive0=$(counter here TcpPassiveOpens)
on there "$storm" burst "$short" 700 "${addresses[@]}" || fail "not all were connected"
counts "$short"
settled "$short" closed
stop
accounted "$short"
echo "ok: $short short connections"

inspect # with no options
active0=$(counter there TcpActiveOpens) passive0=$(counter here TcpPassiveOpens)
mkfifo "$work/hold"
on there "$storm" hold "$held" 700 "${addresses[@]}" <"$work/hold" >"$work/open" &
client=$!
exec 9>"$work/hold"
processes=$(((held + 4999) / 5000))
opened() { [ "$(grep -c open "$work/open")" = $processes ]; }
eventually 60 opened || fail "not all were connected"
counts "$held"
settled "$held" established
exactly 0 "$here_ns" '.event == "closed"'
exec 9>&-
wait $client || fail "the client failed"
settled "$held" closed
stop
accounted "$held"
echo "ok: $held connections at once"
counted conn

# More than there is room for, and no port taken from TIME_WAIT: all are reported.
more=1500
inspect --set plugin.conn.connections=1024
active0=$(counter there TcpActiveOpens) passive0=$(counter here TcpPassiveOpens)
on there "$storm" hold $more 700 "${addresses[@]}" <"$work/hold" >"$work/open" &
client=$!
exec 9>"$work/hold"
processes=1
eventually 60 opened || fail "not all were connected"
counts $more
exec 9>&-
wait $client || fail "the client failed"
settled $more closed
stop
full=$(jq -n '[inputs | select(.untracked)] | length' "$work/events")
[ "$full" -gt 0 ] || fail "all of $((2 * more)) ends found room among 1024"
for ns in "$here_ns" "$there_ns"; do
	closed=$(seen_in "$ns" '.event == "closed"')
	[ "$closed" = $more ] || [ -s "$work/unseen" ] || fail "$closed of $more connections were reported in $ns"
done
grep -q 'no room for' "$work/daemon.log" || fail "the log does not say that there was no room"
echo "ok: $full ends beyond the room for 1024"
