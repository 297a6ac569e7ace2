/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What t_tp, t_raw_tp and t_tp_btf have in common: an event for every connection
 * that a server of this host has accepted, from inet_sock_set_state.
 */
#include <tcpinspect/bpf.h>

struct accepted {
	ti_port port;
	__u16 family;
};
TI_EVENT(accepted, INFO, "a connection was established with a local port");
TI_LICENSE("Dual BSD/GPL");

static __always_inline void changed(int from, int to, __u16 port, __u16 family)
{
	if (from != TI_TCP_SYN_RECV || to != TI_TCP_ESTABLISHED)
		return;
	TI_EMIT(accepted, e) {
		e->port = port;
		e->family = family;
	}
}
