#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tls-truth.py CAPTURE - what tshark reads from the ClientHellos of a capture, as
tls_hello events have it. JA4 is worked out here from its specification: tshark
has it from 4.2 on only."""
import hashlib
import json
import subprocess
import sys

FIELDS = ["tcp.srcport", "tls.handshake.extensions_server_name", "tls.handshake.version",
          "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite",
          "tls.handshake.extension.type", "tls.handshake.sig_hash_alg",
          "tls.handshake.extensions_alpn_str", "tls.handshake.length"]
VERSIONS = {0x304: ("13", "TLS 1.3"), 0x303: ("12", "TLS 1.2"), 0x302: ("11", "TLS 1.1"),
            0x301: ("10", "TLS 1.0")}


def numbers(field):
    """Without GREASE (RFC 8701)."""
    values = [int(v, 0) for v in field.split(",") if v]
    return [v for v in values if v & 0x0f0f != 0x0a0a or v >> 8 != v & 0xff]


def listed(values):
    return ",".join(f"{v:04x}" for v in values)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def ends(alpn):
    if not alpn:
        return "00"
    if all(c.isascii() and c.isalnum() for c in (alpn[0], alpn[-1])):
        return alpn[0] + alpn[-1]
    digits = alpn.encode().hex()
    return digits[0] + digits[-1]


def hello(row):
    port, sni, legacy, supported, ciphers, extensions, algorithms, alpn, length = row
    version = max(numbers(supported) or numbers(legacy))
    ciphers, extensions, algorithms = map(numbers, (ciphers, extensions, algorithms))
    alpn = alpn.split(",") if alpn else []
    hashed = listed(sorted(v for v in extensions if v not in (0, 16)))
    if hashed and algorithms:
        hashed += "_" + listed(algorithms)
    return {
        "src_port": int(port), "sni": sni or None, "version": VERSIONS[version][1],
        "ja4": f"t{VERSIONS[version][0]}{'d' if 0 in extensions else 'i'}"
               f"{min(len(ciphers), 99):02}{min(len(extensions), 99):02}"
               f"{ends(alpn[0] if alpn else '')}_{digest(listed(sorted(ciphers)))}_{digest(hashed)}",
        "ech": 0xfe0d in extensions, "ciphers": len(ciphers), "extensions": len(extensions),
        "length": int(length) + 4, "alpn": alpn[:16] or None}


def main():
    command = ["tshark", "-r", sys.argv[1], "-Y", "tls.handshake.type == 1", "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True).stdout.splitlines():
        print(json.dumps(hello(line.split("\t"))))


main()
