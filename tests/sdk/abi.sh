#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# abi.sh [update] - compare the ABI of the SDK with its record in sdk/abi/:
#	types.xml	symbols and layouts, as abidw sees them in abi/types.c and in
#			libtcpinspect-testing
#	object.txt	what the daemon finds in a BPF object, from abi/object.bpf.c
#	version		TI_ABI_MAJOR and TI_ABI_MINOR when they were made
# With "update" the record is renewed. doc/abi.md says what may change, and when.
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*"
	exit 1
}

for tool in "${CC:-cc}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}" abidw abidiff bpftool jq nm; do
	command -v "${tool%% *}" >/dev/null || skip "no $tool here"
done
: "${srcdir:=.}" "${TI_BUILD:=.}"
sdk=$(cd "$srcdir" && pwd)/sdk abi=$(cd "$srcdir" && pwd)/tests/sdk/abi
testing=$TI_BUILD/.libs/libtcpinspect-testing.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

minor=$(sed -n 's/^#define TI_ABI_MINOR *\([0-9]*\).*/\1/p' "$sdk/include/tcpinspect/plugin.h")
major=$(sed -n 's/^#define TI_ABI_MAJOR *\([0-9]*\).*/\1/p' "$sdk/include/tcpinspect/plugin.h")
echo "$major.$minor" >"$work/version"

# The functions of the test kit by their types, for its library is full of the daemon's own.
cp "$abi/types.c" "$work/types.c"
if [ -e "$testing" ]; then
	echo '#include <tcpinspect/testing.h>' >>"$work/types.c"
	nm -D --defined-only "$testing" | sed -n 's/.* T \(ti_test_.*\)/__attribute__((visibility("default"))) __typeof__(\1) *abi_\1;/p' |
		sort >>"$work/types.c"
fi
# shellcheck disable=SC2086 # words
(cd "$work" && ${CC:-cc} -std=gnu11 -g -Wall -Werror -shared -fPIC -fvisibility=hidden -I"$sdk/include" -o types.so types.c) ||
	fail "abi/types.c does not compile"
abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$work/types.so" >"$work/types.xml"

# shellcheck disable=SC2086
${CLANG:-clang} ${TI_BPF_CFLAGS:--target bpf -mcpu=v3 -g -O2} -Wall -Werror -I"$sdk/include" -c -o "$work/object.o" "$abi/object.bpf.c" ||
	fail "abi/object.bpf.c does not compile"
${LLVM_STRIP:-llvm-strip} -g "$work/object.o"
bpftool btf dump -j file "$work/object.o" | jq -rf "$abi/object.jq" | LC_ALL=C sort -u >"$work/object.txt"

if [ "${1-}" = update ]; then
	cp "$work/types.xml" "$work/object.txt" "$work/version" "$sdk/abi"
	exit
fi

# --- compare ---------------------------------------------------------------------------

raised=no
recorded=$(cat "$sdk/abi/version")
if [ "${recorded%.*}" != "$major" ]; then
	fail "this is ABI $major.$minor and sdk/abi has that of $recorded: say 'make update-abi'"
elif [ "$minor" -gt "${recorded#*.}" ]; then
	raised=yes
fi

# $1: what it was found by, a file. $2: what is to be done.
refuse() {
	cat "$1"
	echo
	fail "$2"
}

LC_ALL=C comm -23 "$sdk/abi/object.txt" "$work/object.txt" >"$work/gone"
LC_ALL=C comm -13 "$sdk/abi/object.txt" "$work/object.txt" >"$work/come"
[ ! -s "$work/gone" ] ||
	refuse "$work/gone" "these marks of BPF objects are gone or different, and plugins that are built have them: put them back"

# differs OPTION... - the report is in $work/diff. (Statuses 1 and 2 are errors of abidiff's.)
differs() {
	local status=0
	abidiff --no-added-syms "$@" "$sdk/abi/types.xml" "$work/types.so" >"$work/diff" 2>&1 || status=$?
	[ $((status & 3)) = 0 ] || refuse "$work/diff" "abidiff ended with $status"
	[ $status != 0 ]
}

! differs --suppressions "$sdk/abi/growth.ini" ||
	refuse "$work/diff" "this would break plugins that are built: members and values come at the end only, and nothing that is there changes (doc/abi.md)"
[ $raised = no ] || exit 0
[ ! -s "$work/come" ] ||
	refuse "$work/come" "these marks of BPF objects are new: an older daemon does not know them, so raise TI_ABI_MINOR and say 'make update-abi'"
! differs ||
	refuse "$work/diff" "the SDK has grown: raise TI_ABI_MINOR in plugin.h, so that an older daemon refuses what uses it, and say 'make update-abi'"
