/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * retrans.bpf.c - reports retransmissions with their cause, keeps count of each
 * connection that has any, and raises alarms. Owns the entries of all maps; user
 * space only reads them. An entry of a socket goes when the socket closes.
 */
#include <tcpinspect/bpf.h>
#include "retrans.h"
#include "tcp.h"
#include "window.h"

TI_LICENSE("Dual BSD/GPL");

TI_EVENT(retransmit, INFO, "segments were sent again");
TI_EVENT(retrans_summary, INFO, "a connection that has retransmitted: at its close, and once a period in which it did");
TI_EVENT(retrans_alarm, WARNING, "more segments were retransmitted within the window than is allowed");
TI_EVENT(retrans_top, INFO, "connections that retransmitted most in a period");
TI_EVENT(rtt_histogram, INFO, "round-trip times of a local port or a remote prefix in a period");

TI_OPTION(ti_bool, each, 1, 0, 0, "report each retransmission, not only summaries and alarms");
TI_OPTION(ti_ns, window, 10000000000, 1000000000, 3600000000000, "time over which alarms count");
TI_OPTION(__u32, alarm_connection, 100, 0, 1000000000, "retrans_alarm when one connection retransmits more segments than this in the window; 0: never");
TI_OPTION(__u32, alarm_port, 0, 0, 1000000000, "the same for all connections of a local port that are not outgoing");
TI_OPTION(__u32, alarm_prefix, 0, 0, 1000000000, "the same for all connections with a remote /24 or /48");
TI_OPTION(__u32, connections, 8192, 1024, 16777216, "open connections that have retransmitted and are kept count of; some 320 bytes each");
TI_OPTION(ti_bool, rtt, 1, 0, 0, "sample round-trip times, at retransmissions and when connections close");

TI_METRICS_BY(causes, by_cause, 8);
TI_METRICS(times);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps") TI_SIZED_BY(connections);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNERS);
	__type(key, __u64);
	__type(value, struct owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GROUPS);
	__type(key, struct group_key);
	__type(value, struct group);
} groups SEC(".maps");

TI_CPU_ARRAY(struct conns_moved, conns_moved);

/* Which of our programs run on this CPU. */
struct busy {
	__u64 retransmits, closes;
};
TI_CPU_ARRAY(struct busy, busy);

/* Written by user space. */
__u32 epoch;    /* number of the period */
__u64 jiffy_ns;

static const struct conn no_conn;
static const struct group no_group;

#include "groups.bpf.h"

/* --- connections -------------------------------------------------------------- */

static __always_inline struct owner *read_owner(struct flow *f, const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct owner *o = bpf_map_lookup_elem(&owners, &key);

	if (!o)
		return 0;
	f->pid = o->pid;
	__builtin_memcpy(f->comm.str, o->comm, sizeof(o->comm));
#pragma unroll
	for (__u32 i = 0; i < sizeof(o->comm) - 1; i++)
		f->comm.len += f->comm.len == i && o->comm[i];
	return o;
}

static __always_inline int is_wanted(const struct flow *f, const struct sock *sk)
{
	return ti_wants_flow(&f->src_ip, &f->dst_ip, f->src_port, f->dst_port) &&
	       ti_wants_sock(sk) && ti_wants_pid(f->pid);
}

static __always_inline int is_same(const struct conn *c, const struct flow *f)
{
	return c->s.src_port == f->src_port && c->s.dst_port == f->dst_port &&
	       c->s.netns == f->netns && c->s.dst_ip.hi == f->dst_ip.hi &&
	       c->s.dst_ip.lo == f->dst_ip.lo && c->s.src_ip.hi == f->src_ip.hi &&
	       c->s.src_ip.lo == f->src_ip.lo;
}

static __always_inline void moved(int created)
{
	struct conns_moved *m = TI_CPU(conns_moved);

	if (m)
		__sync_fetch_and_add(created ? &m->created : &m->deleted, 1);
}

static __always_inline void conn_delete(__u64 key)
{
	if (bpf_map_delete_elem(&conns, &key) == 0)
		moved(0);
}

