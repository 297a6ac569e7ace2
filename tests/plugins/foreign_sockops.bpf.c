/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody else's sock_ops program, as bpftool loads it: it has an opinion on the
 * window that a SYN to one port offers, and asks for callbacks of such sockets.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct foreign {
	__u32 port;
	__u32 segments; /* of the window */
	__u32 flags;    /* asked for, with those that are set already */
	__u32 called;   /* by one of these */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct foreign);
} foreign SEC(".maps");

SEC("sockops")
int foreign_sockops(struct bpf_sock_ops *ctx)
{
	__u32 zero = 0;
	struct foreign *f = bpf_map_lookup_elem(&foreign, &zero);

	if (!f || bpf_ntohl(ctx->remote_port) != f->port)
		return 1;
	if (ctx->op == BPF_SOCK_OPS_RWND_INIT && f->segments)
		ctx->reply = f->segments;
	else if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | f->flags);
	else if (ctx->op == BPF_SOCK_OPS_RTT_CB && f->flags & BPF_SOCK_OPS_RTT_CB_FLAG)
		__sync_fetch_and_add(&f->called, 1);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
