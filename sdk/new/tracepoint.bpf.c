/* @name@.bpf.c - what runs in the kernel: reports connections that could not be made. */
#include <tcpinspect/bpf.h>

struct failed {
	ti_addr dst_ip;
	ti_port dst_port;
};
TI_EVENT(failed, NOTICE, "a connection was refused, or nobody answered");
TI_OPTION(ti_bool, privileged, 0, 0, 1, "report only those to ports below 1024");
TI_LICENSE("Dual BSD/GPL");

/* At a typed tracepoint (tp_btf) pointers of the kernel's may be followed. */
TI_HOOK(states, 0) TI_KNOWS_SOCK SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changed, const struct sock *sk, int from, int to)
{
	__u16 port = bpf_ntohs(sk->__sk_common.skc_dport);

	if (from != TI_TCP_SYN_SENT || to != TI_TCP_CLOSE || sk->__sk_common.skc_family != 2)
		return 0; /* 2 is AF_INET, so this is IPv4 alone */
	if ((privileged && port >= 1024) || !ti_wants_sock(sk))
		return 0;
	TI_EMIT(failed, e) {
		e->dst_ip = ti_addr_v4(sk->__sk_common.skc_daddr);
		e->dst_port = port;
	}
	return 0;
}
