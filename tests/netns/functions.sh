#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Plugins at functions of the kernel and of libraries: each reports exactly what
# was called, over IPv4 and IPv6, and leaves nothing behind, neither when it is
# stopped nor when it is killed. And groups that mix hooks. What this kernel has not
# got is said and left out, but an error with TI_ALL_HOOKS: the VMs have all of it.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh" || exit
need bpftool curl hping3 jq python3 ss
[ -e "$TI_TEST_PLUGINS/t_kprobe.so" ] || skip "no test plugins in $TI_TEST_PLUGINS"

netns here there
wire here v0 there v1
address here v0 10.9.0.1/24 fd09::1/64
address there v1 10.9.0.2/24 fd09::2/64
on there ping -q -c 1 -W 5 10.9.0.1 >/dev/null
on there ping -q -c 1 -W 5 fd09::1 >/dev/null
# Of their own: another script's connections show, too.
port4=$((20000 + RANDOM % 20000))
port6=$((port4 + 1))
serve here 10.9.0.1 $port4
serve here fd09::1 $port6

# Why a plugin has not got a hook here; empty: it has. Asked of the daemon, which
# loads the program to know.
missing() { # PLUGIN HOOK
	jq -r --arg plugin "$1" --arg hook "$2" '.plugins[] | select(.plugin == $plugin) |
		[.hooks[] | select(.hook == $hook)] | if all(.possible | not) then .[0].why else "" end' "$work/doctor"
}

at() { # HOOK PLACE
	eventually 10 grep -q "$plugin: attached $1 to $2" "$work/daemon.log" || fail "$plugin is not at $1 $2"
}

# run_at HOOK PLACE ARGUMENT... - start the plugin at a hook, which must not be one
# that stands in.
run_at() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set "plugin.$plugin.hook=$1" "${@:3}"
	at "$1" "$2"
	ids=$(programs)
	[ -n "$ids" ] || fail "$plugin has no program"
}

nothing_left() {
	# shellcheck disable=SC2086
	eventually 5 gone $ids || fail "$plugin has left a program"
}

# Seven connections over IPv4 and five over IPv6: the server closes each.
connect() {
	on there curl -s "http://10.9.0.1:$port4/?[1-7]" "http://\[fd09::1\]:$port6/?[1-5]" >"$work/body" ||
		fail "no connection"
}

connections() { # EVENT
	run_at "$hook" "$place"
	connect
	stop
	expect 7 ".event == \"$1\" and .port == $port4 and .family == 2"
	expect 5 ".event == \"$1\" and .port == $port6 and .family == 10"
	expect 12 ".event == \"$1\" and (.port == $port4 or .port == $port6)"
	expect 0 'has("peer_port") and .peer_port == 0'
}

entries() {
	connections asked
}

returns() {
	connections accepted
}

# On all interfaces of the namespace, and on none of another's.
packets() {
	run_at "$hook" tcp_v4_rcv
	at "$hook" tcp_v6_rcv
	on there hping3 -q -S -i u2000 -c 40 -p 4000 10.9.0.1 >/dev/null 2>&1
	! on there curl -s "http://\[fd09::1\]:4001/?[1-10]" || fail "somebody listens at port 4001"
	knock here 10.9.0.2:4002
	knock here 10.9.0.1:4003
	stop
	expect 40 '.src_ip == "10.9.0.2" and .dst_ip == "10.9.0.1" and .dst_port == 4000 and .ifname == "v0"'
	expect 10 '.src_ip == "fd09::2" and .dst_ip == "fd09::1" and .dst_port == 4001 and .ifname == "v0"'
	expect 1 '.dst_ip == "10.9.0.1" and .dst_port == 4003 and .ifname == "lo"'
	expect 51 '.event == "syn" and .src_port > 0'
}

# labs NUMBER - a process that calls labs(-1) ... labs(-NUMBER) of libc.
labs() {
	on here python3 -c 'import ctypes, sys
labs = ctypes.CDLL("libc.so.6").labs
for n in range(int(sys.argv[1])): labs(ctypes.c_long(-1 - n))' "$1"
}

# In all processes; at the library by its name, and where the operator says it is.
user() {
	local sign=- libc
	[ "$hook" = uprobe ] || sign=
	run_at "$hook" "libc.so.6:$place"
	labs 30
	labs 5
	stop
	expect 35 ".plugin == \"$plugin\" and .pid > 0"
	[ "$(jq -s -c 'group_by(.pid) | map(length) | sort' "$work/events")" = "[5,30]" ] ||
		fail "$plugin does not tell processes apart"
	expect 2 ".number == ${sign}5"
	expect 1 ".number == ${sign}30"

	libc=$(python3 -c 'print(next(line.split()[-1] for line in open("/proc/self/maps") if "/libc.so" in line))')
	run_at "$hook" "$libc:$place" --set "plugin.$plugin.binary=$libc"
	labs 7
	stop
	expect 7 ".plugin == \"$plugin\" and .pid > 0"
}

