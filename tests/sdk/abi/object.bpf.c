/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon finds in a BPF object: each kind of mark that the SDK's macros make, for
 * object.jq. A new macro is used here.
 */
#define TI_RING_SIZE (1 << 16)
#include <tcpinspect/bpf.h>

TI_LICENSE("Dual BSD/GPL");

enum mode { MODE_A, MODE_B };
struct e {
	ti_addr src_ip TI_OPTIONAL;
	__u32 n TI_HELP("a field");
};
TI_EVENT(e, WARNING, "an event");
struct i {
	void *any;
};
TI_INTERNAL(i);
TI_OPTION(__u32, number, 1, 0, 9, "a number");
TI_OPTION(ti_bool, yes, 1, 0, 1, "a switch");
TI_OPTION(enum mode, mode, MODE_A, 0, 0, "a choice");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sized SEC(".maps") TI_SIZED_BY(number) TI_ONLY_IF(yes);
TI_CPU_ARRAY(__u64, by_cpu);

struct m {
	ti_counter c TI_HELP("a counter");
	ti_gauge g;
	ti_histogram(4) h;
};
TI_METRICS(m);
struct l {
	ti_port port;
};
struct o {
	ti_counter d;
};
TI_METRICS_BY(o, l, 8);
struct u {
	ti_counter f;
};
TI_METRICS_USER(u);
struct v {
	ti_counter k;
};
TI_METRICS_USER_BY(v, l, 8);

TI_PACKET(packets, TC, XDP, SOCKET, CGROUP, KPROBE)
{
	TI_METRICS_OF(m, a) {
		a->c++;
		TI_OBSERVE(a->h, pkt->len);
	}
	TI_METRICS_OF(o, a, { .port = pkt->dst_port })
		a->d++;
	TI_EMIT(e, x) {
		x->src_ip = pkt->src;
		x->n = number + yes + mode;
	}
	return TI_PASS;
}
TI_PACKET(sent, TC_OUT, SOCKET_OUT, CGROUP_OUT)
{
	struct i *x = TI_INTERNAL_RESERVE(i, sizeof(*x));

	if (x) {
		x->any = 0;
		TI_INTERNAL_SUBMIT(x);
	}
	return pkt->egress ? TI_PASS : TI_DROP;
}
TI_ENTRY(entries, 0, tcp_connect, struct sock *sk)
{
	__u64 *n = TI_CPU(by_cpu);

	if (n && sk && ti_wants_sock(sk))
		(*n)++;
}
TI_RETURN(returns, 0, inet_csk_accept, struct sock *sk)
{
	__u32 zero = 0;

	if (sk)
		bpf_map_delete_elem(&sized, &zero);
}
TI_UENTRY(lookups, 0, "libc.so.6:getaddrinfo") { }
TI_SOCKOPS(sockets, 0)
{
	ti_sockops_enable(ctx, BPF_SOCK_OPS_RTT_CB_FLAG);
}
TI_UNLESS(yes) TI_IF_POSSIBLE TI_HOOK(states, 0) TI_KNOWS_SOCK SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states, struct sock *sk)
{
	return 0;
}
TI_BY_HAND SEC("socket") int by_hand(struct __sk_buff *skb)
{
	return TI_NOW() ^ ti_netns;
}
