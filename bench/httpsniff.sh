#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# httpsniff.sh [-r ROUNDS] [-s SECONDS] - what it costs to see HTTP requests: nginx in one
# namespace and wrk in another, a veth between them, as fast as they can, watched at
# nginx's end by nobody, by us and by others, in alternating rounds; medians of ROUNDS
# (5). Of the requests that nginx has counted: how many were reported; CPU seconds of the
# tool and its children a million requests. Each writes what it sees to a file in memory.
#
# Packages beside those of the tests: httpry, ngrep, tshark, suricata; who is missing is
# left out. ngrep only greps: what it sees is packets that begin with GET.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../tests/netns/lib.sh" || exit
need curl ethtool nginx wrk

rounds=5 seconds=4
while getopts r:s: option; do
	case $option in
	r) rounds=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done

netns server client
wire server eth0 client eth0
address server eth0 10.89.0.1/24
address client eth0 10.89.0.2/24
mkdir "$work/results" "$work/nginx"
chmod 755 "$work"
cat >"$work/nginx.conf" <<END
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path $work/nginx/1; proxy_temp_path $work/nginx/2; fastcgi_temp_path $work/nginx/3;
	uwsgi_temp_path $work/nginx/4; scgi_temp_path $work/nginx/5;
	keepalive_requests 1000000000;
	server { listen 10.89.0.1:80; location / { return 200 "hello\n"; } }
	server { listen unix:$work/status; location / { stub_status; } }
}
END
on server nginx -c "$work/nginx.conf" -g 'daemon off;' &
eventually 20 test -S "$work/status" || fail "no nginx: $(cat "$work/nginx.log")"

# --- tools ---------------------------------------------------------------

plugins=(httpsniff portscan synflood conn retrans)

# Its command, and what a request is in its output, a pattern of grep.
command_of() { # TOOL
	case $1 in
	httpsniff | 'all five')
		tool=("$TCPINSPECT" run -S "$TI_SINKS/console.so" -o json -i eth0 -P "$TI_PLUGINS/httpsniff.so")
		[ "$1" = httpsniff ] || for plugin in "${plugins[@]:1}"; do
			tool+=(-P "$TI_PLUGINS/$plugin.so")
		done
		request='"event":"http_request"'
		;;
	tshark)
		tool=(tshark -Q -n -l -i eth0 -Y http.request -T fields -e ip.src -e http.request.method -e http.host
			-e http.request.uri tcp port 80)
		request=GET
		;;
	httpry)
		tool=(httpry -q -i eth0 -m get)
		request=GET
		;;
	ngrep)
		tool=(ngrep -q -l -d eth0 -W single '^GET' tcp dst port 80)
		request='GET /'
		;;
	suricata)
		tool=(suricata -i eth0 -l "$work" --set outputs.1.eve-log.filename=/dev/stdout)
		request='"event_type":"http"'
		;;
	esac
}

# Loading the last of them takes time from those before.
all_attached() { # TOOL
	local plugin
	for plugin in "${plugins[@]}"; do
		[ "$1" != httpsniff ] || [ "$plugin" = httpsniff ] || continue
		grep -qs " $plugin: attached " "$work/tool.log" || return
	done
}

begin() { # TOOL
	[ "$1" != nobody ] || return 0
	command_of "$1"
	rm -f "$work/tool.log"
	nsenter --net=/run/netns/server -- "${tool[@]}" >"$work/events" 2>"$work/tool.log" & # on() would be a process more
	daemon=$!
	case $1 in
	httpsniff | 'all five')
		eventually 30 all_attached "$1" || return 1
		sleep 0.5
		;;
	*) sleep 2 ;;
	esac
	kill -0 $daemon 2>/dev/null
}

# Some ignore SIGINT when they run in the background, some are slow to go.
end() { # TOOL
	case $1 in
	nobody) return ;;
	httpsniff | 'all five') kill -INT $daemon ;;
	*) kill -TERM $daemon ;;
	esac
	eventually 10 ended || kill -KILL $daemon
	wait $daemon 2>/dev/null || :
}

