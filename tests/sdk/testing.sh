#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A stranger's tests of his plugin, with the test kit as `make install` lays it out and
# nothing else: the example of testing.h, a plain C test of callbacks, and one with
# cmocka; as root, and as nobody, who can't load BPF programs.
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
for tool in make pkg-config "${CC:-cc}" "${CLANG:-clang}" "${LLVM_STRIP:-llvm-strip}"; do
	command -v "${tool%% *}" >/dev/null || skip "no $tool here"
done
[ -x "$build/tcpinspect" ] || skip "no tcpinspect in $build: run make there first"
! grep -q '^SANITIZER_FLAGS = .' "$build/Makefile" || skip "built with sanitizers: a stranger's tests are not"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

write_plugin() {
	cat >synmss.h <<'END_OF'
#include <tcpinspect/types.h>

struct synmss {
	ti_addr src_ip;
	__u16 mss;
	__u16 _pad[3];
};
END_OF
	cat >synmss.bpf.c <<'END_OF'
#include <tcpinspect/bpf.h>
#include "synmss.h"

TI_EVENT(synmss, NOTICE, "a SYN offering an MSS below the limit");
TI_OPTION(__u32, below, 1220, 536, 65535, "report SYNs that offer less than this");
TI_LICENSE("Dual BSD/GPL");

/* The option of an MSS is the first here. */
TI_PACKET(packets, TC, XDP, SOCKET)
{
	__u8 option[4];

	if (!ti_is_syn(pkt) || ti_load(pkt->ctx, pkt->hook, pkt->l4 + 20, option, sizeof(option)) ||
	    option[0] != 2 || (option[2] << 8 | option[3]) >= below)
		return TI_PASS;
	TI_EMIT(synmss, e) {
		e->src_ip = pkt->src;
		e->mss = option[2] << 8 | option[3];
	}
	return TI_PASS;
}
END_OF
	cat >synmss.c <<'END_OF'
#include <tcpinspect/plugin.h>
#include "synmss.h"

/* Nobody wants to hear of our own. */
static int event(void *self, const struct ti_record *rec, void *data)
{
	const struct synmss *e = data;

	(void)self;
	(void)rec;
	return e->src_ip.lo >> 32 == 0x0100007f;
}

TI_BPF_OBJECT(synmss_bpf, "synmss.bpf.o");
TI_PLUGIN(synmss, .version = "1.0", .summary = "SYNs with a small MSS",
	  TI_PLUGIN_BPF(synmss_bpf), .event = event);
END_OF
}

write_tests() {
	# What stands in the header works as it stands there.
	sed -n '/^ \*\t#include <stdio.h>/,/^ \*\t}/s/^ \*\t\{0,1\}//p' \
		"$(find "$root" -name testing.h)" >example.c
	cat >callbacks.c <<'END_OF'
#include <stdio.h>
#include <tcpinspect/testing.h>
#include "synmss.h"

int main(void)
{
	struct synmss e = { .src_ip = { 0, 0x010200c0ffff0000 }, .mss = 600 };
	struct ti_test *t = ti_test_new_user("./synmss.so");

	if (!t) {
		fprintf(stderr, "%s\n", ti_test_error());
		return 1;
	}
	ti_test_record(t, "synmss", &e, sizeof(e));
	ti_test_expect(t, "synmss", "src_ip", "192.0.2.1", "mss", "600");
	e.src_ip.lo = 0x0100007fffff0000;
	ti_test_record(t, "synmss", &e, sizeof(e));
	ti_test_expect_none(t);
	ti_test_free(t);
	return 0;
}
END_OF
	sed 's/"mss", "600"/"mss", "601"/' callbacks.c >wrong.c
	cat >with_cmocka.c <<'END_OF'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <tcpinspect/testing.h>

static void test_small(void **state)
{
	const char *why;
	struct ti_test *t;

	(void)state;
	if (!ti_test_can_feed(&why)) {
		print_message("%s\n", why);
		skip();
	}
	t = ti_test_new("./synmss.so", "hook=xdp");
	if (!t)
		fail_msg("%s", ti_test_error());
	ti_test_packet(t, .src = "127.0.0.1", .flags = TI_SYN, .mss = 600);
	ti_test_packet(t, .src = "192.0.2.1", .flags = TI_SYN, .mss = 600);
	ti_test_expect(t, "synmss", "src_ip", "192.0.2.1");
	ti_test_expect_none(t);
	ti_test_free(t);
}

/* A failure is cmocka's. */
static void test_wrong(void **state)
{
	struct ti_test *t = ti_test_new_user("./synmss.so");

	(void)state;
	assert_non_null(t);
	ti_test_expect(t, "synmss");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest right[] = { cmocka_unit_test(test_small) };
	const struct CMUnitTest wrong[] = { cmocka_unit_test(test_wrong) };

	(void)argv;
	return argc > 1 ? cmocka_run_group_tests(wrong, NULL, NULL) : cmocka_run_group_tests(right, NULL, NULL);
}
END_OF
}

