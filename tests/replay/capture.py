#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures for replay.sh, from nothing or from another (pcap, microseconds, Ethernet).

    capture.py requests N            N connections with a GET each
    capture.py syns N SECONDS        N SYNs of one source to one port, evenly
    capture.py flood N               N SYNs of random sources to one port, 500,000 a second
    capture.py raw|null|sll|sll2 IN  the same packets under another link type
    capture.py shuffled IN           each tenth packet as if captured a second before
    capture.py late IN SECONDS       its last packet so much later
"""
import random
import struct
import sys

MAGIC = 0xA1B2C3D4
START = 1_700_000_000_000_000  # us
CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 1])


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, payload=b''):
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + src + dst
    head = struct.pack('!HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, 1024, 0, 0)
    return b'\2' * 12 + b'\x08\0' + ip + head + payload


def requests(n):
    for i in range(n):
        port, t = 1024 + i % 60000, START + i * 100
        get = b'GET /%d HTTP/1.1\r\nHost: example.com\r\n\r\n' % i
        yield t, tcp(CLIENT, SERVER, port, 80, 0x02, i)
        yield t + 10, tcp(SERVER, CLIENT, 80, port, 0x12, 7, i + 1)
        yield t + 20, tcp(CLIENT, SERVER, port, 80, 0x18, i + 1, 8, get)
        yield t + 30, tcp(CLIENT, SERVER, port, 80, 0x11, i + 1 + len(get), 8)


def syns(n, seconds):
    for i in range(n):
        yield START + i * seconds * 1_000_000 // n, tcp(CLIENT, SERVER, 1024 + i % 60000, 443, 0x02, i)


def flood(n):
    random.seed(1)
    for i in range(n):
        yield START + i * 2, tcp(random.randbytes(4), SERVER, random.randrange(65536), 80, 0x02, i)


def read(path):
    data = open(path, 'rb').read()
    assert struct.unpack_from('<I', data)[0] == MAGIC
    at = 24
    while at < len(data):
        s, us, captured, length = struct.unpack_from('<IIII', data, at)
        assert captured == length
        yield s * 1_000_000 + us, data[at + 16:at + 16 + captured]
        at += 16 + captured


LINKS = {
    'raw': (101, lambda kind: b''),
    'null': (0, lambda kind: struct.pack('<I', 2 if kind == b'\x08\0' else 10)),
    'sll': (113, lambda kind: struct.pack('!HHH8s', 0, 1, 6, b'') + kind),
    'sll2': (276, lambda kind: kind + struct.pack('!HIHBB8s', 0, 1, 1, 0, 6, b'')),
}


def shuffled(packets):
    for i, (t, frame) in enumerate(packets):
        yield (t - 1_000_000 if i % 10 == 9 else t), frame


def late(packets, seconds):
    packets = list(packets)
    packets[-1] = (packets[-1][0] + seconds * 1_000_000, packets[-1][1])
    return packets


def write(packets, link=1):
    out = sys.stdout.buffer
    out.write(struct.pack('<IHHiIII', MAGIC, 2, 4, 0, 0, 262144, link))
    for t, frame in packets:
        out.write(struct.pack('<IIII', t // 1_000_000, t % 1_000_000, len(frame), len(frame)) + frame)


def main(what, *rest):
    if what in LINKS:
        link, header = LINKS[what]
        write(((t, header(frame[12:14]) + frame[14:]) for t, frame in read(rest[0])), link)
    elif what == 'shuffled':
        write(shuffled(read(rest[0])))
    elif what == 'late':
        write(late(read(rest[0]), int(rest[1])))
    else:
        write({'requests': requests, 'syns': syns, 'flood': flood}[what](*map(int, rest)))


main(*sys.argv[1:])
