#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Captures put on the wire as they are: requests and hellos are reported as tshark reads them.
# TI_PCAPS: the folder they are in.
. "$(dirname "$0")/httpsniff-lib.sh" || exit
need editcap ethtool python3 tshark
captures=${TI_PCAPS:-${srcdir:-.}/../shared/pcap}
[ -e "$captures" ] || skip "no captures in $captures (TI_PCAPS)"
ip -n here link set eth0 mtu 65535
ip -n there link set eth0 mtu 65535

n=0
for file in "$captures"/http*.pcap* "$captures"/tls*.pcap*; do
	[ -e "$file" ] || continue
	sniff here eth0 --set plugin.httpsniff.ports=all
	editcap -F pcap "$file" "$work/capture"
	on there python3 "$(dirname "$0")/send-pcap.py" eth0 "$work/capture"
	stop
	{
		tshark -r "$file" -Y http.request -T fields -E occurrence=a -e tcp.srcport -e http.request.method |
			awk '{ n = split($2, m, ","); for (i = 1; i <= n; i++) print $1, m[i] }'
		tshark -r "$file" -Y tls.handshake.type==1 -T fields -e tcp.srcport -e tls.handshake.extensions_server_name
	} 2>/dev/null | tr '\t' ' ' | sort >"$work/truth"
	jq -r '"\(.src_port) \(.method // .sni // "")"' "$work/events" | sort >"$work/seen"
	same "${file##*/}"
	n=$((n + 1))
done
[ $n -gt 0 ] || skip "no http* or tls* in $captures"
