# SPDX-License-Identifier: GPL-2.0-or-later
"""sqlite.py FILE N - a capture of N SYNs that offer an MSS of 500, for examples.sh."""
import struct
import sys

ETHERNET = bytes(12) + b"\x08\x00"
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for i in range(int(sys.argv[2])):
        ip = struct.pack("!BBHIBBHII", 0x45, 0, 44, 0, 64, 6, 0, 0xC0000201, 0xC6336401)
        tcp = struct.pack("!HHIIBBHHHI", 1024 + i % 60000, 80, 1, 0, 0x60, 2, 64240, 0, 0, 0x020401F4)
        frame = ETHERNET + ip + tcp
        f.write(struct.pack("<IIII", 1767225600 + i // 10000, i % 10000 * 100, len(frame), len(frame)) + frame)
