/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/cgroup.h - programs at the root cgroup: sock_ops and cgroup_skb.
 * Included by bpf.h.
 *
 * Others may have programs there, too, and all of them take part in one decision.
 * With several sock_ops programs (kernel/bpf/cgroup.c, include/net/tcp.h):
 * - all run, those of inner cgroups first, then in the order they were attached;
 *   one that returns 0 makes tcp_call_bpf() give -1 for all of them: the reply
 *   that another has set is lost. So ours return 1, always.
 * - they share one context, whose `reply` stands in one union with `args`: the
 *   last who writes it decides. So the body gets a const context. In args[0] it
 *   may find the reply of a program before it: for the state that a socket
 *   leaves (STATE_CB) look at ctx->state, not at args[0].
 * - bpf_sock_ops_cb_flags_set() replaces the flags of all (net/core/filter.c). So
 *   ti_sockops_enable() adds to those that are set. A program that doesn't, and
 *   runs after ours, takes ours away from that socket: nothing can be done.
 * A cgroup_skb program that returns 0 drops the packet: ours return 1, always.
 */
#ifndef TCPINSPECT_CGROUP_H
#define TCPINSPECT_CGROUP_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <tcpinspect/kernel.h>
#include <tcpinspect/packet.h>
#include <tcpinspect/types.h>

/*
 * The socket of a context (its `sk`) as the kernel's own struct, whose members
 * BPF_CORE_READ gives. NULL: there is none, or it is no full TCP socket.
 */
static __always_inline const struct sock *ti_kernel_sock(struct bpf_sock *sk)
{
	return sk ? (const struct sock *)bpf_skc_to_tcp_sock(sk) : 0;
}

/* --- sock_ops ------------------------------------------------------------ */

/*
 * A program that the kernel's TCP calls at a socket's events, ctx->op of enum
 * BPF_SOCK_OPS_*, in whatever network namespace the socket is:
 *	TI_SOCKOPS(rtts, 0)
 *	{
 *		if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
 *			ti_sockops_enable(ctx, BPF_SOCK_OPS_RTT_CB_FLAG);
 *		else if (ctx->op == BPF_SOCK_OPS_RTT_CB)
 *			... ctx->srtt_us ...
 *	}
 * It is called for connections that are made or accepted from now on; of those
 * that are older only where another program's flags ask for it. A flag that
 * another program has set brings its callbacks here, too.
 */
#define TI_SOCKOPS(group, order)                                               \
	static __always_inline void group##_at_sockops(const struct bpf_sock_ops *ctx);\
	TI_HOOK(group, order) SEC("sockops")                                   \
	int group##_sockops(struct bpf_sock_ops *ctx)                          \
	{                                                                      \
		group##_at_sockops(ctx);                                       \
		return 1;                                                      \
	}                                                                      \
	static __always_inline void group##_at_sockops(const struct bpf_sock_ops *ctx)

/*
 * Ask for callbacks of this socket: BPF_SOCK_OPS_*_CB_FLAG, besides those that are
 * asked for. 0; the flags that this kernel doesn't know (the others are set); or
 * negative: not a full socket (a SYN's), or one that isn't locked now.
 */
static __always_inline long ti_sockops_enable(const struct bpf_sock_ops *ctx, __u32 flags)
{
	return bpf_sock_ops_cb_flags_set((struct bpf_sock_ops *)ctx,
					 ctx->bpf_sock_ops_cb_flags | flags);
}

/* Word by word: the verifier takes no wider load from this context, and compilers
 * like to merge them. */
static __always_inline ti_addr ti_sockops_addr(const struct bpf_sock_ops *ctx,
					       const volatile __u32 *ip4, const volatile __u32 *ip6)
{
	ti_addr a;
	__u32 *to = (__u32 *)&a;

	if (ctx->family == 2) /* AF_INET */
		return ti_addr_v4(*ip4);
	to[0] = ip6[0];
	to[1] = ip6[1];
	to[2] = ip6[2];
	to[3] = ip6[3];
	return a;
}

static __always_inline ti_addr ti_sockops_local(const struct bpf_sock_ops *ctx)
{
	return ti_sockops_addr(ctx, &ctx->local_ip4, ctx->local_ip6);
}

static __always_inline ti_addr ti_sockops_remote(const struct bpf_sock_ops *ctx)
{
	return ti_sockops_addr(ctx, &ctx->remote_ip4, ctx->remote_ip6);
}

/* The local port is ctx->local_port, in host order already. */
static __always_inline ti_port ti_sockops_remote_port(const struct bpf_sock_ops *ctx)
{
	return bpf_ntohl(ctx->remote_port);
}

/* --- cgroup_skb ---------------------------------------------------------- */

/*
 * For TI_PACKET: packets on their way into a socket, from the IP header on
 * (pkt->l3 is 0), each once, whatever interface it came by. Not seen are packets
 * that the firewall drops or that are forwarded, and those to a port where nobody
 * listens or to a connection in TIME_WAIT: they reach no socket. Only sockets of
 * the daemon's network namespace count, though the hook is the whole host's.
 */
#define TI_PACKET_CGROUP(group, order)                                         \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("cgroup_skb/ingress")          \
	int group##_cgroup(struct __sk_buff *ctx)                              \
	{                                                                      \
		struct ti_packet pkt;                                          \
		if (!ti_cgroup_is_ours(ctx))                                   \
			return 1;                                              \
		ti_packet_skb(&pkt, ctx, TI_AT_CGROUP);                        \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return 1;                                                      \
	}

/* The same for what a socket sends, as it leaves the IP layer. */
#define TI_PACKET_CGROUP_OUT(group, order)                                     \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("cgroup_skb/egress")           \
	int group##_cgroup_out(struct __sk_buff *ctx)                          \
	{                                                                      \
		struct ti_packet pkt;                                          \
		if (!ti_cgroup_is_ours(ctx))                                   \
			return 1;                                              \
		ti_packet_skb(&pkt, ctx, TI_AT_CGROUP);                        \
		pkt.egress = 1;                                                \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return 1;                                                      \
	}

/* Is it a TCP socket of the daemon's network namespace? (The helper that tells a
 * namespace is not to be had here on 5.10.) */
static __always_inline int ti_cgroup_is_ours(struct __sk_buff *skb)
{
	const struct sock *sk = ti_kernel_sock(skb->sk);

	return sk && BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == ti_netns;
}

#endif
