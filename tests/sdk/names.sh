#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every public macro, function, type and member of the SDK's headers stands in its manual,
# and the manuals name nothing that isn't there.
set -eu

command -v python3 >/dev/null || { echo "SKIP: python3 is not installed"; exit 77; }
python3 "$srcdir/tests/sdk/names.py" "$srcdir/sdk/include/tcpinspect" "$srcdir/doc"
