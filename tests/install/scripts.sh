#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every script of the tree is clean under shellcheck.
set -eu

command -v shellcheck >/dev/null || { echo "SKIP: shellcheck is not installed"; exit 77; }
cd "$srcdir"
find quickstart runtests bootstrap .ci tests bench sdk -type f \( -perm -u+x -o -name '*.sh' \) \
	-exec grep -lE '^#( shellcheck shell=|!.*sh)' {} + | sort | xargs shellcheck
