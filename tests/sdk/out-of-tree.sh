#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A stranger's plugin, sdk/examples/synmss: copied, built and run outside of this tree,
# against what `make install` lays out and nothing else; as root it is also run, on the
# lo of a network namespace of its own.
#
# TI_BUILD: the folder tcpinspect was built in (default: the current one).
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*" >&2
	exit 1
}

build=$(cd "${TI_BUILD:-.}" && pwd)
examples=$(cd "${srcdir:-.}/sdk/examples" && pwd)
for tool in make pkg-config "${CC:-cc}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}"; do
	command -v "${tool%% *}" >/dev/null || skip "no $tool here"
done
[ -x "$build/tcpinspect" ] || skip "no tcpinspect in $build: run make there first"

work=$(mktemp -d)
daemon=
net=ti-sdk-$$
clean_up() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || :
	[ ! -e /run/netns/$net ] || ip netns del $net
	rm -rf "$work"
}
trap clean_up EXIT

# --- install, build ------------------------------------------------------------

root=$work/root
make -s -C "$build" install DESTDIR="$root" >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log" >&2; fail "make install DESTDIR=..."; }
pc=$(find "$root" -name tcpinspect.pc)
[ -n "$pc" ] || fail "make install has installed no tcpinspect.pc"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
installed=$(find "$root" -name tcpinspect -type f -perm /111)
console=$(find "$root" -name console.so)

mkdir "$work/synmss"
cd "$work/synmss"
cp "$examples/synmss/"* .
env -u MAKEFLAGS -u MAKELEVEL make ||
	fail "the plugin does not build against the installed SDK"
grep -q "$root.*/tcpinspect/bpf.h" synmss.bpf.o.d ||
	fail "the probe was not built with the installed bpf.h"
grep -q "$root.*/tcpinspect/plugin.h" synmss.so.d ||
	fail "the plugin was not built with the installed plugin.h"
env -u MAKEFLAGS -u MAKELEVEL make -q || fail "a second make has something to do"

# What would take another program's reply away does not build, and it is that which
# doesn't.
cat >replies.bpf.c <<'END'
#include <tcpinspect/bpf.h>
TI_LICENSE("Dual BSD/GPL");

TI_SOCKOPS(replies, 0)
{
	if (ctx->op == BPF_SOCK_OPS_RWND_INIT)
		REPLY;
	ti_sockops_enable(ctx, BPF_SOCK_OPS_RTT_CB_FLAG);
}
END
env -u MAKEFLAGS -u MAKELEVEL make replies.bpf.o BPF_CFLAGS=-DREPLY= >replies.log 2>&1 ||
	{ cat replies.log >&2; fail "a sock_ops program does not build"; }
rm replies.bpf.o
! env -u MAKEFLAGS -u MAKELEVEL make replies.bpf.o BPF_CFLAGS='-DREPLY="ctx->reply = 1"' >replies.log 2>&1 ||
	fail "a sock_ops program may reply"
grep -q 'const' replies.log || { cat replies.log >&2; fail "it is refused for another reason"; }

# --- list ---------------------------------------------------------------------

"$installed" list -v -P ./synmss.so >list.out || fail "list -P ./synmss.so"
for word in synmss 'SYNs with a small MSS' below 'an MSS below the limit' 'bytes that the SYN offers'; do
	grep -q "$word" list.out || { cat list.out >&2; fail "list does not say '$word'"; }
done

# --- run ------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || skip "built and listed; to run it takes root"
[ -n "$console" ] || skip "built and listed; to run it takes the console sink"
ip netns add $net 2>/dev/null || skip "built and listed; no network namespace can be made here"
ip -n $net link set lo up

# $1: MTU of lo, 40 over the MSS that is offered; $2: a port nobody listens at.
knock() {
	ip -n $net link set lo mtu "$1"
	ip netns exec $net bash -c ": </dev/tcp/127.0.0.1/$2" 2>/dev/null || :
}

ip netns exec $net "$installed" run -P ./synmss.so -S "$console" -p synmss -i lo -o json \
	--count 1 --duration 20s >events 2>log &
daemon=$!
# The first of each pair offers too much to be reported.
while sleep 0.2 && kill -0 "$daemon" 2>/dev/null; do
	knock 65535 7
	knock 1000 9
done
status=0
wait "$daemon" || status=$?
daemon=
cat log events
[ "$status" = 0 ] || fail "tcpinspect run ended with $status"
[ "$(wc -l <events)" = 1 ] || fail "not one event"
for field in '"plugin": *"synmss"' '"event": *"synmss"' '"severity": *"notice"' \
	'"src_ip": *"127.0.0.1"' '"dst_port": *9[,}]' '"mss": *960[,}]'; do
	grep -q "$field" events || fail "no $field in the event"
done
