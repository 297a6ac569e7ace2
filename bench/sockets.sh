#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sockets.sh [-r ROUNDS] [-p PLUGIN]... - what it costs to watch sockets, beside the
# tools that others watch them with, in the same rounds: connections that are made and
# closed as fast as the machine can, and iperf3 over a veth, medians of ROUNDS (5) in
# which all take turns; CPU time of the tool; and of the connections, each of which
# closes at two ends, how many ends it has not reported. Then what one run of each of
# our programs takes, by the kernel's statistics, and memory with sockets open.
#
# Run by `sudo make bench`, in about 3 minutes. Packages beside those of the tests:
# bpftrace, and libbpf-tools or bpfcc-tools.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need bpftool ethtool iperf3 jq nft
storm=${TI_STORM:-$PWD/bench/storm}
[ -x "$storm" ] || skip "no $storm: run make bench"

rounds=5
plugins=()
while getopts r:p: option; do
	case $option in
	r) rounds=$OPTARG ;;
	p) plugins+=("$OPTARG") ;;
	*) exit 2 ;;
	esac
done
[ ${#plugins[@]} -gt 0 ] || plugins=(retrans conn)
arguments=()
for plugin in "${plugins[@]}"; do
	[ -e "$TI_PLUGINS/$plugin.so" ] || skip "no $plugin.so in $TI_PLUGINS"
	arguments+=(-P "$TI_PLUGINS/$plugin.so")
done

netns here there
wire here v0 there v1
address here v0 10.211.0.1/24 10.211.0.3/24 # one for the storm, one for iperf3
address there v1 10.211.0.2/24
for name in here there; do
	on $name sysctl -qw net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535'
done
on here iperf3 -s -B 10.211.0.3 >/dev/null 2>&1 &
hertz=$(getconf CLK_TCK)
mkdir "$work/results"

# --- tools ---------------------------------------------------------------

# shellcheck disable=SC2016 # bpftrace's own variables
one_liner='
tracepoint:sock:inet_sock_set_state {
	printf("%s:%d %s:%d %d>%d\n", ntop(args->saddr), args->sport, ntop(args->daddr), args->dport, args->oldstate,
		args->newstate);
}
tracepoint:tcp:tcp_retransmit_skb {
	printf("%s:%d %s:%d again\n", ntop(args->saddr), args->sport, ntop(args->daddr), args->dport);
}'

# Command of a tool.
command_of() { # TOOL
	case $1 in
	bpftrace) tool=(bpftrace -e "$one_liner") ;;
	*) tool=("$1") ;;
	esac
}

# What it prints when a connection's end has closed: a pattern of grep. (A listener
# that closes, from LISTEN, is none.)
closed_in() { # TOOL
	case $1 in
	tcpinspect) echo '"event":"closed".*"10\.211\.0\.1"' ;;
	tcplife*) echo ' 10\.211\.0\.1 ' ;;
	tcpstates*) echo '10\.211\.0\.1 .*[^N]  *-> CLOSE ' ;;
	bpftrace) echo '10\.211\.0\.1:.*[1-9]>7$' ;;
	esac
}

# The daemon with all of our plugins, each of them attached.
ours() {
	start here "${arguments[@]}"
	for plugin in "${plugins[@]}"; do
		eventually 20 grep -q " $plugin: attached " "$work/daemon.log" || fail "$plugin is not attached"
	done
	sleep 0.5
}

has_programs() {
	kill -0 "$daemon" 2>/dev/null || return 0
	[ -n "$(programs)" ]
}

# 1: it ends at once; the reason is the end of $work/tool.log.
begin() { # TOOL
	local tool
	case $1 in
	nothing) return ;;
	tcpinspect)
		ours
		return
		;;
	esac
	command_of "$1"
	"${tool[@]}" >"$work/events" 2>"$work/tool.log" &
	daemon=$!
	eventually 20 has_programs || :
	sleep 0.5
	kill -0 "$daemon" 2>/dev/null
}

# Ends that it has reported so far; and that no more come.
reported() { # TOOL
	grep -c "$(closed_in "$1")" "$work/events" || :
}

settled() { # TOOL
	local before
	before=$(reported "$1")
	sleep 0.5
	[ "$before" = "$(reported "$1")" ]
}

end() {
	[ "$1" = nothing ] || kill -INT "$daemon"
	[ "$1" = nothing ] || wait "$daemon" || :
}

# --- measures ------------------------------------------------------------

result() { # TOOL MEASURE VALUE
	echo "$3" >>"$work/results/$1.$2"
}

