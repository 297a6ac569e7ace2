/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * served.bpf.h - SYNs that no listener of this host is for: is another host served
 * through this one?
 */
#ifndef SYNFLOOD_SERVED_H
#define SYNFLOOD_SERVED_H

/* The addresses of this namespace's interfaces, by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} own_macs SEC(".maps");
__u32 macs_known;

/*
 * Is a packet for another host: bridged (the frame is for none of our interfaces) or
 * forwarded (by the routing table)? What DNAT will send elsewhere is not seen by this.
 * The last answer of the second is kept: most SYNs of a flood go to one address.
 */
static __always_inline int is_elsewhere(struct synflood *s, struct ti_packet *pkt)
{
	struct asked *a = &s->asked;
	__u64 mac = 0;

	if (ti_offline) /* a capture is looked at as a router would */
		return 1;
	if (ti_load(pkt->ctx, pkt->hook, 0, &mac, 6))
		return 0;
	if (a->dst.lo == pkt->dst.lo && a->dst.hi == pkt->dst.hi && a->mac == mac &&
	    a->ifindex == pkt->ifindex && a->epoch == synflood_epoch)
		return a->elsewhere;
	a->dst = pkt->dst;
	a->mac = mac;
	a->ifindex = pkt->ifindex;
	a->epoch = synflood_epoch;
	/* The lowest bit of the first byte: to a group, or all. */
	if (macs_known && !(mac & 1) && !bpf_map_lookup_elem(&own_macs, &mac))
		a->elsewhere = 1;
	else
		a->elsewhere = ti_is_forwarded(pkt);
	return a->elsewhere;
}

/* The entry of a packet's destination; with `take` one is made of the least. Found without
 * a branch: the verifier would look at all that follows once for each way to get there. */
static __always_inline struct candidate *candidate_of(struct candidates *all,
						      const struct ti_packet *pkt, int take)
{
	__u32 bucket = ti_hash(pkt->dst.hi ^ pkt->dst_port, pkt->dst.lo);
	__s64 least[CANDIDATE_WAYS], found;
	struct candidate *c;

	TI_BOUND(bucket, CANDIDATE_BUCKETS - 1);
	c = all->at[bucket];
#pragma unroll
	for (int i = 0; i < CANDIDATE_WAYS; i++) {
		__u64 differs = (c[i].addr.lo ^ pkt->dst.lo) | (c[i].addr.hi ^ pkt->dst.hi) |
				(c[i].port ^ pkt->dst_port);

		differs |= -differs;
		asm volatile("%0 >>= 63" : "+r"(differs)); /* 1, or 0: it is the one */
		least[i] = (c[i].count + 1ull) * differs << 3 | i;
	}
	found = least_of(least, CANDIDATE_WAYS);
	c += found & (CANDIDATE_WAYS - 1);
	if (!(found >> 3))
		return c;
	if (!take)
		return 0;
	c->addr = pkt->dst;
	c->port = pkt->dst_port;
	c->error = c->count;
	c->acked = 0;
	return c;
}

static __always_inline void add_candidate(struct synflood *s, const struct ti_packet *pkt,
					  int elsewhere, __u64 hash)
{
	struct candidates *all = &s->candidates[synflood_epoch & 1];
	struct candidate *c = candidate_of(all, pkt, 1);

	if (!c)
		return;
	c->count++;
	c->elsewhere = elsewhere;
	c->sources |= 1ull << (hash & 63);
	all->syns += elsewhere;
	if (all->syns > track_from)
		tracking = 1;
}

#endif
