#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The in-kernel options that all plugins have in common: exactly what is wanted is
# reported and the rest counted, by packets at three hooks and by sockets at a
# tracepoint; what can't be told is refused.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need curl hping3 jq python3
[ -e "$TI_TEST_PLUGINS/t_filter.so" ] || skip "no test plugins in $TI_TEST_PLUGINS"

netns here there
wire here v0 there v1
address here v0 10.9.0.1/24 fd09::1/64
address there v1 10.9.0.2/24 10.9.0.130/24 fd09::2/64 fd09::3/64
on there ping -q -c 1 -W 5 10.9.0.1 >/dev/null
on there ping -q -c 1 -W 5 fd09::1 >/dev/null

# plugin NAME [OPTION=VALUE]... - start it with options.
plugin() {
	local arg options=()
	for arg in "${@:2}"; do
		options+=(--set "plugin.$1.$arg")
	done
	name=$1
	start here -P "$TI_TEST_PLUGINS/$1.so" -i v0 "${options[@]}"
}

# filtered NUMBER - so many were, it said at its end.
filtered() {
	local said
	said=$(sed -n "s/^tcpinspect: $name: \(.* \)\?\([0-9]\+\) filtered.*/\2/p" "$work/daemon.log" | head -n 1)
	[ "${said:-0}" = "$1" ] || fail "$name: $said filtered instead of $1"
}

cat >"$work/connect.py" <<'END'
import socket, sys
for line in iter(sys.stdin.readline, "\n"):
    source, to, port, number = line.split()
    for i in range(int(number)):
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
        s.bind((source, 0))
        s.connect_ex((to, int(port)))
        s.close()
    print("done", flush=True)
END

# connector NAME COMMAND... - a process that connects when told to.
declare -A to from
connector() {
	mkfifo "$work/$1.to" "$work/$1.from"
	"${@:2}" python3 "$work/connect.py" <>"$work/$1.to" >"$work/$1.from" &
	exec {fd}>"$work/$1.to"
	to[$1]=$fd
	exec {fd}<"$work/$1.from"
	from[$1]=$fd
}

# connect NAME SOURCE DESTINATION PORT NUMBER - so many times, where nobody listens.
connect() {
	echo "${@:2}" >&"${to[$1]}"
	read -r -t 60 _ <&"${from[$1]}" || fail "$1 does not connect"
}

# --- packets ----------------------------------------------------------------

# 31 SYNs, of each kind another number.
connector there on there
traffic() {
	connect there 10.9.0.2 10.9.0.1 4000 1
	connect there 10.9.0.2 10.9.0.1 4001 2
	connect there 10.9.0.130 10.9.0.1 4000 4
	connect there fd09::2 fd09::1 4000 8
	connect there fd09::3 fd09::1 4001 16
}

while read -r hook wanted options; do
	# shellcheck disable=SC2086 # a list of words
	plugin t_$hook $options
	traffic
	stop
	expect "$wanted" '.event == "syn"'
	filtered $((31 - wanted))
done <<'END'
tc 31
tc 31 src=0.0.0.0/0,::/0
tc 7 src=0.0.0.0/0
tc 24 src=::/0
tc 24 src=::/16,fd09::/64
tc 3 src=10.9.0.0/25
tc 5 src=10.9.0.2,10.9.0.128/25 ports=4000
tc 15 src=10.0.0.0/8,fd09::2 ports=4000,4001
tc 7 dst=10.9.0.1
tc 24 dst=fd09::1,10.9.0.2
tc 13 ports=4000
tc 18 ports=1-3,4001-4003
tc 28 allow=10.9.0.2
tc 8 allow=10.9.0.0/24 ports=4000
tc 16 allow=10.9.0.0/24,fd09::2/128
tc 0 src=10.9.0.2 allow=0.0.0.0/0
xdp 5 src=10.9.0.2,10.9.0.128/25 ports=4000
xdp 16 allow=10.9.0.0/24,fd09::2/128 dst=::/0
socket 5 src=10.9.0.2,10.9.0.128/25 ports=4000
socket 16 allow=10.9.0.0/24,fd09::2/128 dst=::/0
END
echo "ok: packets"

# --- sockets ----------------------------------------------------------------

cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -z "$cgroups" ]; then
	cgroups=$work/cgroup
	mkdir "$cgroups"
	mount -t cgroup2 cgroup2 "$cgroups" || skip "no cgroup2 here"
fi
mine=/ti-filters-$RANDOM$RANDOM
removed() {
	find "$cgroups$mine" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -e "$cgroups$mine" ]
}
tidy() {
	local status=$? name
	for name in "${!to[@]}"; do
		echo >&"${to[$name]}"
	done
	[ -z "$server" ] || kill "$server" || :
	eventually 5 removed || :
	return $status
}
trap 'tidy; finish' EXIT
server=
mkdir -p "$cgroups$mine/web/worker" "$cgroups$mine/web2"

netns blue red
# Of their own: another script's connections show at tracepoints, too.
port=$((20000 + RANDOM % 20000))

# inside CGROUP COMMAND... - run it there.
inside() (
	echo 0 >"$cgroups$mine/$1/cgroup.procs"
	"${@:2}"
)

connector blue on blue
connector web inside web on red
connector worker inside web/worker on red
connector web2 inside web2 on red
connector other inside web2 on blue

# sockets WANTED OPTION=VALUE... - of 31 connections.
sockets() {
	plugin t_filter "ports=$port" "${@:2}"
	grep -q "attached raw_tp" "$work/daemon.log" || fail "t_filter is at a hook that knows no sockets"
	connect blue 127.0.0.1 127.0.0.1 $port 1
	connect web 127.0.0.1 127.0.0.1 $port 2
	connect worker ::1 ::1 $port 4
	connect web2 127.0.0.1 127.0.0.1 $port 8
	connect other 127.0.0.1 127.0.0.1 $port 16
	stop
	expect "$1" ".event == \"opened\" and .dst_port == $port"
	expect "$1" true
	grep -q " filtered" "$work/daemon.log" || fail "nothing was filtered"
}

sockets 17 netns=blue
sockets 14 netns=red
sockets 31 netns=red,blue
sockets 0 netns=self
sockets 14 "netns=$(stat -L -c %i /run/netns/red)"
nsenter --net=/run/netns/blue -- sleep 1000 & # not a shell that waits for it
inode_of_blue() {
	[ "$(stat -L -c %i /proc/$!/ns/net)" = "$(stat -L -c %i /run/netns/blue)" ]
}
eventually 5 inode_of_blue
sockets 17 netns=/proc/$!/ns/net
echo "ok: netns"

sockets 6 cgroup=$mine/web
sockets 4 cgroup=$mine/web/worker
sockets 30 cgroup=$mine
sockets 24 "cgroup=$(stat -c %i "$cgroups$mine/web2")"
sockets 24 cgroup=$mine/web/worker,$mine/web2 netns=blue,red allow=::1,10.0.0.0/8
sockets 16 cgroup=$mine/web2 netns=blue
sockets 0 cgroup=$mine/none
echo "ok: cgroup"

# A namespace and a cgroup that come, or come anew, are known a tick later.
ip netns add green
plugin t_filter "ports=$port" netns=green
ip netns delete green
netns green
connector green on green
until_seen() {
	connect "$1" 127.0.0.1 127.0.0.1 $port 1
	[ "$(events true)" -gt 0 ]
}
eventually 10 until_seen green || fail "the new namespace is not known"
stop
plugin t_filter "ports=$port" cgroup=$mine/late
grep -q "no cgroup $mine/late" "$work/daemon.log" || fail "nothing is said of a missing cgroup"
mkdir "$cgroups$mine/late"
connector late inside late on blue
eventually 10 until_seen late || fail "the new cgroup is not known"
stop
echo "ok: late"

# What is accepted is its listener's, in cgroup and namespace; src is the client.
# shellcheck disable=SC2016 # for sh to expand
nsenter --net=/run/netns/here -- sh -c 'echo 0 >"$0" && exec "$@"' "$cgroups$mine/web/cgroup.procs" \
	python3 -m http.server --bind 10.9.0.1 $port >/dev/null 2>&1 &
