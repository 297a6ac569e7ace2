/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what the parser has made of the last packet that reached the body. */
#define TI_WANTS_FRAGMENTS 1
#include <tcpinspect/bpf.h>
#include "../fuzz/parsed.h"

TI_LICENSE("Dual BSD/GPL");

struct nothing {
	__u32 n;
};
TI_EVENT(nothing, INFO, "never");

struct parsed_last last; /* all of .bss */

TI_PACKET(packets, TC, XDP, SOCKET)
{
	last.pkt = (struct parsed){
		.src = pkt->src, .dst = pkt->dst, .seq = pkt->seq, .ack = pkt->ack,
		.payload_len = pkt->payload_len, .len = pkt->len,
		.src_port = pkt->src_port, .dst_port = pkt->dst_port,
		.l3 = pkt->l3, .l4 = pkt->l4, .payload = pkt->payload, .window = pkt->window, .vlan = pkt->vlan,
		.family = pkt->family, .flags = pkt->flags, .ttl = pkt->ttl, .fragment = pkt->fragment,
	};
	last.bodies++;
	return TI_PASS;
}

TI_PACKET(sent, TC_OUT)
{
	return packets(pkt);
}
