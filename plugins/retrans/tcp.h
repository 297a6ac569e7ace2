/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * tcp.h - what the BPF program reads of the kernel's TCP: its structs, by the names
 * of their members (CO-RE; the flavour ___r only keeps them apart from other
 * declarations), and values in the units that events have.
 */
#ifndef RETRANS_TCP_H
#define RETRANS_TCP_H

#include <tcpinspect/bpf.h>
#include "cause.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock___r {
	struct {
		__u32 val;
	} sk_uid;
};

struct sock_common___r {
	struct {
		__s64 counter;
	} skc_cookie; /* 0: nobody has asked for it */
};

struct inet_sock___r {
	__be16 inet_sport;
};

struct inet_connection_sock___r {
	__u32 icsk_rto; /* jiffies */
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

struct minmax_sample___r {
	__u32 v;
};

struct minmax___r {
	struct minmax_sample___r s[3];
};

struct tcp_sock___r {
	__u32 srtt_us; /* << 3 */
	__u32 mdev_us; /* << 2 */
	struct minmax___r rtt_min;
	__u32 snd_cwnd;
	__u32 snd_ssthresh;
	__u32 data_segs_out;
	__u64 bytes_sent;
	__u32 total_retrans;
	__u32 dsack_dups;
};

struct sk_buff___r {
	unsigned int len;
	char cb[48];
};

struct tcp_skb_cb___r {
	__u32 seq;
	__u16 tcp_gso_segs;
	__u8 tcp_flags; /* the lower half, where it is two bytes */
	__u8 sacked;
};

struct request_sock___r {
	__u8 num_retrans;
};

struct tcp_request_sock___r {
	__u32 snt_isn;
};

/* Newer kernels (seen on 6.18) also pass attempts that failed, and this. */
struct trace_event_raw_tcp_retransmit_skb___r {
	int err;
};

#pragma clang attribute pop

/* A member of one of the structs that begin with struct sock. */
#define SK(type, sk, member) BPF_CORE_READ((const struct type##___r *)(sk), member)

#define SSTHRESH_NONE 0x7fffffff /* TCP_INFINITE_SSTHRESH */

static __always_inline void read_addrs(struct flow *f, const struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == 2) {
		f->src_ip = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		f->dst_ip = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&f->src_ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&f->dst_ip, sk, __sk_common.skc_v6_daddr);
	}
	f->dst_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	f->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* Not skc_num: at close the port has been given back already. */
static __always_inline void read_ends(struct flow *f, const struct sock *sk)
{
	read_addrs(f, sk);
	f->src_port = bpf_ntohs(SK(inet_sock, sk, inet_sport));
}

/* What belongs to the socket, whoever runs at the moment. */
static __always_inline void read_holder(struct flow *f, const struct sock *sk)
{
	const struct cgroup *c = ti_filter_cgroup(sk);

	f->uid = SK(sock, sk, sk_uid.val);
	f->cookie = BPF_CORE_READ((const struct sock_common___r *)sk, skc_cookie.counter);
	if (c)
		f->cgroup_id = BPF_CORE_READ(c, kn, id);
}

static __always_inline ti_ns srtt_of(const struct sock *sk)
{
	return (SK(tcp_sock, sk, srtt_us) >> 3) * 1000ull;
}

static __always_inline ti_ns min_rtt_of(const struct sock *sk)
{
	__u32 us = SK(tcp_sock, sk, rtt_min.s[0].v);

	return us == ~0u ? 0 : us * 1000ull;
}

static __always_inline const void *cb_of(const void *skb)
{
	return (const char *)skb + bpf_core_field_offset(struct sk_buff___r, cb);
}

static __always_inline __u32 segs_of(const void *skb)
{
	return BPF_CORE_READ((const struct tcp_skb_cb___r *)cb_of(skb), tcp_gso_segs);
}

static __always_inline enum retrans_cause why(const struct sock *sk, const void *skb)
{
	const struct inet_connection_sock___r *icsk = (const void *)sk;
	const struct tcp_skb_cb___r *cb = cb_of(skb);

	return cause_of(BPF_CORE_READ(icsk, icsk_pending),
			BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state),
			BPF_CORE_READ(cb, sacked), BPF_CORE_READ(cb, tcp_flags));
}

#endif
