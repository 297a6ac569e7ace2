/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kit.bpf.c - tells everything that it is fed, for tests of the test kit. */
#define TI_WANTS_FRAGMENTS 1
#include <tcpinspect/bpf.h>
#include "kit.h"

TI_LICENSE("Dual BSD/GPL");
TI_EVENT(seen, INFO, "a packet");
TI_EVENT(summary, NOTICE, "what callbacks know");
TI_INTERNAL(note);
TI_OPTION(__u32, least, 1, 0, 65535, "report packets to ports from here on");
TI_OPTION(__u32, room, 4, 1, 1000, "entries of the sized map");
TI_OPTION(ti_bool, extra, 0, 0, 1, "have the map extra");

TI_CPU_ARRAY(struct counts, counts);
TI_METRICS_BY(port_totals, by_port, 2);
TI_METRICS_USER_BY(kept, by_key, 2);
__u32 zero;
__u32 seven = 7;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sized SEC(".maps") TI_SIZED_BY(room);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__uint(key_size, 8);
	__type(value, __u32);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} extra_map SEC(".maps") TI_ONLY_IF(extra);

static __always_inline void tell(struct ti_packet *pkt, enum kit_way way)
{
	struct counts *c = TI_CPU(counts);
	__u32 n = pkt->payload_len;

	if (pkt->dst_port < least)
		return;
	if (c)
		c->packets++;
	TI_METRICS_OF(port_totals, m, { .port = pkt->dst_port }) m->packets++;
	if (n > sizeof(((struct seen *)0)->payload.str))
		n = sizeof(((struct seen *)0)->payload.str);
	TI_EMIT(seen, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->boot_ns = TI_NOW();
		e->seq = pkt->seq;
		e->ack = pkt->ack;
		e->len = pkt->len;
		e->captured = pkt->captured;
		e->payload_len = pkt->payload_len;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->vlan = pkt->vlan;
		e->window = pkt->window;
		e->family = pkt->family;
		e->flags = pkt->flags;
		e->ttl = pkt->ttl;
		e->fragment = pkt->fragment;
		e->way = way;
		if (n && !ti_packet_copy(pkt, pkt->payload, e->payload.str, n, 32))
			e->payload.len = n;
	}
}

TI_PACKET(packets, TC, XDP, SOCKET)
{
	tell(pkt, KIT_WAY_IN);
	return TI_PASS;
}

TI_PACKET(sent, TC_OUT)
{
	tell(pkt, KIT_WAY_OUT);
	return TI_PASS;
}
