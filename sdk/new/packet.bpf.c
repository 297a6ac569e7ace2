/* @name@.bpf.c - what runs in the kernel: reports SYNs that have come a long way. */
#include <tcpinspect/bpf.h>

struct syn {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u8 ttl TI_HELP("time to live, or hop limit, that it arrived with");
};
TI_EVENT(syn, NOTICE, "a SYN with a time to live below the limit");
TI_OPTION(__u8, below, 255, 1, 255, "report SYNs with a time to live below this");
TI_LICENSE("Dual BSD/GPL");

/* The same body at tc, at XDP and in a socket filter: the first that can be had. */
TI_PACKET(packets, TC, XDP, SOCKET)
{
	if (!ti_is_syn(pkt) || pkt->ttl >= below)
		return TI_PASS;
	TI_EMIT(syn, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->ttl = pkt->ttl;
	}
	return TI_PASS;
}
