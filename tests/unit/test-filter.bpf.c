/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes for test-filter.c: what the checks cost while no option is set, and
 * groups whose alternatives know different things.
 */
#include <tcpinspect/bpf.h>

struct nothing {
	__u32 at_all;
};
TI_EVENT(nothing, INFO, "never emitted");
TI_OPTION(__u32, dst, 7, 0, 100, "an option of the plugin's own, by the key of a common one");
TI_LICENSE("Dual BSD/GPL");

TI_HOOK(cost, 0) TI_KNOWS_FLOW TI_KNOWS_SOCK TI_KNOWS_PID SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(asks, const struct sock *sk, int from, int to)
{
	ti_addr addr = {};

	if (!ti_wants_flow(&addr, &addr, from, to) || !ti_wants_sock(sk) || !ti_wants_pid(to))
		return 0;
	ti_count(TI_COUNT_SEEN);
	return 0;
}

TI_HOOK(cost, 1) SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(plain, const struct sock *sk, int from, int to)
{
	ti_count(TI_COUNT_SEEN);
	return 0;
}

TI_HOOK(split, 0) TI_KNOWS_SOCK SEC("raw_tp/inet_sock_set_state")
int split_sock(void *ctx)
{
	return 0;
}

TI_HOOK(split, 1) TI_KNOWS_PID SEC("tp/sock/inet_sock_set_state")
int split_pid(void *ctx)
{
	return 0;
}

TI_HOOK(unconcerned, 0) SEC("raw_tp/inet_sock_set_state")
int unconcerned_raw_tp(void *ctx)
{
	return 0;
}