/* The kernel uses a socket's memory again: what is another's is not taken for it. */
static __always_inline struct conn *conn_find(const struct sock *sk, const struct flow *f)
{
	__u64 key = (__u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c || (is_same(c, f) && c->s.retrans <= SK(tcp_sock, sk, total_retrans)))
		return c;
	conn_delete(key);
	return 0;
}

static __always_inline struct conn *conn_get(const struct sock *sk, const struct flow *f)
{
	__u64 key = (__u64)sk;
	struct conn *c = conn_find(sk, f);

	if (c)
		return c;
	if (bpf_map_update_elem(&conns, &key, &no_conn, BPF_NOEXIST) == 0)
		moved(1);
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return 0;
	__builtin_memcpy(&c->s, f, sizeof(*f));
	c->dsacks = SK(tcp_sock, sk, dsack_dups);
	return c;
}

/* What the socket knows itself. */
static __always_inline void refresh(struct conn *c, const struct sock *sk)
{
	struct retrans_summary *s = &c->s;
	__u32 dsacks = SK(tcp_sock, sk, dsack_dups) - c->dsacks;

	s->retrans = SK(tcp_sock, sk, total_retrans);
	s->segs_sent = SK(tcp_sock, sk, data_segs_out);
	s->bytes_sent = SK(tcp_sock, sk, bytes_sent);
	s->rate_permille = s->segs_sent ? s->retrans * 1000ull / s->segs_sent : 0;
	s->spurious = dsacks < s->segs ? dsacks : s->segs;
	s->srtt = srtt_of(sk);
	s->min_rtt = min_rtt_of(sk);
}

static __always_inline __u32 *counter_of(struct retrans_summary *s, enum retrans_cause cause)
{
	switch (cause) {
	case RETRANS_CAUSE_TAIL_LOSS_PROBE:
		return &s->tail_loss_probe;
	case RETRANS_CAUSE_FAST:
		return &s->fast;
	case RETRANS_CAUSE_SLOW_START:
		return &s->slow_start;
	case RETRANS_CAUSE_TIMEOUT:
		return &s->timeout;
	case RETRANS_CAUSE_SYN:
		return &s->syn;
	case RETRANS_CAUSE_SYNACK:
		return &s->synack;
	default:
		return &s->unknown;
	}
}

static __always_inline void count_segs(enum retrans_cause cause, __u32 segs)
{
	TI_METRICS_OF(causes, m, { cause })
		TI_ADD(m->segs, segs);
}

static __always_inline void conn_add(struct conn *c, enum retrans_cause cause, __u32 segs, __u32 len)
{
	__u32 now = epoch;

	*counter_of(&c->s, cause) += segs;
	c->s.segs += segs;
	c->s.bytes += len;
	if (c->epoch != now) {
		if (c->epoch + 1 != now)
			c->in_period[(now - 1) & 1] = 0;
		c->in_period[now & 1] = 0;
		c->epoch = now;
	}
	c->in_period[now & 1] += segs;
}

/* --- twins ------------------------------------------------------------------------ */

/*
 * A program is not run while it runs already on this CPU: what a system call has
 * started is interrupted by packets of other connections, which would be missed.
 * Then its twin is run, in the group of the name with _nested, which does nothing
 * else. Groups are attached in the order of their names, so it comes after what it
 * looks at. (Before 5.15 a program is run all the same, and leaves it to its twin.)
 */
#define ALONE(what, call)                                                                 \
	({                                                                                \
		struct busy *busy_ = TI_CPU(busy);                                        \
		if (busy_ && !busy_->what) {                                              \
			busy_->what = 1;                                                  \
			barrier();                                                        \
			call;                                                             \
			barrier();                                                        \
			busy_->what = 0;                                                  \
		}                                                                         \
		0;                                                                        \
	})
#define NESTED(what, call)                                                                \
	({                                                                                \
		struct busy *busy_ = TI_CPU(busy);                                        \
		if (busy_ && busy_->what)                                                 \
			call;                                                             \
		0;                                                                        \
	})

/* --- retransmissions ------------------------------------------------------------ */

