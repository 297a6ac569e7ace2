/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics of each kind, of SYNs: of all, and by port, of which there is room for 256. */
#include <tcpinspect/bpf.h>

struct totals {
	ti_counter syns TI_HELP("SYNs");
	ti_gauge balance TI_HELP("SYNs in less SYNs out");
	ti_histogram(4, 512) length TI_HELP("bytes of a packet");
};
TI_METRICS(totals);

struct by_port {
	ti_port port;
};
struct ports {
	ti_counter port_syns TI_HELP("SYNs by port");
	ti_counter waited_ns TI_HELP("a ms for each");
};
TI_METRICS_BY(ports, by_port, 256);
TI_LICENSE("Dual BSD/GPL");

TI_PACKET(packets, TC)
{
	if (!ti_is_syn(pkt))
		return TI_PASS;
	TI_METRICS_OF(totals, m) {
		m->syns++;
		if (pkt->egress)
			m->balance--;
		else
			m->balance++;
		TI_OBSERVE(m->length, pkt->len);
	}
	TI_METRICS_OF(ports, m, { .port = pkt->dst_port }) {
		m->port_syns++;
		m->waited_ns += 1000000;
	}
	return TI_PASS;
}

TI_PACKET(sent, TC_OUT)
{
	return packets(pkt);
}
