/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * report.bpf.h - events out of an entry and its socket: part of conn.bpf.c, which
 * includes it behind its maps and options.
 */
#ifndef CONN_REPORT_BPF_H
#define CONN_REPORT_BPF_H

/* The common options, asked once a connection. */
static __always_inline int is_wanted(const struct sock *sk, struct conn *c)
{
	int in = c->direction == CONN_DIRECTION_IN;
	__u32 pid = c->accepted && c->accepter.pid ? c->accepter.pid : c->owner.pid;
	ti_addr src, dst;

	if (c->flags & CONN_ASKED)
		return !(c->flags & CONN_UNWANTED);
	c->flags |= CONN_ASKED;
	src = in ? c->peer : c->local;
	dst = in ? c->local : c->peer;
	if (ti_wants_flow(&src, &dst, in ? c->peer_port : c->local_port, in ? c->local_port : c->peer_port) &&
	    ti_wants_sock(sk) && ti_wants_pid(pid))
		return 1;
	c->flags |= CONN_UNWANTED;
	return 0;
}

static __always_inline __u64 handshake_of(const struct conn *c)
{
	return c->in_state[CONN_STATE_SYN_SENT] + c->in_state[CONN_STATE_SYN_RECV];
}

static __always_inline void set_established(struct established *e, const struct conn *c)
{
	SET_FIELDS(e, c);
	e->handshake = handshake_of(c);
	if (c->accepted && c->born)
		e->accept_delay = TI_NOW() - c->born - e->handshake;
}

static __always_inline void say_established(const struct sock *sk, struct conn *c)
{
	if (!established || !is_wanted(sk, c))
		return;
	TI_EMIT(established, e)
		set_established(e, c);
}

/* Take a connection out of `pending`, and report it if it was there. */
static __always_inline void say_pending(const struct sock *sk, __u64 key, struct conn *c)
{
	if (!bpf_map_lookup_elem(&pending, &key))
		return;
	if (!is_wanted(sk, c)) {
		bpf_map_delete_elem(&pending, &key);
		return;
	}
	TI_EMIT_IF(established, e, bpf_map_delete_elem(&pending, &key) == 0)
		set_established(e, c);
}

static __always_inline enum conn_reason reason_of(const struct sock *sk, int from)
{
	switch (SOCK_OF(sk, sk_err)) {
	case 32:  /* EPIPE: in CLOSE_WAIT */
	case 104: /* ECONNRESET */
		return CONN_REASON_RST_IN;
	case 111: /* ECONNREFUSED */
		return CONN_REASON_REFUSED;
	case 110: /* ETIMEDOUT */
		return CONN_REASON_TIMEOUT;
	case 103: /* ECONNABORTED */
		return CONN_REASON_ABORTED;
	case 64:  /* ENONET */
	case 101: /* ENETUNREACH */
	case 112: /* EHOSTDOWN */
	case 113: /* EHOSTUNREACH */
		return CONN_REASON_UNREACHABLE;
	}
	switch (from) {
	case TI_TCP_SYN_SENT:
	case TI_TCP_SYN_RECV:
		return CONN_REASON_ABORTED;
	case TI_TCP_LAST_ACK:
		return CONN_REASON_REMOTE_FIN;
	case TI_TCP_FIN_WAIT2:
	case TI_TCP_CLOSING:
		return CONN_REASON_LOCAL_FIN;
	}
	return CONN_REASON_RST_OUT;
}

static __always_inline void set_closed(struct closed *e, const struct sock *sk, const struct conn *c, int from)
{
	__u32 min_rtt = TCP_OF(sk, rtt_min.s[0].v);

	SET_FIELDS(e, c);
	e->reason = reason_of(sk, from);
	e->preexisting = c->flags & CONN_PREEXISTING ? 1 : 0;
	e->untracked = c->flags & CONN_UNTRACKED ? 1 : 0;
	if (c->born)
		e->duration = c->since - c->born;
	e->syn_sent = c->in_state[CONN_STATE_SYN_SENT];
	e->syn_recv = c->in_state[CONN_STATE_SYN_RECV];
	e->established = c->in_state[CONN_STATE_ESTABLISHED];
	e->fin_wait1 = c->in_state[CONN_STATE_FIN_WAIT1];
	e->fin_wait2 = c->in_state[CONN_STATE_FIN_WAIT2];
	e->close_wait = c->in_state[CONN_STATE_CLOSE_WAIT];
	e->closing = c->in_state[CONN_STATE_CLOSING];
	e->last_ack = c->in_state[CONN_STATE_LAST_ACK];
	e->bytes_in = TCP_OF(sk, bytes_received);
	if (e->bytes_in && SOCK_OF(sk, __sk_common.skc_flags) >> SOCK_DONE & 1)
		e->bytes_in--; /* the FIN counts there */
	e->bytes_out = TCP_OF(sk, bytes_sent) - TCP_OF(sk, bytes_retrans);
	e->retransmits = TCP_OF(sk, total_retrans);
	e->srtt = (__u64)(TCP_OF(sk, srtt_us) >> 3) * 1000;
	if (min_rtt != ~0U)
		e->min_rtt = (__u64)min_rtt * 1000;
}

#endif
