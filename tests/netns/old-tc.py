#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""old-tc.py COMMAND... - run it as on a kernel from before tcx, whatever the
kernel: of bpf(BPF_LINK_CREATE) it says what such a one says, EINVAL."""
import ctypes
import os
import struct
import sys

BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
LINK_CREATE = 28
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NR, ARG0 = 0, 16  # in struct seccomp_data
EINVAL, ALLOW = 0x00050016, 0x7FFF0000

rules = b"".join(struct.pack("HBBI", *rule) for rule in (
    (LOAD, 0, 0, NR), (IF_EQUAL, 0, 3, BPF), (LOAD, 0, 0, ARG0), (IF_EQUAL, 0, 1, LINK_CREATE),
    (RETURN, 0, 0, EINVAL), (RETURN, 0, 0, ALLOW)))
memory = ctypes.create_string_buffer(rules)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules) // 8, ctypes.addressof(memory)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) != 0:  # PR_SET_SECCOMP, FILTER
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
