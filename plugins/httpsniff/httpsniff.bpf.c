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

TI_EVENT(http_request, INFO, "the head of an HTTP request");
TI_EVENT(http_response, INFO, "the head of an HTTP response, but for interim ones (1xx)");
TI_EVENT(tls_hello, INFO, "a TLS client's first message, which is not encrypted");
TI_INTERNAL(piece);

TI_OPTION(ti_bool, responses, 0, 0, 1, "report responses, too");

struct slot slots[SLOTS]; /* written on both sides */

/* Behind this many bytes that wait in the ring only what is in a WINDOW is copied. */
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

/* The same for both directions but for the lowest bit, which tells them apart. */
static __always_inline __u64 flow_hash(const struct ti_packet *pkt)
{
	__u64 from = ti_hash(pkt->src.hi ^ (__u64)pkt->src_port << 16, pkt->src.lo);
	__u64 to = ti_hash(pkt->dst.hi ^ (__u64)pkt->dst_port << 16, pkt->dst.lo);

	return ((from + to) & ~1ull) | (from < to);
}

static __always_inline int is_token(__u8 c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Might a connection that isn't known begin here, or a request? Method and blank, status
 * line, or a handshake record of TLS. */
static __always_inline int looks_like_start(const struct ti_packet *pkt, __u32 off, __u32 len)
{
	__u8 b[8] = {};

	if (len < sizeof(b))
		return ti_load(pkt->ctx, pkt->hook, off, b, 1) == 0 && (is_token(b[0]) || b[0] == 0x16);
	if (ti_load(pkt->ctx, pkt->hook, off, b, sizeof(b)))
		return 0;
	if (b[0] == 0x16)
		return b[1] == 3;
	if (b[4] == '/')
		return b[0] == 'H' && b[1] == 'T' && b[2] == 'T' && b[3] == 'P';
	if (!is_token(b[0]))
		return 0;
#pragma unroll
	for (int i = 1; i < 8; i++) {
		if (b[i] == ' ')
			return 1;
		if (!is_token(b[i]))
			return 0;
	}
	return 1;
}

/* What of a packet is to be copied. */
struct part {
	__u64 hash;
	__u32 off, len; /* in the packet */
	__u32 seq;	/* of the first byte */
	__u32 start;	/* of the flow, where known */
	__u16 flags;	/* enum piece_flags */
};

/* One record of `size` bytes of data, at most, a constant. The bytes that are in it. */
static __always_inline __u32 copy_piece(const struct ti_packet *pkt, const struct part *part,
					const __u32 size)
{
	__u32 n = part->len < size ? part->len : size;
	struct piece *p = TI_INTERNAL_RESERVE(piece, PIECE_HEADER + size);

	if (!p)
		return 0;
	p->src = pkt->src;
	p->dst = pkt->dst;
	p->src_port = pkt->src_port;
	p->dst_port = pkt->dst_port;
	p->seq = part->seq;
	p->hash = part->hash;
	p->start = part->start;
	p->len = n;
	p->ifindex = pkt->ifindex;
	p->vlan = pkt->vlan;
	p->flags = part->flags;
	if (ti_packet_copy(pkt, part->off, p->data, n, size)) {
		TI_INTERNAL_DISCARD(p);
		return 0;
	}
	TI_INTERNAL_SUBMIT(p);
	return n;
}

/* 0: all of it has been copied. */
static __always_inline int copy(const struct ti_packet *pkt, struct part *part)
{
	for (int i = 0; i < PIECES && part->len; i++) {
		__u32 n;

		if (part->len <= PIECE_SMALL)
			n = copy_piece(pkt, part, PIECE_SMALL);
		else if (part->len <= PIECE_MEDIUM)
			n = copy_piece(pkt, part, PIECE_MEDIUM);
		else
			n = copy_piece(pkt, part, PIECE_LARGE);
		if (!n)
			return -1;
		part->off += n;
		part->len -= n;
		part->seq += n;
		part->flags |= PIECE_GOES_ON;
	}
	return part->len ? -1 : 0;
}

/* Cut off what user space has no use for. 0: nothing is left. */
static __always_inline int choose(const struct ti_packet *pkt, const struct slot *slot, struct part *part,
				  __u32 id)
{
	int knows_start = part->flags & PIECE_KNOWS_START;
	__u64 told = *(volatile const __u64 *)&slot->told;
	__s32 ahead = part->seq - part->start; /* of what is wanted for certain */

	if (told >> 34 == id) {
		if (told & TOLD_NOTHING)
			return 0;
		ahead = part->seq - (__u32)told;
		if (ahead < 0) {
			if (ahead + (__s32)part->len <= 0)
				return 0;
			part->seq -= ahead;
			part->off -= ahead;
			part->len += ahead;
			ahead = 0;
		}
		if ((told & TOLD_START) && !looks_like_start(pkt, part->off, part->len))
			return 0;
	} else if (!knows_start) {
		ahead = 0;
		if (!looks_like_start(pkt, part->off, part->len))
			return 0;
	}
	return ahead < WINDOW || bpf_ringbuf_query(&ti_ring, BPF_RB_AVAIL_DATA) < BUSY;
}

static __always_inline int look(struct ti_packet *pkt)
{
	struct part part = { .off = pkt->payload, .len = pkt->payload_len, .seq = pkt->seq };
	struct slot *slot;
	__u64 syn, last;
	__u32 at, id;

	if (!part.len && !(pkt->flags & TI_SYN))
		return TI_PASS;
	if (is_watched(pkt->dst_port))
		part.flags = PIECE_TO_PORT;
	if (responses && is_watched(pkt->src_port))
		part.flags |= PIECE_FROM_PORT;
	if (!part.flags)
		return TI_PASS;
	part.hash = flow_hash(pkt);
	at = SLOT_OF(part.hash);
	TI_BOUND(at, SLOTS - 1);
	slot = &slots[at];
	if (pkt->flags & TI_SYN) {
		if ((pkt->flags & TI_ACK) && !(part.flags & PIECE_FROM_PORT))
			return TI_PASS;
		part.seq++;
		syn = part.hash >> 32 << 32 | part.seq;
		*(volatile __u64 *)&slot->syn = syn;
		if (!part.len)
			return TI_PASS;
	}
	syn = *(volatile __u64 *)&slot->syn;
	if (syn >> 32 == part.hash >> 32) {
		part.start = syn;
		part.flags |= PIECE_KNOWS_START;
	}
	id = flow_id(part.hash, part.start, part.flags & PIECE_KNOWS_START);
	if (!choose(pkt, slot, &part, id))
		return TI_PASS;
	last = ((__u64)id << 48 | (__u64)(part.len & 0xffff) << 32) + part.seq;
	if (slot->last != last && copy(pkt, &part) == 0)
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
