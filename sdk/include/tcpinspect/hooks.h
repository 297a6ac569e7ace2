/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/hooks.h - where a probe's programs go: groups of alternatives, and TI_PACKET,
 * which makes programs for packets of one body. Functions are in function.h, sock_ops and
 * cgroup_skb in cgroup.h. Included by bpf.h.
 */
#ifndef TCPINSPECT_HOOKS_H
#define TCPINSPECT_HOOKS_H

/*
 * Mark a program as the alternative number `order` (0 first) of a hook group;
 * the daemon attaches the first of a group that the kernel takes. Written out
 * for hooks that TI_PACKET doesn't make:
 *	TI_HOOK(states, 0) SEC("tp_btf/inet_sock_set_state")
 *	int BPF_PROG(states_tp_btf, struct sock *sk, int old, int new) { ... }
 */
#define TI_HOOK(group, order) TI_TAG("hook:" #group ":" #order)

/* For a program: its group may be left without any hook; without this the
 * plugin is not run then. */
#define TI_IF_POSSIBLE TI_TAG("optional")

/*
 * For a program: an alternative only while one of the plugin's TI_OPTIONs is set, which
 * is: other than 0, "no" or its enum's value 0; or only while it is not. A group of which
 * that leaves nothing isn't attached, and none of it is loaded. Programs made by
 * TI_PACKET are declared before it:
 *	TI_OPTION(ti_bool, responses, 0, 0, 1, "report responses, too");
 *	TI_ONLY_IF(responses) int sent_tc_out(struct __sk_buff *ctx);
 *	TI_PACKET(sent, TC_OUT) { ... }
 * TI_ONLY_IF is for maps, too, which then aren't made while the option is 0; what uses
 * them must stand behind a test of the option:
 *	struct { ... } answers SEC(".maps") TI_ONLY_IF(responses);
 */
#define TI_ONLY_IF(option) TI_TAG("only_if:" #option)
#define TI_UNLESS(option)  TI_TAG("unless:" #option)

/*
 * Mark a program, of any type, that the plugin attaches to something of its own choice
 * with the file descriptor that ti_host.program() gives: to another process's socket, a
 * map, one cgroup. The daemon loads it, as it would the only one of a required hook group
 * by the program's name (TI_IF_POSSIBLE, TI_ONLY_IF and TI_UNLESS mean the same), and
 * neither attaches nor detaches it. Instead of TI_HOOK:
 *	TI_BY_HAND SEC("socket") int arrived(struct __sk_buff *skb) { ... }
 * Since ABI 1.3.
 */
#define TI_BY_HAND TI_TAG("by_hand")

#define TI_CAT_(a, b) a##b
#define TI_CAT(a, b)  TI_CAT_(a, b)

/*
 * For a program and its twin. The kernel doesn't run a program while it runs already
 * on this CPU, so that one which a system call has started misses what interrupts
 * it. A second program at the same place that does the work when, and only when, the
 * first is running sees that: see plugins/conn. Of programs without a twin the
 * daemon says at the end what they have missed.
 */
#define TI_TWIN TI_TAG("twin")

static __always_inline void ti_packet_zero(struct ti_packet *pkt, void *ctx,
					   enum ti_packet_hook hook)
{
	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->ctx = ctx;
	pkt->hook = hook;
	if (hook == TI_AT_XDP) {
		__u64 end = ((struct xdp_md *)ctx)->data_end, start = ((struct xdp_md *)ctx)->data;

		/* Pointers, whatever their type here: 64 bits or the verifier objects. */
		asm volatile("%0 -= %1" : "+r"(end) : "r"(start));
		pkt->len = end;
	} else {
		pkt->len = ((struct __sk_buff *)ctx)->len;
	}
	pkt->captured = pkt->len;
	if (ti_offline) {
		pkt->len = ti_fed.len;
		pkt->captured = ti_fed.captured;
	}
}

/*
 * Defined as 1 before this file is included by a probe that can do with less than a TCP
 * header: its TI_PACKET bodies get first fragments, too, that end within it, with
 * pkt->fragment set, ports and addresses, and no flags. They count as fragments.
 */
