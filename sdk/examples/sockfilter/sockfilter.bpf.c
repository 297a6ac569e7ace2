/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* sockfilter.bpf.c: count what each socket receives that sockfilter.c attaches this to */
#include <tcpinspect/bpf.h>
#include "sockfilter.h"

TI_EVENT(received, INFO, "what a connection of the process has received");
TI_LICENSE("Dual BSD/GPL");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__type(key, __u64);
	__type(value, struct counts);
} sockets SEC(".maps");

/* At a TCP socket a filter sees segments from their TCP header on. */
TI_BY_HAND SEC("socket") int arrived(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct counts *c = bpf_map_lookup_elem(&sockets, &cookie);
	__u8 words; /* of the header, in the upper half */
	__u32 header;

	if (c && !bpf_skb_load_bytes(skb, 12, &words, sizeof(words))) {
		header = (words >> 4) * 4;
		if (skb->len > header) {
			__sync_fetch_and_add(&c->bytes, skb->len - header);
			__sync_fetch_and_add(&c->segments, skb->gso_segs ? skb->gso_segs : 1);
		}
	}
	return skb->len; /* how much the application is to get: all of it, always */
}
