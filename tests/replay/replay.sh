#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tcpinspect replay: what a running daemon saw and what its programs see in the capture of
# it are the same, whatever the file's format; damaged files, slow readers, odd clocks.
. "$(dirname "$0")/../netns/lib.sh" || exit
need curl editcap gzip jq nmap python3 tcpdump
[ -x "$TCPINSPECT-replay" ] || skip "no $TCPINSPECT-replay: it was built without libpcap"
capture=$(dirname "$0")/capture.py

# replay ARGUMENT... - JSON lines to standard output, the rest to $work/replay.log.
replay() {
	timeout 120 "$TCPINSPECT" replay --plugin-dir "$TI_PLUGINS" --sink-dir "$TI_SINKS" -o json "$@" 2>"$work/replay.log"
}

# says TEXT - in the log of the last one.
says() {
	grep -qF -- "$1" "$work/replay.log" || fail "replay doesn't say '$1': $(cat "$work/replay.log")"
}

# exits CODE ARGUMENT...
exits() {
	local code=0
	replay "${@:2}" >"$work/out" || code=$?
	[ $code = "$1" ] || fail "replay ${*:2}: exit code $code instead of $1"
}

# --- live and replayed ---------------------------------------------------------------

netns here
mkdir "$work/web"
for i in {1..20}; do echo "$i" >"$work/web/$i"; done
cd "$work/web"
serve here 127.0.0.1 8000
cd "$OLDPWD"
on here tcpdump -q -i lo -U -w "$work/lo.pcap" 2>"$work/tcpdump.log" &
dump=$!
eventually 10 grep -q listening "$work/tcpdump.log" 2>/dev/null || fail "tcpdump doesn't begin"
start here --plugin-dir "$TI_PLUGINS" -i lo -p portscan,httpsniff --set plugin.httpsniff.ports=8000
eventually 10 grep -q "httpsniff: attached" "$work/daemon.log" || fail "httpsniff is not attached"
for i in {1..20}; do
	on here curl -sf --retry 5 --retry-connrefused -o "$work/got" "http://127.0.0.1:8000/$i?x=$i"
done
on here nmap -n -Pn -sS -T4 -p 1-300,8000 127.0.0.1 >"$work/nmap.log"
stop
# tcpdump has all when it has this one: it is late, by a second when there is little.
last() {
	tcpdump -n -r "$work/lo.pcap" port 9 2>/dev/null | grep -q .
}
knock here 127.0.0.1:9
eventually 10 last || fail "tcpdump doesn't end"
kill $dump
wait $dump || :
replay "$work/lo.pcap" -p portscan,httpsniff --set plugin.httpsniff.ports=8000 >"$work/replayed"
says "a capture doesn't show its connections; instead: "

# Of requests all but the time, which tcpdump takes a moment apart, and the interface.
requests='select(.event == "http_request") | del(.time, .host, .ifname)'
jq -cS "$requests" "$work/events" >"$work/live"
jq -cS "$requests" "$work/replayed" >"$work/again"
[ "$(wc -l <"$work/live")" = 20 ] || fail "$(wc -l <"$work/live") requests live instead of 20"
cmp "$work/live" "$work/again" || fail "requests differ"
scans='select(.event == "scan_end") | {src_ip, dst_ip, kind, ports, closed, open, unknown, ranges}'
jq -cS "$scans" "$work/events" >"$work/live"
jq -cS "$scans" "$work/replayed" >"$work/again"
[ "$(jq -c '[.ports, .closed, .open]' "$work/live")" = '[301,300,1]' ] || fail "live: $(cat "$work/live")"
cmp "$work/live" "$work/again" || fail "scans differ: $(cat "$work/again")"
jq -e 'has("host") or has("ifname")' "$work/replayed" | grep -q true && fail "a host or interface in a replay"
jq -sr '.[0].time' <(jq -c 'select(.event == "http_request")' "$work/replayed") >"$work/first"
grep -q "^$(date -u +%Y-%m-%d)T" "$work/first" || fail "not the capture's time: $(cat "$work/first")"

# --- the same packets in other files ---------------------------------------------------

