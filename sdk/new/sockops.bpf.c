/* @name@.bpf.c - what runs in the kernel: reports how far the peers of new connections are. */
#include <tcpinspect/bpf.h>

struct connected {
	ti_addr dst_ip;
	ti_port dst_port;
	ti_ns srtt TI_HELP("round-trip time of the handshake");
};
TI_EVENT(connected, INFO, "a process of this host has got a connection");
TI_OPTION(ti_ns, above, 0, 0, 3600000000000, "report only those with a round-trip time from this on");
TI_LICENSE("Dual BSD/GPL");

/* Called by the kernel's TCP at each socket's events: see BPF_SOCK_OPS_* of linux/bpf.h. */
TI_SOCKOPS(sockets, 0)
{
	ti_ns srtt = (ctx->srtt_us >> 3) * 1000ull;

	if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || srtt < above)
		return;
	TI_EMIT(connected, e) {
		e->dst_ip = ti_sockops_remote(ctx);
		e->dst_port = ti_sockops_remote_port(ctx);
		e->srtt = srtt;
	}
}
