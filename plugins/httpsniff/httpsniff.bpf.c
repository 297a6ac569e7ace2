/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * httpsniff.bpf.c - picks out of packets the bytes that user space has to see to find
 * requests and TLS hellos, and copies them. Parses nothing.
 *
 * Copied is what a connection sends until user space has said, in its slot, from which
 * byte on it wants more: it knows what is a body. See httpsniff.h.
 */
/* The daemon may be a few milliseconds late, and here each of them is worth some KiB. */
#define TI_RING_SIZE (2 << 20)
#include <tcpinspect/bpf.h>
#include "httpsniff.h"

TI_LICENSE("Dual BSD/GPL");

TI_METRICS_USER_BY(method_totals, by_method, 16);
TI_METRICS_USER_BY(status_totals, by_status, 8);
TI_METRICS_USER(hello_totals);

TI_EVENT(http_request, INFO, "the head of an HTTP request");
TI_EVENT(http_response, INFO, "the head of an HTTP response, but for interim ones (1xx)");
TI_EVENT(tls_hello, INFO, "a TLS client's first message, which is not encrypted");
TI_INTERNAL(piece);

TI_OPTION(ti_bool, responses, 0, 0, 1, "report responses, too");

struct slot slots[SLOTS] __attribute__((aligned(64))); /* written on both sides */

/* With this many bytes waiting in the ring, only what is in a WINDOW is copied. */
#define BUSY (TI_RING_SIZE / 4)

/* The common option `ports`, which the packet's ports have passed, or these. */
static __always_inline int is_watched(__u32 port)
{
	struct ti_filter_lists *l;

	if (!(ti_filter.options & TI_FILTER_PORTS))
		return port == 80 || port == 443 || port == 8000 || port == 8008 || port == 8080 ||
		       port == 8443 || port == 3128;
	l = ti_filter_get();
	TI_BOUND(port, 0xffff);
	return l && l->ports[port / 64] >> (port % 64) & 1;
}

/*
 * The packet in hand, and what of it is to be copied. In a map, for there the verifier
 * forgets by which of many ways through the headers it came to be: else it goes through
 * all that follows for each of them.
 */
struct hand {
	ti_addr src, dst;
	ti_port src_port, dst_port;
	__u32 seq; /* of the first byte to be copied */
	__u64 hash;
	__u32 start; /* of the flow, where known */
	__u32 off, left; /* of the bytes to be copied, in the packet */
	ti_ifindex ifindex;
	ti_vlan vlan;
	__u16 flags; /* enum piece_flags */
	__u32 pad;
};
TI_CPU_ARRAY(struct hand, hands);

/* The same for both directions but for the lowest bit, which tells them apart. */
static __always_inline __u64 flow_hash(const struct hand *h)
{
	__u64 from = ti_hash(h->src.hi ^ (__u64)h->src_port << 16, h->src.lo);
	__u64 to = ti_hash(h->dst.hi ^ (__u64)h->dst_port << 16, h->dst.lo);

	return ((from + to) & ~1ull) | (from < to);
}

/* Of what methods are made in practice, and what ends them. */
enum class { TOKEN = 1, SPACE = 2 };
static const __u8 classes[256] = {
	['A' ... 'Z'] = TOKEN,
	['-'] = TOKEN,
	['_'] = TOKEN,
	[' '] = SPACE,
};

static __always_inline __u32 class_of(__u32 byte)
{
	TI_BOUND(byte, 0xff);
	return classes[byte];
}

/* Might a connection that isn't known begin here, or a request? Method and blank, status
 * line, or a handshake record of TLS. Without branches, which the verifier would follow
 * one by one into all that comes behind. */
static __always_inline int looks_like_start(const struct ti_packet *pkt, __u32 off, __u32 len)
{
	__u8 b[4] = {0, ' '};
	__u32 c0, c1, c2, c3;

	if (len < sizeof(b) ? ti_load(pkt->ctx, pkt->hook, off, b, 1)
			    : ti_load(pkt->ctx, pkt->hook, off, b, sizeof(b)))
		return 0;
	c0 = class_of(b[0]);
	c1 = class_of(b[1]);
	c2 = class_of(b[2]);
	c3 = class_of(b[3]);
	return (c0 & (c1 >> 1 | (c1 & (c2 >> 1 | (c2 & (c3 >> 1 | c3))))) & 1) |
	       (b[0] == 0x16 && (b[1] == 3 || len < sizeof(b)));
}