ended() {
	! kill -0 $daemon 2>/dev/null
}

# CPU seconds so far of all threads of the tool and its children.
cpu_seconds() {
	local pids=("$daemon") i
	for ((i = 0; i < ${#pids[@]}; i++)); do
		mapfile -t -O ${#pids[@]} pids < <(pgrep -P "${pids[i]}" || :)
	done
	for i in "${pids[@]}"; do
		cat "/proc/$i/task/"*/schedstat 2>/dev/null || :
	done | awk '{ ns += $1 } END { print ns / 1e9 }'
}

answered() {
	curl -s --unix-socket "$work/status" http://x/ | awk 'NR == 3 { print $3 }'
}

reported() {
	grep -cF -- "$request" "$work/events" || :
}

settled() {
	local before
	before=$(stat -c %s "$work/events")
	sleep 0.5
	[ "$before" = "$(stat -c %s "$work/events")" ]
}

result() { # TOOL MEASURE VALUE
	echo "$3" >>"$work/results/$1.$2"
}

once() { # TOOL
	local before requests used=0
	begin "$1" || fail "$1 does not run: $(tail -n 3 "$work/tool.log")"
	before=$(answered)
	[ "$1" = nobody ] || used=$(cpu_seconds)
	on client wrk -t1 -c50 -d"$seconds" http://10.89.0.1/index.html?a=b >"$work/wrk"
	requests=$(($(answered) - before - 1))
	result "$1" rate "$(awk '/^Requests\/sec/ { print $2 }' "$work/wrk")"
	[ "$1" != nobody ] || return 0 # nothing else is known of it
	eventually 20 settled || :
	result "$1" cpu "$(awk -v a="$(cpu_seconds)" -v b="$used" -v n=$requests 'BEGIN { print 1e6 * (a - b) / n }')"
	end "$1"
	result "$1" seen "$(awk -v a="$(reported)" -v n=$requests 'BEGIN { print 100 * a / n }')"
	grep -h ' httpsniff to console: ' "$work/tool.log" >>"$work/sums" || :
	rm -f "$work/events"
}

median() { # TOOL MEASURE
	sort -g "$work/results/$1.$2" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

range() { # TOOL MEASURE
	sort -g "$work/results/$1.$2" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) printf "%.4g-%.4g", v[1], v[NR] }'
}

[ -e "$TI_PLUGINS/httpsniff.so" ] || skip "no httpsniff.so in $TI_PLUGINS"
tools=(nobody httpsniff 'all five')
for plugin in "${plugins[@]}"; do
	[ -e "$TI_PLUGINS/$plugin.so" ] || { echo "no $plugin.so" && tools=(nobody httpsniff); }
done
for name in tshark httpry ngrep suricata; do
	if command -v $name >/dev/null; then
		tools+=("$name")
	else
		echo "$name is not installed"
	fi
done

on client wrk -t1 -c50 -d1 http://10.89.0.1/ >/dev/null
for ((round = 0; round < rounds; round++)); do
	for ((i = 0; i < ${#tools[@]}; i++)); do
		once "${tools[(i + round) % ${#tools[@]}]}"
	done
done

printf '%-12s %11s %7s %9s %15s %18s   medians of %d rounds of %d s\n' '' requests/s ratio 'seen %' '(all rounds)' \
	'CPU s / 1M requests' "$rounds" "$seconds"
for tool in "${tools[@]}"; do
	printf '%-12s %11.0f %7.3f %9s %15s %18s\n' "$tool" "$(median "$tool" rate)" \
		"$(awk -v a="$(median "$tool" rate)" -v b="$(median nobody rate)" 'BEGIN { print a / b }')" \
		"$(median "$tool" seen)" "$(range "$tool" seen)" "$(median "$tool" cpu)"
done
awk '{ for (i = 1; i <= NF; i++) { if ($i == "lost") lost += $(i - 1); if ($i == "events,") n += $(i - 1) } }
	END { printf "httpsniff by its own count: %d events, %d lost\n", n, lost }' "$work/sums"
