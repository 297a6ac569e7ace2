/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "states.h"

TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_tp_btf, const struct sock *sk, int from, int to)
{
	changed(from, to, sk->__sk_common.skc_num, sk->__sk_common.skc_family);
	return 0;
}
