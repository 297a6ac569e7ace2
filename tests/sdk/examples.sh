#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sdk/examples: each is copied, built, checked and run as a stranger would.
. "$(dirname "$0")/installed.sh" || exit
need jq nstat python3 ss
export SUDO_UID=$uid SUDO_GID=$gid # all that follows is sudo's
unset TI_PLUGINS TI_SINKS # of this tree; bpf.mk has variables by these names

# build NAME [-S] - a plugin, or a sink, in a folder of the author's, where this goes to.
build() {
	local dir=$home/$1
	install -d -o "$uid" -g "$gid" "$dir"
	install -m 644 -o "$uid" -g "$gid" "$srcdir/sdk/examples/$1"/* "$dir"
	cd "$dir"
	author make CFLAGS='-O2 -g -Wall -Wextra -Werror' BPF_CFLAGS=-Werror >"$work/make.log" 2>&1 || fail "$1 does not build"
	tcpinspect list -v "${2--P}" "./$1.so" >"$work/list.log" || fail "list of $1"
}

# run ARGUMENT... - the daemon, until stop.
run() {
	: >"$work/daemon.log"
	tcpinspect run -c /dev/null -o json --duration 100s "$@" >"$work/events" 2>"$work/daemon.log" &
	daemon=$!
}

said() {
	grep -q "$1" "$work/daemon.log"
}

soon_said() {
	eventually 20 said "$1" || fail "tcpinspect did not say '$1'"
}

# --- synmss --------------------------------------------------------------------

build synmss
make check >"$work/check.log" 2>&1 || fail "make check of synmss"
grep -q '^PASS: synmss.pcap$' "$work/check.log" || fail "make check of synmss replayed nothing"

# --- listenq -------------------------------------------------------------------

build listenq
make check >"$work/check.log" 2>&1 || fail "make check of listenq"
grep -q '^PASS: listenq.sh$' "$work/check.log" || fail "make check of listenq did nothing"
run -P ./listenq.so --stats=100s
soon_said "attached cgroup_skb"
python3 "$srcdir/tests/sdk/listenq.py" &
lazy=$!
wait $lazy
stop
want=$(nstat -asz TcpExtListenOverflows | awk '/ListenOverflows/ { print $2 }')
jq -se ".[-1].overflows == $want and all(.comm == \"lazy\" and .pid == $lazy and .queue == .backlog + 1)" \
	"$work/events" >/dev/null || { cat "$work/events"; fail "the kernel says $want overflows"; }
said "listenq_overflows_total{port=\"8080\"} $want" || fail "the counter is not $want"

# --- sockfilter ----------------------------------------------------------------

# ask LINE - of sockfilter.py; its answer is in $answer.
ask() {
	echo "$1" >&"${app[1]}"
	read -r -t 20 -u "${app[0]}" answer || fail "no answer to '$1'"
}

# transfer BYTES - arrives as it was sent. $sent: bytes and segments.
transfer() {
	local here there
	ask "send $1"
	read -r here there sent <<<"$answer"
	[ "$here" = "$there" ] || fail "the application received something else than was sent"
}

# sums CONDITION - bytes and segments that are reported.
sums() {
	jq -rs "[.[] | select($1)] | \"\(map(.bytes) | add) \(map(.segments) | add)\"" "$work/events"
}

build sockfilter
coproc app { exec python3 "$srcdir/tests/sdk/sockfilter.py" "$work"; }
eventually 20 test -s "$work/pid" || fail "no application"
pid=$(cat "$work/pid")

# All connections of the process but those with a filter; nothing that it receives changes.
run -P ./sockfilter.so -s plugin.sockfilter.pid="$pid"
soon_said "attached to fd"
said "is left alone: it has a filter of its own" || fail "a filter was replaced"
said "is left alone: it takes no filter any more" || fail "a locked socket is not told of"
ask filter
[ "$answer" = program ] || fail "no program at the socket but $answer"
transfer 20000000
expected=$sent
ask connect # while it runs
read -r fd port <<<"$answer"
soon_said "attached to fd $fd "
transfer 12345
stop
[ "$(sums true)" = "$((${expected% *} + ${sent% *})) $((${expected#* } + ${sent#* }))" ] ||
	fail "bytes and segments sent: $expected and $sent; received: $(sums true)"
[ "$(sums ".src_port == $port and .fd == $fd and .pid == $pid")" = "$sent" ] || fail "not $sent from port $port"
ask filter
[ "$answer" = none ] || fail "at the end there is still a filter: $answer"

# One file descriptor only. After SIGKILL the program stays, and passes everything on.
ask connect
read -r fd port <<<"$answer"
run -P ./sockfilter.so -s plugin.sockfilter.pid="$pid" -s plugin.sockfilter.fd="$fd"
soon_said "attached to fd $fd "
[ "$(grep -c 'attached to\|left alone' "$work/daemon.log")" = 1 ] || fail "more than fd $fd was looked at"
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || :
transfer 100000
run -P ./sockfilter.so -s plugin.sockfilter.pid="$pid" -s plugin.sockfilter.fd="$fd"
soon_said "is left alone: it has a BPF filter already"
stop
ask filter
[ "$answer" = program ] || fail "somebody's program is gone from the socket"

# refused STATUS WORDS COMMAND... - the daemon with the plugin says so and ends.
refused() {
	local status=0
	timeout 20 "${@:3}" run -c /dev/null -P ./sockfilter.so -s plugin.sockfilter.pid="$pid" 2>"$work/daemon.log" || status=$?
	[ $status = "$1" ] || fail "with a process that can't be had it ended with $status"
	said "$2" || fail "it does not say '$2'"
}

# Without the capability; the process ends, and has ended.
ask connect
refused 3 "takes CAP_SYS_PTRACE" setpriv --bounding-set=-sys_ptrace tcpinspect
ask filter
[ "$answer" = none ] || fail "it has attached to what it can't have"
run -P ./sockfilter.so -s plugin.sockfilter.pid="$pid"
soon_said "attached to fd"
eval "exec ${app[1]}>&-"
soon_said "process $pid: it has ended"
stop
refused 1 "there is no process $pid" tcpinspect

# --- sqlite --------------------------------------------------------------------

pkg-config --exists sqlite3 || skip "all but sqlite: no libsqlite3-dev here"
need sqlite3
build sqlite -S
db=$work/db/events.db
mkdir "$work/db"
mount -t tmpfs -o size=32M,mode=700 tmpfs "$work/db"
printf '[sink sqlite]\npath = %s\nqueue = 64MiB\n[route all]\nsinks = sqlite\n' "$db" >"$work/sqlite.ini"

# capture N - of so many SYNs, each an event, into $work/N.pcap.
capture() {
	python3 "$srcdir/tests/sdk/sqlite.py" "$work/$1.pcap" "$1"
}

# replay N [OPTION...] - its events into the database.
replay() {
	tcpinspect replay "${@:2}" -c "$work/sqlite.ini" -S ./sqlite.so -P ../synmss/synmss.so "$work/$1.pcap" \
		2>"$work/daemon.log"
}

# rows N [DATABASE] - there are so many, all of which can be asked for, and the database is whole.
rows() {
	local is
	is=$(sqlite3 "${2-$db}" "PRAGMA integrity_check; SELECT count(*), count(DISTINCT src_port) > 1, avg(json ->> 'mss')
		FROM events WHERE event = 'synmss' AND time >= '2026-01-01' AND dst_ip = '198.51.100.1' AND dst_port = 80")
	[ "$is" = "ok"$'\n'"$1|1|500.0" ] || fail "instead of $1 rows in ${2-$db}: $is"
}

capture 1000
capture 20000
replay 1000 || fail "replay into SQLite"
rows 1000
[ "$(stat -c %a "$db")" = 600 ] || fail "others may read the database"

# Locked: it waits, also at the start, and everything arrives.
mkfifo "$work/lock"
sqlite3 "$db" <"$work/lock" >"$work/locked" 2>&1 &
locker=$!
exec {lock}>"$work/lock"
printf 'BEGIN IMMEDIATE;\nSELECT 1;\n' >&$lock
eventually 10 test -s "$work/locked" || fail "the database is not locked"
replay 1000 &
daemon=$!
sleep 0.5
kill -0 $daemon || fail "it didn't wait for the lock"
rows 1000
echo 'COMMIT;' >&$lock
eval "exec $lock>&-"
wait $daemon $locker || fail "replay into a database that was locked"
rows 2000

# Full: nothing of a batch that didn't fit is there, and all of it when there is room.
head -c "$(($(df --output=avail -k "$work/db" | tail -n 1) - 300))K" /dev/zero >"$work/db/ballast"
replay 20000 --realtime & # takes 2 s
daemon=$!
soon_said "sink sqlite: cannot write: No space left"
rm "$work/db/ballast"
wait $daemon || fail "replay when there was room again"
rows 22000

# Read-only from the start, and no database at all.
mount -o remount,ro "$work/db"
! replay 1000 || fail "a read-only database is taken"
said "cannot open $db: Read-only file system" || fail "nothing is said of a read-only database"
mount -o remount,rw "$work/db"
rows 22000
mv "$db" "$work/db/old.db"
head -c 20000 /dev/urandom >"$db"
! replay 1000 || fail "a file that is no database is taken"
said "cannot open $db: Structure needs cleaning" || fail "nothing is said of a file that is no database"
rm "$db"

# Renamed while it runs: what was written stays with the old one, also out of the WAL.
run -P ../synmss/synmss.so -S ./sqlite.so -s sink.sqlite.path="$db" -s route.all.sinks=sqlite -i lo
soon_said "attached"
knock_small() {
	ip link set lo mtu 540
	(: </dev/tcp/127.0.0.1/9) 2>/dev/null || :
}
written() {
	[ "$(sqlite3 "$db" 'SELECT count(*) FROM events' 2>/dev/null)" = "$1" ]
}
knock_small
eventually 10 written 1 || fail "the event didn't arrive"
mv "$db" "$work/db/older.db"
kill -HUP "$daemon"
eventually 10 test -e "$db" || fail "it doesn't open its database anew"
knock_small
eventually 10 written 1 || fail "the second event didn't arrive in the new database"
stop
[ "$(sqlite3 "$work/db/older.db" 'SELECT count(*), mss FROM (SELECT json ->> "mss" AS mss FROM events)')" = "1|500" ] ||
	fail "the renamed database lost what it had"
