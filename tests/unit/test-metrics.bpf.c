/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Every kind of metrics, for test-metrics; packets are what it counts by port. */
#include <tcpinspect/bpf.h>
#include "test-metrics.h"

TI_METRICS(totals);
TI_METRICS_BY(by_all, labels, 16);
TI_METRICS_BY(ports, by_port, 3);
TI_METRICS_USER_BY(listeners, by_port, 2);
TI_LICENSE("Dual BSD/GPL");

TI_PACKET(packets, TC)
{
	struct labels all = { .port = 1 };

	TI_METRICS_OF(totals, m) {
		TI_ADD(m->open, -1);
		TI_OBSERVE(m->tries, pkt->dst_port);
	}
	TI_METRICS_OF(ports, m, { .port = pkt->dst_port }) {
		m->port_syns++;
		TI_OBSERVE(m->port_length, pkt->dst_port);
	}
	TI_METRICS_OF(by_all, m, all)
		TI_ADD(m->seen, 2);
	return TI_PASS;
}