#ifndef TI_WANTS_FRAGMENTS
#define TI_WANTS_FRAGMENTS 0
#endif

/* Parse and count; true: there is a TCP packet for the body, whatever the options say. */
static __always_inline int ti_packet_counted(struct ti_packet *pkt)
{
	struct ti_counters *c = TI_CPU(ti_counters);
	enum ti_parsed r = ti_packet_parse(pkt);

	if (!c)
		return 0;
	c->n[TI_COUNT_SEEN]++;
	if (r == TI_TRUNCATED)
		c->n[TI_COUNT_TRUNCATED]++;
	else if (r == TI_FRAGMENT)
		c->n[TI_COUNT_FRAGMENT]++;
	else if (r == TI_UNSUPPORTED)
		c->n[TI_COUNT_UNSUPPORTED]++;
	return r == TI_TCP || (TI_WANTS_FRAGMENTS && pkt->fragment);
}

/* And filter. */
static __always_inline int ti_packet_begin(struct ti_packet *pkt)
{
	return ti_packet_counted(pkt) &&
	       ti_wants_flow(&pkt->src, &pkt->dst, pkt->src_port, pkt->dst_port);
}

static __always_inline void ti_packet_skb(struct ti_packet *pkt, struct __sk_buff *skb,
					  enum ti_packet_hook hook)
{
	ti_packet_zero(pkt, skb, hook);
	if (ti_offline)
		return;
	pkt->ifindex = skb->ifindex;
	if (skb->vlan_present) /* stripped by the kernel or the device */
		pkt->vlan = skb->vlan_tci & 0xfff;
}

/*
 * An interface takes one XDP program. So that several plugins can be there, each
 * program ends in a tail call to the one that the daemon puts after it, interface
 * by interface, in an array of the program's own, which this makes. TI_PACKET does
 * all of it; an XDP program written out is followed by others only if it has it, too:
 *	TI_XDP_NEXT(frames_xdp);
 *	TI_HOOK(frames, 0) SEC("xdp") int frames_xdp(struct xdp_md *ctx)
 *	{
 *		...
 *		return ti_xdp_verdict(ctx, &frames_xdp_next, TI_PASS);
 *	}
 * (On arm64 before Linux 6.0 such a program can't have functions that aren't inlined.)
 */
#define TI_XDP_NEXT(program)                                                   \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                         \
		__uint(max_entries, TI_XDP_SLOTS);                             \
		__uint(key_size, sizeof(__u32));                               \
		__uint(value_size, sizeof(__u32));                             \
	} program##_next SEC(".maps")

/* What an XDP program returns for an enum ti_verdict: a drop is counted and ends
 * the chain; else the next program runs, if there is one, in the place of this one. */
static __always_inline int ti_xdp_verdict(struct xdp_md *ctx, void *next, int verdict)
{
	if (verdict == TI_DROP) {
		ti_count(TI_COUNT_DROPPED);
		return XDP_DROP;
	}
	bpf_tail_call(ctx, next, ctx->ingress_ifindex % TI_XDP_SLOTS);
	return XDP_PASS;
}

