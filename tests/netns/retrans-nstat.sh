#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is reported is what the kernel counts, segment for segment and cause for
# cause. The kernel's counters, in each namespace by nstat:
#	TcpRetransSegs		segments, SYNs and SYN-ACKs among them, also those that
#				could not be sent, which are in TCPRetransFail
#	TCPFastRetrans, TCPSlowStartRetrans	segments that were sent
#	TCPLossProbes		probes, also those that send new data: in all but `tail`
#	TCPTimeouts		timers that fired, also where nothing could be sent (in
#				`full`); those of SYN-ACKs too, unless a SYN that came
#				again had them sent (in `server`)
#	TCPSynRetrans		SYNs and SYN-ACKs
#
# Some kernels run no BPF program in an interrupt of a process that they protect, and
# none runs within itself. The tracepoints' own record tells of such hits: each is
# a segment that the kernel has counted and nobody could report. TI_STRICT=1: there
# are no others than the recursion_misses that the kernel counts.
. "$(dirname "$0")/retrans-lib.sh" || exit
need awk bpftool

trace=/sys/kernel/tracing/instances/tcpinspect-$RANDOM$RANDOM
untrace() {
	[ ! -d $trace ] || { echo 0 >$trace/events/tcp/enable && rmdir $trace; }
}
trap 'untrace; finish' EXIT

host bulk
host merged
host short
host server
host full
host tail
serve far 5301 200
serve far 5302 10000
serve server 5303 100
on far iperf3 -s >/dev/null &
eventually 10 listening far 5201 || fail "no iperf3 in far"

# transfer NAME ADDRESS BYTES - iperf3's server may be busy with the one before still.
transfer() {
	eventually 60 on "$1" iperf3 -c "$2" -n "$3" >"$work/iperf3.log" || fail "iperf3: $(cat "$work/iperf3.log")"
}

# Some of a bulk transfer's segments get lost, and some of what is sent again.
bulk() {
	drop 'tcp dport 5201 meta length > 500 numgen inc mod 40 20'
	transfer bulk $net4.1.2 30M
	transfer bulk $net6:1::2 30M
	undrop
	tc -n bulk qdisc add dev v0 root netem loss 3% delay 5ms 2>/dev/null || { echo "no netem here"; return 0; }
	transfer bulk $net4.1.2 4M
	tc -n bulk qdisc del dev v0 root
}

# Many segments are sent, lost and sent again as one.
merged() {
	ip -n merged link set v0 gso_max_segs 65535
	drop 'tcp dport 5201 meta length > 500 numgen inc mod 40 20'
	transfer merged $net6:2::2 30M
	undrop
}

# Nothing comes after what gets lost: only a probe can find that out.
tail_loss() {
	drop 'tcp dport 5301 meta length > 200 numgen inc mod 2 0'
	messages tail 5301 2 6 200 $net4.6.2 $net6:6::2
	undrop
}

# Everything gets lost for a while, SYNs too: timeouts, and the rest when it goes on.
short() {
	drop 'tcp dport 5302 meta length > 500'
	messages short 5302 8 3 10000 $net4.3.2 $net6:3::2 &
	undrop_after 170
	wait $!
	drop 'tcp dport 5302 tcp flags syn'
	messages short 5302 4 1 10000 $net4.3.2 $net6:3::2 &
	undrop_after 16
	wait $!
}

server() {
	drop 'tcp sport 5303'
	messages far 5303 4 1 100 $net4.4.1 $net6:4::1 &
	undrop_after 16
	wait $!
}

# What its own firewall refuses is not retransmitted, but counted as if it were.
full() {
	messages full 5302 2 4 10000 $net4.5.2 $net6:5::2 &
	drop 'tcp dport 5302 meta length > 500 numgen inc mod 10 0'
	on full nft add table inet full
	on full nft 'add chain inet full out { type filter hook output priority 0; }'
	on full nft add rule inet full out tcp dport 5302 meta length '>' 500 numgen inc mod 10 0 counter drop
	wait $!
	undrop
	on full nft delete table inet full
}