server=$!
on there curl -s --retry 50 --retry-connrefused --retry-delay 1 -o /dev/null http://10.9.0.1:$port/
for options in "cgroup=$mine/web netns=self" src=10.9.0.2 "cgroup=$mine/web allow=10.9.0.1"; do
	# shellcheck disable=SC2086 # a list of words
	plugin t_filter hook=raw_tp ports=$port dst=10.9.0.1 $options
	on there curl -s -o /dev/null http://10.9.0.1:$port/
	on there curl -s -o /dev/null http://10.9.0.1:$port/
	stop
	expect 2 '.src_ip == "10.9.0.2" and .dst_ip == "10.9.0.1" and .pid == 0'
done
plugin t_filter hook=raw_tp ports=$port allow=10.9.0.2
on there curl -s -o /dev/null http://10.9.0.1:$port/
stop
expect 0 true
echo "ok: accepted"

# The host's numbers of processes, which this namespace's /proc doesn't have, are
# learnt from events. Of what is accepted the owner isn't known.
plugin t_filter "ports=$port" netns=red
connect web 127.0.0.1 127.0.0.1 $port 1
connect worker 127.0.0.1 127.0.0.1 $port 1
stop
mapfile -t pids < <(jq .pid "$work/events")
[ ${#pids[@]} = 2 ] || fail "${#pids[@]} processes"
sockets 2 "pid=${pids[0]}"
sockets 6 "pid=${pids[0]},${pids[1]}"
plugin t_filter "ports=$port" "pid=${pids[0]}"
on there curl -s -o /dev/null http://10.9.0.1:$port/
stop
expect 0 true
echo "ok: pid"

# --- what can't be told -------------------------------------------------------

# refused PLUGIN "WORDS" OPTION=VALUE...
refused() {
	local status=0
	printf '[plugin %s]\nenabled = yes\n' "$1" >"$work/bad.ini"
	printf '%s\n' "${@:3}" >>"$work/bad.ini"
	"$TCPINSPECT" check -c "$work/bad.ini" -P "$TI_TEST_PLUGINS/$1.so" -S "$TI_SINKS/console.so" \
		>"$work/check.log" 2>&1 || status=$?
	if [ $status != 2 ] || ! grep -qF "bad.ini:$#: $2" "$work/check.log"; then
		cat "$work/check.log"
		fail "not refused with: $2"
	fi
}

refused t_tc "cgroup: t_tc can't tell the socket of what it sees" cgroup=/system.slice
refused t_tc "pid: t_tc can't tell the process of what it sees" pid=1
refused t_tp "src: t_tp can't tell the addresses and ports of what it sees" src=10.0.0.0/8
refused t_filter "netns: tp doesn't know the socket; say hook = auto" hook=tp netns=self
refused t_tc "unknown key 'prots' in [plugin t_tc], did you mean 'ports'?" prots=80
refused t_tp "unknown key 'prots' in [plugin t_tp]" prots=80
! grep -q "did you mean" "$work/check.log" || fail "a key is suggested that t_tp hasn't"
"$TCPINSPECT" list -v -j -P "$TI_TEST_PLUGINS/t_tc.so" -P "$TI_TEST_PLUGINS/t_tp.so" -P "$TI_TEST_PLUGINS/t_filter.so" \
	>"$work/list"
offered() {
	jq -r ".[] | select(.name == \"$1\") | [.options[].key] | join(\" \")" "$work/list"
}
[ "$(offered t_tp)" = "" ] || fail "t_tp is offered $(offered t_tp)"
[ "$(offered t_tc)" = "src dst ports allow" ] || fail "t_tc is offered $(offered t_tc)"
[ "$(offered t_filter)" = "src dst ports allow cgroup netns pid" ] ||
	fail "t_filter is offered $(offered t_filter)"

printf '[plugin t_filter]\nenabled = yes\nnetns = self\n' >"$work/good.ini"
"$TCPINSPECT" doctor -c "$work/good.ini" -P "$TI_TEST_PLUGINS/t_filter.so" >"$work/doctor" || fail "doctor says no"
grep -q "tp *missing *doesn't know the socket, which 'netns' needs" "$work/doctor" ||
	fail "doctor doesn't say why"
grep -q "raw_tp *used" "$work/doctor" || fail "doctor chooses another hook"
echo "ok: refused"
