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
__u32 heavies;		/* entries of `heavy` */
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

/* Sources that have completed a handshake: hash << 32 | time in units of 2^30 ns, about
 * a second. */
#define GOOD	     32768
#define GOOD_MAX     280 /* five minutes */
struct good {
	__u64 at[GOOD];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct good);
} good SEC(".maps") TI_ONLY_IF(mode);

/* First SYNs: of each line the last 28 that came to it, 3.6 million in all, as 12 bits of
 * the hash << 4 | time in units of 2^28 ns, 268 ms. */
#define FIRST_LINES (1 << 17)
#define FIRST_WAYS  28
#define FIRST_TIME  15
#define FIRST_MIN   2 /* sent again sooner: not by TCP */
#define FIRST_MAX   14
struct first_line {
	union {
		__u16 at[FIRST_WAYS];
		__u64 word[FIRST_WAYS / 4];
	};
	__u64 next;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FIRST_LINES);
	__type(key, __u32);
	__type(value, struct first_line);
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

static __always_inline int is_good(__u64 hash, __u64 now)
{
	__u64 *g = good_of(hash);

	return g && *g >> 32 == (__u32)hash && (__u32)(now >> 30) - (__u32)*g < GOOD_MAX;
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

static __always_inline int is_over(const ti_prefix *p, __u64 now)
{
	__u64 *next = bpf_map_lookup_elem(&heavy, p);

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
		*g = hash << 32 | TI_NOW() >> 30;
	if (heavies) {
		give_back(&one);
		give_back(&all);
	}
}

/* --- first SYNs ------------------------------------------------------------------- */

/* Four times 16 bits. */
#define LANES(x) ((x) * 0x0001000100010001ull)

/* Which of a line's entries has the hash of `want`; FIRST_WAYS: none. */
static __always_inline __u32 find_first(const struct first_line *l, __u16 want)
{
	__u64 hit = 0;

	/* Four at a time: a lane that is 0 borrows from its highest bit (Mycroft 1987). */
#pragma unroll
	for (int i = 0; i < FIRST_WAYS / 4; i++) {
		__u64 differs = (l->word[i] ^ LANES((__u64)want)) & LANES(0xfff0ull);

		hit |= (differs - LANES(1ull)) & ~differs;
	}
	if (!(hit & LANES(0x8000ull)))
		return FIRST_WAYS;
#pragma unroll
	for (int i = 0; i < FIRST_WAYS; i++)
		if (!((l->at[i] ^ want) & 0xfff0))
			return i;
	return FIRST_WAYS;
}

/* Has this SYN been here, as long ago as TCP takes to send it again? */
static __always_inline int is_second(const struct ti_packet *pkt, __u64 source, __u64 now)
{
	__u64 h = ti_hash(source ^ pkt->dst.lo, pkt->dst.hi ^ ((__u64)pkt->seq << 32 |
			  (__u32)pkt->src_port << 16 | pkt->dst_port));
	__u32 at = h % FIRST_LINES, want = h >> 52 << 4 | (now >> 28 & FIRST_TIME), way, age;
	struct first_line *l = bpf_map_lookup_elem(&first, &at);

	if (!l)
		return 0;
	way = find_first(l, want);
	if (way == FIRST_WAYS) {
		way = l->next;
		if (way >= FIRST_WAYS)
			way = 0;
		l->at[way] = want;
		l->next = way + 1;
		return 0;
	}
	TI_BOUND(way, 31);
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
	__u64 now;

	if (denying && ti_filter_in(&denied, &pkt->src))
		return dropped(c, FLOOD_DROP_DENIED);
	if (!limits)
		return TI_PASS;
	now = TI_NOW();
	if (heavies && (is_over(&one, now) || is_over(&all, now)))
		return dropped(c, FLOOD_DROP_HEAVY);
	if (!(limits & LIMIT_UNKNOWN) || is_good(source, now) || is_second(pkt, source, now))
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