/* One record of `size` bytes of data, at most, a constant. The bytes that are in it. */
static __always_inline __u32 copy_piece(const struct ti_packet *pkt, struct hand *h,
					const __u32 size)
{
	struct piece *p = TI_INTERNAL_RESERVE(piece, PIECE_HEADER + size);
	__u32 n = h->left;

	if (!p)
		return 0;
	if (n > size)
		n = size;
	p->src = h->src;
	p->dst = h->dst;
	p->src_port = h->src_port;
	p->dst_port = h->dst_port;
	p->seq = h->seq;
	p->hash = h->hash;
	p->start = h->start;
	p->len = n;
	p->ifindex = h->ifindex;
	p->vlan = h->vlan;
	p->flags = h->flags;
	if (ti_packet_copy(pkt, h->off, p->data, n, size)) {
		TI_INTERNAL_DISCARD(p);
		return 0;
	}
	TI_INTERNAL_SUBMIT(p);
	h->off += n;
	h->left -= n;
	h->seq += n;
	h->flags |= PIECE_GOES_ON;
	return n;
}

/* 0: all of it has been copied. */
static __always_inline int copy(const struct ti_packet *pkt, struct hand *h)
{
	for (int i = 0; i < PIECES && h->left > PIECE_LARGE; i++)
		if (!copy_piece(pkt, h, PIECE_MOST))
			return -1;
	if (!h->left)
		return 0;
	if (h->left <= PIECE_SMALL)
		copy_piece(pkt, h, PIECE_SMALL);
	else if (h->left <= PIECE_MEDIUM)
		copy_piece(pkt, h, PIECE_MEDIUM);
	else
		copy_piece(pkt, h, PIECE_LARGE);
	return h->left ? -1 : 0;
}

/* --- slots ------------------------------------------------------------------------ */

/* 0 or 1: are they the same? The smaller of two words below 2^63. Without branches, as
 * the verifier would follow each of them into all that comes behind. */
static __always_inline __u64 is_same(__u64 a, __u64 b)
{
	__u64 differs = a ^ b;

	differs |= -differs;
	asm volatile("%0 >>= 63" : "+r"(differs));
	return 1 - differs;
}

static __always_inline __u64 smaller(__u64 a, __u64 b)
{
	__s64 less = a - b, mask = less;

	asm volatile("%0 s>>= 63" : "+r"(mask));
	return b + (less & mask);
}

/* The slot of a flow in its set, from 1 on; 0: it has none. */
static __always_inline __u32 way_of(const struct slot *set, __u64 hash)
{
	__u32 way = 0;

#pragma unroll
	for (int i = 0; i < WAYS; i++)
		way += (i + 1) * is_same(set[i].syn >> 32, hash >> 32);
	return way;
}

/* A slot for a flow that begins. They go round; those of which user space has told
 * something, since they carry HTTP or TLS, go after all that don't. */
static __always_inline struct slot *take_slot(struct slot *set, const struct hand *h)
{
	__u64 least = ~0ull >> 1, turn = set->turn;
	struct slot *slot;

	set->turn = turn + 1;
#pragma unroll
	for (__u64 i = 0; i < WAYS; i++) {
		__u64 told = set[i].told, settled;

		settled = is_same(told >> 48, set[i].syn >> 48) & (1 - is_same(told, 0));
		least = smaller(least, settled << 8 | ((i - turn) & (WAYS - 1)) << 4 | i);
	}
	slot = set + (least & (WAYS - 1));
	slot->syn = h->hash >> 32 << 32 | h->seq;
	slot->told = slot->last = 0;
	return slot;
}

/* User space has lost its place in this flow. It goes on here if anywhere; what comes next
 * is taken for the continuation before user space says so. */
static __always_inline int goes_on_here(const struct ti_packet *pkt, struct slot *slot,
					struct hand *h, __u64 told)
{
	if (!looks_like_start(pkt, h->off, h->left))
		return 0;
	*(volatile __u64 *)&slot->told = told >> 34 << 34 | h->seq;
	return 1;
}

/* User space is a few milliseconds behind, and there is much of what may be a long body:
 * only what may be the next request. */
static __always_inline int choose_busy(const struct ti_packet *pkt, struct hand *h)
{
	__u32 cut = h->left - END;

	if (looks_like_start(pkt, h->off, h->left))
		return 1;
	if (!(h->flags & PIECE_PUSHED))
		return 0;
	if (h->left > END) {
		h->off += cut;
		h->seq += cut;
		h->left = END;
	}
	return 1;
}

