/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs for test-cgroup.c, which count in the object's .bss. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 counted;

SEC("sockops")
int count_sock_ops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
	    ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		__sync_fetch_and_add(&counted, 1);
	return 1;
}

SEC("cgroup_skb/ingress")
int count_ingress(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&counted, 1);
	return 1;
}

SEC("cgroup_skb/egress")
int count_egress(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&counted, 1);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
