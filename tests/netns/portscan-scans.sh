#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The scans of nmap, masscan, zmap and hping3: each is one scan, of its kind, with all of
# its ports, and ends.
. "$(dirname "$0")/portscan-lib.sh" || exit

for i in $(seq 11 45); do
	address here eth0 10.88.0."$i"/24
done
decoys=10.88.0.101,10.88.0.102,10.88.0.103,10.88.0.104
for decoy in ${decoys//,/ }; do
	address there eth0 "$decoy"/24
done
web here 80
inspect --stats --set plugin.portscan.end_after=500ms --set plugin.portscan.update_period=0
scans=0

# found CONDITION COMMAND... - run from there, it is one more scan.
found() {
	scan "${@:2}"
	scans=$((scans + 1))
	eventually 8 ended $scans || fail "${*:2}: no scan: $(jq -c . "$work/events")"
	jq -s "[.[] | select(.event == \"scan_end\")] | .[$scans - 1]" "$work/events" >"$work/end"
	jq -e "$1" "$work/end" >/dev/null || fail "${*:2}: not $1: $(jq -c . "$work/end")"
	[ "$(events '.event == "scan_start"')" = $scans ] ||
		fail "${*:2}: not one scan: $(jq -c 'select(.event == "scan_start")' "$work/events" | tail -n 2)"
}

ended() {
	[ "$(events '.event == "scan_end"')" -ge "$1" ]
}

# What kprobe doesn't see: SYN-ACKs, nor what is one side of a connection only.
open=1 unknown=0
[ "$hook" != kprobe ] || open=0 unknown=1
ports='.ports == 1000 and .ranges == "1-1000" and .lowest == 1 and .highest == 1000 and .exact'
whole="$ports and .src_ip == \"$there4\" and .dst_ip == \"$here4\" and .ifname == \"eth0\" and .sources == 1 and .hosts == 1"
nmap=(nmap -n -Pn -p 1-1000)
found ".kind == \"syn\" and $whole and .closed == 999 and .open == $open and .unknown == $unknown" "${nmap[@]}" -sS $here4
found ".kind == \"connect\" and $whole and .closed == 999 and .open == 1 and (.spoofable | not)" "${nmap[@]}" -sT $here4
for odd in 'fin -sF' 'null -sN' 'xmas -sX' 'maimon -sM'; do
	found ".kind == \"${odd% *}\" and .rule == \"flags\" and $whole and .closed >= 999" "${nmap[@]}" "${odd#* }" $here4
done
for ack in -sA -sW; do
	found ".kind == \"ack\" and .rule == \"resets\" and $whole" "${nmap[@]}" $ack $here4
done
found '.kind == "synfin" and .ports == 3' nmap -n -Pn -p 1-3 -sS --scanflags SYNFIN $here4
found ".kind == \"syn\" and $ports and .src_ip == \"$there6\"" "${nmap[@]}" -6 -sS $here6
if [ "$hook" = kprobe ]; then # behind the reassembly
	found ".kind == \"syn\" and $whole and (.fragmented | not)" "${nmap[@]}" -f -sS $here4
else
	found ".kind == \"syn\" and $whole and .fragmented and .closed == 999" "${nmap[@]}" -f -sS $here4
fi
found ".kind == \"distributed\" and .sources == 5 and $ports and .hosts == 1 and (.scanners | index(\"$there4\"))" \
	"${nmap[@]}" -sS -D $decoys,ME $here4
found '.kind == "sweep" and .dst_port == 80 and .hosts == 35 and .ports == 1' nmap -n -Pn -p 80 -sS 10.88.0.11-45
found '.kind == "sweep" and .dst_port == 22 and .hosts == 35 and .ports == 1' nmap -n -Pn -p 22 -sT 10.88.0.11-45
found '.kind == "syn" and .ports == 100 and .lowest == 7001 and .highest == 7100' \
	hping3 -q -S -p ++7001 -i u1000 -c 100 $here4
if command -v masscan >/dev/null; then
	mac=$(ip -n here -br link show eth0 | tr -s ' ' | cut -d ' ' -f 3)
	found ".kind == \"syn\" and $ports" masscan $here4 -p 1-1000 --rate 2000 --wait 0 -e eth0 \
		--source-ip $there4 --router-mac "$mac"
fi
if command -v zmap >/dev/null; then
	printf '%s\n' 10.88.0.0/26 >"$work/allow"
	found '.kind == "sweep" and .dst_port == 443 and .hosts >= 35' zmap -q -p 443 -i eth0 -G "$mac" -S $there4 \
		-w "$work/allow" -b /dev/null -r 1000 -c 1 -o /dev/null
fi
stop
[ $scans -gt 10 ] || fail "only $scans scans"
metric $scans portscan_scans_total
metric "$(events '.event == "scan_start" and .kind == "sweep"')" portscan_scans_total '{kind="sweep"}'
counted portscan
