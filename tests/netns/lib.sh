# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - what the scripts in network namespaces share. To be sourced first:
#	. "$(dirname "$0")/lib.sh" || exit
#
# The script starts over in mount, PID and network namespaces of its own. What it
# mounts, runs and makes in there ends with it, by whatever signal; names need
# not be unique. The kernel is the same: programs and tracepoints are the host's.
#
# TCPINSPECT: the daemon; TI_PLUGINS, TI_SINKS, TI_TEST_PLUGINS: folders of
# modules (default: those of a build in the current folder). TI_ROWS: a file for what
# counted() and not_here() are told.
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*" >&2
	exit 1
}

# need TOOL...
need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "no $tool here"
	done
}

[ "$(id -u)" = 0 ] || skip "network namespaces and BPF programs need root"
need ip mount nsenter unshare
own=(unshare --mount --net --pid --fork --kill-child --mount-proc)
if [ -z "${TI_OWN_NAMESPACES-}" ]; then
	"${own[@]}" true 2>/dev/null || skip "no namespaces can be made here"
	TI_OWN_NAMESPACES=1 exec "${own[@]}" bash "$0" "$@"
fi
unset TI_OWN_NAMESPACES

: "${TCPINSPECT:=$PWD/tcpinspect}" "${TI_PLUGINS:=$PWD/modules/plugins}"
: "${TI_SINKS:=$PWD/modules/sinks}" "${TI_TEST_PLUGINS:=$PWD/tests/plugins/.libs}"
[ -x "$TCPINSPECT" ] || skip "no $TCPINSPECT: run make first"

mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
rows=${TI_ROWS:-/dev/null}
work=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$work"
daemon=

finish() {
	case $? in
	0 | 77) ;;
	*) tail -n 20 "$work"/*.log >&2 2>/dev/null || : ;;
	esac
	umount -l "$work" && rmdir "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || :

# netns NAME... - make network namespaces.
netns() {
	local name
	for name; do
		ip netns add "$name"
		on "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		ip -n "$name" link set lo up
	done
}

# on NAME COMMAND... - in a network namespace. (ip netns exec hides what is mounted in /sys.)
on() {
	nsenter --net="/run/netns/$1" -- "${@:2}"
}

# wire NAME DEVICE NAME DEVICE - a cable between two of them.
wire() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# address NAME DEVICE ADDRESS/LENGTH...
address() {
	local a
	for a in "${@:3}"; do
		ip -n "$1" address add "$a" dev "$2"
	done
}

# The daemon's BPF programs, by number.
programs() {
	sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$daemon/fdinfo/"* 2>/dev/null | sort -u
}

# gone NUMBER... - the kernel has let go of programs. It does so a moment after
# the last one who held them.
gone() {
	local id
	for id; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

# eventually SECONDS COMMAND... - until it succeeds. Nothing ever comes to be read:
# a pause without a process, which in the VMs are what takes time.
exec {nothing}<> <(:)
eventually() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	until "${@:2}"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		read -rt 0.02 -u "$nothing" || :
	done
}

# What the hook tc is on this kernel: tcx links came with 6.6.
tc_mode() {
	if [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" = 6.6 ]; then
		echo tcx
	else
		echo clsact
	fi
}

# without_tcx COMMAND... - run a daemon that it starts as if by an older kernel.
old_tc=$(cd "$(dirname "$0")" && pwd)/old-tc.py
by=()
without_tcx() {
	by=(python3 "$old_tc")
	"$@"
	by=()
}

# start NAME ARGUMENT... - run the daemon in a namespace until stop, and wait until
# it is attached somewhere. Its events are in $work/events, its log in $work/daemon.log.
start() {
	rm -f "$work/daemon.log"
	nsenter --net="/run/netns/$1" -- "${by[@]}" "$TCPINSPECT" run -S "$TI_SINKS/console.so" -o json --duration 100s "${@:2}" \
		>"$work/events" 2>"$work/daemon.log" &
	daemon=$!
	eventually 30 attached || fail "tcpinspect did not attach"
}

attached() {
	local lines=()
	[ ! -e "$work/daemon.log" ] || mapfile -t lines <"$work/daemon.log"
	[[ "${lines[*]}" != *" attached "* ]] || return 0
	kill -0 "$daemon" || fail "tcpinspect ended before it was attached"
	return 1
}

# stop - end it in good order; all of its events are in $work/events then.
stop() {
	local status=0
	kill -INT "$daemon"
	wait "$daemon" || status=$?
	daemon=
	[ $status = 0 ] || fail "tcpinspect ended with $status"
	sed -n 's/^tcpinspect: \([a-z0-9_]*\): attached \([a-z0-9_]*\) to .*/\1 \2 attached/p' "$work/daemon.log" >>"$rows"
}

