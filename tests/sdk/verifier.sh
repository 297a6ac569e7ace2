#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Plugins that the kernel's verifier refuses, one for each frequent reason: the
# author is told the line, which is the one marked HERE, and what to change.
. "${0%/*}/lib.sh" || exit
[ "$(id -u)" = 0 ] || skip "the verifier is asked as root"

# refused NAME TEXT... - its source is read; it says so with the line that is marked.
refused() {
	local line
	name=$1
	probe "$name"
	line=$(grep -n 'HERE' "$name.bpf.c" | cut -d: -f1)
	ask 4 doctor -P "./$name.so"
	says "error: $name: " "(at $name.bpf.c:$line)" "error:   $name.bpf.c:$line: " "${@:2}"
	! grep -q 'HERE' said || return 0
	cat said >&2
	fail "$name: the line itself is not shown"
}

seen='struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");'

refused null "packets_tc(): R0 invalid mem access 'map_value_or_null'" 'last known: R0=map_value_or_null(' \
	'=> the pointer can be NULL' <<END2
$seen
TI_PACKET(packets, TC)
{
	__u32 key = pkt->src_port;
	__u64 *n = bpf_map_lookup_elem(&seen, &key);

	*n += 1; /* HERE */
	return TI_PASS;
}
END2
ask 4 doctor -v -P ./null.so
grep -q 'debug: processed [0-9]* insns' said || fail "-v doesn't show the log to its end"

refused leak 'Unreleased reference' 'held since leak.bpf.c:6: TI_EMIT(' '=> a way out of the program leaves something held' <<'END2'
struct ev { __u32 a; };
TI_EVENT(ev, INFO, "x");
TI_PACKET(packets, TC)
{
	TI_EMIT(ev, e) {
		e->a = pkt->src_port;
		if (pkt->dst_port == 80) /* HERE */
			return TI_PASS;
	}
	return TI_PASS;
}
END2

refused packet 'invalid access to packet' '=> read packets with ti_load()' <<'END2'
TI_HOOK(frames, 0) SEC("tc")
int frames_tc(struct __sk_buff *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	return data[20] == 6 ? -1 : 0; /* HERE */
}
END2

refused moved "invalid mem access" '=> the verifier takes this for a number' <<'END2'
TI_HOOK(frames, 0) SEC("tc")
int frames_tc(struct __sk_buff *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 20 > end)
		return -1;
	bpf_skb_pull_data(ctx, 0);
	return data[3]; /* HERE */
}
END2

# What is refused stands in packet.h, far from the cause.
probe escaped <<'END2'
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 16); __type(key, ti_addr); __type(value, __u64); } seen SEC(".maps");
TI_PACKET(packets, XDP)
{
	return bpf_map_lookup_elem(&seen, &pkt->src) ? TI_DROP : TI_PASS;
}
END2
ask 4 doctor -P ./escaped.so
says 'a helper got the address of a member of pkt'

refused length 'R4 ' '=> the index or length may be outside' <<'END2'
struct ev { __u32 a; ti_str(64) s; };
TI_EVENT(ev, INFO, "x");
TI_PACKET(packets, TC)
{
	TI_EMIT(ev, e) {
		__u32 len = pkt->len - pkt->payload;
		bpf_skb_load_bytes(pkt->ctx, pkt->payload, e->s.str, len); /* HERE */
	}
	return TI_PASS;
}
END2

refused index 'invalid access to map value' '=> the index or length may be outside' <<'END2'
struct v { __u32 n[4]; };
TI_CPU_ARRAY(struct v, table);
TI_PACKET(packets, TC)
{
	struct v *v = TI_CPU(table);

	if (v)
		v->n[pkt->src_port]++; /* HERE */
	return TI_PASS;
}
END2

refused endless 'infinite loop detected' '=> the loop has no end that the verifier can see' <<'END2'
TI_CPU_ARRAY(__u64, table);
TI_PACKET(packets, TC)
{
	__u64 *v = TI_CPU(table);

	if (!v)
		return TI_PASS;
	while (*(volatile __u64 *)v != 5) /* HERE */
		;
	return TI_PASS;
}
END2

