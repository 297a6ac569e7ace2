/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/function.h - programs at functions of the kernel and of libraries and
 * executables. Included by bpf.h.
 *
 * In the kernel: one source for fentry and fexit, which cost least, and for kprobe and
 * kretprobe, which stand in where the kernel refuses those. What is common to
 * both: typed arguments, and kernel memory that is read with BPF_CORE_READ.
 */
#ifndef TCPINSPECT_FUNCTION_H
#define TCPINSPECT_FUNCTION_H

#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * When a function of the kernel is called:
 *	TI_ENTRY(drops, 0, tcp_drop, struct sock *sk, struct sk_buff *skb)
 *	{
 *		__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);
 *		...
 *	}
 * Up to 5 arguments of the function, from its first on, none of them a struct or a
 * floating-point number. It makes two alternatives of group `drops`: number 0 at
 * fentry and number 1 at kprobe; other hooks for the same go on at number 2. The
 * body returns nothing. Pointers into the kernel can't be followed with ->: use
 * BPF_CORE_READ, with the structs of kernel.h or your own.
 *
 * Attributes stand in front and go to both: TI_IF_POSSIBLE TI_ENTRY(...).
 *
 * Entries and returns with one group and number are one alternative: attached
 * together, all or none.
 */
#define TI_ENTRY(group, order, function, args...)                              \
	int group##_fentry_##function(__u64 *ctx),                             \
		group##_kprobe_##function(void *ctx);                          \
	static __always_inline void group##_entry_##function(args);            \
	TI_HOOK_(group, order) SEC("fentry/" #function)                        \
	int group##_fentry_##function(__u64 *ctx)                              \
	{                                                                      \
		TI_CALL_(group##_entry_##function, TI_SLOTS_, ctx, args)       \
		return 0;                                                      \
	}                                                                      \
	TI_HOOK_(group, TI_NEXT_(order)) SEC("kprobe/" #function)              \
	int group##_kprobe_##function(void *ctx)                               \
	{                                                                      \
		TI_CALL_(group##_entry_##function, TI_REGS_, ctx, args)        \
		return 0;                                                      \
	}                                                                      \
	static __always_inline void group##_entry_##function(args)

/*
 * When a function of the kernel returns:
 *	TI_RETURN(accepts, 0, inet_csk_accept, struct sock *sk) { ... }
 * sk is what it returns; leave it out where that is nothing. Alternatives as with
 * TI_ENTRY, at fexit and kretprobe. A kretprobe misses calls that begin while 10
 * of them, or twice the number of CPUs, have not returned; fexit misses none.
 */
#define TI_RETURN(group, order, function, ret...)                              \
	int group##_fexit_##function(__u64 *ctx),                              \
		group##_kretprobe_##function(void *ctx);                       \
	static __always_inline void group##_return_##function(ret);            \
	TI_TAG("params:" #function)                                            \
	const volatile __u32 group##_params_##function = 0;                    \
	TI_HOOK_(group, order) SEC("fexit/" #function)                         \
	int group##_fexit_##function(__u64 *ctx)                               \
	{                                                                      \
		__u64 result = ti_slot_behind(ctx, group##_params_##function); \
		TI_CALL_(group##_return_##function, TI_VALUE_, result, ret)    \
		return 0;                                                      \
	}                                                                      \
	TI_HOOK_(group, TI_NEXT_(order)) SEC("kretprobe/" #function)           \
	int group##_kretprobe_##function(void *ctx)                            \
	{                                                                      \
		__u64 result = TI_REG_RESULT(ctx);                             \
		TI_CALL_(group##_return_##function, TI_VALUE_, result, ret)    \
		return 0;                                                      \
	}                                                                      \
	static __always_inline void group##_return_##function(ret)

/*
 * When a function of a library or an executable is called, or returns, in any
 * process or in the one that the operator names:
 *	TI_UENTRY(lookups, 0, "libc.so.6:getaddrinfo", const char *node) { ... }
 *	TI_URETURN(answers, 0, "libc.so.6:getaddrinfo", int error) { ... }
 * FILE:FUNCTION. The file is an absolute path or a name that is searched in the
 * usual folders; the operator can name another (binary = PATH). Up to 5 arguments
 * and attributes in front, as with TI_ENTRY. The process's memory is read with
 * bpf_probe_read_user or bpf_probe_read_user_str. One alternative, number `order`.
 */
#define TI_UENTRY(group, order, target, args...)                               \
	TI_UENTRY_(TI_CAT(group##_uprobe_, __COUNTER__), group, order, target, ##args)
#define TI_UENTRY_(prog, group, order, target, args...)                        \
	TI_USER_(prog, group, order, "uprobe/" target, TI_REGS_, ctx, args)
#define TI_URETURN(group, order, target, result...)                            \
	TI_URETURN_(TI_CAT(group##_uretprobe_, __COUNTER__), group, order, target, ##result)
#define TI_URETURN_(prog, group, order, target, result...)                     \
	TI_USER_(prog, group, order, "uretprobe/" target, TI_VALUE_, TI_REG_RESULT(ctx), result)

/* --- what these are made of -------------------------------------------------- */

/* Registers at a function's start and end. Which machine it is shows at load
 * (CO-RE), so that one object fits both. */
struct pt_regs___ti_x86 {
	unsigned long di, si, dx, cx, r8, ax;
} __attribute__((preserve_access_index));
struct pt_regs___ti_arm64 {
	__u64 regs[31];
} __attribute__((preserve_access_index));

/* The empty asm keeps the compiler from reading at one address that depends on the
 * machine: the verifier takes constant offsets from ctx only. */
#define TI_REG(ctx, x86, arm64)                                                \
	({                                                                     \
		__u64 reg_;                                                    \
		if (bpf_core_field_exists(((struct pt_regs___ti_x86 *)0)->x86)) { \
			reg_ = ((struct pt_regs___ti_x86 *)(ctx))->x86;           \
			asm volatile("" : "+r"(reg_));                         \
		} else {                                                       \
			reg_ = ((struct pt_regs___ti_arm64 *)(ctx))->regs[arm64]; \
			asm volatile("" : "+r"(reg_));                         \
		}                                                              \
		reg_;                                                          \
	})
#define TI_REG_RESULT(ctx) TI_REG(ctx, ax, 0)

/* Word number n of the context of fentry or fexit. */
#define TI_SLOT(ctx, n, to)                                                    \
	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(to) : "r"(ctx), "i"((n) * 8))

/*
 * What a function returns stands behind its parameters, as many as it has in
 * this kernel. Their number is a constant when the program is loaded, so that the
 * verifier sees one of these branches and removes the others.
 */
static __always_inline __u64 ti_slot_behind(__u64 *ctx, __u32 params)
{
	__u64 v = 0;

	if (params == 0)
		TI_SLOT(ctx, 0, v);
	else if (params == 1)
		TI_SLOT(ctx, 1, v);
	else if (params == 2)
		TI_SLOT(ctx, 2, v);
	else if (params == 3)
		TI_SLOT(ctx, 3, v);
	else if (params == 4)
		TI_SLOT(ctx, 4, v);
	else if (params == 5)
		TI_SLOT(ctx, 5, v);
	else if (params == 6)
		TI_SLOT(ctx, 6, v);
	return v;
}

#define TI_HOOK_(group, order) TI_HOOK(group, order)
#define TI_NEXT_(order) TI_CAT(TI_NEXT_, order)
#define TI_NEXT_0 1
#define TI_NEXT_1 2
#define TI_NEXT_2 3
#define TI_NEXT_3 4
#define TI_NEXT_4 5
#define TI_NEXT_5 6
#define TI_NEXT_6 7
#define TI_NEXT_7 8
#define TI_NEXT_8 9

/* Call a body with as many words as it has arguments: words##N(from). They become
 * pointers and integers of the arguments' types. */
#define TI_CALL_(body, words, from, args...)                                   \
	_Pragma("clang diagnostic push")                                       \
	_Pragma("clang diagnostic ignored \"-Wint-conversion\"")               \
	body(TI_CAT(words, TI_COUNT_ARGS(args))(from));                      \
	_Pragma("clang diagnostic pop")

/* One program and its body. */
#define TI_USER_(prog, group, order, section, words, from, args...)            \
	int prog(void *ctx);                                                   \
	static __always_inline void TI_CAT(prog, _body)(args);                 \
	TI_HOOK(group, order) TI_KNOWS_PID SEC(section) int prog(void *ctx)    \
	{                                                                      \
		if (!ti_wants_pid(bpf_get_current_pid_tgid() >> 32))           \
			return 0;                                              \
		TI_CALL_(TI_CAT(prog, _body), words, from, args)               \
		return 0;                                                      \
	}                                                                      \
	static __always_inline void TI_CAT(prog, _body)(args)

#define TI_SLOTS_0(c)
#define TI_SLOTS_1(c) (c)[0]
#define TI_SLOTS_2(c) TI_SLOTS_1(c), (c)[1]
#define TI_SLOTS_3(c) TI_SLOTS_2(c), (c)[2]
#define TI_SLOTS_4(c) TI_SLOTS_3(c), (c)[3]
#define TI_SLOTS_5(c) TI_SLOTS_4(c), (c)[4]

#define TI_REGS_0(c)
#define TI_REGS_1(c) TI_REG(c, di, 0)
#define TI_REGS_2(c) TI_REGS_1(c), TI_REG(c, si, 1)
#define TI_REGS_3(c) TI_REGS_2(c), TI_REG(c, dx, 2)
#define TI_REGS_4(c) TI_REGS_3(c), TI_REG(c, cx, 3)
#define TI_REGS_5(c) TI_REGS_4(c), TI_REG(c, r8, 4)

#define TI_VALUE_0(v)
#define TI_VALUE_1(v) v

/* --- TI_PACKET at KPROBE ------------------------------------------------------- */

/* At tcp_v4_rcv and tcp_v6_rcv the IP header has been pulled: data stands behind it.
 * 0: the packet is of another network namespace than the daemon's. */
static __always_inline int ti_packet_kprobe(struct ti_packet *pkt, struct ti_linear *linear,
					    const struct sk_buff *skb, __be16 proto)
{
	if (BPF_CORE_READ(skb, dev, nd_net.net, ns.inum) != ti_netns)
		return 0;
	linear->start = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	linear->proto = proto;
	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->ctx = linear;
	pkt->hook = TI_AT_KPROBE;
	pkt->ifindex = BPF_CORE_READ(skb, skb_iif);
	pkt->len = (void *)BPF_CORE_READ(skb, data) - linear->start + BPF_CORE_READ(skb, len);
	linear->len = pkt->len - BPF_CORE_READ(skb, data_len);
	return 1;
}

#define TI_PACKET_KPROBE(group, order)                                         \
	TI_PACKET_KPROBE_(group, order, tcp_v4_rcv, 0x0800)                    \
	TI_PACKET_KPROBE_(group, order, tcp_v6_rcv, 0x86dd)
#define TI_PACKET_KPROBE_(group, order, function, proto)                       \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("kprobe/" #function)           \
	int group##_kprobe_##function(void *ctx)                               \
	{                                                                      \
		struct ti_linear linear;                                       \
		struct ti_packet pkt;                                          \
		if (ti_packet_kprobe(&pkt, &linear, (void *)TI_REG(ctx, di, 0),\
				     bpf_htons(proto)) &&                      \
		    ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return 0;                                                      \
	}

#endif
