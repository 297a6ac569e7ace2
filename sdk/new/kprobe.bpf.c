/* @name@.bpf.c - what runs in the kernel: reports which process connects where. */
#include <tcpinspect/bpf.h>

struct connect {
	ti_addr dst_ip;
	ti_port dst_port;
	__u32 pid;
};
TI_EVENT(connect, INFO, "a process begins to connect");
TI_OPTION(ti_bool, privileged, 0, 0, 1, "report only those to ports below 1024");
TI_LICENSE("Dual BSD/GPL");

/* When the kernel's tcp_connect() is called: fentry, or a kprobe where that is refused. */
TI_KNOWS_SOCK TI_ENTRY(connects, 0, tcp_connect, struct sock *sk)
{
	__u16 port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	if (BPF_CORE_READ(sk, __sk_common.skc_family) != 2)
		return; /* 2 is AF_INET, so this is IPv4 alone */
	if ((privileged && port >= 1024) || !ti_wants_sock(sk))
		return;
	TI_EMIT(connect, e) {
		e->dst_ip = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
		e->dst_port = port;
		e->pid = bpf_get_current_pid_tgid() >> 32;
	}
}
