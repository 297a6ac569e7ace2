/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * synflood.bpf.c - counts SYNs by listener and by source, and the handshakes
 * that complete. Decides nothing: that is user space's, once a second.
 */
#define TI_RING_SIZE 4096 /* all events are made in user space */
#include <tcpinspect/bpf.h>
#include <tcpinspect/lookup.h>
#include "synflood.h"

TI_LICENSE("Dual BSD/GPL");

TI_EVENT(flood_start, WARNING, "SYNs that complete no handshake have begun to flood a destination");
TI_EVENT(flood_update, WARNING, "the flood goes on");
TI_EVENT(flood_end, NOTICE, "the flood is over");
TI_EVENT(backscatter, NOTICE, "SYN-ACKs that answer no SYN of this host: reflection, or its address is being spoofed");
TI_EVENT(syn_sources, INFO, "sources of most SYNs");

TI_METRICS_USER(totals);
TI_METRICS_USER_BY(drops, by_reason, FLOOD_DROPS);

TI_CPU_ARRAY(struct synflood, synflood);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLOTS + SERVED_MAX);
	__type(key, struct listener_key);
	__type(value, __u32);
} listeners SEC(".maps");

/* Written by user space. */
struct port_slots ports[65536];
__u32 synflood_epoch; /* seconds, by the tick */
__u32 sources_epoch;
/* Written here, cleared there: a listener came or went. */
__u32 listeners_changed;

#include "least.bpf.h"
#include "handshake.bpf.h"
#include "limit.bpf.h"
#include "served.bpf.h"

/* Position of the lowest set bit of a random word, 1 for bit 0: BPF has no ctz.
 * Perfect hash of the powers of two by a de Bruijn sequence (Leiserson 1998). */
