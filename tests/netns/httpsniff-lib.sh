# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# httpsniff-lib.sh - what the httpsniff-*.sh share. To be sourced first:
#	. "$(dirname "$0")/httpsniff-lib.sh" || exit
#
# In `here`, where tcpinspect runs, and `there` eth0 is wired to eth0.
set -eu

. "$(dirname "$0")/lib.sh" || exit
need jq

here4=10.87.0.1 there4=10.87.0.2 here6=fd87::1 there6=fd87::2
netns here there
wire here eth0 there eth0
address here eth0 $here4/24 $here6/64
address there eth0 $there4/24 $there6/64

# sniff NAMESPACE INTERFACES ARGUMENT... - until it is attached in both directions.
sniff() {
	start "$1" -P "$TI_PLUGINS/httpsniff.so" -i "$2" "${@:3}"
	eventually 10 attached_both "$([ "$2" = 'eth*' ] && echo 4 || echo 2)" || fail "not attached in both directions"
}

attached_both() {
	[ "$(grep -c ' attached ' "$work/daemon.log")" = "$1" ]
}

# web NAMESPACE [LINE...] - nginx at port 80, and what else LINEs say of the server. Its
# log, a request a line, is web_log.
web() {
	local nginx=$work/nginx-$1
	cat >"$nginx.conf" <<-END
		daemon off; pid $nginx.pid; error_log $nginx.log;
		worker_processes 1; events { worker_connections 1024; }
		http {
			log_format ti '\$remote_port \$connection_requests \$request_method \$request_uri \$status';
			access_log $work/access ti buffer=1m;
			keepalive_requests 1000000000; client_max_body_size 0; client_body_temp_path $work/body;
			client_header_buffer_size 16k; large_client_header_buffers 4 32k;
			server {
				listen 80; listen [::]:80 ipv6only=on;
				location / { return 200 "hello\n"; }
				${*:2}
			}
		}
	END
	rm -f "$nginx.pid"
	on "$1" nginx -c "$nginx.conf" -e "$nginx.log" &
	eventually 10 test -s "$nginx.pid" || fail "no nginx in $1"
	web=$(<"$nginx.pid")
}

# web_log - end nginx, and what it has served: as `seen` has it.
web_log() {
	kill -QUIT "$web"
	eventually 10 gone_away "$web" || fail "nginx does not end"
	sort -n "$work/access"
}

gone_away() {
	! kill -0 "$1" 2>/dev/null
}

# seen FILTER - of each request a line, in jq's words, in order of port and depth.
seen() {
	jq -r "select(.event == \"http_request\") | $1" "$work/events" | sort -n
}

# same NAME - the lines of $work/truth are those of $work/seen.
same() {
	diff "$work/truth" "$work/seen" >"$work/diff" || {
		head -n 20 "$work/diff" >&2
		fail "$1: other requests reported (>) than sent (<)"
	}
	[ -s "$work/truth" ] || fail "$1: nothing was sent"
	echo "ok: $1: $(wc -l <"$work/truth") requests"
}
