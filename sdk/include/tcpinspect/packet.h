/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/packet.h - one parser for every packet hook.
 *
 * Ethernet, up to 4 VLAN tags, IPv4 with options, IPv6 with up to 6 extension
 * headers, fragments, TCP. How bytes are read differs by hook and is settled at
 * compile time: direct access at XDP, bpf_skb_load_bytes at tc, socket filters
 * and cgroup_skb, bpf_probe_read_kernel at kprobes. Included by bpf.h.
 */
#ifndef TCPINSPECT_PACKET_H
#define TCPINSPECT_PACKET_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <tcpinspect/types.h>

#define TI_MAX_VLANS   4
#define TI_MAX_EXTHDRS 6

/* What a body returns for its packet. */
enum ti_verdict {
	TI_PASS,
	TI_DROP, /* at XDP: the plugins declared later don't see it, either; elsewhere
		    the packet passes */
};

enum ti_packet_hook {
	TI_AT_XDP,
	TI_AT_TC,
	TI_AT_SOCKET,
	TI_AT_CGROUP, /* no Ethernet header */
	TI_AT_KPROBE, /* no Ethernet header */
};

/* A TCP packet. Offsets are bytes from the start of the frame, or of the IP header
 * at hooks without Ethernet header. Give the kernel's helpers copies of its members, never
 * their addresses: the compiler would have to fear that they change `hook`, too, and leave
 * programs that read the packet in ways that their hook doesn't have. */
struct ti_packet {
	ti_addr src, dst;
	ti_port src_port, dst_port;
	__u16 l3, l4;        /* where the IP and TCP headers start */
	__u16 payload;       /* where the TCP payload starts */
	__u32 payload_len;   /* bytes, by the IP header's length */
	__u32 seq, ack;      /* host order */
	__u16 window;        /* host order, not scaled */
	ti_vlan vlan;        /* outermost tag; 0: none */
	__u8 family;         /* 4 or 6 */
	__u8 flags;          /* enum ti_tcp_flag */
	__u8 ttl;            /* or hop limit */
	__u8 egress;         /* 1: leaves this host */
	__u8 fragment;       /* 1: a first fragment that ends within the TCP header: of that
				only the ports are known */
	ti_ifindex ifindex;
	enum ti_packet_hook hook;
	__u32 len;           /* bytes of the frame */
	__u32 captured;      /* of these can be read, at XDP (see ti_fed for fewer) */
	void *ctx;           /* the program's context, for helpers; at KPROBE none
				of theirs but a struct ti_linear */
};

/* Bytes of an sk_buff that stand in one piece, from its IP header on. */
struct ti_linear {
	const void *start;
	__u32 len;
	__be16 proto; /* EtherType */
};

/* Outcome of ti_packet_parse; all but TI_TCP are counted by the caller. TI_FRAGMENT: there
 * is no TCP header, or (pkt->fragment) the ports only. */
enum ti_parsed {
	TI_TCP,
	TI_NOT_TCP,
	TI_TRUNCATED,
	TI_FRAGMENT,
	TI_UNSUPPORTED,
};

/* Headers as they are on the wire; the uapi ones need more headers than they
 * save and use bitfields. */
struct ti_ipv4_hdr {
	__u8 version_ihl, tos;
	__be16 tot_len, id, frag_off;
	__u8 ttl, protocol;
	__be16 check;
	__be32 saddr, daddr;
};
struct ti_ipv6_hdr {
	__be32 version_class_flow;
	__be16 payload_len;
	__u8 nexthdr, hop_limit;
	__be64 saddr[2], daddr[2];
} __attribute__((packed));
struct ti_tcp_hdr {
	__be16 source, dest;
	__be32 seq, ack_seq;
	__u8 doff, flags;
	__be16 window, check, urg_ptr;
};

/*
 * x &= mask (a constant), in a way that the compiler can't take for superfluous.
 * For what is used as an offset or index: the verifier of older kernels doesn't
 * know that swapping the bytes of 16 bits gives 16 bits, nor, before 5.16, the
 * bounds of what was spilled to the stack.
 */
#define TI_BOUND(x, mask) asm volatile("%0 &= %1" : "+r"(x) : "i"(mask))

/* Copy n (constant) bytes from offset off. 0, or negative: not there. Inlined
 * with a constant hook, so only one branch is left. */
static __always_inline int ti_load(void *ctx, enum ti_packet_hook hook, __u32 off, void *to, __u32 n)
{
	if (hook == TI_AT_XDP) {
		struct xdp_md *xdp = ctx;
		void *end = (void *)(long)xdp->data_end;
		void *p = (void *)(long)xdp->data;

		TI_BOUND(off, 0x3fff);
		p += off;
		if (p + n > end)
			return -1;
		__builtin_memcpy(to, p, n);
		return 0;
	}
	if (hook == TI_AT_KPROBE) {
		const struct ti_linear *linear = ctx;

		if (off + n > linear->len)
			return -1;
		return bpf_probe_read_kernel(to, n, linear->start + off);
	}
	return bpf_skb_load_bytes(ctx, off, to, n);
}

