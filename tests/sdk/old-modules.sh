#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Modules that are older than the daemon, built with the headers of their time (abi/old.h),
# run, and every callback gets what it knew. What can't be used is refused, in words
# that name the file, both versions and the cure, before any of its code has run.
. "$(dirname "$0")/../netns/lib.sh" || exit
need jq "${CC:-cc}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}"
[ -n "${TI_BPF_CFLAGS-}" ] || skip "TI_BPF_CFLAGS does not say how to compile for BPF"
: "${srcdir:=.}"
abi=$srcdir/tests/sdk/abi
version=$("$TCPINSPECT" version -j | jq -r .abi)
minor=${version#*.}

# shellcheck disable=SC2086 # words
${CLANG:-clang} $TI_BPF_CFLAGS -Wall -Werror -I"$srcdir/sdk/include" -c -o "$work/old.bpf.o" "$abi/old.bpf.c"
${LLVM_STRIP:-llvm-strip} -g "$work/old.bpf.o"

# module KIND FILE FLAG...
module() {
	mkdir -p "$(dirname "$work/$2")"
	# shellcheck disable=SC2086
	${CC:-cc} -std=gnu11 -O2 -Wall -Werror -fPIC -shared -fvisibility=hidden -I"$srcdir/sdk/include" -Wa,-I"$work" \
		-o "$work/$2" "${@:3}" "$abi/old-$1.c"
}

# --- older ones run ---------------------------------------------------------------------

netns here
for old in 0 1 2; do
	module plugin $old/old.so -DMINOR=$old
	module sink $old/drain.so -DMINOR=$old '-DNAME="drain"'
	printf '[sink drain]\n[plugin old]\nnumber = 11\n' >"$work/old.ini"
	rm -f "$work/daemon.log"
	nsenter --net=/run/netns/here "$TCPINSPECT" run -c "$work/old.ini" -P "$work/$old/old.so" -S "$work/$old/drain.so" \
		-p old -i lo --duration 60s 2>"$work/daemon.log" &
	daemon=$!
	eventually 20 attached || fail "a plugin of 1.$old does not attach"
	knock here 127.0.0.1:9
	says() { grep -q -- "$1" "$work/daemon.log"; }
	eventually 10 says '"event":"knock"' || fail "no event of a plugin of 1.$old"
	eventually 10 says 'tick: ' || fail "no tick of a plugin of 1.$old"
	stop
	each=
	[ $old = 0 ] || each='map_each: 1'
	for line in 'start: number 11, host 1, memory 1 of 64, event 1' 'attached: 1 at tc' 'event: port 9 of 8 bytes' \
		'tick: 1' 'stop: map 0 1' "$each" 'sink start: host 1' 'sink stop' \
		'"plugin":"old","event":"knock","severity":"notice","dst_port":9,"value":42'; do
		says "$line" || fail "a module of 1.$old: no line '$line'"
	done
done

# --- others are refused -------------------------------------------------------------------

# refused KIND WORDS FLAG... - one that is built so.
refused() {
	local kind=$1 words=$2
	shift 2
	module "$kind" refused/old.so -DMINOR=2 "$@"
	judge "$kind" "$words"
}

# judge KIND WORDS - refused/old.so, as it is.
judge() {
	local status=0 option=-P
	[ "$1" = plugin ] || option=-S
	OLD_RAN=$work/ran "$TCPINSPECT" check -c /dev/null $option "$work/refused/old.so" -p old >"$work/out" 2>&1 || status=$?
	[ $status = 2 ] || fail "'$2': tcpinspect ends with $status: $(cat "$work/out")"
	grep -qF -- "$work/refused/old.so: $2" "$work/out" || fail "it is not said that it '$2': $(cat "$work/out")"
	[ ! -e "$work/ran" ] || fail "'$2': its code has run"
}

newer="install a newer tcpinspect, or rebuild it against tcpinspect-dev $version"
for kind in plugin sink; do
	refused $kind "is built for ABI 1.$((minor + 1)) and this tcpinspect has $version: $newer" -UMINOR -DMINOR=$((minor + 1))
	refused $kind "is built for ABI 2.2 and this tcpinspect has $version: $newer" -DMAJOR=2
	refused $kind "is built for ABI 0.2 and this tcpinspect has $version: rebuild it against tcpinspect-dev" -DMAJOR=0
	refused $kind "has a damaged .note.tcpinspect (wrong magic): rebuild it" -DMAGIC=0x464c457f
	refused $kind "its .note.tcpinspect and its ti_$kind differ: rebuild it" -DNOTE_MINOR=0
	refused $kind "has a descriptor of 47 bytes, less than its ABI 1.2 has" '-DSIZE(t)=47'
	refused $kind "has a descriptor of 56 bytes, less than its ABI 1.2 has" '-DSIZE(t)=56'
	refused $kind "has a ti_$kind of " '-DSIZE(t)=1000000'
	refused $kind "is no module of tcpinspect (no .note.tcpinspect" -DWITHOUT_NOTE
	refused $kind "has no valid name: make it [a-z][a-z0-9_]*" '-DNAME="abcdefghijklmnopqrstuvwxyzabcdef"'
	refused $kind "has no valid name" '-DNAME="../../x"'
done

# Cut short anywhere: whatever is said, it is refused and has not run.
module plugin whole/old.so -DMINOR=2
OLD_RAN=$work/ran "$TCPINSPECT" check -c /dev/null -S "$TI_SINKS/console.so" -P "$work/whole/old.so" -p old >"$work/out" 2>&1 || fail "the whole one is refused: $(cat "$work/out")"
[ -e "$work/ran" ] || fail "the mark isn't made by what runs"
rm "$work/ran"
size=$(stat -c %s "$work/whole/old.so")
for part in 0 20 63 64 200 $((size / 4)) $((size / 2)) $((size - 64)) $((size - 1)); do
	head -c "$part" "$work/whole/old.so" >"$work/refused/old.so"
	judge plugin 'is '
done