median() { # TOOL MEASURE
	sort -g "$work/results/$1.$2" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

cpu() { # CPU seconds of a tool
	if [ "$1" = nothing ]; then
		echo 0
	else
		awk -v hertz="$hertz" '{ print ($14 + $15) / hertz }' "/proc/$daemon/stat"
	fi
}

less() { # A B - A - B
	awk -v a="$1" -v b="$2" 'BEGIN { print a - b }'
}

total() { # TOOL MEASURE
	awk '{ n += $1 } END { if (NR) print n }' "$work/results/$1.$2" 2>/dev/null
}

# Connections between the two, made and closed for SECONDS: $made.
storm() { # SECONDS
	"$storm" -s "$1" /run/netns/there /run/netns/here 10.211.0.1 7000 >"$work/storm" || fail "storm: $(cat "$work/storm")"
	made=$(awk '/^made/ { print $2 }' "$work/storm")
}

gigabits() { # SECONDS
	on there iperf3 -J -c 10.211.0.3 -t "$1" | jq '.end.sum_received.bits_per_second / 1e9'
}

once() { # TOOL
	local before seconds
	begin "$1"
	before=$(cpu "$1")
	storm 2
	result "$1" connections $((made / 2))
	result "$1" gigabits "$(gigabits 2)"
	[ "$1" = nothing ] || eventually 10 settled "$1" || :
	seconds=$(less "$(cpu "$1")" "$before")
	result "$1" cpu "$seconds"
	result "$1" each "$(awk -v s="$seconds" -v n="$made" 'BEGIN { print 1e6 * s / n }')"
	end "$1"
	[ "$1" = nothing ] || {
		result "$1" ends $((2 * made))
		result "$1" missed $((2 * made - $(reported "$1")))
	}
}

tools=(nothing tcpinspect)
for name in tcplife tcplife-bpfcc tcpstates tcpstates-bpfcc bpftrace; do
	if ! command -v $name >/dev/null; then
		echo "$name is not installed"
	elif begin $name; then
		end $name
		tools+=("$name")
	else
		echo "$name does not run here: $(grep -vE 'RLIMIT_MEMLOCK|^Traceback|^sh: |^ ' "$work/tool.log" | head -n 1)"
	fi
done
daemon=

storm 2 # ports in TIME_WAIT from here on
for ((round = 0; round < rounds; round++)); do
	for ((i = 0; i < ${#tools[@]}; i++)); do
		once "${tools[(i + round) % ${#tools[@]}]}"
	done
done

echo "plugins: ${plugins[*]}; medians of $rounds rounds; ends and missed are those of all rounds"
printf '%-16s %13s %6s %7s %6s %6s %8s %9s %9s\n' '' connections/s ratio Gbit/s ratio 'CPU s' us/conn. ends missed
for tool in "${tools[@]}"; do
	paste -d ' ' <(median "$tool" connections) <(median nothing connections) <(median "$tool" gigabits) \
		<(median nothing gigabits) <(median "$tool" cpu) <(median "$tool" each) <(total "$tool" ends) \
		<(total "$tool" missed) |
		awk -v tool="$tool" '{ printf "%-16s %13d %6.3f %7.2f %6.3f %6.2f %8.2f %9s %9s\n", tool, $1, $1 / $2, $3, $3 / $4,
			$5, $6, $7, $8 }'
done

# --- ours alone ----------------------------------------------------------

# What one run of each program takes; of iperf3's segments one in a hundred is lost.
echo
echo "one run of each program, by kernel.bpf_stats_enabled:"
on there ethtool -K v1 gso off tso off 2>/dev/null
on here nft -f - <<'END'
table ip loss {
	chain input {
		type filter hook input priority 0
		tcp dport 5201 meta length > 500 numgen inc mod 100 == 50 counter drop
	}
}
END
ours
again() {
	on there nstat -asz TcpRetransSegs | awk '/^TcpRetransSegs/ { print $2 }'
}
before=$(again)
stats=$(sysctl -n kernel.bpf_stats_enabled)
sysctl -qw kernel.bpf_stats_enabled=1
storm 2
gigabits 2 >/dev/null
sysctl -qw kernel.bpf_stats_enabled="$stats"
for id in $(programs); do
	bpftool -j prog show id "$id" | jq -r 'select(.run_cnt) | "\(.name) \(.run_cnt) \(.run_time_ns / .run_cnt) \(.recursion_misses // 0)"'
done | sort | awk '{ printf "%-20s %9d runs %7.0f ns %6d skipped (recursion)\n", $1, $2, $3, $4 }'
echo "segments sent again meanwhile: $(($(again) - before))"
stop
on here nft delete table ip loss

# Maps are the daemon's, each counted once.
maps() {
	cat "/proc/$daemon/fdinfo/"* 2>/dev/null | awk '/^memlock:/ { bytes = $2 } /^map_id:/ && !seen[$2]++ { sum += bytes }
		END { printf "%d\n", sum / 1024 }'
}

memory() { # WHEN
	printf '%-28s RSS %7d KiB, BPF maps and rings %7d KiB\n' "$1" \
		"$(awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status")" "$(maps)"
}

# Both ends of a connection are followed here.
echo
ours
memory "no connection open:"
mkfifo "$work/hold"
"$storm" -p 4 -h 20000 /run/netns/there /run/netns/here 10.211.0.1 7100 <"$work/hold" >"$work/storm" &
exec 9>"$work/hold"
eventually 40 grep -q open "$work/storm" || fail "20000 connections can't be held open"
sleep 1
memory "40000 ends open:"
exec 9>&-
wait $!
eventually 20 settled tcpinspect || :
memory "and closed:"
for id in $(programs); do
	bpftool -j prog show id "$id" | jq -r 'select(.recursion_misses) | "\(.name): \(.recursion_misses) runs skipped (recursion)"'
done
stop
echo "of their 40000 ends reported as closed: $(reported tcpinspect)"
! grep -iE 'lost|evicted' "$work/daemon.log" || :
