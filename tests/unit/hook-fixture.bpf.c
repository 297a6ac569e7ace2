/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One program a hook, each counting what the test has sent. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hook-counts.h"

struct counts counts;

SEC("xdp")
int count_xdp(struct xdp_md *ctx)
{
	__u16 *proto = (void *)(long)ctx->data + 12;

	if ((void *)(proto + 1) <= (void *)(long)ctx->data_end &&
	    *proto == bpf_htons(TEST_ETHERTYPE))
		__sync_fetch_and_add(&counts.xdp, 1);
	return XDP_PASS;
}

SEC("tc")
int count_tc_with_a_long_name(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(TEST_ETHERTYPE))
		__sync_fetch_and_add(&counts.tc, 1);
	return -1;
}

/* Another one, by its name. */
SEC("tc")
int other_tc(struct __sk_buff *skb)
{
	return -1;
}

/* One that decides. */
SEC("tc")
int pass_tc(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(TEST_ETHERTYPE))
		__sync_fetch_and_add(&counts.tc, 1);
	return 0; /* TC_ACT_OK */
}

SEC("socket")
int count_socket(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(TEST_ETHERTYPE))
		__sync_fetch_and_add(skb->pkt_type == 4 ? &counts.outgoing : &counts.socket, 1);
	return 0;
}

static int count_tracepoint(void)
{
	if (bpf_get_current_pid_tgid() >> 32 == counts.tgid)
		__sync_fetch_and_add(&counts.tracepoint, 1);
	return 0;
}

SEC("tp/sock/inet_sock_set_state")
int count_tp(void *ctx)
{
	return count_tracepoint();
}

SEC("raw_tp/inet_sock_set_state")
int count_raw_tp(void *ctx)
{
	return count_tracepoint();
}

SEC("tp_btf/inet_sock_set_state")
int count_tp_btf(void *ctx)
{
	return count_tracepoint();
}

SEC("uprobe/test-hook-host:ti_test_function")
int count_uprobe(void *ctx)
{
	__sync_fetch_and_add(&counts.called, 1);
	return 0;
}

SEC("uretprobe/test-hook-host:ti_test_function")
int count_uretprobe(void *ctx)
{
	__sync_fetch_and_add(&counts.returned, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