# same NAME FILE - it gives the bytes of $work/replayed.
same() {
	replay "$2" -p portscan,httpsniff --set plugin.httpsniff.ports=8000 | cmp - "$work/replayed" ||
		fail "$1: not the same"
}
same "a second time" "$work/lo.pcap"
editcap -F pcapng "$work/lo.pcap" "$work/lo.pcapng"
same pcapng "$work/lo.pcapng"
editcap -F nsecpcap "$work/lo.pcap" "$work/lo.nsec"
same nanoseconds "$work/lo.nsec"
gzip -k "$work/lo.pcap" "$work/lo.pcapng"
same pcap.gz "$work/lo.pcap.gz"
same pcapng.gz "$work/lo.pcapng.gz"
same "standard input" - <"$work/lo.pcap.gz"
for link in raw null sll sll2; do
	python3 "$capture" $link "$work/lo.pcap" >"$work/lo.$link"
	same $link "$work/lo.$link"
done
replay "$work/lo.pcap" --realtime -p portscan,httpsniff --set plugin.httpsniff.ports=8000 | cmp - "$work/replayed" ||
	fail "--realtime: not the same"

# At other hooks as well, but that tc alone has outgoing packets.
for hook in xdp socket; do
	replay "$work/lo.pcap" -p httpsniff --set plugin.httpsniff.ports=8000 --set plugin.httpsniff.hook=$hook |
		cmp - <(jq -c 'select(.plugin == "httpsniff")' "$work/replayed") || fail "hook = $hook: not the same"
done

# --- sinks ----------------------------------------------------------------------------

cat >"$work/file.ini" <<END
[plugin httpsniff]
enabled = yes
ports = 8000
[sink file]
path = $work/file.json
END
timeout 60 "$TCPINSPECT" replay --plugin-dir "$TI_PLUGINS" --sink-dir "$TI_SINKS" -c "$work/file.ini" \
	"$work/lo.pcap" >"$work/out" 2>"$work/replay.log" || fail "replay with a configuration"
cmp "$work/file.json" <(jq -c 'select(.plugin == "httpsniff")' "$work/replayed") || fail "the file sink's lines differ"
[ ! -s "$work/out" ] || fail "something on standard output, too"

# More than a queue holds, to who reads late: all of it. Then to who stops reading.
python3 "$capture" requests 30000 >"$work/many.pcap"
[ "$(replay "$work/many.pcap" -p httpsniff | (sleep 2; wc -l))" = 30000 ] || fail "events lost to a slow reader"
says "30000 delivered, 0 filtered, 0 lost"
replay "$work/many.pcap" -p httpsniff | head -n 3 | wc -l | grep -qx 3 || fail "| head -n 3"
exits 0 "$work/many.pcap" -p httpsniff -n 5
[ "$(wc -l <"$work/out")" = 5 ] || fail "--count 5 gave $(wc -l <"$work/out")"
if [ -e /dev/full ]; then
	code=0
	replay "$work/many.pcap" -p httpsniff >/dev/full || code=$?
	[ $code = 1 ] || fail "a full disk: exit code $code"
fi

# Stopped half way: what was read is reported.
mkfifo "$work/pipe"
"$TCPINSPECT" replay --plugin-dir "$TI_PLUGINS" --sink-dir "$TI_SINKS" -o json -p httpsniff "$work/pipe" \
	>"$work/half" 2>"$work/replay.log" &
half=$!
exec {into}>"$work/pipe"
head -c 2000000 "$work/many.pcap" >&$into
eventually 20 test -s "$work/half" || fail "nothing comes out of a pipe"
kill -INT $half
exec {into}>&-
wait $half || fail "interrupted: exit code $?"
says "stopping"

# --- clocks ---------------------------------------------------------------------------

flood='select(.event == "flood_start" or .event == "flood_end") | [.event, .syns, .dst_port, .class] | join(" ")'
python3 "$capture" syns 200 1 >"$work/syns.pcap"
replay "$work/syns.pcap" -p synflood | jq -r "$flood" | cmp - <(printf '%s 200 443 single\n' flood_start flood_end) ||
	fail "a second of 200 SYNs"
