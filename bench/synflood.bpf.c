/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * synflood.bpf.c - the very program of the plugin, and yardsticks beside it, for
 * BPF_PROG_TEST_RUN. `repeat` runs them on one packet, so those that want many
 * sources write one into it first; that is in the yardstick `draw`, too.
 */
#include "../plugins/synflood/synflood.bpf.c"

const volatile __u32 bench_sources = 1; /* drawn from this many */

static __always_inline int draw_source(struct xdp_md *ctx)
{
	__be32 *src = (void *)(long)ctx->data + 14 + 12;

	if ((void *)(src + 1) > (void *)(long)ctx->data_end)
		return -1;
	*src = bpf_get_prandom_u32() % bench_sources * 2654435761u; /* odd: all differ */
	return 0;
}

SEC("xdp") int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp") int bench_parse(struct xdp_md *ctx)
{
	struct ti_packet pkt;

	ti_packet_zero(&pkt, ctx, TI_AT_XDP);
	/* A use of what was parsed, so that the compiler keeps it. */
	return ti_packet_parse(&pkt) == TI_TCP && pkt.flags == 0xff && !pkt.src.hi && pkt.window ? XDP_DROP : XDP_PASS;
}

/* packets_xdp as it would be if nothing could follow it. */
SEC("xdp") int bench_last(struct xdp_md *ctx)
{
	struct ti_packet pkt;

	ti_packet_zero(&pkt, ctx, TI_AT_XDP);
	pkt.ifindex = ctx->ingress_ifindex;
	if (ti_packet_begin(&pkt) && packets(&pkt) == TI_DROP)
		return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp") int bench_draw(struct xdp_md *ctx)
{
	return draw_source(ctx) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int bench_drawn(struct xdp_md *ctx)
{
	struct ti_packet pkt;

	if (draw_source(ctx))
		return XDP_DROP;
	ti_packet_zero(&pkt, ctx, TI_AT_XDP); /* as TI_PACKET_XDP has it */
	pkt.ifindex = ctx->ingress_ifindex;
	if (ti_packet_begin(&pkt) && packets(&pkt) == TI_DROP)
		return XDP_DROP;
	return XDP_PASS;
}