refused large 'is too large' '=> there is too much to follow' <<'END2'
TI_CPU_ARRAY(__u64, table);
TI_HOOK(frames, 0) SEC("tc")
int frames_tc(struct __sk_buff *ctx)
{
	__u64 *v = TI_CPU(table);

	if (!v)
		return 0;
	for (__u32 i = 0; i < 10000000; i++) *(volatile __u64 *)v += i; /* HERE */
	return 0;
}
END2

refused helper 'bpf_redirect#23' "=> programs at this hook can't call that function" <<'END2'
TI_HOOK(frames, 0) SEC("socket")
int frames_socket(struct __sk_buff *ctx)
{
	return bpf_redirect(1, 0); /* HERE */
}
END2

refused context 'invalid bpf_context access' '=> programs at this hook have no such member' <<'END2'
TI_HOOK(frames, 0) SEC("socket")
int frames_socket(struct __sk_buff *ctx)
{
	return (long)ctx->data_end & 1; /* HERE */
}
END2

refused unset '!read_ok' '=> a variable is used before all of it is set' <<'END2'
TI_HOOK(frames, 0) SEC("raw_tp/sys_enter")
int frames_raw(void *ctx)
{
	__u64 unset;

	asm volatile("%0 = r7" : "=r"(unset)); /* HERE */
	return unset == 1;
}
END2

refused number "invalid mem access" '=> the verifier takes this for a number' 'BPF_CORE_READ' <<'END2'
TI_HOOK(states, 0) SEC("raw_tp/inet_sock_set_state")
int states_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];

	return sk->__sk_common.skc_family == 2; /* HERE */
}
END2

refused answer 'At program exit the register R0' '=> the hook knows only certain return values' <<'END2'
TI_HOOK(conns, 0) SEC("cgroup_skb/ingress")
int conns_in(struct __sk_buff *ctx)
{
	return ctx->len; /* HERE */
}
END2

refused constant 'write into map forbidden' '=> options (TI_OPTION) and other constants' <<'END2'
TI_OPTION(__u32, below, 1, 0, 5, "x");
TI_HOOK(frames, 0) SEC("tc")
int frames_tc(struct __sk_buff *ctx)
{
	*(volatile __u32 *)&below = ctx->len; /* HERE */
	return 0;
}
END2

refused kernel 'only read is supported' "=> a program can't write the kernel's memory" <<'END2'
TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_btf, struct sock *sk, int old, int new)
{
	*(volatile int *)&sk->__sk_common.skc_family = 2; /* HERE */
	return 0;
}
END2

refused argument 'R2 ' ' expected=' '=> the helper wants another kind of pointer' <<END2
$seen
TI_HOOK(frames, 0) SEC("tc")
int frames_tc(struct __sk_buff *ctx)
{
	return bpf_map_lookup_elem(&seen, (void *)(long)ctx->len) ? 1 : 0; /* HERE */
}
END2

refused field 'no_such_field' '=> this kernel has no such type or field' <<'END2'
struct tcp_sock___new { __u32 no_such_field; } __attribute__((preserve_access_index));
TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_btf, struct sock *sk, int old, int new)
{
	return BPF_CORE_READ((struct tcp_sock___new *)sk, no_such_field); /* HERE */
}
END2

refused type 'no_such_struct' '=> this kernel has no such type or field' <<'END2'
struct no_such_struct { __u32 member; } __attribute__((preserve_access_index));
TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_btf, struct sock *sk, int old, int new)
{
	return BPF_CORE_READ((struct no_such_struct *)sk, member); /* HERE */
}
END2
echo "ok: the frequent reasons"

# In a function of its own, behind others in the section, of a program that isn't the first.
refused function "frames_tc(): R0 invalid mem access 'map_value_or_null'" <<END2
$seen
static __attribute__((noinline)) int first(__u32 key)
{
	volatile __u32 k = key;
	return k + 1;
}
static __attribute__((noinline)) int second(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&seen, &key);

	return *n + first(key); /* HERE */
}
TI_HOOK(other, 0) SEC("tc") int other_tc(struct __sk_buff *ctx)
{
	return first(ctx->len) == 77777 ? 1 : 0;
}
TI_HOOK(frames, 0) SEC("tc") int frames_tc(struct __sk_buff *ctx)
{
	return first(ctx->len) + second(ctx->len);
}
END2

