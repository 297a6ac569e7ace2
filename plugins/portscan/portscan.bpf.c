/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * portscan.bpf.c - picks out packets that may be a scan's, and the answers to them,
 * and tells user space once of each. Decides nothing.
 */
#define TI_WANTS_FRAGMENTS 1
#define TI_RING_SIZE	   4096 /* all events are made in user space */
#include <tcpinspect/bpf.h>
#include "portscan.h"

TI_LICENSE("Dual BSD/GPL");

TI_METRICS_USER_BY(kinds, by_kind, 16);
TI_METRICS_USER(probes);

TI_EVENT(scan_start, WARNING, "somebody has begun to scan ports or hosts");
TI_EVENT(scan_update, WARNING, "the scan goes on");
TI_EVENT(scan_end, NOTICE, "the scan is over");

TI_CPU_ARRAY(struct queue, queue);

struct set sources[SETS] __attribute__((aligned(64)));
__u32 told[TOLD];
__u32 noted[NOTED];
__u64 contacts[2][CONTACT_WORDS];

/* Written by user space. */
__u32 told_epoch;     /* with the next one all may be told again */
__u32 contacts_epoch; /* its parity says which of the two is added to */
__u32 seconds;

/* --- telling ---------------------------------------------------------------- */

/* A source's hash: of IPv6 the /64. */
static __always_inline __u64 source_key(const ti_addr *a)
{
	return ti_hash(a->hi, ti_addr_is_v4(a) ? a->lo : 0) | 1ull << 63;
}

static __always_inline __u32 short_of(const ti_addr *a)
{
	return ti_addr_is_v4(a) ? a->lo >> 32 : ti_hash(a->hi, a->lo);
}

/*
 * Was user space told, a short while ago? Then it has been now. A word is for one port of
 * a source: 25 bits of tag, 4 of the probe told, 3 of the answer, which only goes up
 * until there is another probe.
 */
static __always_inline int is_told(__u64 key, const struct record *r)
{
	__u64 hash = ti_hash(key, (__u64)short_of(&r->dst) << 32 | r->port);
	__u32 tag = ((hash >> 32) + told_epoch * 0x9e3779b9) & ~0x7fu;
	__u32 at = hash, was, probe = r->probe & 0xf;

	TI_BOUND(at, TOLD - 1);
	was = told[at];
	if ((was ^ tag) & ~0x7fu)
		was = tag | (NO_PROBE & 0xf) << 3;
	if (r->probe != NO_PROBE ? (was >> 3 & 0xf) == probe : r->answer <= (was & 7))
		return 1;
	told[at] = r->probe != NO_PROBE ? tag | probe << 3 | r->answer : (was & ~7u) | r->answer;
	return 0;
}

static __always_inline void tell(const struct record *r)
{
	struct queue *q = TI_CPU(queue);
	__u32 at;

	if (!q)
		return;
	if (q->head - q->tail >= RECORDS) {
		q->full++;
		return;
	}
	at = q->head;
	TI_BOUND(at, RECORDS - 1);
	q->record[at] = *r;
	__sync_fetch_and_add(&q->head, 1);
}

/* An answer that follows its probe at once, as those of the kernel do, needs no
 * record of its own. User space leaves the newest one alone for a tick. */
static __always_inline int amend(const struct record *r)
{
	struct queue *q = TI_CPU(queue);
	struct record *last;
	__u32 at;

	if (!q || q->head == q->read)
		return 0;
	at = q->head - 1;
	TI_BOUND(at, RECORDS - 1);
	last = &q->record[at];
	if (last->port != r->port || last->src.lo != r->src.lo || last->dst.lo != r->dst.lo ||
	    last->src.hi != r->src.hi || last->dst.hi != r->dst.hi || last->answer != ANSWER_NONE)
		return 0;
	last->answer = r->answer;
	return 1;
}

/* --- sources ------------------------------------------------------------------ */

static __always_inline struct set *set_of(__u64 key)
{
	__u32 at = key;

	TI_BOUND(at, SETS - 1);
	return &sources[at];
}

static __always_inline int is_admitted(struct set *s, __u64 key)
{
	if (s->way[2].key == key)
		s->way[2].dst = seconds;
	else if (s->way[3].key == key)
		s->way[3].dst = seconds;
	else
		return 0;
	return 1;
}

/* Its second port: user space hears of both. Another CPU may have an answer to the
 * first at the same time: it finds either entry. */
