/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/lookup.h - what this host knows of a packet's addresses: would it be
 * forwarded, is there a socket for it. Not included by bpf.h.
 *
 * Only at the hooks TC and XDP has a program the helpers for this; elsewhere, and of
 * packets out of a capture, the answer is always 0 and costs nothing. An answer costs some 40 ns, which a sender can
 * make a host pay for each of his packets: ask for few of them.
 */
#ifndef TCPINSPECT_LOOKUP_H
#define TCPINSPECT_LOOKUP_H

#include <tcpinspect/bpf.h>

static __always_inline int ti_can_look_up(const struct ti_packet *pkt)
{
	return !ti_offline && (pkt->hook == TI_AT_TC || pkt->hook == TI_AT_XDP);
}

/*
 * Would the kernel route an incoming packet on to another host? By the routing table
 * of the interface's network namespace, with its rules. 0: it is for this host, or
 * there is no route, or forwarding is off at the interface. Netfilter is not asked:
 * what DNAT sends elsewhere counts as this host's, and so does what a bridge passes on.
 */
static __always_inline int ti_is_forwarded(struct ti_packet *pkt)
{
	struct bpf_fib_lookup fib = {
		.family = pkt->family == 4 ? 2 : 10, /* AF_INET, AF_INET6 */
		.l4_protocol = 6,
		.sport = bpf_htons(pkt->src_port),
		.dport = bpf_htons(pkt->dst_port),
		.ifindex = pkt->ifindex,
	};
	long r;

	if (!ti_can_look_up(pkt))
		return 0;
	if (pkt->family == 4) {
		fib.ipv4_src = pkt->src.lo >> 32;
		fib.ipv4_dst = pkt->dst.lo >> 32;
	} else {
		__builtin_memcpy(fib.ipv6_src, &pkt->src, sizeof(pkt->src));
		__builtin_memcpy(fib.ipv6_dst, &pkt->dst, sizeof(pkt->dst));
	}
	r = bpf_fib_lookup(pkt->ctx, &fib, sizeof(fib), 0);
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       r == BPF_FIB_LKUP_RET_UNSUPP_LWT || r == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* enum bpf_tcp_state of the socket that an incoming packet is for, its connection's or
 * else a listener's, also while the handshake lasts and in TIME_WAIT; 0: none. */
static __always_inline int ti_socket_state(struct ti_packet *pkt)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = sizeof(tuple.ipv4);
	struct bpf_sock *sk;
	int state;

	if (!ti_can_look_up(pkt))
		return 0;
	if (pkt->family == 4) {
		tuple.ipv4.saddr = pkt->src.lo >> 32;
		tuple.ipv4.daddr = pkt->dst.lo >> 32;
		tuple.ipv4.sport = bpf_htons(pkt->src_port);
		tuple.ipv4.dport = bpf_htons(pkt->dst_port);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, &pkt->src, sizeof(pkt->src));
		__builtin_memcpy(tuple.ipv6.daddr, &pkt->dst, sizeof(pkt->dst));
		tuple.ipv6.sport = bpf_htons(pkt->src_port);
		tuple.ipv6.dport = bpf_htons(pkt->dst_port);
		size = sizeof(tuple.ipv6);
	}
	sk = bpf_skc_lookup_tcp(pkt->ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	state = sk->state;
	bpf_sk_release(sk);
	return state;
}

/* Is there a socket for it that is not a listener? */
static __always_inline int ti_has_socket(struct ti_packet *pkt)
{
	int state = ti_socket_state(pkt);

	return state && state != BPF_TCP_LISTEN;
}

#endif