# In one that is inlined, of a header of the author's.
cat >own.h <<'END2'
static __always_inline int own(__u64 *n)
{
	return *n; /* OWN */
}
END2
name=header
probe header <<END2
$seen
#include "own.h"
TI_HOOK(frames, 0) SEC("tc") int frames_tc(struct __sk_buff *ctx)
{
	__u32 key = ctx->len;
	return own(bpf_map_lookup_elem(&seen, &key));
}
END2
ask 4 doctor -P ./header.so
says "own.h:3: return *n; /* OWN */" "(at own.h:3)"

# In the SDK's: the author's line before that, and the SDK's.
refused sdk 'frames_tc()' 'then ' 'packet.h:' <<END2
$seen
TI_HOOK(frames, 0) SEC("tc") int frames_tc(struct __sk_buff *ctx)
{
	__u32 key = 5;
	void *to = bpf_map_lookup_elem(&seen, &key);
	return ti_load(ctx, TI_AT_TC, ctx->len, to, 4); /* HERE */
}
END2
echo "ok: functions and headers"

# Only groups that are needed are explained; of others doctor says the line, too.
name=optional
probe optional <<END2
$seen
TI_HOOK(fine, 0) SEC("tc") int fine_tc(struct __sk_buff *ctx) { return -1; }
TI_HOOK(frames, 0) TI_IF_POSSIBLE SEC("tc") int frames_tc(struct __sk_buff *ctx)
{
	__u32 key = 1;
	return *(__u32 *)bpf_map_lookup_elem(&seen, &key);
}
END2
ask 0 doctor -P ./optional.so
grep -q "map_value_or_null' (at optional.bpf.c:7)" out || { cat out >&2; fail "doctor does not say the line"; }
[ ! -s said ] || { cat said >&2; fail "an optional group's failure is an error"; }
echo "ok: optional groups"

# What libbpf itself refuses: a function or a map that this kernel hasn't.
name=ksym
probe ksym <<'END2'
extern int bpf_no_such_function(int) __ksym;
TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_btf, struct sock *sk, int old, int new)
{
	return bpf_no_such_function(old);
}
END2
ask 4 doctor -P ./ksym.so
says "'bpf_no_such_function': not found in kernel or module BTFs; this kernel doesn't have it"
name=map
probe map <<END2
${seen/max_entries, 16/max_entries, 0}
TI_HOOK(frames, 0) SEC("tc") int frames_tc(struct __sk_buff *ctx)
{
	__u32 key = 1;
	return bpf_map_lookup_elem(&seen, &key) ? 1 : 0;
}
END2
ask 4 doctor -P ./map.so
says "map 'seen': failed to create: Invalid argument(-22); its type, flags, max_entries"
name=licence
sed '/TI_LICENSE/d' unset.bpf.c | sed 's/asm volatile.*/unset = bpf_get_current_task();/' >licence.bpf.c
object licence && shared licence
ask 4 doctor -P ./licence.so
says 'cannot call GPL-restricted function' '=> that helper is for GPL-compatible programs: TI_LICENSE('
echo "ok: objects"

# Without line info.
name=lineless
cp null.bpf.c lineless.bpf.c && object lineless
llvm-objcopy --remove-section .BTF.ext --remove-section .rel.BTF.ext lineless.bpf.o 2>/dev/null ||
	${CLANG/clang/llvm-objcopy} --remove-section .BTF.ext lineless.bpf.o
shared lineless
ask 4 doctor -P ./lineless.so
says "packets_tc(): R0 invalid mem access 'map_value_or_null'" '=> the pointer can be NULL'
! grep -q '(at ' said || { cat said >&2; fail "it says a line that it can't know"; }
echo "ok: without line info"
