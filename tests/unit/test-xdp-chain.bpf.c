/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts frames, and passes them on or not, as the test says. */
#include <tcpinspect/bpf.h>
#include "test-xdp-chain.h"

struct control control;

static __always_inline int count(struct xdp_md *ctx)
{
	__u16 *proto = (void *)(long)ctx->data + 12;

	if ((void *)(proto + 1) > (void *)(long)ctx->data_end || *proto != bpf_htons(TEST_ETHERTYPE))
		return TI_PASS;
	__sync_fetch_and_add(&control.seen, 1);
	if (control.dwell)
		for (int i = 0; i < 300; i++)
			bpf_ktime_get_ns();
	return control.drop ? TI_DROP : TI_PASS;
}

TI_XDP_NEXT(count_xdp);
SEC("xdp") int count_xdp(struct xdp_md *ctx)
{
	return ti_xdp_verdict(ctx, &count_xdp_next, count(ctx));
}

/* Whoever wrote this knows of no chain. */
SEC("xdp") int alone_xdp(struct xdp_md *ctx)
{
	return count(ctx) == TI_DROP ? XDP_DROP : XDP_PASS;
}

TI_LICENSE("Dual BSD/GPL");