static __always_inline void report(const struct flow *f, const struct sock *sk, const void *skb,
				   const struct conn *c, enum retrans_cause cause)
{
	const struct tcp_skb_cb___r *cb = cb_of(skb);
	__u32 ssthresh = SK(tcp_sock, sk, snd_ssthresh);

	TI_EMIT(retransmit, e) {
		__builtin_memcpy(e, f, sizeof(*f));
		e->cause = cause;
		e->state = BPF_CORE_READ(sk, __sk_common.skc_state);
		e->seq = BPF_CORE_READ(cb, seq);
		e->len = BPF_CORE_READ((const struct sk_buff___r *)skb, len);
		e->segs = segs_of(skb);
		e->retrans = c->s.retrans;
		e->spurious = c->s.spurious;
		e->cwnd = SK(tcp_sock, sk, snd_cwnd);
		e->ssthresh = ssthresh < SSTHRESH_NONE ? ssthresh : 0;
		e->srtt = c->s.srtt;
		e->rttvar = (SK(tcp_sock, sk, mdev_us) >> 2) * 1000ull;
		e->rto = SK(inet_connection_sock, sk, icsk_rto) * jiffy_ns;
		e->min_rtt = c->s.min_rtt;
	}
}

/* cookie 0: whatever the socket has. */
static __always_inline int on_retransmit(const struct sock *sk, const void *skb, int err, __u64 cookie)
{
	struct flow f = {};
	struct owner *o = read_owner(&f, sk);
	enum retrans_cause cause = why(sk, skb);
	__u32 segs = segs_of(skb), sum;
	struct conn *c;

	read_ends(&f, sk);
	if (!is_wanted(&f, sk))
		return 0;
	read_holder(&f, sk);
	f.cookie = cookie ? cookie : f.cookie;
	c = err ? conn_find(sk, &f) : conn_get(sk, &f);
	if (!c)
		return 0;
	if (err) {
		c->s.failed++;
		return 0;
	}
	count_segs(cause, segs);
	conn_add(c, cause, segs, BPF_CORE_READ((const struct sk_buff___r *)skb, len));
	refresh(c, sk);
	if (each)
		report(&f, sk, skb, c, cause);
	sum = window_add(&c->window, TI_NOW(), window, alarm_connection, segs);
	if (sum)
		alarm(&f, 0, RETRANS_SCOPE_CONNECTION, cause, sum, alarm_connection);
	add_groups(&f, sk, o != 0, cause, segs);
	return 0;
}

#define HAS_ERR bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb___r, err)
#define KNOWS	TI_KNOWS_FLOW TI_KNOWS_SOCK TI_KNOWS_PID

#define RETRANSMIT(cookie)                                                                \
	on_retransmit((void *)ctx[0], (void *)ctx[1], HAS_ERR ? (int)ctx[2] : 0, cookie)
#define COOKIE bpf_get_socket_cookie((void *)ctx[0])

TI_HOOK(retransmits, 0) TI_TWIN KNOWS SEC("tp_btf/tcp_retransmit_skb")
int retransmits_tp_btf(__u64 *ctx)
{
	return ALONE(retransmits, RETRANSMIT(COOKIE));
}

/* Before 5.12 there is no cookie to be had. */
TI_HOOK(retransmits, 1) TI_TWIN KNOWS SEC("raw_tp/tcp_retransmit_skb")
int retransmits_raw_tp(__u64 *ctx)
{
	return ALONE(retransmits, RETRANSMIT(0));
}

TI_HOOK(retransmits_nested, 0) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("tp_btf/tcp_retransmit_skb")
int nested_tp_btf(__u64 *ctx)
{
	return NESTED(retransmits, RETRANSMIT(COOKIE));
}

TI_HOOK(retransmits_nested, 1) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("raw_tp/tcp_retransmit_skb")
int nested_raw_tp(__u64 *ctx)
{
	return NESTED(retransmits, RETRANSMIT(0));
}

/* --- SYN-ACKs: of a request, which is no connection yet ---------------------------- */