static __always_inline void admit(struct set *s, struct entry *e, const struct record *r)
{
	struct record first = *r;
	struct entry *to = &s->way[3];

	if ((__s32)(s->way[2].dst - s->way[3].dst) < 0)
		to = &s->way[2];
	if (to->key)
		ti_count(TI_COUNT_EVICTED);
	to->dst = seconds;
	to->key = e->key;
	asm volatile("" ::: "memory");
	first.port = e->port;
	first.probe = e->probe & 0x7f;
	first.fragmented = e->probe >> 7;
	first.answer = e->answer;
	if (e->dst != short_of(&r->dst))
		first.dst = ti_addr_is_v4(&r->dst) ? ti_addr_v4(e->dst) : (ti_addr){};
	e->key = 0;
	tell(&first);
	tell(r);
}

/* A probe, or an answer to a source that has probed. */
static __always_inline void on_record(const struct record *r)
{
	__u64 key = source_key(&r->src);
	struct set *s = set_of(key);
	struct queue *q;
	struct entry *e;

	if (is_admitted(s, key)) {
		if (!is_told(key, r) && !(r->probe == NO_PROBE && amend(r)))
			tell(r);
		return;
	}
	e = s->way[0].key == key ? &s->way[0] : &s->way[1];
	if (e->key == key) {
		if (e->port != r->port || e->dst != short_of(&r->dst)) {
			if (r->probe != NO_PROBE)
				admit(s, e, r);
		} else if (e->answer < r->answer) {
			e->answer = r->answer;
		}
		return;
	}
	q = TI_CPU(queue);
	if (!q || r->probe == NO_PROBE)
		return;
	q->newcomers++;
	s->way[1] = s->way[0];
	s->way[0] = (struct entry){
		.key = key,
		.dst = short_of(&r->dst),
		.port = r->port,
		.probe = r->probe | r->fragmented << 7,
		.answer = r->answer,
	};
}

/* Of a packet that a source has sent. */
static __always_inline void record_from(struct record *r, const struct ti_packet *pkt)
{
	r->src = pkt->src;
	r->dst = pkt->dst;
	r->port = pkt->dst_port;
	r->ifindex = pkt->ifindex;
	r->vlan = pkt->vlan;
	r->probe = NO_PROBE;
}

/* Of one that a source gets. */
static __always_inline void record_to(struct record *r, const struct ti_packet *pkt)
{
	r->src = pkt->dst;
	r->dst = pkt->src;
	r->port = pkt->src_port;
	r->ifindex = pkt->ifindex;
	r->vlan = pkt->vlan;
	r->probe = NO_PROBE;
}

/* --- what a RST may follow ------------------------------------------------------- */

enum note {
	NOTE_NONE,
	NOTE_SYNACK,  /* comes in: backscatter, if it isn't expected */
	NOTE_FINACK,  /* comes in: a Maimon scan's, or a connection's that is gone */
	NOTE_GREETED, /* a SYN-ACK goes out: with its ack as `seq` */
};

static __always_inline __u64 tuple_hash(const ti_addr *src, const ti_addr *dst, ti_port src_port,
					ti_port dst_port, __u32 seq)
{
	return ti_hash(src->hi ^ src->lo ^ seq,
		       dst->hi ^ ti_hash(dst->lo, (__u64)src_port << 16 | dst_port));
}

/* 30 bits of tag and what it is. */
static __always_inline void note(__u64 hash, enum note what)
{
	__u32 at = hash;

	TI_BOUND(at, NOTED - 1);
	noted[at] = hash >> 32 << 2 | what;
}

static __always_inline enum note noted_of(__u64 hash)
{
	__u32 at = hash, tag = hash >> 32 << 2, found;

	TI_BOUND(at, NOTED - 1);
	found = noted[at];
	return (found ^ tag) < 4 ? found & 3 : NOTE_NONE;
}

/* Hash of a packet with that source and destination. */
static __always_inline __u64 packet_hash(const struct ti_packet *pkt, __u32 seq)
{
	return tuple_hash(&pkt->src, &pkt->dst, pkt->src_port, pkt->dst_port, seq);
}

static __always_inline __u64 reply_hash(const struct ti_packet *pkt, __u32 seq)
{
	return tuple_hash(&pkt->dst, &pkt->src, pkt->dst_port, pkt->src_port, seq);
}

/* Where connections go from here: what comes back from there may find its socket
 * closed, at as many ports. Two hashes; the older half is cleared by user space. */