/*
 * Copy n bytes from offset off of the packet, 1 <= n <= max, a constant power of two:
 * for payload. 0, or negative: not there (or, at KPROBE, not in one piece). Slower than
 * ti_load, which is for headers.
 */
static __always_inline int ti_packet_copy(const struct ti_packet *pkt, __u32 off, void *to, __u32 n,
					  const __u32 max)
{
	n--;
	TI_BOUND(n, max - 1); /* what the verifier has to see: 1 to max */
	n++;
	if (pkt->hook == TI_AT_XDP) {
		struct xdp_md *xdp = pkt->ctx;

		if (off + n > pkt->captured)
			return -1;
		TI_BOUND(off, 0xffff);
		return bpf_probe_read_kernel(to, n, (void *)(long)xdp->data + off);
	}
	if (pkt->hook == TI_AT_KPROBE) {
		const struct ti_linear *linear = pkt->ctx;

		if (off + n > linear->len)
			return -1;
		return bpf_probe_read_kernel(to, n, linear->start + off);
	}
	return bpf_skb_load_bytes(pkt->ctx, off, to, n);
}

static __always_inline ti_addr ti_addr_v4(__be32 v4)
{
	return (ti_addr){ .hi = 0, .lo = bpf_htonl(0xffff) | ((__u64)v4 << 32) };
}

/* Is it an IPv4 address mapped into IPv6? */
static __always_inline int ti_addr_is_v4(const ti_addr *a)
{
	return a->hi == 0 && (__u32)a->lo == bpf_htonl(0xffff);
}

/* A first fragment may end within the TCP header, as those of `nmap -f` do. */
static __always_inline enum ti_parsed ti_parse_ports(struct ti_packet *pkt, __u32 off, __u32 end)
{
	__be16 ports[2];

	if (off + sizeof(ports) > end || ti_load(pkt->ctx, pkt->hook, off, ports, sizeof(ports)))
		return TI_FRAGMENT;
	pkt->fragment = 1;
	pkt->l4 = off;
	pkt->src_port = bpf_ntohs(ports[0]);
	pkt->dst_port = bpf_ntohs(ports[1]);
	return TI_FRAGMENT;
}

/* A first fragment may end within the TCP options: what stands before them counts. */
static __always_inline enum ti_parsed ti_parse_tcp(struct ti_packet *pkt, __u32 off, __u32 end,
						   int fragment)
{
	struct ti_tcp_hdr tcp;
	__u32 len;

	if (ti_load(pkt->ctx, pkt->hook, off, &tcp, sizeof(tcp)))
		return TI_TRUNCATED;
	len = (tcp.doff >> 4) * 4;
	if (len < sizeof(tcp) || (off + len > end && !fragment))
		return TI_TRUNCATED;
	pkt->l4 = off;
	pkt->payload = off + len;
	pkt->payload_len = off + len < end ? end - off - len : 0;
	pkt->src_port = bpf_ntohs(tcp.source);
	pkt->dst_port = bpf_ntohs(tcp.dest);
	pkt->seq = bpf_ntohl(tcp.seq);
	pkt->ack = bpf_ntohl(tcp.ack_seq);
	pkt->window = bpf_ntohs(tcp.window);
	pkt->flags = tcp.flags;
	return TI_TCP;
}

static __always_inline enum ti_parsed ti_parse_ipv4(struct ti_packet *pkt, __u32 off)
{
	struct ti_ipv4_hdr ip;
	__u32 ihl, len;
	__u16 frag;

	if (ti_load(pkt->ctx, pkt->hook, off, &ip, sizeof(ip)))
		return TI_TRUNCATED;
	if ((ip.version_ihl >> 4) != 4)
		return TI_UNSUPPORTED;
	if (ip.protocol != 6)
		return TI_NOT_TCP;
	ihl = (ip.version_ihl & 15) * 4;
	len = bpf_ntohs(ip.tot_len);
	if (ihl < sizeof(ip))
		return TI_TRUNCATED;
	pkt->family = 4;
	pkt->ttl = ip.ttl;
	pkt->src = ti_addr_v4(ip.saddr);
	pkt->dst = ti_addr_v4(ip.daddr);
	frag = bpf_ntohs(ip.frag_off);
	if (frag & 0x1fff) /* offset: a later fragment */
		return TI_FRAGMENT;
	if ((frag & 0x2000) && len < ihl + sizeof(struct ti_tcp_hdr))
		return ti_parse_ports(pkt, off + ihl, off + len);
	/* 0 in a packet of over 64 KiB that GRO has put together (BIG TCP). */
	return ti_parse_tcp(pkt, off + ihl, len ? off + len : pkt->len, frag & 0x2000);
}

