/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of every connection: that it was established, and, since it asks for
 * that then, its end.
 */
#include <tcpinspect/bpf.h>

struct established {
	ti_addr local_ip, remote_ip;
	ti_port local_port, remote_port;
	ti_bool accepted;
	__u32 netns;
};
TI_EVENT(established, INFO, "a connection was established");

struct closed {
	ti_port local_port, remote_port;
	__u32 flags;
};
TI_EVENT(closed, INFO, "a connection was closed");
TI_LICENSE("Dual BSD/GPL");

TI_SOCKOPS(sockets, 0)
{
	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
	    ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		const struct sock *sk = ti_kernel_sock(ctx->sk);
		__u32 netns = sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;

		TI_EMIT(established, e) {
			e->local_ip = ti_sockops_local(ctx);
			e->remote_ip = ti_sockops_remote(ctx);
			e->local_port = ctx->local_port;
			e->remote_port = ti_sockops_remote_port(ctx);
			e->accepted = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;
			e->netns = netns;
		}
		ti_sockops_enable(ctx, BPF_SOCK_OPS_STATE_CB_FLAG);
	} else if (ctx->op == BPF_SOCK_OPS_STATE_CB && ctx->args[1] == TI_TCP_CLOSE) {
		TI_EMIT(closed, e) {
			e->local_port = ctx->local_port;
			e->remote_port = ti_sockops_remote_port(ctx);
			e->flags = ctx->bpf_sock_ops_cb_flags;
		}
	}
}