#define TI_PACKET_XDP(group, order)                                            \
	TI_XDP_NEXT(group##_xdp);                                              \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("xdp")                         \
	int group##_xdp(struct xdp_md *ctx)                                    \
	{                                                                      \
		struct ti_packet pkt;                                          \
		ti_packet_zero(&pkt, ctx, TI_AT_XDP);                          \
		pkt.ifindex = ti_offline ? 0 : ctx->ingress_ifindex;           \
		return ti_xdp_verdict(ctx, &group##_xdp_next,                  \
				      ti_packet_begin(&pkt) ? group(&pkt) : TI_PASS);\
	}

/* -1 is TC_ACT_UNSPEC, not TC_ACT_OK: the qdisc's other filters go on. */
#define TI_PACKET_TC(group, order)                                             \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("tc")                          \
	int group##_tc(struct __sk_buff *ctx)                                  \
	{                                                                      \
		struct ti_packet pkt;                                          \
		ti_packet_skb(&pkt, ctx, TI_AT_TC);                            \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return -1;                                                     \
	}

/* Returns 0: nothing is queued to the socket. pkt_type 4 is PACKET_OUTGOING. */
#define TI_PACKET_SOCKET(group, order)                                         \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("socket")                      \
	int group##_socket(struct __sk_buff *ctx)                              \
	{                                                                      \
		struct ti_packet pkt;                                          \
		ti_packet_skb(&pkt, ctx, TI_AT_SOCKET);                        \
		pkt.egress = ctx->pkt_type == 4;                               \
		if (pkt.egress)                                                \
			return 0;                                              \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return 0;                                                      \
	}

#define TI_EACH1_(g, n, a)      TI_PACKET_##a(g, n)
#define TI_EACH1(g, a)          TI_EACH1_(g, 0, a)
#define TI_EACH2(g, a, b)       TI_EACH1(g, a) TI_EACH1_(g, 1, b)
#define TI_EACH3(g, a, b, c)    TI_EACH2(g, a, b) TI_EACH1_(g, 2, c)
#define TI_EACH4(g, a, b, c, d) TI_EACH3(g, a, b, c) TI_EACH1_(g, 3, d)
#define TI_EACH5(g, a, b, c, d, e) TI_EACH4(g, a, b, c, d) TI_EACH1_(g, 4, e)
/* Of 0 to 5. */
#define TI_COUNT_ARGS_(zero, a, b, c, d, e, n, ...) n
#define TI_COUNT_ARGS(args...)  TI_COUNT_ARGS_(0, ##args, 5, 4, 3, 2, 1, 0)

/*
 * One body for incoming TCP packets at several hooks, in order of preference:
 *	TI_PACKET(packets, TC, XDP, SOCKET) { ... use pkt ... return TI_PASS; }
 * Hooks: XDP, TC, SOCKET, CGROUP, and KPROBE (tcp_v4_rcv with tcp_v6_rcv): behind
 * the firewall, once for all interfaces of the daemon's network namespace; it is
 * used where none of the others can be had, or when the operator names it. The
 * group and the body are called `group`.
 */
#define TI_PACKET(group, ...)                                                  \
	static __always_inline int group(struct ti_packet *pkt);               \
	TI_CAT(TI_EACH, TI_COUNT_ARGS(__VA_ARGS__))(group, __VA_ARGS__)        \
	static __always_inline int group(struct ti_packet *pkt)

/*
 * Outgoing packets are a group of their own, of hooks with _OUT: TC_OUT,
 * SOCKET_OUT, CGROUP_OUT. It may well call the other's body:
 *	TI_PACKET(received, XDP, TC, SOCKET) { ... }
 *	TI_PACKET(sent, TC_OUT, SOCKET_OUT) { return received(pkt); }
 * pkt->egress is 1 there. They are seen behind the firewall, and not yet cut to
 * the size of the wire's packets where the device does that (GSO).
 */
#define TI_PACKET_TC_OUT(group, order)                                         \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("tc/egress")                   \
	int group##_tc_out(struct __sk_buff *ctx)                              \
	{                                                                      \
		struct ti_packet pkt;                                          \
		ti_packet_skb(&pkt, ctx, TI_AT_TC);                            \
		pkt.egress = 1;                                                \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return -1;                                                     \
	}

#define TI_PACKET_SOCKET_OUT(group, order)                                     \
	TI_HOOK(group, order) TI_KNOWS_FLOW SEC("socket/egress")               \
	int group##_socket_out(struct __sk_buff *ctx)                          \
	{                                                                      \
		struct ti_packet pkt;                                          \
		if (ctx->pkt_type != 4) /* incoming */                         \
			return 0;                                              \
		ti_packet_skb(&pkt, ctx, TI_AT_SOCKET);                        \
		pkt.egress = 1;                                                \
		if (ti_packet_begin(&pkt))                                     \
			group(&pkt);                                           \
		return 0;                                                      \
	}

#endif
