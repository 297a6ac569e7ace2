# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - for scripts that write plugins as strangers would, with mistakes in them.
# Sourced first; goes on in $work, a new folder.
#
# TCPINSPECT, CC, CLANG, LLVM_STRIP, TI_BPF_CFLAGS: as make check gives them.
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*" >&2
	exit 1
}

sdk=$(cd "${srcdir:-.}/sdk/include" && pwd)
: "${TCPINSPECT:=$PWD/tcpinspect}" "${CC:=cc}" "${CLANG:=clang}" "${LLVM_STRIP:=llvm-strip}"
: "${TI_BPF_CFLAGS:=-target bpf -mcpu=v3 -g -O2 -idirafter /usr/include/$(uname -m)-linux-gnu}"
for tool in "$CC" "$CLANG" "$LLVM_STRIP" "$TCPINSPECT"; do
	command -v "${tool%% *}" >/dev/null || skip "no $tool here"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
mkdir include && ln -s "$sdk/tcpinspect" include/
umask 022

# object NAME - NAME.bpf.o of NAME.bpf.c.
object() {
	# shellcheck disable=SC2086
	$CLANG $TI_BPF_CFLAGS -Wall -Iinclude -c "$1.bpf.c" -o "$1.bpf.o" && $LLVM_STRIP -g "$1.bpf.o"
}

# shared NAME [FLAG...] - NAME.so, which carries NAME.bpf.o.
shared() {
	[ -e "$1.c" ] || printf '%s\n' '#include <tcpinspect/plugin.h>' "TI_BPF_OBJECT(bpf, \"$1.bpf.o\");" \
		"TI_PLUGIN($1, .version = \"1.0\", .summary = \"has a mistake\", TI_PLUGIN_BPF(bpf));" >"$1.c"
	$CC -shared -fPIC -Iinclude -Wa,-I. "${@:2}" -o "$1.so" "$1.c"
}

# probe NAME <SOURCE - a plugin of this, between the include and the licence.
probe() {
	{
		echo '#include <tcpinspect/bpf.h>'
		cat
		echo 'TI_LICENSE("Dual BSD/GPL");'
	} >"$1.bpf.c"
	{ object "$1" && shared "$1"; } 2>"$1.log" || { cat "$1.log" >&2; fail "$1 does not build"; }
}

# ask STATUS COMMAND ARGUMENT... - what tcpinspect says is in ./said.
ask() {
	local status=0
	"$TCPINSPECT" "${@:2}" >out 2>said || status=$?
	[ $status = "$1" ] || { cat said >&2; fail "${name-}: $2: $status instead of $1"; }
}

# says TEXT... - each in a line of it.
says() {
	local text
	for text; do
		grep -qF -- "$text" said || { cat said >&2; fail "$name: it is not said: $text"; }
	done
}