static __always_inline void contact(const ti_addr *dst, ti_port port)
{
	__u64 hash = ti_hash(dst->hi ^ port, dst->lo);
	__u32 a = hash >> 6, b = hash >> 38, half = contacts_epoch & 1;

	TI_BOUND(a, CONTACT_WORDS - 1);
	TI_BOUND(b, CONTACT_WORDS - 1);
	contacts[half][a] |= 1ull << (hash & 63);
	contacts[half][b] |= 1ull << (hash >> 32 & 63);
}

static __always_inline int is_contact(const ti_addr *dst, ti_port port)
{
	__u64 hash = ti_hash(dst->hi ^ port, dst->lo);
	__u32 a = hash >> 6, b = hash >> 38;
	__u64 in_a = 1ull << (hash & 63), in_b = 1ull << (hash >> 32 & 63);

	TI_BOUND(a, CONTACT_WORDS - 1);
	TI_BOUND(b, CONTACT_WORDS - 1);
	return (contacts[0][a] & in_a && contacts[0][b] & in_b) ||
	       (contacts[1][a] & in_a && contacts[1][b] & in_b);
}

/*
 * Did a packet that had ACK set draw a RST from no socket as an ACK or Maimon scan's
 * does, or a connection's that was here? From a server's port to one of those that
 * clients get, this side was the client.
 */
static __always_inline int is_stray(struct record *r, ti_port src_port, enum note what)
{
	if (what == NOTE_SYNACK || (r->port >= 32768 && src_port < r->port) || is_contact(&r->src, src_port))
		return 0;
	r->probe = what == NOTE_FINACK ? SCAN_KIND_MAIMON : SCAN_KIND_ACK;
	r->answer = ANSWER_CLOSED;
	return 1;
}

/* --- packets that come ------------------------------------------------------------- */

/* Without ACK and RST. */
static __always_inline enum scan_kind kind_of(const struct ti_packet *pkt)
{
	__u8 flags = pkt->flags & (TI_FIN | TI_SYN | TI_PSH | TI_URG);

	if (flags & TI_SYN) {
		if (flags & TI_FIN)
			return SCAN_KIND_SYNFIN;
		/* Every usual stack's has window scaling and SACK: 32 bytes or more. */
		return pkt->payload - pkt->l4 >= 32 ? SCAN_KIND_CONNECT : SCAN_KIND_SYN;
	}
	if (!flags)
		return SCAN_KIND_NULL;
	return flags == TI_FIN ? SCAN_KIND_FIN : SCAN_KIND_XMAS;
}

/* Answers come in only where they are forwarded. 0: of no interest. */
static __always_inline int is_answer(struct record *r, const struct ti_packet *pkt)
{
	if (!(pkt->flags & TI_RST)) {
		note(packet_hash(pkt, 0), NOTE_SYNACK);
		note(reply_hash(pkt, pkt->ack), NOTE_GREETED);
		record_to(r, pkt);
		r->answer = ANSWER_OPEN;
	} else if (pkt->flags & TI_ACK) {
		record_to(r, pkt);
		r->answer = ANSWER_CLOSED;
		return !pkt->seq;
	} else {
		record_from(r, pkt);
		r->answer = ANSWER_ABANDONED;
		return noted_of(packet_hash(pkt, pkt->seq)) == NOTE_GREETED;
	}
	return 1;
}

static __always_inline void on_received(struct ti_packet *pkt)
{
	struct record r = {};

	if (pkt->flags & (TI_RST | TI_ACK)) {
		if (!is_answer(&r, pkt))
			return;
	} else {
		record_from(&r, pkt);
		r.fragmented = pkt->fragment;
		r.probe = pkt->fragment ? SCAN_KIND_SYN : kind_of(pkt);
	}
	on_record(&r);
}

TI_PACKET(received, TC, XDP, KPROBE, SOCKET)
{
	if ((pkt->flags & (TI_ACK | TI_SYN | TI_RST)) != TI_ACK)
		on_received(pkt);
	else if (pkt->flags & TI_FIN)
		note(packet_hash(pkt, 0), NOTE_FINACK);
	return TI_PASS;
}

/* --- what goes out ------------------------------------------------------------------ */

/* To a closed port's SYN, FIN, ... the answer is RST and ACK, with a sequence number
 * of 0; to a packet with ACK it is RST alone (RFC 9293, 3.5.2). */
