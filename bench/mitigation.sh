#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mitigation.sh [-s SECONDS] - what clients have of a web server while random sources
# flood it with SYNs: wrk's requests a second and errors, undisturbed, in the flood, and
# in the flood with mode = limit; with connections that are kept, and with one for each
# request. The clients begin before the flood, or in it.
#
# The flood has CPU 0 to itself; wrk, nginx and tcpinspect share the last one, also while
# there is none. Run by `sudo make bench`, in about 3 minutes.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need ethtool jq nginx taskset wrk
gen=${TI_BUILD:-$PWD}/bench/floodgen
[ -x "$gen" ] || skip "no $gen: run make bench"
[ "$(nproc)" -gt 1 ] || skip "it takes two CPUs"

seconds=10
while getopts s: option; do
	case $option in
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

# clients ARGUMENT... - "requests/s, errors" of wrk.
clients() {
	on there taskset -c $last wrk -t 1 -c 50 -d "$seconds" "$@" http://10.87.0.1/ >"$work/wrk"
	awk '/Requests\/sec/ { rate = $2 } /Socket errors|Non-2xx/ { errors = $0 } END { printf "%8d requests/s%s\n", rate, errors }' "$work/wrk"
}

limit() {
	start here -P "$TI_PLUGINS/synflood.so" -i eth0 --set plugin.synflood.mode=limit --set plugin.synflood.hook=xdp
	taskset -pc $last "$daemon" >/dev/null
}

# measure NAME ARGUMENT...
measure() {
	local name=$1
	shift
	printf '%s: undisturbed                         %s\n' "$name" "$(clients "$@")"
	flood $((seconds + 3))
	sleep 2
	printf '%s: in the flood                        %s' "$name" "$(clients "$@")"
	wait $flooding
	echo " of $(cat "$work/flood")"
	limit
	flood $((seconds + 7))
	sleep 4
	printf '%s: in the flood, mode = limit          %s' "$name" "$(clients "$@")"
	wait $flooding
	echo " of $(cat "$work/flood")"
	stop
	jq -r 'select(.event == "flood_end") | "\(.syns) SYNs, \(.dropped) dropped; class \(.class)"' "$work/events"
}

measure 'kept connections' -H 'Connection: keep-alive'
measure 'one a request   ' -H 'Connection: close'
