#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The generated manuals and tcpinspect.ini: well-formed, complete, and true to
# the parser, with every option commented out and with every option set to the
# default it is said to have.
set -eu

for tool in mandoc jq; do
	command -v $tool >/dev/null || { echo "SKIP: $tool is not installed"; exit 77; }
done
cd "$TI_BUILD"
[ -e etc/tcpinspect.ini ] || { echo "SKIP: cross-compiled, nothing was generated"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
	echo "FAIL: $*"
	exit 1
}

for page in doc/*.[1-8]; do
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
for command in run check list doctor new version help; do
	text doc/tcpinspect.8 | grep -q "^ *$command" || die "tcpinspect(8) has no $command"
done

# Every event and field that the plugins have is explained, in the order of `list`.
text doc/tcpinspect-events.7 >"$work/events"
# shellcheck disable=SC2046 # a list of words
"$TCPINSPECT" list -j --plugin-dir / --sink-dir / $(cat modules/stamp) |
	jq -r '.[].events[]? | .name as $event | .fields[] | "\($event) \(.name) \(.type)"' >"$work/fields"
[ -s "$work/fields" ] || die "list names no event"
while read -r event field type; do
	grep -q "$event ([a-z]*)" "$work/events" || die "tcpinspect-events(7) has no $event"
	sed -n "/$event ([a-z]*)/,\$p" "$work/events" | grep -q "^ *$field $type" ||
		die "tcpinspect-events(7) has no $field of $event"
done <"$work/fields"

# By name, for whoever this folder belongs to: modules/stamp holds -P and -S.
check() {
	# shellcheck disable=SC2046 # a list of words
	"$TCPINSPECT" check -c "$1" $(cat modules/stamp)
}
check etc/tcpinspect.ini || die "tcpinspect.ini as installed is refused"
sed -e 's/^#\([a-z][a-z0-9_]* = .\)/\1/' -e 's/^#\[/[/' \
	-e 's|^#path = $|path = /nowhere/events.json|' etc/tcpinspect.ini >"$work/all.ini"
check "$work/all.ini" || die "tcpinspect.ini with its defaults spelled out is refused"
