/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one body of t_xdp, t_tc, t_socket, t_cgroup_skb and t_packet_kprobe, each of
 * which names its HOOK: an event for every SYN that comes in. Of t_*_out, which
 * name a HOOK_OUT, too: also for those that go out.
 */
#include <tcpinspect/bpf.h>

struct syn {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	ti_ifindex ifname;
	ti_vlan vlan;
	ti_bool egress;
};
TI_EVENT(syn, INFO, "a SYN came in");
TI_LICENSE("Dual BSD/GPL");

TI_PACKET(packets, HOOK)
{
	if (!ti_is_syn(pkt))
		return TI_PASS;
	TI_EMIT(syn, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->ifname = pkt->ifindex;
		e->vlan = pkt->vlan;
		e->egress = pkt->egress;
	}
	return TI_PASS;
}

#ifdef HOOK_OUT
TI_PACKET(sent, HOOK_OUT)
{
	return packets(pkt);
}
#endif