# Both ends of a function from one source, whichever hooks there are.
both() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so"
	at '\(fentry\|kprobe\)' "$place"
	at '\(fexit\|kretprobe\)' "$place"
	ids=$(programs)
	connect
	stop
	expect 12 ".event == \"asked\" and (.port == $port4 or .port == $port6)"
	expect 12 ".event == \"accepted\" and (.port == $port4 or .port == $port6)"
}

killed() {
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set "plugin.$plugin.hook=$hook"
	ids=$(programs)
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	nothing_left
}

table='packets kprobe tcp_v4_rcv t_packet_kprobe
entries fentry inet_csk_accept t_fentry
returns fexit inet_csk_accept t_fexit
entries kprobe inet_csk_accept t_kprobe
returns kretprobe inet_csk_accept t_kretprobe
both kretprobe inet_csk_accept t_function
returns tp_btf inet_sock_set_state t_together
user uprobe labs t_uprobe
user uretprobe labs t_uretprobe'
mapfile -t plugins < <(awk -v dir="$TI_TEST_PLUGINS" '{ print "-P"; print dir "/" $4 ".so" }' <<<"$table")
on here "$TCPINSPECT" doctor --json -c /dev/null "${plugins[@]}" >"$work/doctor" 2>"$work/doctor.log" || fail "doctor ended with $?"
while read -r check hook place plugin; do
	why=$(missing "$plugin" "$hook")
	[ -z "$why" ] || {
		not_here "$plugin" "$hook" "$why"
		echo "skipped: $plugin: $why"
		continue
	}
	$check
	nothing_left
	killed
	counted "$plugin" "$hook"
	echo "ok: $plugin"
done <<<"$table"

# A group of interface and host hooks: at interfaces if it can be, unless the
# operator names one of the host.
plugin=t_packet_kprobe
start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0
at socket v0
! grep -q "attached kprobe" "$work/daemon.log" || fail "$plugin is at the host, too"
stop
if [ -z "$(missing $plugin kprobe)" ]; then
	run_at kprobe tcp_v6_rcv
	! grep -q "attached socket" "$work/daemon.log" || fail "$plugin is at v0, too"
else
	start here -P "$TI_TEST_PLUGINS/$plugin.so" -i v0 --set plugin.$plugin.hook=kprobe
	grep -q "$plugin: v0: socket stands in for kprobe" "$work/daemon.log" || fail "nothing stands in for kprobe"
fi
stop
echo "ok: interfaces and host"

# Programs of one alternative are left out together, and why is said.
jq -e '.plugins[] | select(.plugin == "t_together") | .runnable and
	(.hooks | map(select(.chosen) | .hook) | sort == ["raw_tp", "tp_btf"]) and
	any(.hooks[]; .hook == "tp_btf" and (.why // "" |
		startswith("goes with raw_tp ti_no_such_tracepoint: this kernel has no tracepoint")))' "$work/doctor" >/dev/null ||
	fail "doctor says: $(jq -c . "$work/doctor")"
echo "ok: programs that go together"

# What there is nothing to attach to is said, with what to do.
refused() { # STATUS WORDS ARGUMENT...
	local status=0
	on here "$TCPINSPECT" run -S "$TI_SINKS/console.so" --duration 1s "${@:3}" >"$work/refused.log" 2>&1 || status=$?
	[ $status = "$1" ] || fail "it ended with $status instead of $1: $*"
	grep -qF -- "$2" "$work/refused.log" || fail "it does not say '$2': $(cat "$work/refused.log")"
}
at_binary() { # FILE
	printf '%s\n' -P "$TI_TEST_PLUGINS/t_uprobe.so" --set "plugin.t_uprobe.binary=$1"
}
if [ -z "$(missing t_uprobe uprobe)" ]; then
	while IFS=: read -r file words; do
		mapfile -t arguments < <(at_binary "$file")
		refused 4 "$words" "${arguments[@]}"
	done <<-END
		/no/such.so:/no/such.so: no such file; install it, or say where it is by binary = PATH
		libnosuch.so.1:libnosuch.so.1: no such file
		$TCPINSPECT:$TCPINSPECT has no function labs
		$0:$0 is no ELF file
	END
fi
refused 2 "--set: binary: t_kprobe has no uprobe" -P "$TI_TEST_PLUGINS/t_kprobe.so" --set plugin.t_kprobe.binary=libc.so.6
refused 1 "programs states_raw_tp and states_tc are one alternative" -P "$TI_TEST_PLUGINS/t_mixed.so"
echo "ok: what is not there is said"
