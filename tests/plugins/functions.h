/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What t_kprobe and t_fentry (ENTRY), t_kretprobe and t_fexit (RETURN) and
 * t_function (both) are: an event for every connection that a process of this
 * host takes from a listening socket. The hook is chosen by the option.
 */
#include <tcpinspect/bpf.h>

TI_LICENSE("Dual BSD/GPL");

#ifdef ENTRY
struct asked {
	ti_port port;
	__u16 family;
};
TI_EVENT(asked, INFO, "a process asks for a connection");

TI_ENTRY(entries, 0, inet_csk_accept, struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	TI_EMIT(asked, e) {
		e->port = port;
		e->family = family;
	}
}
#endif

#ifdef RETURN
struct accepted {
	ti_port port;
	ti_port peer_port;
	__u16 family;
};
TI_EVENT(accepted, INFO, "a process was given a connection");

TI_RETURN(returns, 0, inet_csk_accept, struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (!sk)
		return;
	TI_EMIT(accepted, e) {
		e->port = port;
		e->peer_port = peer_port;
		e->family = family;
	}
}
#endif