# Rows of doc/kernels.md. What was attached stop() takes from the daemon's log; what
# it means only the script knows:
# counted PLUGIN [HOOK] - it has reported there, or wherever it was attached last,
# exactly what happened.
counted() {
	local hook
	for hook in ${2-$(sed -n "s/^tcpinspect: $1: attached \([a-z0-9_]*\) to .*/\1/p" "$work/daemon.log")}; do
		echo "$1 $hook counted" >>"$rows"
	done
}

# not_here PLUGIN HOOK WHY... - why not on this kernel: few words, the same each time.
not_here() {
	echo "$1 $2 not: ${*:3}" >>"$rows"
}

# Of a daemon started with --stats: what it has printed last.
metrics() {
	awk '/^# tcpinspect metrics$/ { text = ""; inside = 1 }
		inside { text = text $0 "\n" }
		/^# EOF$/ { inside = 0; last = text }
		END { printf "%s", last }' "$work/daemon.log"
}

# metric NUMBER NAME [LABELS] - that is its value, with these labels or the sum over all.
metric() {
	local n
	n=$(metrics | awk -v name="$2" -v labels="${3-}" '{ split($1, part, "{") }
		labels == "" && part[1] == name || $1 == name labels { n += $2 } END { printf "%d", n }')
	[ "$n" = "$1" ] || { metrics >&2; fail "$2${3-} is $n instead of $1"; }
}

# events CONDITION - how many fulfil it, in jq's language.
events() {
	jq -s "[.[] | select($1)] | length" "$work/events"
}

# expect NUMBER CONDITION
expect() {
	local n
	n=$(events "$2")
	[ "$n" = "$1" ] || {
		head -n 5 "$work/events" >&2
		fail "$n events instead of $1 with $2"
	}
}

# serve NAME ADDRESS PORT - a web server, ended with the script.
serve() {
	on "$1" python3 -m http.server --bind "$2" "$3" >/dev/null 2>&1 &
	eventually 60 listening "$1" "$3" || fail "no server at port $3"
}

listening() {
	on "$1" ss -Hltn "sport = :$2" | grep -q .
}

# From a namespace to a port at which nobody listens: one SYN.
knock() {
	! on "$1" curl -g -s "http://$2/" || fail "somebody listens at $2"
}

# web NAME PORTS - nginx, which answers one line.
web() {
	local nginx=$work/nginx-$1-$2
	cat >"$nginx.conf" <<-END
		daemon off; pid $nginx.pid; error_log $nginx.log;
		worker_processes 1; events { worker_connections 1024; }
		http {
			access_log off; keepalive_requests 1000000000;
			server { listen $2; listen [::]:$2 ipv6only=on; return 200 "hello\n"; }
		}
	END
	on "$1" nginx -c "$nginx.conf" -e "$nginx.log" &
	eventually 10 test -s "$nginx.pid" || fail "no nginx in $1"
}

# Is there an event that fulfils a condition in jq's language?
event() {
	jq -en "any(inputs; $1)" "$work/events" >/dev/null 2>&1
}

# soon CONDITION [SECONDS] - such an event comes.
soon() {
	eventually "${2-8}" event "$1" || fail "no event with $1"
}
