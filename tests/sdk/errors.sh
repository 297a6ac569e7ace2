#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mistakes that a plugin's author makes, told by `tcpinspect check -P` before anything is
# loaded into the kernel: what is wrong, where, and what to write instead. What the
# verifier refuses is in verifier.sh; fields and options one by one in test-schema.
. "${0%/*}/lib.sh" || exit

: "${TI_SINKS:=${TCPINSPECT%/*}/modules/sinks}"
[ -e "$TI_SINKS/console.so" ] || skip "no console.so in $TI_SINKS"

check() {
	name=$1
	ask "$2" check -c /dev/null -S "$TI_SINKS/console.so" -P "./$1.so"
	shift 2
	says "$@"
}

# wrong NAME TEXT... - `check` refuses NAME.so, with these words.
wrong() {
	check "$1" 2 "${@:2}"
}

good='TI_PACKET(packets, TC) { return TI_PASS; }'
probe good <<<"struct ev { __u32 a; }; TI_EVENT(ev, INFO, \"x\"); $good"
check good 0
[ ! -s said ] || { cat said >&2; fail "a good plugin is complained of"; }

# --- objects -----------------------------------------------------------------

# carry NAME - NAME.so with whatever is in NAME.bpf.o.
carry() {
	shared "$1" || fail "$1.so does not build"
}

cp good.bpf.c plain.bpf.c
TI_BPF_CFLAGS=${TI_BPF_CFLAGS/-g /} object plain && carry plain
wrong plain 'plain: its BPF object has no BTF: compile it with clang -g, and strip it with llvm-strip -g'
cp good.bpf.o stripped.bpf.o && $LLVM_STRIP stripped.bpf.o && carry stripped
wrong stripped 'stripped: its BPF object has no symbols: strip it with llvm-strip -g'
echo 'int f(void) { return 1; }' >f.c
$CC -c f.c -o native.bpf.o && carry native
wrong native 'native: its BPF object is for another machine (' 'compile it with clang -target bpf'
if $CLANG -target bpfeb -g -O2 -c f.c -o big.bpf.o 2>/dev/null; then
	carry big
	wrong big 'big: its BPF object is big-endian'
fi
for size in 20 100 3000; do
	head -c $size good.bpf.o >short.bpf.o && carry short
	wrong short 'short: its BPF object is cut off: build it again'
done
echo hello >text.bpf.o && carry text
wrong text 'text: its BPF object is no ELF file: TI_BPF_OBJECT has to name what clang -target bpf made'
: >empty.bpf.o && carry empty
wrong empty 'its ti_plugin leaves .bpf empty'
echo "ok: objects"

# --- hooks -------------------------------------------------------------------

# hook SECTION TEXT...
hook() {
	probe section <<<"TI_HOOK(frames, 0) SEC(\"$1\") int frames(void *c) { return 0; }"
	wrong section "section: program frames has section '$1', which is no hook of this tcpinspect" "${@:2}"
}
hook xpd "did you mean 'xdp'? It has xdp, tc, socket, tp/, "
hook raw_tracepoint/sys_enter "did you mean 'raw_tp/'?"
hook tracepoint/tcp/tcp_probe "did you mean 'tp/'?"
hook classifier/x "did you mean 'tc'?"
hook fentri/tcp_v4_rcv "did you mean 'fentry/'?"
hook nonsense "this tcpinspect; it has xdp, tc"

probe hookless <<<'SEC("tc") int frames(void *c) { return 0; }'
wrong hookless 'hookless: its BPF object has no hook; use TI_PACKET or TI_HOOK'
probe unused <<<"SEC(\"tc\") int frames(void *c) { return 0; } $good"
check unused 0 "warning: unused: its program frames (section 'tc') is never run: it has neither TI_HOOK nor TI_BY_HAND"
probe newer <<<"TI_TAG(\"fancy:x\") int variable; $good"
check newer 0 "warning: newer: variable has a tag 'ti:fancy:x' that this tcpinspect doesn't know"
echo "ok: hooks"