static __always_inline void on_sent(struct ti_packet *pkt)
{
	struct record r = {};

	if (!(pkt->flags & (TI_SYN | TI_RST)))
		return;
	if (ti_is_syn(pkt)) {
		contact(&pkt->dst, pkt->dst_port);
		return;
	}
	record_to(&r, pkt);
	if (ti_is_synack(pkt)) {
		note(reply_hash(pkt, pkt->ack), NOTE_GREETED);
		r.answer = ANSWER_OPEN;
	} else if (pkt->flags & TI_ACK) {
		if (pkt->seq)
			return;
		r.answer = ANSWER_CLOSED;
	} else if (!is_stray(&r, pkt->dst_port, noted_of(reply_hash(pkt, 0)))) {
		return;
	}
	on_record(&r);
}

/* Written out, for the options are asked of who is answered: src is the scanner. */
static __always_inline void sent_skb(struct __sk_buff *skb, enum ti_packet_hook hook)
{
	struct ti_packet pkt;

	ti_packet_skb(&pkt, skb, hook);
	pkt.egress = 1;
	if (ti_packet_counted(&pkt) && ti_wants_flow(&pkt.dst, &pkt.src, pkt.dst_port, pkt.src_port))
		on_sent(&pkt);
}

TI_HOOK(sent, 0) TI_KNOWS_FLOW SEC("tc/egress")
int sent_tc(struct __sk_buff *skb)
{
	sent_skb(skb, TI_AT_TC);
	return -1;
}

TI_HOOK(sent, 1) TI_KNOWS_FLOW SEC("socket/egress")
int sent_socket(struct __sk_buff *skb)
{
	if (skb->pkt_type == 4) /* PACKET_OUTGOING */
		sent_skb(skb, TI_AT_SOCKET);
	return 0;
}

/* Where outgoing packets can't be seen: the packet that is about to be answered. */
static __always_inline void on_reset(const struct sock *sk, const struct sk_buff *skb, __be16 proto)
{
	struct ti_linear linear;
	struct ti_packet pkt;
	struct record r = {};
	enum note what;

	if (sk || !ti_packet_kprobe(&pkt, &linear, skb, proto) || ti_packet_parse(&pkt) != TI_TCP ||
	    !ti_wants_flow(&pkt.src, &pkt.dst, pkt.src_port, pkt.dst_port))
		return;
	record_from(&r, &pkt);
	what = pkt.flags & TI_SYN ? NOTE_SYNACK : pkt.flags & TI_FIN ? NOTE_FINACK : NOTE_NONE;
	if (!(pkt.flags & TI_ACK))
		r.answer = ANSWER_CLOSED;
	else if (pkt.payload_len || !is_stray(&r, pkt.src_port, what))
		return;
	on_record(&r);
}

TI_KNOWS_FLOW TI_ENTRY(sent, 2, tcp_v4_send_reset, const struct sock *sk, struct sk_buff *skb)
{
	on_reset(sk, skb, bpf_htons(0x0800));
}

TI_KNOWS_FLOW TI_ENTRY(sent, 2, tcp_v6_send_reset, const struct sock *sk, struct sk_buff *skb)
{
	on_reset(sk, skb, bpf_htons(0x86dd));
}

/* --- connections --------------------------------------------------------------------- */

static __always_inline void on_state(const struct sock *sk, int from, int to)
{
	struct record r = { .probe = NO_PROBE, .answer = ANSWER_COMPLETED };

	if (to != TI_TCP_SYN_SENT && !(from == TI_TCP_SYN_RECV && to == TI_TCP_ESTABLISHED))
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != ti_netns)
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == 2) {
		r.dst = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		r.src = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&r.dst, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r.src, sk, __sk_common.skc_v6_daddr);
	}
	r.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (to == TI_TCP_SYN_SENT)
		contact(&r.src, bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)));
	else
		on_record(&r);
}

TI_HOOK(connections, 0) TI_IF_POSSIBLE SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connections_tp_btf, struct sock *sk, int from, int to)
{
	on_state(sk, from, to);
	return 0;
}

TI_HOOK(connections, 1) TI_IF_POSSIBLE SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(connections_raw_tp, struct sock *sk, int from, int to)
{
	on_state(sk, from, to);
	return 0;
}

TI_HOOK(connections, 2) TI_IF_POSSIBLE SEC("tp/sock/inet_sock_set_state")
int connections_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	on_state(BPF_CORE_READ(ctx, skaddr), BPF_CORE_READ(ctx, oldstate), BPF_CORE_READ(ctx, newstate));
	return 0;
}
