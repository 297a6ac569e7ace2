#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""http-packets.py INTERFACE - HTTP as hardly any client sends it, packet by packet.

Frames go straight to the interface: there are no sockets, and nobody answers. Each
case is a connection from a port of its own, 1025 for the first. Printed is what has to
be reported, a JSON object for each request."""
import json
import random
import socket
import struct
import sys

A4, B4 = "10.87.0.2", "10.87.0.1"
A6, B6 = "fd87::2", "fd87::1"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TRUNCATED = ["truncated"]

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
random.seed(1)
port = 1024


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Connection:
    """A client's side of one. v6, tags (VLANs, outermost first), options (bytes of IPv4
    options) and extensions (numbers of IPv6 extension headers) say how its packets look."""

    def __init__(self, isn=None, dst_port=80, v6=False, tags=(), options=b"", extensions=(), src_port=None, syn=True):
        global port
        if src_port is None:
            port += 1
            src_port = port
        self.src_port, self.dst_port = src_port, dst_port
        self.v6, self.tags, self.options, self.extensions = v6, tags, options, extensions
        self.isn = random.getrandbits(32) if isn is None else isn
        self.next = self.isn + 1
        self.depth = 0
        if syn:
            self.packet(b"", self.isn, SYN)

    def packet(self, payload=b"", seq=None, flags=ACK):
        tcp = struct.pack("!HHIIBBHHH", self.src_port, self.dst_port, seq & 0xFFFFFFFF, 1 if flags & ACK else 0, 5 << 4, flags, 65535, 0, 0)
        tcp += payload
        if self.v6:
            chain = list(self.extensions) + [6]
            headers = b""
            for at, kind in enumerate(chain[:-1]):
                body = b"\0\0\0\0\0\0\0\1" if kind == 44 else b"\1\4\0\0\0\0"
                headers += bytes([chain[at + 1]]) + (body[1:] if kind == 44 else b"\0" + body)
            pseudo = socket.inet_pton(socket.AF_INET6, A6) + socket.inet_pton(socket.AF_INET6, B6) + struct.pack("!II", len(tcp), 6)
            tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
            ip = struct.pack("!IHBB", 6 << 28, len(headers) + len(tcp), chain[0], 64) + pseudo[:32] + headers
            proto = 0x86DD
        else:
            words = 5 + len(self.options) // 4
            addresses = socket.inet_aton(A4) + socket.inet_aton(B4)
            tcp = tcp[:16] + struct.pack("!H", checksum(addresses + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
            ip = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(tcp), 1, 0, 64, 6, 0) + addresses + self.options
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
            proto = 0x0800
        frame = b"\2\0\0\0\0\1\2\0\0\0\0\2"
        for at, tag in enumerate(self.tags):
            frame += struct.pack("!HH", 0x88A8 if at < len(self.tags) - 1 else 0x8100, tag)
        wire.send(frame + struct.pack("!H", proto) + ip + tcp)

    def segments(self, *payloads):
        """[(seq, payload)] of what comes next, without sending it."""
        out = []
        for p in payloads:
            out.append((self.next, p))
            self.next += len(p)
        return out

    def send(self, *payloads):
        for seq, p in self.segments(*payloads):
            self.packet(p, seq, ACK | PSH)

    def expect(self, method, target, flags=(), **more):
        self.depth += 1
        fields = {"src_port": self.src_port, "depth": self.depth, "target": target, "method": method, "flags": flags, **more}
        print(json.dumps(fields))


def get(target, host="h", method="GET", version="1.1", fields=""):
    return f"{method} {target} HTTP/{version}\r\nHost: {host}\r\n{fields}\r\n".encode()


def split(data, *sizes):
    out = []
    while data:
        n = sizes[len(out) % len(sizes)]
        out.append(data[:n])
        data = data[n:]
    return out


def simple(text, **how):
    c = Connection(**how)
    c.send(get(text))
    c.expect("GET", text, **({"vlan": how["tags"][0]} if "tags" in how else {}))
    return c


# What packets look like.
simple("/v4")
simple("/v6", v6=True)
simple("/options", options=b"\1" * 12)
simple("/vlan", tags=(12,))
simple("/qinq", tags=(100, 12))
simple("/qinq6", tags=(100, 12, 13), v6=True, extensions=(0, 60, 43, 60))
simple("/atomic-fragment", v6=True, extensions=(44,))
simple("/port", dst_port=8080)

# Segments.
c = Connection()
c.send(*split(get("/one-byte", fields="User-Agent: slow\r\n"), 1))
c.expect("GET", "/one-byte", user_agent="slow", segments=len(get("/one-byte", fields="User-Agent: slow\r\n")))
c = Connection()
c.send(b"".join(get(f"/pipelined/{i}") for i in range(20)))
for i in range(20):
    c.expect("GET", f"/pipelined/{i}", segments=1)
c = Connection()
c.send(*split(b"".join(get(f"/odd/{i}") for i in range(50)), 7, 1, 33, 90, 2))
for i in range(50):
    c.expect("GET", f"/odd/{i}")
c = Connection()
c.send(*split(get("/cookies", fields="".join(f"Cookie: c{i}={'x' * 1000}\r\n" for i in range(8))) + get("/behind"), 1448))
c.expect("GET", "/cookies", TRUNCATED)
c.expect("GET", "/behind")
c = Connection()
c.send(*split(get("/long/" + "a" * 1500), 1448))
c.expect("GET", "/long/" + "a" * (1024 - 6), TRUNCATED)
c = Connection(isn=0xFFFFFFFF - 30)
c.send(*split(get("/wraps"), 10))
c.expect("GET", "/wraps")
c = Connection()
c.packet(get("/in-the-syn"), c.isn + 1 - 1, SYN)
c.next += len(get("/in-the-syn"))
c.send(get("/behind-it"))
c.expect("GET", "/in-the-syn")
c.expect("GET", "/behind-it")

# Again, and out of order.
c = Connection()
for seq, p in c.segments(*split(get("/twice") + get("/twice/2"), 20)):
    c.packet(p, seq)
    c.packet(p, seq)
c.expect("GET", "/twice")
c.expect("GET", "/twice/2")
c = Connection()
parts = c.segments(*split(get("/overlaps") + get("/overlaps/2"), 16))
for i, (seq, p) in enumerate(parts):
    c.packet((parts[i - 1][1] if i else b"") + p, seq - (len(parts[i - 1][1]) if i else 0))
c.expect("GET", "/overlaps")
c.expect("GET", "/overlaps/2")
for n in range(5):
    c = Connection()
    parts = c.segments(*split(b"".join(get(f"/shuffled/{n}/{i}") for i in range(10)), 40))
    random.shuffle(parts)
    for seq, p in parts:
        c.packet(p, seq)
    for i in range(10):
        c.expect("GET", f"/shuffled/{n}/{i}")
c = Connection()
c.send(get("/keepalive"))
c.packet(b"G", c.next - 1)
c.packet(b"", c.next - 1)
c.send(get("/keepalive/2"))
c.expect("GET", "/keepalive")
c.expect("GET", "/keepalive/2")

# Bodies.
TRAP = b"GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n"
c = Connection()
c.send(get("/body", method="POST", fields=f"Content-Length: {len(TRAP) * 4}\r\n"), TRAP, TRAP, TRAP, TRAP, get("/next"))
c.expect("POST", "/body", content_length=len(TRAP) * 4)
c.expect("GET", "/next")
c = Connection()
c.send(get("/chunks", method="PUT", fields="Transfer-Encoding: chunked\r\n"))
for chunk in (TRAP, TRAP * 40, b"x"):
    c.send(f"{len(chunk):x};ext=1\r\n".encode(), *split(chunk, len(TRAP)), b"\r\n")
c.send(b"0\r\nTrailer: GET /trap HTTP/1.1\r\n\r\n" + get("/chunks/next"))
c.expect("PUT", "/chunks", ["chunked"])
c.expect("GET", "/chunks/next")
c = Connection()
c.send(get("/big", method="PUT", fields="Content-Length: 300000\r\n"), *split(TRAP * 10000, 1400)[:214], (TRAP * 10000)[:400])
c.send(get("/big/next"))
c.expect("PUT", "/big", content_length=300000)
c.expect("GET", "/big/next")
c = Connection() # part of a body is never seen
c.send(get("/hole", method="PUT", fields="Content-Length: 5000\r\n"), TRAP)
c.next += 4900 - len(TRAP)
c.send(b"x" * 100 + get("/hole/next"))
c.expect("PUT", "/hole", content_length=5000)
c.expect("GET", "/hole/next")

# Methods, lines, targets.
for method in ("PATCH", "PROPFIND", "QUERY", "VERSION-CONTROL", "M-SEARCH", "get", "x!#$%&'*+.^_`|~9", "UPDATEREDIRECTREF"):
    c = Connection()
    c.send(get("/method", method=method))
    c.expect(method, "/method")
c = Connection()
c.send(get("/bare").replace(b"\r\n", b"\n"))
c.expect("GET", "/bare", ["bare_lf"])
c = Connection()
c.send(get("/old", version="1.0"))
c.expect("GET", "/old", version="1.0")
c = Connection()
c.send(get("http://alice:secret@proxied.example/p?q=secret#f", host="other"))
c.expect("GET", "http://proxied.example/p", ["query"], http_host="proxied.example")
for target, reported, flags in (("HTTP://alice:sec/ret@proxied.example/p", "HTTP://", []),
				("http://alice:secret?x@proxied.example/p", "http://", ["query"]),
				("//alice:secret@proxied.example/p", "//proxied.example/p", []),
				("http://[::1]:80/p", "http://[::1]:80/p", [])):
	c = Connection()
	c.send(get(target, host="alice:secret@h:80"))
	c.expect("GET", reported, flags)
c = Connection()
c.send(get("alice:secret@h:443", method="CONNECT", host="h/secret"))
c.expect("CONNECT", "h:443", http_host="h")
c = Connection()
c.send(get("/folded", host="h\r\n secret", fields="User-Agent: x\r\n Authorization: secret\r\n"))
c.expect("GET", "/folded", ["folded"], http_host="h", user_agent="x")
c = Connection()
c.send(get("/login?user=alice&password=secret", fields="Cookie: secret\r\nAuthorization: Basic secret\r\ntraceparent: secret\r\n"))
c.expect("GET", "/login", ["query"])
c = Connection()
c.send(get("*", method="OPTIONS"))
c.expect("OPTIONS", "*")
c = Connection()
c.send(b'GET /"\\\xff\t\x01 HTTP/1.1\r\nHost: h\r\n\r\n')
c.expect("GET", '/"\\\ufffd\t\x01', ["odd"])

# What isn't HTTP any more.
c = Connection()
c.send(get("h:443", method="CONNECT", host="h:443"), TRAP, TRAP)
c.expect("CONNECT", "h:443")
c = Connection()
c.send(get("/ws", fields="Upgrade: websocket\r\nConnection: Upgrade\r\n"), b"\x81\xa3abcd" + TRAP, TRAP)
c.expect("GET", "/ws", ["upgrade"])
c = Connection()
c.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", TRAP)
c.expect("PRI", "*", ["h2"], version="2.0")
c = Connection()
c.send(b"SSH-2.0-OpenSSH_9.2\r\n", TRAP)
c = Connection(dst_port=81)
c.send(TRAP)

# From the middle; again from the start; with a hole.
c = Connection(syn=False)
c.send(b"the end of something\r\n\r\n", get("/midway"), *split(get("/midway/2"), 9))
c.expect("GET", "/midway")
c.expect("GET", "/midway/2")
for n in range(3):
    c = Connection(src_port=1024)
    c.send(get(f"/again/{n}"))
    c.expect("GET", f"/again/{n}")
c = Connection()
parts = split(get("/gap", fields="A: " + "a" * 100 + "\r\nB: " + "b" * 100 + "\r\n"), 60)
c.send(*parts[:2])
c.next += len(parts[2])
c.send(*parts[3:], get("/gap/next"))
c.expect("GET", "/gap", TRUNCATED)
c.expect("GET", "/gap/next")
c = Connection()
c.send(b"GET /half HTTP/1.1\r\nHost: h")
c.expect("GET", "/half", TRUNCATED)