# --- install, write, build ---------------------------------------------------

root=$work/root
make -s -C "$build" install DESTDIR="$root" >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log" >&2; fail "make install DESTDIR=..."; }
pc=$(find "$root" -name tcpinspect-testing.pc)
[ -n "$pc" ] || fail "make install has installed no tcpinspect-testing.pc"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
lib=$(find "$root" -name libtcpinspect-testing.so)
[ -n "$lib" ] || fail "make install has installed no libtcpinspect-testing.so"
export LD_LIBRARY_PATH=${lib%/*}

mkdir "$work/synmss"
cd "$work/synmss"
write_plugin
write_tests
cat >Makefile <<'END'
tests = example callbacks wrong
ifneq ($(shell pkg-config --exists cmocka && echo yes),)
tests += with_cmocka
with_cmocka: LDLIBS += -lcmocka
endif
all: synmss.so $(tests)
include $(shell pkg-config --variable=bpf_mk tcpinspect)
$(tests): CFLAGS += -std=gnu11 -Wall -Wextra -Werror $(shell pkg-config --cflags tcpinspect-testing)
$(tests): LDLIBS += $(shell pkg-config --libs tcpinspect-testing)
END
env -u MAKEFLAGS -u MAKELEVEL make >make.log 2>&1 ||
	{ cat make.log >&2; fail "the plugin and its tests do not build against the installed SDK"; }

# Nothing of the daemon gets in the way of a test's own names.
exported=$(nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }' | grep -v '^ti_test_') || :
[ -z "$exported" ] || fail "the library exports $exported"
readelf -d "$lib" | grep -q 'SONAME.*libtcpinspect-testing.so.1\]' || fail "the library has another name"

# --- run ---------------------------------------------------------------------

# $1: exit status; what it prints goes to `out`.
ends() {
	local status=0 want=$1
	shift
	"$@" >out 2>&1 || status=$?
	[ $status = "$want" ] || { cat out >&2; fail "$* ended with $status, not $want"; }
}

# $1: whether packets can be fed; the rest is how to run as somebody.
run_all() {
	local fed=$1
	shift
	ends 0 "$@" ./callbacks
	ends 134 "$@" ./wrong # SIGABRT
	grep -q 'wrong.c:[0-9]*: event synmss is not as expected' out || { cat out >&2; fail "no place of the failure"; }
	grep -q 'mss: expected "601", is "600"' out || { cat out >&2; fail "no words of the failure"; }
	[ ! -x with_cmocka ] || {
		ends 0 "$@" ./with_cmocka
		ends 1 "$@" ./with_cmocka wrong
		grep -q 'expected event synmss, there is none' out || { cat out >&2; fail "no words in cmocka"; }
	}
	if [ "$fed" = yes ]; then
		ends 0 "$@" ./example
	else
		ends 77 "$@" ./example
		grep -q 'skipped: .*CAP_BPF' out || { cat out >&2; fail "it isn't said what is missing"; }
	fi
}

ulimit -c 0
if [ "$(id -u)" = 0 ]; then
	run_all yes
	command -v setpriv >/dev/null || skip "run as root; no setpriv to be nobody with"
	run_all no setpriv --reuid 65534 --regid 65534 --clear-groups
else
	run_all no
fi
