/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * handshake.bpf.h - handshakes that packets show to complete, where sockets can't:
 * behind a router, NAT or a bridge. A SYN is remembered; the first packet of the same
 * 4-tuple that goes on from its sequence number completes it. A SYN-ACK that comes in
 * likewise: one that answers something is followed by more.
 *
 * Who sends the SYN can forge the rest. It costs every packet without data something, so
 * it is done (`tracking`) only while sockets don't tell what becomes of SYNs; user space
 * ends it.
 */
#ifndef SYNFLOOD_HANDSHAKE_H
#define SYNFLOOD_HANDSHAKE_H

#define PENDING	       65536
#define PENDING_TAG    0xfffffffe
#define PENDING_SYNACK 1

__u32 tracking;
__u32 track_from; /* by user space: of so many SYNs in a second nothing need be known */

/* sequence number << 32 | 31 bits of the tuple's hash << 1 | PENDING_SYNACK: a place is
 * the last one's that came to it, so that a flood costs memory and time of nobody. */
struct pending {
	__u64 at[PENDING];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pending);
} pending SEC(".maps");

static __always_inline __u64 *pending_of(const struct ti_packet *pkt, __u32 *tag)
{
	__u32 zero = 0;
	struct pending *p = bpf_map_lookup_elem(&pending, &zero);
	__u64 h = ti_hash(pkt->src.lo ^ pkt->src.hi ^ (__u64)pkt->src_port << 16 ^ pkt->dst_port,
			  pkt->dst.lo ^ pkt->dst.hi);

	*tag = h & PENDING_TAG;
	return p ? &p->at[h >> 48] : 0;
}

/* Begin to track when few of a destination's handshakes complete. */
static __always_inline void suspect(struct counted *c)
{
	__s64 open = c->syns - c->completed;

	if (c->epoch != synflood_epoch) {
		c->epoch = synflood_epoch;
		c->syns_then = c->syns;
		c->open_then = open;
	}
	if (open - (__s64)c->open_then > (__s64)(track_from + (c->syns - c->syns_then) / 4))
		tracking = 1;
}

static __always_inline void remember(struct counted *c, const struct ti_packet *pkt, __u32 synack)
{
	__u32 tag;
	__u64 *at;

	if (!tracking) {
		suspect(c);
		return;
	}
	at = pending_of(pkt, &tag);
	c->remembered++;
	if (at)
		*at = (__u64)pkt->seq << 32 | tag | synack;
}

/* Does a packet complete what was remembered? 0: no; 1: a SYN; 2: a SYN-ACK. */
static __always_inline int completes(const struct ti_packet *pkt)
{
	__u32 tag;
	__u64 *at = pending_of(pkt, &tag), was = at ? *at : 0;

	if (!at || ((__u32)was & PENDING_TAG) != tag)
		return 0;
	if (pkt->seq - (__u32)(was >> 32) - 1 >= 65535) /* not in window */
		return 0;
	*at = 0;
	return 1 + (was & PENDING_SYNACK);
}

#endif
