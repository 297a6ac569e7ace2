/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drops SYNs to one port, and reports every SYN that gets to it with what became of it. */
#include <tcpinspect/bpf.h>

struct syn {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	ti_ifindex ifname;
	ti_bool dropped;
};
TI_EVENT(syn, INFO, "a SYN came in");
TI_OPTION(__u16, port, 0, 0, 65535, "drop SYNs to this port");
TI_LICENSE("Dual BSD/GPL");

/* Not inlined: a program may call functions, and pass on to the next one after that. */
static __noinline int verdict_on(__u32 dst_port)
{
	return dst_port == port ? TI_DROP : TI_PASS;
}

TI_PACKET(packets, XDP, TC)
{
	int verdict = verdict_on(pkt->dst_port);

	if (!ti_is_syn(pkt))
		return TI_PASS;
	TI_EMIT(syn, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->ifname = pkt->ifindex;
		e->dropped = verdict == TI_DROP;
	}
	return verdict;
}
