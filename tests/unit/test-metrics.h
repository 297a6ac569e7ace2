/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* test-metrics.h - the metrics of test-metrics.bpf.c, which the test fills. */
#ifndef TEST_METRICS_H
#define TEST_METRICS_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has it */
#define TI_HELP(text)
#endif

struct totals {
	ti_counter syns TI_HELP("with \\ and\nline");
	ti_counter bytes_total;
	ti_counter busy_ns;
	ti_gauge open;
	ti_gauge lag_ms;
	__u64 _left_out;
	ti_histogram(4) tries;
	ti_histogram(5, 1000000) rtt_ns TI_HELP("round trips");
};

enum kind {
	KIND_OPEN,
	KIND_CLOSED,
	KIND_BELOW = -1,
};

struct labels {
	ti_addr ip;
	ti_prefix net;
	ti_port port;
	ti_vlan vlan;
	ti_ifindex ifname;
	enum kind kind;
	__s16 left;
	__u16 _pad;
	ti_bool flag;
	__u8 small;
	ti_str(12) word;
};
struct by_all {
	ti_counter seen;
};

struct by_port {
	ti_port port;
};
struct ports {
	ti_counter port_syns;
	ti_histogram(2, 10) port_length;
};

struct listeners {
	ti_gauge waiting;
	ti_counter accepted;
};

#endif
