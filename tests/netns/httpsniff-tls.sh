#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# httpsniff-tls.sh - the hellos of curl, openssl, Python and Chromium, in one
# segment or several, in one record or several, as tshark reads them.
. "$(dirname "$0")/httpsniff-lib.sh" || exit
need curl openssl python3 tcpdump tshark
reader=$(cd "$(dirname "$0")" && pwd)/tls-truth.py

# Segments as small as they are on the wire.
ip -n there link set eth0 gso_max_segs 1

cd "$work"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a.example -keyout key -out cert 2>/dev/null
on here openssl s_server -quiet -accept 443 -key key -cert cert -alpn http/1.1 -www \
	-cipher ALL:@SECLEVEL=0 >/dev/null 2>&1 &
eventually 10 on there curl -skm 5 -o /dev/null "https://$here4/" || fail "no openssl s_server"

on here tcpdump -i eth0 -s 0 -U --immediate-mode -w hellos.pcap 'tcp port 443' 2>tcpdump.log &
capture=$!
eventually 10 grep -q 'listening on' tcpdump.log || fail "no tcpdump"
sniff here eth0

# client ARGUMENT... - openssl's, to the end of its handshake.
client() {
	on there openssl s_client -connect "$here4:443" "$@" </dev/null >/dev/null 2>&1 || :
}

# long BYTES - a list of protocols that is so long.
long() {
	printf 'protocol-%06d,' $(seq $(($1 / 16))) | sed 's/,$//'
}

sent=0
sends() { # COMMAND...
	"$@"
	sent=$((sent + 1))
}

get() {
	on there curl -skm 5 -o /dev/null --resolve "a.example:443:$here4,[$here6]" "$@"
}
sends get https://a.example/
sends get -6 https://a.example/
sends get --no-alpn https://a.example/
sends get --tls-max 1.2 "https://$here4/"
sends client -noservername
sends client -servername b.example -alpn h2,http/1.1
sends client -servername b.example -alpn x
sends client -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256
sends client -tls1_1 -cipher ALL:@SECLEVEL=0
sends client -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups X25519
sends on there python3 - "$here4" <<-'END'
	import socket, ssl, sys
	c = ssl.create_default_context()
	c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
	c.set_alpn_protocols(["+x", "http/1.1"])
	c.wrap_socket(socket.create_connection((sys.argv[1], 443)), server_hostname="c.example").close()
END
# Over several segments, records, and both.
sends client -servername d.example -alpn "$(long 3000)"
sends client -servername e.example -max_send_frag 512 -alpn "$(long 3000)"
sends client -servername f.example -alpn "$(long 15800)"
on there ip link set eth0 mtu 1280
sends client -servername g.example -max_send_frag 600 -alpn "$(long 15800)"
sends get https://a.example/mtu

# Its hello has GREASE, ECH, and a post-quantum key share. How many it sends is its own.
if command -v chromium >/dev/null; then
	setsid nsenter --net=/run/netns/there -- chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/chromium" \
		--ignore-certificate-errors --host-resolver-rules="MAP * $here4" --dump-dom \
		https://chromium.example/ >/dev/null 2>&1 &
	chromium=$!
	eventually 30 grep -aq chromium.example hellos.pcap || fail "no hello of Chromium's"
	kill -KILL -- "-$chromium"
	silent() {
		! on there ss -Htn 'dport = :443' | grep -v TIME-WAIT
	}
	eventually 10 silent >/dev/null || fail "Chromium goes on"
else
	echo "not run: no chromium here"
fi

# Both have all there is to come once the last hello is in the capture.
captured() {
	tshark -r hellos.pcap -Y 'tls.handshake.type == 1' 2>/dev/null | wc -l
}
enough() {
	[ "$(captured)" -ge "$sent" ]
}
eventually 10 enough || fail "$(captured) hellos in the capture, $sent were sent"
kill "$capture"
wait "$capture" || :
stop

python3 "$reader" hellos.pcap | jq -S -c . | sort >truth
jq -S -c 'select(.event == "tls_hello") | {src_port, sni, version, ja4, ech, ciphers, extensions, length, alpn}' \
	events | sort >seen
diff truth seen >&2 || fail "other hellos reported (>) than tshark reads (<)"
echo "ok: $(wc -l <truth) hellos as tshark reads them"
if [ -n "${chromium-}" ]; then
	jq -e -s 'any(.[]; .sni == "chromium.example" and .ech and .length > 1460)' seen >/dev/null ||
		fail "none of Chromium's hellos has ECH and is longer than a segment"
	echo "ok: Chromium's, with ECH and more than a segment long"
fi
jq -e -s 'map(select(.event == "tls_hello")) | any(.[]; .length > 15000 and .segments > 10)' events >/dev/null ||
	fail "no hello came in more than 10 segments"
! grep -q '"truncated"' events || fail "a hello is said to be truncated"
! grep -E 'not seen|given up' daemon.log >&2 || fail "something was lost"
echo "ok: $(jq -r 'select(.event == "tls_hello") | .ja4' events | sort -u | wc -l) different fingerprints"
