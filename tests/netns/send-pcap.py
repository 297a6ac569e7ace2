#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""send-pcap.py INTERFACE FILE - the frames of a capture (pcap, not pcapng), as they are."""
import socket
import struct
import sys

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
with open(sys.argv[2], "rb") as capture:
    order = {0xA1B2C3D4: "<", 0xA1B23C4D: "<", 0xD4C3B2A1: ">", 0x4D3CB2A1: ">"}[struct.unpack("<I", capture.read(4))[0]]
    capture.read(20)
    while header := capture.read(16):
        wire.send(capture.read(struct.unpack(order + "4I", header)[2]))