static const __u8 lowest[64] = {
	0, 1, 2, 53, 3, 7, 54, 27, 4, 38, 41, 8, 34, 55, 48, 28,
	62, 5, 39, 46, 44, 42, 22, 9, 24, 35, 59, 56, 49, 18, 29, 11,
	63, 52, 6, 26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
	51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

static __always_inline void add_distinct(struct distinct *two, __u64 hash)
{
	__u32 epoch = synflood_epoch;
	struct distinct *d = &two[epoch & 1];
	__u64 rest = hash >> 7 | 1ull << 56;
	__u8 rank = lowest[((rest & -rest) * 0x022fdd63cc95386d) >> 58] + 1;
	__u8 *reg = &d->reg[hash & (REGISTERS - 1)];

	if (d->epoch != epoch) {
		__builtin_memset(d->reg, 0, sizeof(d->reg));
		d->epoch = epoch;
	}
	if (*reg < rank)
		*reg = rank;
}

static __always_inline void add_source(struct sources *s, const ti_addr *addr, __u64 hash)
{
	struct source_bucket *b = &s->bucket[hash >> 32 & (SOURCE_BUCKETS - 1)];
	__s64 head[SOURCE_WAYS];
	__u64 count;
	__u32 at;

	s->syns++;
#pragma unroll
	for (int i = 0; i < SOURCE_WAYS; i++) {
		head[i] = b->head[i];
		if ((__u32)head[i] == SOURCE_TAG(hash, i) && b->entry[i].addr.lo == addr->lo &&
		    b->entry[i].addr.hi == addr->hi) {
			b->head[i] += SOURCE_ONE;
			return;
		}
		head[i] |= i; /* for a free one */
	}
	count = least_of(head, SOURCE_WAYS);
	at = count & (SOURCE_WAYS - 1);
	count >>= 32;
	b->entry[at].addr = *addr;
	b->entry[at].error = count;
	b->head[at] = (count + 1) << 32 | SOURCE_TAG(hash, at);
}

static __always_inline void add_prefix(struct prefixes *p, const ti_addr *addr, __u32 slot)
{
	__s64 least[PREFIX_WAYS];
	struct prefix_bucket *b;
	__u64 key;
	__u32 at;

	if (ti_addr_is_v4(addr))
		key = PREFIX_KEY(slot, 0) | bpf_ntohl(addr->lo >> 32) >> 8;
	else
		key = PREFIX_KEY(slot, 1) | bpf_be64_to_cpu(addr->hi) >> 16;
	b = &p->bucket[ti_hash(key, 0) & (PREFIX_BUCKETS - 1)];
	p->syns++;
#pragma unroll
	for (int i = 0; i < PREFIX_WAYS; i++)
		if (b->key[i] == key) {
			b->count[i]++;
			return;
		}
#pragma unroll
	for (int i = 0; i < PREFIX_WAYS; i++)
		least[i] = (__u64)b->count[i] << 3 | i;
	at = least_of(least, PREFIX_WAYS) & (PREFIX_WAYS - 1);
	b->key[at] = key;
	b->error[at] = b->count[at]++;
}

/* Slot of the listener, or of what others serve, that a SYN to this address and port is
 * for; 0: none. *exact: it is for this very address. */
static __always_inline __u32 slot_of(const ti_addr *addr, ti_port port, int *exact)
{
	struct listener_key key = { .addr = *addr, .port = port };
	struct port_slots p;
	__u32 *slot, at = port;

	TI_BOUND(at, 0xffff);
	p = ports[at];
	*exact = 0;
	if ((p.any4 & SLOT_EXACT) || (p.any6 & SLOT_SERVED)) {
		slot = bpf_map_lookup_elem(&listeners, &key);
		if (slot && *slot < COUNTED) {
			*exact = 1;
			return *slot;
		}
	}
	return (ti_addr_is_v4(addr) ? p.any4 : p.any6) & (SLOTS - 1);
}

static __always_inline void add_target(struct targets *t, struct ti_packet *pkt)
{
	add_distinct(t->distinct, ti_hash(pkt->dst.hi ^ pkt->dst_port, pkt->dst.lo));
	if (t->votes && t->port == pkt->dst_port && t->dst.lo == pkt->dst.lo && t->dst.hi == pkt->dst.hi) {
		t->votes++;
	} else if (t->votes) {
		t->votes--;
	} else {
		t->dst = pkt->dst;
		t->port = pkt->dst_port;
		t->votes = 1;
	}
}

static __always_inline void count(struct counted *c, struct ti_packet *pkt, __u64 hash)
{
	c->syns++;
	c->dst = pkt->dst;
	c->vlan = pkt->vlan;
	c->ifindex = pkt->ifindex;
	add_distinct(c->sources, hash);
}

static __always_inline int on_syn(struct ti_packet *pkt)
{
	struct synflood *s = TI_CPU(synflood);
	__u64 hash = ti_hash(pkt->src.hi, pkt->src.lo);
	int exact, elsewhere, verdict = TI_PASS;
	__u32 slot = slot_of(&pkt->dst, pkt->dst_port, &exact);

	if (!s)
		return TI_PASS;
	s->syns++;
	elsewhere = !exact && is_elsewhere(s, pkt);
	if (elsewhere)
		slot = 0;
	if (!slot)
		add_candidate(s, pkt, elsewhere, hash);
	if (!slot && !elsewhere) {
		__u32 bucket = pkt->ifindex % BUCKETS;

		add_target(&s->targets[bucket], pkt);
		slot = SLOTS + bucket;
	}
	TI_BOUND(slot, 0x7ff);
	if (slot >= COUNTED)
		return TI_PASS;
	if (ti_offline && !slot)
		add_prefix(&s->prefixes[synflood_epoch & 1], &pkt->src, 0);
	if (slot) {
		count(&s->counted[slot], pkt, hash);
		add_prefix(&s->prefixes[synflood_epoch & 1], &pkt->src, slot);
	}
	if (mode == FLOOD_MODE_LIMIT)
		verdict = limit_syn(pkt, &s->counted[slot], limiting[slot], hash);
	if (verdict == TI_PASS)
		remember(&s->counted[slot], pkt, 0);
	/* Last: the verifier looks at what follows once for each way out of this. */
	add_source(&s->sources[sources_epoch & 1], &pkt->src, hash);
	return verdict;
}

static __always_inline void on_synack(struct ti_packet *pkt)
{
	struct synflood *s = TI_CPU(synflood);
	struct counted *c;

	if (!s || ti_has_socket(pkt) || (!ti_offline && is_elsewhere(s, pkt)))
		return;
	c = &s->counted[BACKSCATTER];
	count(c, pkt, ti_hash(pkt->src.hi, pkt->src.lo));
	c->src = pkt->src;
	c->port = pkt->src_port;
	remember(c, pkt, PENDING_SYNACK);
}

static __always_inline void on_rst(struct ti_packet *pkt)
{
	struct synflood *s = TI_CPU(synflood);
	int exact;
	__u32 slot = slot_of(&pkt->dst, pkt->dst_port, &exact);

	TI_BOUND(slot, 0x7ff);
	if (s && slot && slot < COUNTED)
		s->counted[slot].rsts++;
}

/* The handshake of a SYN that was counted is complete. With a socket of ours, that tells. */
static __always_inline void on_syn_completed(struct synflood *s, struct ti_packet *pkt)
{
	int exact, elsewhere;
	__u32 slot = slot_of(&pkt->dst, pkt->dst_port, &exact);
	struct candidate *c;

	if (slot < SERVED && ti_has_socket(pkt))
		return;
	if (mode == FLOOD_MODE_LIMIT)
		add_good(&pkt->src);
	elsewhere = !exact && is_elsewhere(s, pkt);
	if (!slot || elsewhere) {
		c = candidate_of(&s->candidates[synflood_epoch & 1], pkt, 0);
		if (c)
			c->acked++;
		slot = SLOTS + pkt->ifindex % BUCKETS;
	}
	if (elsewhere)
		return;
	TI_BOUND(slot, 0x7ff);
	if (slot < COUNTED)
		s->counted[slot].acked++;
}

static __always_inline void on_ack(struct ti_packet *pkt)
{
	struct synflood *s = TI_CPU(synflood);
	int what = completes(pkt);

	if (s && what == 1)
		on_syn_completed(s, pkt);
	else if (s && what)
		s->counted[BACKSCATTER].acked++;
}

static __always_inline int on_impossible(struct ti_packet *pkt)
{
	struct synflood *s = TI_CPU(synflood);

	return s && !ti_has_socket(pkt) ? dropped(&s->counted[0], FLOOD_DROP_FLAGS) : TI_PASS;
}

TI_UNLESS(mode) int packets_tc(struct __sk_buff *ctx); /* it can't drop */

TI_PACKET(packets, TC, XDP)
{
	if (mode == FLOOD_MODE_LIMIT && drop_impossible && is_impossible(pkt))
		return on_impossible(pkt);
	if (!(pkt->flags & (TI_SYN | TI_RST))) {
		if (tracking && !pkt->payload_len)
			on_ack(pkt);
		return TI_PASS;
	}
	if (ti_is_syn(pkt))
		return on_syn(pkt);
	if (ti_is_synack(pkt))
		on_synack(pkt);
	else if (pkt->flags & TI_RST)
		on_rst(pkt);
	return TI_PASS;
}

/* --- handshakes that complete ----------------------------------------------- */

static __always_inline void on_completed(const struct sock *sk)
{
	ti_port port = BPF_CORE_READ(sk, __sk_common.skc_num);
	struct synflood *s = TI_CPU(synflood);
	ti_addr local, peer;
	__u32 slot;
	int exact;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == 2) {
		local = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		peer = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
	}
	/* Of a SYN that wasn't counted, nor is the handshake. */
	if (!ti_wants_flow(&peer, &local, bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)), port))
		return;
	if (mode == FLOOD_MODE_LIMIT)
		add_good(&peer);
	slot = slot_of(&local, port, &exact);
	TI_BOUND(slot, 0x7ff);
	if (s && slot && slot < COUNTED)
		__sync_fetch_and_add(&s->counted[slot].completed, 1);
}

static __always_inline void on_state(const struct sock *sk, int from, int to)
{
	if (from != TI_TCP_LISTEN && to != TI_TCP_LISTEN &&
	    !(from == TI_TCP_SYN_RECV && to == TI_TCP_ESTABLISHED))
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != ti_netns)
		return;
	if (from == TI_TCP_LISTEN || to == TI_TCP_LISTEN)
		listeners_changed = 1;
	else
		on_completed(sk);
}

TI_HOOK(completions, 0) TI_IF_POSSIBLE TI_KNOWS_FLOW SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(completions_tp_btf, struct sock *sk, int from, int to)
{
	on_state(sk, from, to);
	return 0;
}

TI_HOOK(completions, 1) TI_IF_POSSIBLE TI_KNOWS_FLOW SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(completions_raw_tp, struct sock *sk, int from, int to)
{
	on_state(sk, from, to);
	return 0;
}

TI_HOOK(completions, 2) TI_IF_POSSIBLE TI_KNOWS_FLOW SEC("tp/sock/inet_sock_set_state")
int completions_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	on_state(BPF_CORE_READ(ctx, skaddr), BPF_CORE_READ(ctx, oldstate), BPF_CORE_READ(ctx, newstate));
	return 0;
}