# --- events and options --------------------------------------------------------

probe pointer <<<"struct ev { struct sk_buff *skb; }; TI_EVENT(ev, INFO, \"x\"); $good"
wrong pointer 'pointer: ev.skb is a pointer, which means nothing outside the kernel; copy what it points to (its type is struct sk_buff *)'
probe severity <<<"struct ev { __u32 a; }; TI_EVENT(ev, WARN, \"x\"); $good"
wrong severity 'severity: ev has an unknown severity; INFO, NOTICE, WARNING, ERROR or CRITICAL'
probe range <<<"TI_OPTION(__u32, below, 0, 5, 9, \"x\"); $good"
wrong range 'range: below is an option from 5 to 9 with the default 0; choose one in between'
probe taken <<<"TI_OPTION(__u32, hook, 7, 0, 500, \"x\"); $good"
wrong taken "taken: its option 'hook' is one that every plugin has; choose another name"
cat >twice.c <<'END2'
#include <tcpinspect/plugin.h>
TI_BPF_OBJECT(bpf, "twice.bpf.o");
struct config { uint32_t below; };
static const struct ti_option options[] = {
	{ .key = "below", .type = TI_OPT_U32, .offset = offsetof(struct config, below), .def = "1", .max = 9, .help = "x" },
};
TI_PLUGIN(twice, .version = "1.0", .summary = "x", TI_PLUGIN_BPF(bpf), .options = options, .n_options = 1,
	  .config_size = sizeof(struct config));
END2
probe twice <<<"TI_OPTION(__u32, below, 7, 0, 9, \"x\"); $good"
wrong twice "twice: its option 'below' is there twice, in TI_OPTION or in the .options of TI_PLUGIN"
sed 's/"1", .max = 9/"12", .max = 9/; s/twice/default/g; s/"below"/"above"/' twice.c >default.c
probe default <<<"$good"
wrong default "default: a default of its own doesn't parse: default of above: '12' is out of range: 0 to 9"
echo "ok: events and options"

# --- shared objects -------------------------------------------------------------

echo 'int f(void) { return 1; }' >bare.c
$CC -shared -fPIC -o bare.so bare.c
wrong bare 'bare.so: is no module of tcpinspect' 'TI_PLUGIN or TI_SINK of tcpinspect-dev makes one'
cp good.bpf.o missing.bpf.o
cat >missing.c <<'END2'
#include <tcpinspect/plugin.h>
TI_BPF_OBJECT(bpf, "missing.bpf.o");
extern void defined_nowhere(void *self);
TI_PLUGIN(missing, .version = "1.0", .summary = "x", TI_PLUGIN_BPF(bpf), .stop = defined_nowhere);
END2
carry missing
wrong missing 'missing.so: cannot be loaded: ' 'undefined symbol: defined_nowhere'
cp good.bpf.o hidden.bpf.o
echo '{ local: *; };' >hidden.map
shared hidden -Wl,--version-script=hidden.map
wrong hidden "hidden.so: exports no ti_plugin"
cp good.bpf.o both.bpf.o
cat >sink.c <<'END2'
#include <tcpinspect/sink.h>
static int start(void **s, const struct ti_sink_host *h, struct ti_handle *t, const void *c) { return 0; }
static ssize_t put(void *s, const char *d, size_t n) { return n; }
static void stop(void *s) { }
TI_SINK(both, .version = "1.0", .summary = "x", .start = start, .write = put, .stop = stop);
END2
shared both sink.c
wrong both 'both.so: holds two modules: one TI_PLUGIN or TI_SINK makes one file'
# Without the object's folder in the assembler's path it isn't built, and as says which file.
(mkdir elsewhere && cd elsewhere && ! $CC -shared -fPIC -I../include -o good.so ../good.c 2>../said) ||
	fail "it builds without its BPF object"
name=elsewhere
says 'good.bpf.o'
echo "ok: shared objects"
