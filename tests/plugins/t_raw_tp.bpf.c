/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "states.h"

TI_HOOK(states, 0) SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(states_raw_tp, const struct sock *sk, int from, int to)
{
	changed(from, to, BPF_CORE_READ(sk, __sk_common.skc_num),
		BPF_CORE_READ(sk, __sk_common.skc_family));
	return 0;
}