# hits N - of the tracepoints in the namespace of that number, failed attempts not.
hits() {
	grep -E "saddr=$net4.$1.1 |saddrv6=$net6:$1::1 " "$work/trace" | grep -Ecv 'err=-?[1-9]' || :
}

mkdir $trace
echo 16384 >$trace/buffer_size_kb
echo 1 >$trace/events/tcp/tcp_retransmit_skb/enable
echo 1 >$trace/events/tcp/tcp_retransmit_synack/enable
start far -P "$TI_PLUGINS/retrans.so" --set plugin.retrans.ring_size=8MiB --stats
bulk
merged
short
server
full
tail_loss
sleep 0.5
for name in bulk merged short server full tail; do
	note $name
done
cp $trace/trace "$work/trace"
misses=$(for id in $(programs); do bpftool -j prog show id "$id"; done | jq -s 'map(.recursion_misses // 0) | add')
stop
retransmits

# missing NAME COUNTER CAUSE... - how many the kernel has counted more.
missing() {
	local ours kernel
	ours=$(ours "$1" "${@:3}")
	kernel=$(kernel "$1" "$2")
	[ "$ours" -le "$kernel" ] || fail "$1: $2: $ours, the kernel has counted only $kernel"
	echo $((kernel - ours))
}

causes='tail_loss_probe fast slow_start timeout syn synack'
total=0 n=0
for name in bulk merged short server full tail; do
	n=$((n + 1))
	failed=$(kernel $name TcpExtTCPRetransFail)
	[ $name = full ] || [ "$failed" = 0 ] || fail "$name: $failed segments could not be sent"
	segs=$(($(missing $name TcpRetransSegs) - failed))
	fast=$(missing $name TcpExtTCPFastRetrans fast)
	slow_start=$(missing $name TcpExtTCPSlowStartRetrans slow_start)
	handshake=$(missing $name TcpExtTCPSynRetrans syn synack)
	probes=$(missing $name TcpExtTCPLossProbes tail_loss_probe)
	timeouts=$(missing $name TcpExtTCPTimeouts timeout syn)
	unreported=$(($(hits $n) - $(grep -c "^$(netns_of $name)	" "$work/retransmits" || :)))
	echo "$name: $(ours $name) segments$(for cause in $causes; do printf ', %s %s' "$cause" "$(ours $name "$cause")"; done)"
	[ $unreported = 0 ] || echo "$name: $unreported hits could not be reported"
	[ $((misses -= unreported)) -ge 0 ] || [ "${TI_STRICT-0}" = 0 ] || fail "$name: not all are reported"
	case $name in
	merged) [ $unreported != 0 ] || [ $segs = 0 ] ;;
	*) [ $segs = $unreported ] ;;
	esac || fail "$name: $segs segments are missing at $unreported hits"
	case $name in
	bulk | merged | full) [ $((fast + slow_start + handshake)) -le $segs ] ;;
	short) [ $((fast + slow_start + timeouts)) -le $segs ] ;;
	tail) [ $((fast + slow_start + probes + timeouts)) = $segs ] ;;
	server) [ $((fast + slow_start + probes + handshake)) = $segs ] ;;
	esac || fail "$name: fast $fast, slow_start $slow_start, handshake $handshake, probes $probes, timeouts $timeouts missing"
	total=$((total + $(ours $name)))
done
[ $total -ge 1000 ] || fail "only $total segments were retransmitted"
! grep -q unknown "$work/retransmits" || fail "causes are unknown"
for cause in $causes; do
	for family in "$net4." "$net6:"; do
		grep -q "	$cause	.*	$family" "$work/retransmits" || fail "no $cause from $family"
	done
done
for cause in $causes; do
	metric "$(jq -n "[inputs | select(.event == \"retransmit\" and .cause == \"$cause\").segs] | add" "$work/events")" \
		retrans_segs_total "{cause=\"$cause\"}"
done
counted retrans