/* Cut off what user space has no use for. 0: nothing is left. */
static __always_inline int choose(const struct ti_packet *pkt, struct slot *slot, struct hand *h)
{
	__u64 told = *(volatile __u64 *)&slot->told;
	__s32 ahead = h->seq - h->start; /* of what is wanted for certain */

	if (told >> 34 == flow_id(h->hash, h->start)) {
		if (told & TOLD_NOTHING)
			return 0;
		ahead = h->seq - (__u32)told;
		if (ahead < 0) {
			if (ahead + (__s32)h->left <= 0)
				return 0;
			h->seq -= ahead;
			h->off -= ahead;
			h->left += ahead;
			ahead = 0;
		}
		if (told & TOLD_START)
			return goes_on_here(pkt, slot, h, told);
	}
	return ahead < WINDOW || bpf_ringbuf_query(&ti_ring, BPF_RB_AVAIL_DATA) < BUSY ||
	       choose_busy(pkt, h);
}

/* False: it isn't looked at. */
static __always_inline int take(const struct ti_packet *pkt, struct hand *h)
{
	__u16 flags = 0;

	if (is_watched(pkt->dst_port))
		flags = PIECE_TO_PORT;
	if (responses && is_watched(pkt->src_port))
		flags |= PIECE_FROM_PORT;
	if (!flags)
		return 0;
	if (responses)
		flags |= PIECE_RESPONSES;
	if (pkt->flags & TI_PSH)
		flags |= PIECE_PUSHED;
	h->src = pkt->src;
	h->dst = pkt->dst;
	h->src_port = pkt->src_port;
	h->dst_port = pkt->dst_port;
	h->seq = pkt->seq;
	h->off = pkt->payload;
	h->left = pkt->payload_len;
	h->ifindex = pkt->ifindex;
	h->vlan = pkt->vlan;
	h->flags = flags;
	h->hash = flow_hash(h);
	return 1;
}

/* The flow's slot, where it has one or begins here; NULL: nothing of it is wanted. */
static __always_inline struct slot *slot_of(const struct ti_packet *pkt, struct hand *h)
{
	__u32 at = SET_OF(h->hash), way;
	struct slot *set;

	TI_BOUND(at, SLOTS - 1);
	set = &slots[at];
	way = way_of(set, h->hash);
	h->flags |= PIECE_KNOWS_START;
	if (pkt->flags & TI_SYN) {
		h->seq++;
		if (!(pkt->flags & TI_ACK) || (h->flags & PIECE_FROM_PORT))
			return way ? set + ((way - 1) & (WAYS - 1)) : take_slot(set, h);
	}
	if (way)
		return set + ((way - 1) & (WAYS - 1));
	if (!h->left || !looks_like_start(pkt, h->off, h->left))
		return 0;
	h->flags |= PIECE_MIDWAY;
	return take_slot(set, h);
}

static __always_inline int look(struct ti_packet *pkt)
{
	struct hand *h = TI_CPU(hands);
	struct slot *slot;
	__u64 last;

	if ((!pkt->payload_len && !(pkt->flags & TI_SYN)) || !h || !take(pkt, h))
		return TI_PASS;
	/* Pointers into the packet are to be got anew: to the verifier those at hand differ. */
	asm volatile("" : "+r"(pkt->ctx));
	slot = slot_of(pkt, h);
	if (!slot)
		return TI_PASS;
	if (pkt->flags & TI_SYN)
		*(volatile __u64 *)&slot->syn = h->hash >> 32 << 32 | h->seq;
	h->start = *(volatile __u64 *)&slot->syn;
	if (!h->left || !choose(pkt, slot, h))
		return TI_PASS;
	last = (h->hash >> 48 << 48 | (__u64)(h->left & 0xffff) << 32) + h->seq;
	if (slot->last != last && copy(pkt, h) == 0)
		slot->last = last;
	return TI_PASS;
}

TI_PACKET(received, TC, SOCKET, XDP)
{
	return look(pkt);
}

/* What is sent over the loopback device (always number 1) is received there, too. */
TI_PACKET(sent, TC_OUT, SOCKET_OUT)
{
	return pkt->ifindex == 1 ? TI_PASS : look(pkt);
}