static __always_inline int on_synack(const struct sock *sk, const void *req)
{
	struct flow f = {};

	read_addrs(&f, req);
	f.src_port = BPF_CORE_READ((const struct sock *)req, __sk_common.skc_num);
	if (!is_wanted(&f, sk))
		return 0;
	read_holder(&f, sk);
	f.cookie = 0; /* the listener's */
	count_segs(RETRANS_CAUSE_SYNACK, 1);
	if (each)
		TI_EMIT(retransmit, e) {
			__builtin_memcpy(e, &f, sizeof(f));
			e->cause = RETRANS_CAUSE_SYNACK;
			e->state = RETRANS_STATE_NEW_SYN_RECV;
			e->seq = SK(tcp_request_sock, req, snt_isn);
			e->segs = 1;
			e->retrans = SK(request_sock, req, num_retrans) + 1;
		}
	add_groups(&f, 0, 0, RETRANS_CAUSE_SYNACK, 1);
	return 0;
}

TI_HOOK(synacks, 0) TI_IF_POSSIBLE KNOWS SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(synacks_tp_btf, const struct sock *sk, const void *req)
{
	return on_synack(sk, req);
}

TI_HOOK(synacks, 1) TI_IF_POSSIBLE KNOWS SEC("raw_tp/tcp_retransmit_synack")
int BPF_PROG(synacks_raw_tp, const struct sock *sk, const void *req)
{
	return on_synack(sk, req);
}

/* --- connections that open and close ------------------------------------------------ */

/* In the context of the process that connects. */
static __always_inline void on_connect(const struct sock *sk)
{
	struct owner o = { .pid = bpf_get_current_pid_tgid() >> 32 };
	__u64 key = (__u64)sk;

	bpf_get_current_comm(o.comm, sizeof(o.comm));
	bpf_map_update_elem(&owners, &key, &o, BPF_ANY);
}

/* An accepted connection has its request's SYN-ACKs in its count. */
static __always_inline void on_accepted(const struct sock *sk)
{
	__u32 synacks = SK(tcp_sock, sk, total_retrans);
	struct flow f = {};
	struct conn *c;

	if (!synacks)
		return;
	read_ends(&f, sk);
	if (!is_wanted(&f, sk))
		return;
	read_holder(&f, sk);
	c = conn_get(sk, &f);
	if (!c)
		return;
	conn_add(c, RETRANS_CAUSE_SYNACK, synacks, 0);
	refresh(c, sk);
}

static __always_inline void conn_close(struct conn *c, const struct sock *sk)
{
	refresh(c, sk);
	c->s.closed = 1;
	c->s.period_segs = c->epoch == epoch ? c->in_period[c->epoch & 1] : 0;
	TI_EMIT(retrans_summary, e)
		__builtin_memcpy(e, &c->s, sizeof(*e));
	conn_delete((__u64)sk);
}

static __always_inline void on_close(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct flow f = {};
	struct owner *o = read_owner(&f, sk);
	struct conn *c;

	read_ends(&f, sk);
	c = conn_find(sk, &f);
	if (c)
		conn_close(c, sk);
	if (rtt && SK(tcp_sock, sk, srtt_us) && (c || is_wanted(&f, sk)))
		add_groups(&f, sk, o != 0, 0, 0);
	if (o)
		bpf_map_delete_elem(&owners, &key);
}

static __always_inline int on_state(const struct sock *sk, int from, int to)
{
	if (from == TI_TCP_CLOSE && to == TI_TCP_SYN_SENT)
		on_connect(sk);
	else if (from == TI_TCP_SYN_RECV && to == TI_TCP_ESTABLISHED)
		on_accepted(sk);
	else if (to == TI_TCP_CLOSE && from != TI_TCP_LISTEN && from != TI_TCP_CLOSE)
		on_close(sk); /* some are closed twice */
	return 0;
}

TI_HOOK(closes, 0) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(closes_raw_tp, const struct sock *sk, int from, int to)
{
	return ALONE(closes, on_state(sk, from, to));
}

TI_HOOK(closes_nested, 0) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(closes_nested_raw_tp, const struct sock *sk, int from, int to)
{
	return NESTED(closes, on_state(sk, from, to));
}
