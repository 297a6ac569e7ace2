# SPDX-License-Identifier: GPL-2.0-or-later
"""listenq.py - a listener that accepts nobody, and clients, for examples.sh: their SYNs are
turned away, and the data of those whose handshake was done when the queue became full."""
import socket
import struct
import time

SO_LINGER = struct.pack("ii", 1, 0)  # close() sends a RST: nothing is sent again later


def client(data=None):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SO_LINGER)
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", 8080))
    if data:
        time.sleep(0.01)
        try:
            s.send(data)
        except OSError:  # not connected
            pass
    return s


with open("/proc/self/comm", "w", encoding="ascii") as f:
    f.write("lazy")
listener = socket.create_server(("127.0.0.1", 8080), backlog=4)
# Who sends nothing yet waits in the SYN queue, and overtaken by others finds no room.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)
silent = [client() for _ in range(4)]
quick = [client(b"x") for _ in range(8)]
for s in silent:
    s.send(b"x")
time.sleep(1.5)  # what was turned away comes again
for s in silent + quick:
    s.close()
time.sleep(1.1)
client()  # is told of with the sum
time.sleep(0.5)
