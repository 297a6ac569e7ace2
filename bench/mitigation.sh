#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mitigation.sh [-r ROUNDS] [-s SECONDS] - what clients have of a web server while random
# sources flood it with SYNs: wrk's requests a second, medians of ROUNDS (3) in which all
# cases take turns, and errors: undisturbed, in the flood, and in the flood with mode =
# limit; with connections that are kept, and with one for each request. Clients begin in
# the flood, when it has been found, so that their first SYNs are dropped.
#
# The flood has CPU 0 to itself; wrk, nginx and tcpinspect share the last one, also while
# there is none. Run by `sudo make bench`, in about 4 minutes.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need ethtool jq nginx taskset wrk
gen=${TI_BUILD:-$PWD}/bench/floodgen
[ -x "$gen" ] || skip "no $gen: run make bench"
[ "$(nproc)" -gt 1 ] || skip "it takes two CPUs"

rounds=3 seconds=10
while getopts r:s: option; do
	case $option in
	r) rounds=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
last=$(($(nproc) - 1))

netns here there
wire here eth0 there eth0
address here eth0 10.87.0.1/24
address there eth0 10.87.0.2/24
ip -n here route add default via 10.87.0.2
on here ethtool -K eth0 gro on # takes frames without an XDP program, too
for name in here there; do
	on $name sysctl -qw net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535'
done
mac=$(ip -n here -j link show eth0 | jq -r '.[0].address')

cat >"$work/nginx.conf" <<END
daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
worker_processes 1; events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; server { listen 80; return 200 "hello\n"; } }
END
on here taskset -c $last nginx -c "$work/nginx.conf" -e "$work/nginx.log" &
eventually 10 listening here 80 || fail "no nginx"

flood() { # SECONDS
	on there taskset -c 0 "$gen" "$gen.bpf.o" eth0 "$mac" 10.87.0.1 80 "$1" >"$work/flood" &
	flooding=$!
}

# clients CASE ARGUMENT... - wrk's requests/s and errors are noted.
clients() {
	on there taskset -c $last wrk -t 1 -c 50 -d "$seconds" "${@:2}" http://10.87.0.1/ >"$work/wrk"
	awk '/Requests\/sec/ { print $2 }' "$work/wrk" >>"$work/rate.$1"
	grep -E 'Socket errors|Non-2xx' "$work/wrk" >>"$work/errors.$1" || :
}

round() { # ARGUMENT OF WRK...
	clients undisturbed "$@"
	flood $((seconds + 3))
	sleep 2
	clients flooded "$@"
	wait $flooding
	cat "$work/flood" >>"$work/flood.flooded"
	start here -P "$TI_PLUGINS/synflood.so" -i eth0 --set plugin.synflood.mode=limit --set plugin.synflood.hook=xdp
	taskset -pc $last "$daemon" >/dev/null
	flood $((seconds + 5))
	sleep 4
	clients limited "$@"
	wait $flooding
	cat "$work/flood" >>"$work/flood.limited"
	stop
	jq -r 'select(.event == "flood_end") | "\(.syns) SYNs, \(.dropped) dropped, \(.class)"' "$work/events" >>"$work/events.limited"
}

median() {
	sort -n "$1" | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'
}

measure() { # WHAT ARGUMENT OF WRK...
	local round which usual
	rm -f "$work"/*.{undisturbed,flooded,limited}
	for ((round = 0; round < rounds; round++)); do
		round "${@:2}"
	done
	usual=$(median "$work/rate.undisturbed")
	for which in undisturbed flooded limited; do
		awk -v now="$(median "$work/rate.$which")" -v usual="$usual" -v what="$1, $which" \
			'BEGIN { printf "%-32s %8d requests/s, %3d %%", what, now, now * 100 / usual }'
		[ $which = undisturbed ] || printf ' at %s' "$(median "$work/flood.$which") M SYNs/s"
		[ -s "$work/errors.$which" ] && printf '; %s\n' "$(tr '\n' ';' <"$work/errors.$which")" || echo '; no error'
	done
	sed 's/^/    /' "$work/events.limited"
}

measure 'kept connections'
measure 'a connection each' -H 'Connection: close'
