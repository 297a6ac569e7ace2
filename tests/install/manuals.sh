#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The generated manuals and tcpinspect.ini: well-formed, complete, and true to
# the parser, with every option commented out and with every option set to the
# default it is said to have.
set -eu

command -v mandoc >/dev/null || { echo "SKIP: mandoc is not installed"; exit 77; }
cd "$TI_BUILD"
[ -e etc/tcpinspect.ini ] || { echo "SKIP: cross-compiled, nothing was generated"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
	echo "FAIL: $*"
	exit 1
}

for page in doc/tcpinspect.8 doc/tcpinspect.ini.5; do
	mandoc -T lint -W warning "$page" | grep -v 'missing date' && die "$page is not well-formed"
	grep -q '@[A-Za-z]*@' "$page" && die "$page has a placeholder left"
done

# As text, without the overstriking that makes letters bold.
text() { mandoc -T ascii "$1" | sed 's/.\x08//g'; }

# Every key of the ini and every command is explained.
text doc/tcpinspect.ini.5 >"$work/page"
sed -n 's/^#\([a-z][a-z0-9_]*\) =.*/\1/p' etc/tcpinspect.ini >"$work/keys"
while read -r key; do
	grep -q "^ *$key = " "$work/page" || die "tcpinspect.ini(5) has no $key"
done <"$work/keys"
for command in run check list doctor version help; do
	text doc/tcpinspect.8 | grep -q "^ *$command" || die "tcpinspect(8) has no $command"
done

# By name, for whoever this folder belongs to: modules/stamp holds -P and -S.
check() {
	# shellcheck disable=SC2046 # a list of words
	"$TCPINSPECT" check -c "$1" $(cat modules/stamp)
}
check etc/tcpinspect.ini || die "tcpinspect.ini as installed is refused"
sed -e 's/^#\([a-z][a-z0-9_]* = .\)/\1/' -e 's/^#\[/[/' \
	-e 's|^#path = $|path = /nowhere/events.json|' etc/tcpinspect.ini >"$work/all.ini"
check "$work/all.ini" || die "tcpinspect.ini with its defaults spelled out is refused"
