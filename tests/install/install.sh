#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts where, what it does to an edited tcpinspect.ini, and
# that `make uninstall` takes all of it away but that.
set -eu
shopt -s nullglob

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# Not a part of the make that runs this test.
install() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TI_BUILD" "$@" DESTDIR="$root" >"$work/log" 2>&1 || {
		cat "$work/log"
		exit 1
	}
}

die() {
	echo "FAIL: $*"
	find "$root" | sort
	exit 1
}

is_there() { [ -f "$root$1" ] || die "$1 is missing"; }

install install
pc=$(find "$root" -name tcpinspect.pc)
var() { PKG_CONFIG_PATH=${pc%/*} pkg-config --variable="$1" tcpinspect; }
prefix=$(var prefix)
ini=$(find "$root" -name tcpinspect.ini)

# Everything that was built is there, and nothing for libtool.
is_there "$prefix/sbin/tcpinspect"
for so in "$TI_BUILD"/modules/plugins/*.so; do
	is_there "$(var plugindir)/${so##*/}"
done
for so in "$TI_BUILD"/modules/sinks/*.so; do
	is_there "$(var sinkdir)/${so##*/}"
done
for h in "$srcdir"/sdk/include/tcpinspect/*.h; do
	is_there "$(var includedir)/tcpinspect/${h##*/}"
done
is_there "$(var bpf_mk)"
is_there "$(var libdir)/libtcpinspect-testing.so"
is_there "$(var libdir)/pkgconfig/tcpinspect-testing.pc"
[ -n "$ini" ] || die "tcpinspect.ini is missing"
for page in "$srcdir"/doc/*.[1-8].in; do
	[ -n "$(find "$root" -name "$(basename "$page" .in)")" ] || die "$(basename "$page" .in) is missing"
done
[ -z "$(find "$root" -name '*.la')" ] || die "a .la was installed"

# The daemon looks where configure said.
"$root$prefix/sbin/tcpinspect" version || die "the installed daemon does not run"
grep -qaF "$(var plugindir)" "$root$prefix/sbin/tcpinspect" || die "the daemon knows another plugindir"

# The ABI in tcpinspect.pc is that of the daemon.
"$root$prefix/sbin/tcpinspect" version | grep -q "ABI $(var abi_version))" ||
	die "tcpinspect.pc and the daemon disagree on the ABI"

# An unedited file is left alone, an edited one is kept with the new beside it.
install install
[ ! -e "$ini.new" ] || die "an unedited ini got a .new"
echo "# edited" >>"$ini"
install install
[ "$(tail -n 1 "$ini")" = "# edited" ] || die "an edited ini was overwritten"
cmp -s "$ini.new" "$TI_BUILD/etc/tcpinspect.ini" || die "tcpinspect.ini.new is missing"

# Away again: only what was edited stays.
install uninstall
[ "$(find "$root" -type f)" = "$ini" ] || die "uninstall left more, or less, than the edited ini"
cp "$TI_BUILD/etc/tcpinspect.ini" "$ini"
install install
install uninstall
[ -z "$(find "$root" -type f)" ] || die "uninstall left files"
