/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First fragments that end within the TCP header. */
#define TI_WANTS_FRAGMENTS 1
#include <tcpinspect/bpf.h>

struct fragment {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u32 flags;
};
TI_EVENT(fragment, INFO, "a TCP header in pieces");
TI_LICENSE("Dual BSD/GPL");

TI_PACKET(packets, TC, XDP)
{
	if (!pkt->fragment)
		return TI_PASS;
	TI_EMIT(fragment, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->flags = pkt->flags;
	}
	return TI_PASS;
}
