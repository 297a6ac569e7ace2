/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* packets.bpf.c - the parser alone at each kind of hook: what packets.c compares with. */
#include <tcpinspect/bpf.h>

TI_LICENSE("Dual BSD/GPL");

/* A use of all that was parsed, so that the compiler keeps it. */
static __always_inline int parse(struct ti_packet *pkt)
{
	return ti_packet_parse(pkt) == TI_TCP && pkt->flags == 0xff && !pkt->src.hi && !pkt->dst.lo && pkt->window &&
	       pkt->seq == pkt->ack && pkt->payload_len == pkt->src_port + pkt->dst_port;
}

SEC("xdp") int parse_xdp(struct xdp_md *ctx)
{
	struct ti_packet pkt;

	ti_packet_zero(&pkt, ctx, TI_AT_XDP);
	pkt.ifindex = ctx->ingress_ifindex;
	return parse(&pkt) ? XDP_ABORTED : XDP_PASS;
}

SEC("tc") int parse_tc(struct __sk_buff *ctx)
{
	struct ti_packet pkt;

	ti_packet_skb(&pkt, ctx, TI_AT_TC);
	return parse(&pkt) ? 0 : -1;
}

SEC("socket") int parse_socket(struct __sk_buff *ctx)
{
	struct ti_packet pkt;

	ti_packet_skb(&pkt, ctx, TI_AT_SOCKET);
	return parse(&pkt) ? 1 : 0;
}
