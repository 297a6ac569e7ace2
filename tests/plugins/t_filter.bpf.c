/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that the common options can tell apart: an event for every connection
 * that this host opens or accepts, with who did. `opened` has alternatives of
 * which only the second knows sockets and processes.
 */
#include <tcpinspect/bpf.h>

struct opened {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u32 pid;
};
TI_EVENT(opened, INFO, "a connection is being opened, or has been accepted");
TI_LICENSE("Dual BSD/GPL");

static __always_inline void opens(const struct sock *sk, int from, int to)
{
	int accepted = from == TI_TCP_SYN_RECV && to == TI_TCP_ESTABLISHED;
	ti_port local = BPF_CORE_READ(sk, __sk_common.skc_num);
	ti_port remote = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	__u32 pid = accepted ? 0 : bpf_get_current_pid_tgid() >> 32;
	ti_addr here, there;

	if (!accepted && to != TI_TCP_SYN_SENT)
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == 2) {
		here = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		there = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&here, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&there, sk, __sk_common.skc_v6_daddr);
	}
	if (!ti_wants_flow(accepted ? &there : &here, accepted ? &here : &there, accepted ? remote : local,
			   accepted ? local : remote) ||
	    !ti_wants_sock(sk) || !ti_wants_pid(pid))
		return;
	TI_EMIT(opened, e) {
		e->src_ip = accepted ? there : here;
		e->dst_ip = accepted ? here : there;
		e->src_port = accepted ? remote : local;
		e->dst_port = accepted ? local : remote;
		e->pid = pid;
	}
}

TI_HOOK(opened, 0) TI_KNOWS_FLOW SEC("tp/sock/inet_sock_set_state")
int opened_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return 0;
}

TI_HOOK(opened, 1) TI_KNOWS_FLOW TI_KNOWS_SOCK TI_KNOWS_PID SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(opened_raw_tp, const struct sock *sk, int from, int to)
{
	opens(sk, from, to);
	return 0;
}