python3 "$capture" syns 6000 60 >"$work/minute.pcap"
replay "$work/minute.pcap" -p synflood | jq -r "$flood" >"$work/out"
cmp "$work/out" <(echo flood_start 100 443 single; echo flood_end 6000 443 single) || fail "a minute at 100 SYNs/s: $(cat "$work/out")"
python3 "$capture" late "$work/syns.pcap" $((3 * 365 * 86400)) >"$work/late.pcap"
replay "$work/late.pcap" -p synflood,portscan | jq -r "$flood" | grep -q flood_end || fail "no end within three years"
python3 "$capture" shuffled "$work/syns.pcap" >"$work/shuffled.pcap"
replay "$work/shuffled.pcap" -p synflood | jq -r "$flood" | grep -qx "flood_end 200 443 single" || fail "packets out of order"
says "20 earlier than the one before"

# Metrics: each 20 s of that minute, and at its end.
replay "$work/minute.pcap" -p synflood --stats=20s >"$work/out"
[ "$(sed -n 's/^synflood_syns_total //p' "$work/replay.log" | tr '\n' ' ')" = "2000 4000 6000 " ] || fail "--stats=20s: $(grep syns_total "$work/replay.log")"

# What would be dropped is said; a replay drops nothing.
replay "$work/minute.pcap" -p synflood --set plugin.synflood.mode=limit >"$work/out"
jq -e 'select(.event == "flood_end") | .dropped > 0 and .syns == 6000' "$work/out" >/dev/null || fail "mode = limit"

# --- what isn't a whole capture -----------------------------------------------------------

: >"$work/empty"
exits 1 "$work/empty" -p synflood
says "the file is empty"
exits 1 "$work/none" -p synflood
says "No such file"
head -c 24 "$work/syns.pcap" >"$work/header"
exits 0 "$work/header" -p synflood
says "there is no packet in it"
exits 1 "$0" -p synflood
says "no capture that can be read"
head -c 3000 "$work/many.pcap" >"$work/cut"
exits 1 "$work/cut" -p httpsniff
says "cut short or damaged after"
[ "$(wc -l <"$work/out")" -gt 2 ] || fail "what was whole isn't reported"
gzip -c "$work/many.pcap" | head -c 20000 >"$work/cut.gz"
exits 1 "$work/cut.gz" -p httpsniff
says "cut short or damaged after"
[ "$(wc -l <"$work/out")" -gt 2 ] || fail "what was whole isn't reported (gzip)"
{ head -c 3000 "$work/many.pcap"; head -c 3000 "$0"; } >"$work/bad"
exits 1 "$work/bad" -p httpsniff
says "cut short or damaged after"
editcap -F pcap -T user0 "$work/syns.pcap" "$work/user0"
exits 1 "$work/user0" -p synflood
says "link type"

# --- what can't be replayed ----------------------------------------------------------------

exits 2 "$work/syns.pcap" -p conn
says "no packet hook"
exits 0 "$work/syns.pcap" -p conn,synflood
[ -s "$work/out" ] || fail "conn took synflood with it"
exits 2 "$work/syns.pcap"
says "no plugin is enabled"
exits 2 -p synflood
says "name one capture file"
exits 2 "$work/syns.pcap" -p synflod
says "did you mean 'synflood'"
exits 2 "$work/syns.pcap" -p synflood --set plugin.synflood.alarm_rat=3
says "did you mean"

# --- captures with their truth -----------------------------------------------------------

pcaps=${TI_PCAPS:-${srcdir:-.}/../shared/pcap}
[ -e "$pcaps/scan-1000-ports.pcap" ] || exit 0
replay "$pcaps/scan-1000-ports.pcap" -p portscan | jq -c 'select(.event == "scan_end") | [.ports, .exact]' | grep -qx '\[1000,true\]' ||
	fail "scan-1000-ports.pcap"
replay "$pcaps/scan-29-ports.pcap" -p portscan | jq -c 'select(.event == "scan_end") | .ports' | grep -qx 29 || fail "scan-29-ports.pcap"
replay "$pcaps/synflood-200.pcap" -p synflood | jq -r "$flood" | grep -qx "flood_end 200 443 single" || fail "synflood-200.pcap"
[ "$(replay "$pcaps/http-pipelined.pcap" -p httpsniff | wc -l)" = 5 ] || fail "http-pipelined.pcap"
[ "$(replay "$pcaps/tls-sni.pcap" -p httpsniff | jq -r .sni)" = google.de ] || fail "tls-sni.pcap"
[ "$(replay "$pcaps/tls-ipv6.pcap" -p httpsniff | wc -l)" = 6 ] || fail "tls-ipv6.pcap"
