/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* synmss.bpf.c: report clients that offer a small MSS */
#include <tcpinspect/bpf.h>

struct synmss {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u16 mss TI_HELP("bytes that the SYN offers");
};
TI_EVENT(synmss, NOTICE, "a SYN offering an MSS below the limit");
TI_OPTION(__u32, below, 1220, 536, 65535, "report SYNs that offer less than this");
TI_LICENSE("Dual BSD/GPL");

/* 0: the SYN has no MSS option. */
static __always_inline __u16 offered_mss(struct ti_packet *pkt)
{
	__u32 off = pkt->l4 + sizeof(struct ti_tcp_hdr);
	__u8 option[4]; /* kind, length, and the MSS if it is that */

	for (int i = 0; i < 10 && off + sizeof(option) <= pkt->payload; i++) {
		if (ti_load(pkt->ctx, pkt->hook, off, option, sizeof(option)))
			return 0;
		if (option[0] == 2)
			return option[2] << 8 | option[3];
		if (option[0] == 0 || (option[0] != 1 && option[1] < 2))
			return 0; /* the end, or a length that can't be */
		off += option[0] == 1 ? 1 : option[1];
	}
	return 0;
}

TI_PACKET(packets, TC, XDP, SOCKET)
{
	__u16 mss;

	if (!ti_is_syn(pkt))
		return TI_PASS;
	mss = offered_mss(pkt);
	if (!mss || mss >= below)
		return TI_PASS;
	TI_EMIT(synmss, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->mss = mss;
	}
	return TI_PASS;
}
