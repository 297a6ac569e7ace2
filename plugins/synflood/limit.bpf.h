/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * limit.bpf.h - which SYNs of a flood are dropped, and which packets besides. Never one
 * of a connection: only SYNs, and impossible flags where there is no socket.
 *
 * Tables are of fixed size and made only while mode = limit. What is in them gets old
 * and then counts for nothing.
 */
#ifndef SYNFLOOD_LIMIT_H
#define SYNFLOOD_LIMIT_H

TI_OPTION(enum flood_mode, mode, FLOOD_MODE_WATCH, 0, 0,
	  "watch: drop nothing; limit: drop SYNs that flood a destination, at XDP");
TI_OPTION(ti_bool, drop_impossible, 0, 0, 1,
	  "with mode = limit: drop packets with impossible flags that no socket is for");

__u8 limiting[COUNTED]; /* LIMIT_*, written by user space */
__u32 denying;		/* there are prefixes in `denied` */
__u64 limit_interval;	/* ns between two SYNs of who is in `heavy` */

TI_FILTER_TRIE(denied) TI_ONLY_IF(mode);

/* Who sends most of a flood -> when the next SYN would be in time (a token bucket of
 * one second as GCRA, ITU-T I.371). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, ti_prefix);
	__type(value, __u64);
} heavy SEC(".maps") TI_ONLY_IF(mode);

/* Sources that have completed a handshake: hash << 32 | second. */
#define GOOD	     32768
#define GOOD_SECONDS 300
struct good {
	__u64 at[GOOD];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct good);
} good SEC(".maps") TI_ONLY_IF(mode);

/* First SYNs: of each line the last 15 that came to it, a million in all, as 22 bits of
 * the hash << 10 | time in units of 2^27 ns, 134 ms. */
#define FIRST_LINES (1 << 17)
#define FIRST_WAYS  15
#define FIRST_TIME  0x3ffu
#define FIRST_MIN   4  /* sent again sooner: not by TCP */
#define FIRST_MAX   38 /* five seconds */
struct first_line {
	__u32 at[FIRST_WAYS];
	__u32 next;
};
struct first {
	struct first_line line[FIRST_LINES];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct first);
} first SEC(".maps") TI_ONLY_IF(mode);

static __always_inline int dropped(struct counted *c, enum flood_drop why)
{
	c->dropped[why]++;
	return TI_DROP;
}

/* --- sources that are known as good ------------------------------------------- */

static __always_inline __u64 *good_of(__u64 hash)
{
	__u32 zero = 0, at = hash >> 40;
	struct good *g = bpf_map_lookup_elem(&good, &zero);

	TI_BOUND(at, GOOD - 1);
	return g ? &g->at[at] : 0;
}

static __always_inline int is_good(__u64 hash)
{
	__u32 now = bpf_ktime_get_ns() / 1000000000;
	__u64 *g = good_of(hash);

	return g && *g >> 32 == (__u32)hash && now - (__u32)*g < GOOD_SECONDS;
}

/* --- sources and prefixes that send most ---------------------------------------- */

static __always_inline ti_prefix prefix_of(const ti_addr *a)
{
	if (ti_addr_is_v4(a))
		return (ti_prefix){ { 0, a->lo & ~((__u64)bpf_htonl(0xff) << 32) }, 24 };
	return (ti_prefix){ { a->hi & bpf_cpu_to_be64(~0xffffull), 0 }, 48 };
}

static __always_inline ti_prefix whole(const ti_addr *a)
{
	return (ti_prefix){ *a, ti_addr_is_v4(a) ? 32 : 128 };
}

static __always_inline int is_over(const ti_prefix *p)
{
	__u64 now = bpf_ktime_get_ns(), *next = bpf_map_lookup_elem(&heavy, p);

	if (!next)
		return 0;
	if (*next > now + 1000000000)
		return 1;
	*next = (*next > now ? *next : now) + limit_interval;
	return 0;
}

/* Whose handshakes complete has his SYN back: he is limited in those that don't. */
static __always_inline void give_back(const ti_prefix *p)
{
	__u64 *next = bpf_map_lookup_elem(&heavy, p);

	if (next)
		*next -= limit_interval;
}

static __always_inline void add_good(const ti_addr *src)
{
	__u64 hash = ti_hash(src->hi, src->lo), *g;
	ti_prefix one = whole(src), all = prefix_of(src);

	g = good_of(hash);
	if (g)
		*g = hash << 32 | (__u32)(bpf_ktime_get_ns() / 1000000000);
	give_back(&one);
	give_back(&all);
}

/* --- first SYNs ------------------------------------------------------------------- */

/* Has this SYN been here, as long ago as TCP takes to send it again? */
static __always_inline int is_second(const struct ti_packet *pkt, __u64 source)
{
	__u64 h = ti_hash(source ^ pkt->dst.lo, pkt->dst.hi ^ ((__u64)pkt->seq << 32 |
			  (__u32)pkt->src_port << 16 | pkt->dst_port));
	__u32 zero = 0, at = h, want = h >> 42 << 10 | (bpf_ktime_get_ns() >> 27 & FIRST_TIME);
	struct first *f = bpf_map_lookup_elem(&first, &zero);
	struct first_line *l;
	__u32 age, way = FIRST_WAYS;

	if (!f)
		return 0;
	TI_BOUND(at, FIRST_LINES - 1);
	l = &f->line[at];
#pragma unroll
	for (int i = 0; i < FIRST_WAYS; i++)
		if (!((l->at[i] ^ want) >> 10))
			way = i;
	if (way == FIRST_WAYS) {
		way = l->next;
		if (way >= FIRST_WAYS)
			way = 0;
		l->at[way] = want;
		l->next = way + 1;
		return 0;
	}
	TI_BOUND(way, 15);
	if (way >= FIRST_WAYS)
		return 0;
	age = (want - l->at[way]) & FIRST_TIME;
	if (age < FIRST_MIN)
		return 0;
	l->at[way] = want;
	return age <= FIRST_MAX;
}

/* --- verdicts ---------------------------------------------------------------------- */

/* On a SYN that counts in *c; `limits` is what is being done for its destination. */
static __always_inline int limit_syn(const struct ti_packet *pkt, struct counted *c, __u8 limits,
				     __u64 source)
{
	ti_prefix one = whole(&pkt->src), all = prefix_of(&pkt->src);

	if (denying && ti_filter_in(&denied, &pkt->src))
		return dropped(c, FLOOD_DROP_DENIED);
	if (!limits)
		return TI_PASS;
	if (is_over(&one) || is_over(&all))
		return dropped(c, FLOOD_DROP_HEAVY);
	if (!(limits & LIMIT_UNKNOWN) || is_good(source) || is_second(pkt, source))
		return TI_PASS;
	return dropped(c, FLOOD_DROP_UNKNOWN);
}

/* All segments but SYNs and RSTs acknowledge; a SYN neither resets nor ends. */
static __always_inline int is_impossible(const struct ti_packet *pkt)
{
	if (pkt->flags & TI_SYN)
		return pkt->flags & (TI_FIN | TI_RST);
	return !(pkt->flags & (TI_RST | TI_ACK));
}

#endif
