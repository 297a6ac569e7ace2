# SPDX-License-Identifier: GPL-2.0-or-later
"""sockfilter.py DIRECTORY - two processes with connections between them, for examples.sh.

The one whose number stands in DIRECTORY/pid receives: over `plain`, over one with a
filter of its own, and over one that takes no filter any more. It obeys lines of standard input and answers each with one:
	send N		the other sends N bytes over `plain`: "SHA256-OF-RECEIVED SHA256-OF-SENT
			BYTES SEGMENTS", the last two of all that it has sent there, with
			what it had to send again
	connect		a new connection, which is `plain` from now on: "FD PORT-OF-THE-OTHER"
	filter		is there a filter at `plain`: a BPF program, classic, none
"""
import ctypes
import hashlib
import os
import socket
import struct
import sys

SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44

listener = socket.create_server(("127.0.0.1", 0))
address = listener.getsockname()
orders, to_sender = os.pipe()
from_sender, answers = os.pipe()

if os.fork() == 0:  # who sends
    listener.close()
    os.close(to_sender)
    mine = []
    for order in os.fdopen(orders):
        if order == "connect\n":
            mine.append(socket.create_connection(address))
            os.write(answers, b"done\n")
            continue
        if order == "sent\n":
            info = mine[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
            segments, = struct.unpack_from("I", info, 156)  # data_segs_out
            sent, = struct.unpack_from("Q", info, 200)  # bytes_sent
            os.write(answers, f"{sha} {sent} {segments}\n".encode())
            continue
        data = os.urandom(int(order))
        sha = hashlib.sha256(data).hexdigest()
        mine[-1].sendall(data)
    sys.exit()

answers = os.fdopen(from_sender)


def connect():
    os.write(to_sender, b"connect\n")
    answers.readline()
    return listener.accept()[0]


def classic(s):
    """A filter of one instruction: all of it is passed on."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFFFFFF))
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(code)))


def filter_of(s):
    try:
        return "classic" if s.getsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, 8) else "none"
    except PermissionError:
        return "program"


filtered, locked, plain = connect(), connect(), connect()
classic(filtered)
locked.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
with open(sys.argv[1] + "/pid", "w", encoding="ascii") as f:
    f.write(f"{os.getpid()}\n")

for line in sys.stdin:
    words = line.split()
    if words[0] == "send":
        left, sha = int(words[1]), hashlib.sha256()
        os.write(to_sender, words[1].encode() + b"\n")
        while left:
            data = plain.recv(left)
            sha.update(data)
            left -= len(data)
        os.write(to_sender, b"sent\n")
        print(sha.hexdigest(), answers.readline().strip(), flush=True)
    elif words[0] == "connect":
        plain = connect()
        print(plain.fileno(), plain.getpeername()[1], flush=True)
    elif words[0] == "filter":
        print(filter_of(plain), flush=True)
