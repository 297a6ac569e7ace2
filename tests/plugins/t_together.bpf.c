/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One group of three alternatives. The first is of interfaces and no verifier takes
 * it; of the second one program has no tracepoint, so the other is left out, too;
 * the third is of two programs, each for one family.
 */
#include "states.h"

TI_HOOK(states, 0) SEC("tc")
int states_tc(struct __sk_buff *skb)
{
	changed(TI_TCP_SYN_RECV, TI_TCP_ESTABLISHED, *(volatile __u16 *)bpf_ktime_get_ns(), 0);
	return -1;
}

TI_HOOK(states, 1) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_twice, const struct sock *sk, int from, int to)
{
	changed(from, to, sk->__sk_common.skc_num, 0);
	return 0;
}

TI_HOOK(states, 1) SEC("raw_tp/ti_no_such_tracepoint")
int states_nowhere(void *ctx)
{
	return 0;
}

TI_HOOK(states, 2) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_v4, const struct sock *sk, int from, int to)
{
	if (sk->__sk_common.skc_family == 2)
		changed(from, to, sk->__sk_common.skc_num, 2);
	return 0;
}

TI_HOOK(states, 2) SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(states_v6, const struct sock *sk, int from, int to)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == 10)
		changed(from, to, BPF_CORE_READ(sk, __sk_common.skc_num), 10);
	return 0;
}