/* Next header numbers (IANA). */
static __always_inline int ti_is_exthdr(__u8 nexthdr)
{
	return nexthdr == 0 || nexthdr == 43 || nexthdr == 44 || nexthdr == 51 || nexthdr == 60;
}

static __always_inline enum ti_parsed ti_parse_ipv6(struct ti_packet *pkt, __u32 off)
{
	struct ti_ipv6_hdr ip;
	__u32 end, fragmented = 0;
	__u8 next;

	if (ti_load(pkt->ctx, pkt->hook, off, &ip, sizeof(ip)))
		return TI_TRUNCATED;
	if ((*(__u8 *)&ip >> 4) != 6)
		return TI_UNSUPPORTED;
	pkt->family = 6;
	pkt->ttl = ip.hop_limit;
	pkt->src = (ti_addr){ .hi = ip.saddr[0], .lo = ip.saddr[1] };
	pkt->dst = (ti_addr){ .hi = ip.daddr[0], .lo = ip.daddr[1] };
	/* 0: as with IPv4, and in jumbograms (RFC 2675). */
	end = ip.payload_len ? off + sizeof(ip) + bpf_ntohs(ip.payload_len) : pkt->len;
	next = ip.nexthdr;
	off += sizeof(ip);
#pragma unroll
	for (int i = 0; i < TI_MAX_EXTHDRS; i++) {
		__u8 ext[4];

		if (!ti_is_exthdr(next))
			break;
		if (ti_load(pkt->ctx, pkt->hook, off, ext, sizeof(ext)))
			return TI_TRUNCATED;
		if (next == 44) {
			if ((ext[2] << 8 | ext[3]) & 0xfff8)
				return TI_FRAGMENT;
			fragmented = 1;
			off += 8;
		} else if (next == 51) {
			off += (ext[1] + 2) * 4;
		} else {
			off += (ext[1] + 1) * 8;
		}
		next = ext[0];
	}
	if (next != 6)
		return ti_is_exthdr(next) ? TI_UNSUPPORTED : TI_NOT_TCP;
	if (fragmented && off + sizeof(struct ti_tcp_hdr) > end)
		return ti_parse_ports(pkt, off, end);
	return ti_parse_tcp(pkt, off, end, fragmented);
}

/* From the IP header on, which is at off. `proto` is the EtherType before it. */
static __always_inline enum ti_parsed ti_packet_parse_l3(struct ti_packet *pkt, __be16 proto,
							 __u32 off)
{
	pkt->l3 = off;
	if (proto == bpf_htons(0x0800))
		return ti_parse_ipv4(pkt, off);
	if (proto == bpf_htons(0x86dd))
		return ti_parse_ipv6(pkt, off);
	return TI_NOT_TCP;
}

/*
 * Parse the frame of pkt->ctx at pkt->hook (both and len set by the caller, the
 * rest zero) from its first header on. On TI_TCP all of *pkt is filled but
 * egress and ifindex; a tag that the kernel has stripped is the caller's.
 */
static __always_inline enum ti_parsed ti_packet_parse(struct ti_packet *pkt)
{
	__u32 off = 14;
	__be16 proto;

	if (pkt->hook == TI_AT_CGROUP)
		return ti_packet_parse_l3(pkt, ((struct __sk_buff *)pkt->ctx)->protocol, 0);
	if (pkt->hook == TI_AT_KPROBE)
		return ti_packet_parse_l3(pkt, ((struct ti_linear *)pkt->ctx)->proto, 0);
	if (ti_load(pkt->ctx, pkt->hook, 12, &proto, sizeof(proto)))
		return TI_TRUNCATED;
#pragma unroll
	for (int i = 0; i < TI_MAX_VLANS; i++) {
		__be16 tag[2];

		if (proto != bpf_htons(0x8100) && proto != bpf_htons(0x88a8))
			break;
		if (ti_load(pkt->ctx, pkt->hook, off, tag, sizeof(tag)))
			return TI_TRUNCATED;
		if (!pkt->vlan)
			pkt->vlan = bpf_ntohs(tag[0]) & 0xfff;
		proto = tag[1];
		off += 4;
	}
	if (proto == bpf_htons(0x8100) || proto == bpf_htons(0x88a8))
		return TI_UNSUPPORTED;
	return ti_packet_parse_l3(pkt, proto, off);
}

/* A connection attempt: SYN without ACK, RST or FIN, whatever else is set. */
static __always_inline int ti_is_syn(const struct ti_packet *pkt)
{
	return (pkt->flags & (TI_SYN | TI_ACK | TI_RST | TI_FIN)) == TI_SYN;
}

static __always_inline int ti_is_synack(const struct ti_packet *pkt)
{
	return (pkt->flags & (TI_SYN | TI_ACK | TI_RST | TI_FIN)) == (TI_SYN | TI_ACK);
}

#endif
