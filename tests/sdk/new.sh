#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# From nothing to the first event of a plugin of one's own, as README.md says: its five
# commands, by an ordinary user with sudo, against what `make install` lays out. Then
# what else `tcpinspect new` writes, for each hook, with gcc and with clang.
. "$(dirname "$0")/installed.sh" || exit
need jq
out=$work/out events=$work/events

# The lines of code of all that is written: neither blank nor comments.
lines() { # MAKEFILE...
	cat ./*.[ch] ./*.ini "$@" 2>/dev/null | grep -cvE '^[[:space:]]*($|//|/?\*|#[^i]|;|dnl)'
}

# first_event NAME ARGUMENT... - run the daemon with sudo until the plugin has reported
# what its own test does.
first_event() {
	local name=$1 pid status=0
	shift
	env SUDO_UID="$uid" SUDO_GID="$gid" "$@" -o json --duration 60s >"$events" 2>"$work/$name.log" &
	pid=$!
	eventually 20 reported "$name" $pid || fail "$name reports nothing: $(tail -n 3 "$work/$name.log")"
	kill -INT $pid
	wait $pid || status=$?
	[ $status = 0 ] || fail "tcpinspect run ended with $status"
}

reported() {
	! grep -q "\"plugin\":\"$1\"" "$events" || return 0
	kill -0 "$2" 2>/dev/null || return 1
	if [ -e "$1.sh" ]; then bash "$1.sh"; else (: </dev/tcp/127.0.0.1/9) 2>/dev/null || :; fi
	return 1
}

# --- the five commands of README.md ---------------------------------------------

# The first block of that language.
block() {
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{//!p}" "$work/readme"
}

cd "$home"
sed -n '/^## Write a plugin/,/^## /p' "$srcdir/README.md" >"$work/readme"
mapfile -t commands < <(block sh)
[ ${#commands[@]} = 5 ] || fail "README.md does not have five commands: ${commands[*]}"
for line in "${commands[@]}"; do
	read -ra words <<<"$line"
	case $line in
	"cd "*) cd "${words[1]}" ;;
	"sudo tcpinspect run "*) first_event synfar "${words[@]:1}" ;;
	"sudo "*) sudoer "${words[@]:1}" >"$out" 2>&1 || fail "$line: $(cat "$out")" ;;
	*) author "${words[@]}" >"$out" 2>&1 || fail "$line: $(cat "$out")" ;;
	esac
done
if [ -x "$(command -v tcpinspect)-replay" ]; then result=PASS; else result=SKIP; fi
grep -qx "$result: synfar.pcap" "$out" || fail "make check does not say $result: $(cat "$out")"
jq -es 'any(.[]; .event == "syn" and .plugin == "synfar" and .dst_port == 9 and .ttl == 64)' "$events" >/dev/null ||
	fail "the event is not what was done: $(cat "$events")"


# Files are the author's, though root has tested.
sudoer tcpinspect new -q by_root
[ -z "$(find . -not -user nobody)" ] || fail "files of root's: $(find . -not -user nobody)"

# --- what makes a test worth having -------------------------------------------------

# $1: what the output has to say; $2...: a goal that must fail.
fails() {
	! sudoer make "${@:2}" >"$out" 2>&1 || fail "make ${*:2} does not fail"
	grep -qF -- "$1" "$out" || fail "make ${*:2} does not say '$1': $(cat "$out")"
}

author make check >"$out" 2>&1 || fail "make check without root: $(cat "$out")"
grep -qx 'SKIP: synfar.pcap' "$out" || fail "make check without root does not say SKIP"
if [ $result = PASS ]; then
	sed -i 's/"ttl":52/"ttl":53/' synfar.expected
	fails 'FAIL: synfar.pcap' check
	rm synfar.expected
	fails 'there is no synfar.expected' check
fi

# --- what is missing is named ----------------------------------------------------------

author make -s clean
[ "$(ls synfar.*)" = $'synfar.bpf.c\nsynfar.c\nsynfar.ini\nsynfar.pcap' ] || fail "make clean leaves something"
fails 'install clang' CLANG=
fails 'install llvm' LLVM_STRIP=
fails 'install gcc' CC=/nowhere/cc
PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere fails 'tcpinspect-dev'
make -s clean

# --- names ---------------------------------------------------------------------------------

refused() { # WORDS WORD IN ITS MESSAGE
	local status=0
	author tcpinspect new "${@:2}" >"$out" 2>&1 || status=$?
	[ $status = 2 ] || fail "tcpinspect new ${*:2} ends with $status"
	grep -qF -- "$1" "$out" || fail "tcpinspect new ${*:2} does not say '$1': $(cat "$out")"
}

cd "$home"
for name in Syn 9syn syn-far '' ../syn "s'" int linux "$(printf 's%.0s' {1..32})"; do
	refused "can't be a plugin's name" -- "$name"
done
refused 'one name'
refused 'one name' a b
refused "did you mean 'sockops'" a --hook sockop
[ "$(ls)" = synfar ] || fail "something was written: $(ls)"
! author tcpinspect new synfar 2>"$out" || fail "a folder is written over"
grep -q 'synfar is there already' "$out" || fail "that a folder is there isn't said: $(cat "$out")"
author tcpinspect new conn 2>&1 | grep -q 'conn.so is installed' || fail "that conn is installed isn't said"

# A folder that can't be finished is not there.
author mkdir small
mount -t tmpfs -o size=4k,mode=777 tmpfs small
! (cd small && author tcpinspect new half) >"$out" 2>&1 || fail "a full disk is no error"
[ -z "$(ls small)" ] || fail "half a folder was left: $(find small)"
umount small

# --- each hook, with both compilers -----------------------------------------------------------

for hook in packet tracepoint kprobe sockops; do
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		name=${hook}_$cc
		author tcpinspect new -q --hook $hook "$name"
		cd "$name"
		author make -s CC=$cc CFLAGS='-O2 -Wall -Wextra -Werror' BPF_CFLAGS=-Werror >"$out" 2>&1 || fail "$name does not build: $(cat "$out")"
		[ "$(lines Makefile)" -le 40 ] || fail "$name has $(lines Makefile) lines of code"
		! grep -rn '@[a-z]*@' . || fail "a placeholder is left in $name"
		sudoer make check CC=$cc >"$out" 2>&1 || fail "$name: make check: $(cat "$out")"
		grep -q "^PASS: $name" "$out" || { grep -q '^skipped' "$out" && grep -qx "SKIP: $name.*" "$out"; } ||
			fail "$name: make check says neither PASS nor SKIP: $(cat "$out")"

		umask 002
		make -s install DESTDIR="$work/package" >"$out" 2>&1 || fail "$name: make install: $(cat "$out")"
		umask 022
		[ -e "$work/package$(pkg-config --variable=plugindir tcpinspect)/$name.so" ] || fail "$name is not in DESTDIR"
		make -s install >"$out" 2>&1 || fail "$name: make install: $(cat "$out")"
		tcpinspect check -p "$name" >"$out" 2>&1 || fail "$name is installed and can't be used: $(cat "$out")"
		cd ..
	done
done

# --- autotools ----------------------------------------------------------------------------

command -v autoreconf >/dev/null || skip "all but --autotools works; no autoreconf here"
aclocal=$(pkg-config --variable=aclocaldir tcpinspect)
for hook in packet sockops; do
	name=auto_$hook
	author tcpinspect new -q --autotools --hook $hook $name
	cd $name
	ACLOCAL_PATH=$aclocal author autoreconf -i -W error >"$out" 2>&1 || fail "$name: autoreconf: $(cat "$out")"
	CC=$([ $hook = packet ] || command -v clang) author ./configure -q >"$out" 2>&1 || fail "$name: configure: $(cat "$out")"
	author make -s CFLAGS='-O2 -Werror' >"$out" 2>&1 || fail "$name does not build: $(cat "$out")"
	[ "$(lines configure.ac Makefile.am)" -le 40 ] || fail "$name has $(lines configure.ac Makefile.am) lines of code"
	sudoer make check >"$out" 2>&1 || fail "$name: make check: $(cat "$out")"
	grep -qE "^(PASS|SKIP): $name" "$out" || fail "$name: make check runs no test: $(cat "$out")"
	make -s install >"$out" 2>&1 || fail "$name: make install: $(cat "$out")"
	tcpinspect check -p $name >"$out" 2>&1 || fail "$name is installed and can't be used: $(cat "$out")"
	cd ..
done
cd auto_packet
author make -s distcheck >"$out" 2>&1 || fail "make distcheck: $(tail -n 20 "$out")"
! PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere author ./configure >"$out" 2>&1 || fail "configure finds what isn't there"
grep -q 'install tcpinspect-dev' "$out" || fail "configure does not say what to install: $(tail -n 3 "$out")"
cd ..

# All of them are enabled by what was installed, and an ini file that was edited stays.
tcpinspect check -j >"$out" 2>&1 || fail "tcpinspect check: $(cat "$out")"
bundled=$(find "$(pkg-config --variable=plugindir tcpinspect)" -name '*.so' | wc -l)
jq -e ".ok and .plugins == $bundled" "$out" >/dev/null || fail "not $bundled plugins are enabled: $(cat "$out")"
cd packet_gcc
ini=$(pkg-config --variable=dropindir tcpinspect)/packet_gcc.ini
echo '; mine' >>"$ini"
make -s install >"$out" 2>&1
grep -q 'there already, and stays' "$out" || fail "that the ini file stays isn't said"
make -s uninstall >"$out" 2>&1
grep -q '^; mine' "$ini" || fail "an edited ini file is gone"
! tcpinspect list | grep -q packet_gcc || fail "make uninstall leaves the plugin"
cd ../sockops_gcc
make -s uninstall
! tcpinspect list 2>&1 | grep -q sockops_gcc || fail "make uninstall leaves the plugin"
[ ! -e "${ini%/*}/sockops_gcc.ini" ] || fail "make uninstall leaves the ini file"
