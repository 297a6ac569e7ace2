/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * conn.bpf.c - follows each TCP socket of the host through its states, and reports
 * every connection twice: established, closed.
 *
 * A connection that came in is reported by whoever takes it out of `pending` first:
 * the accept that returns it, which knows its owner, or its end, should it end
 * without. Taking out is what is atomic on every kernel; the record is reserved
 * before, so that `closed`, which looks afterwards, comes later in the ring.
 */
#define TI_RING_SIZE (2 << 20) /* 7,500 events */
#include <tcpinspect/bpf.h>
#include "conn.h"
#include "sock.bpf.h"

TI_LICENSE("Dual BSD/GPL");

TI_METRICS_USER_BY(listener_totals, by_listener, LISTENERS);
TI_METRICS_USER_BY(listener_states, by_listener_state, LISTENERS * LISTENER_STATES);

TI_EVENT(established, INFO, "a connection is established, and accepted if it came in");
TI_EVENT(closed, INFO, "a connection is over, or was never established");
TI_EVENT(stuck, WARNING, "a connection is held in a state that it should have left");
TI_EVENT(accept_overflow, WARNING, "a listener's accept queue is full: connections are dropped");
TI_EVENT(listener, INFO, "what a listener has done in a period");

TI_OPTION(ti_bool, established, 1, 0, 1, "report connections when they are established and accepted");
TI_OPTION(ti_bool, closed, 1, 0, 1, "report connections when they are over");
TI_OPTION(__u32, connections, 49152, 1024, 16777216, "open connections that are followed at once; some 300 bytes each");
TI_OPTION(ti_bool, preexisting, 1, 0, 1, "report the end of those that are older than the start");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps") TI_SIZED_BY(connections);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PENDING);
	__type(key, __u64);
	__type(value, __u8);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LISTENERS);
	__type(key, __u64);
	__type(value, struct listening);
} listeners SEC(".maps");

struct local {
	__u64 busy; /* `states` is running on this CPU */
	/* Stand in for an entry of `conns` that finds no room; [1]: for `states_nested`. */
	struct conn spare[2];
};
TI_CPU_ARRAY(struct local, local);

/* Written by user space. */
__u32 accepts_seen;	  /* an accept hook is attached */
__u64 listening[65536 / 64]; /* local ports that are listened on here */
/* Written here. */
__u64 untracked; /* connections that found no room in `conns` */

/* How a program runs: constants, so that each is compiled for its own. */
#define TYPED  1 /* with the types of the tracepoint's arguments known */
#define NESTED 2 /* see below */

static const struct conn no_conn;
static const struct listening no_listening;

#include "report.bpf.h"

/* --- entries ---------------------------------------------------------------- */

static __always_inline int state_of(int tcp_state)
{
	switch (tcp_state) {
	case TI_TCP_SYN_SENT:
		return CONN_STATE_SYN_SENT;
	case TI_TCP_SYN_RECV:
		return CONN_STATE_SYN_RECV;
	case TI_TCP_FIN_WAIT1:
		return CONN_STATE_FIN_WAIT1;
	case TI_TCP_FIN_WAIT2:
		return CONN_STATE_FIN_WAIT2;
	case TI_TCP_CLOSE_WAIT:
		return CONN_STATE_CLOSE_WAIT;
	case TI_TCP_CLOSING:
		return CONN_STATE_CLOSING;
	case TI_TCP_LAST_ACK:
		return CONN_STATE_LAST_ACK;
	}
	return CONN_STATE_ESTABLISHED;
}

/* tp_btf programs may have the cookie made: since 5.12, as is this other one. */
static __always_inline __u64 cookie_of(const struct sock *sk, int how)
{
	if ((how & TYPED) && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_check_mtu))
		return bpf_get_socket_cookie((void *)sk);
	return SOCK_OF(sk, __sk_common.skc_cookie.counter);
}

static __always_inline void read_tuple(struct conn *c, const struct sock *sk, int how)
{
	read_addrs(sk, &c->local, &c->peer);
	c->local_port = read_local_port(sk);
	c->peer_port = read_peer_port(sk);
	c->cookie = cookie_of(sk, how);
}

/* A fresh entry, or NULL when there is no room. */
static __always_inline struct conn *add(__u64 key)
{
	if (bpf_map_update_elem(&conns, &key, &no_conn, BPF_ANY) != 0)
		return 0;
	return bpf_map_lookup_elem(&conns, &key);
}

static __always_inline struct conn *spare_conn(int how)
{
	struct local *l = TI_CPU(local);
	struct conn *c;

	if (!l)
		return 0;
	c = &l->spare[how & NESTED ? 1 : 0];
	__builtin_memset(c, 0, sizeof(*c));
	return c;
}

static __always_inline void describe(struct conn *c, const struct sock *sk, int state)
{
	c->state = state;
	c->netns = read_netns(sk);
	c->cgroup_id = read_cgroup(sk);
	c->uid = SOCK_OF(sk, sk_uid.val);
}

static __always_inline struct conn *born(const struct sock *sk, __u64 key, int state, int direction)
{
	struct conn *c = add(key);

	if (!c) {
		__sync_fetch_and_add(&untracked, 1);
		return 0;
	}
	describe(c, sk, state);
	c->direction = direction;
	c->born = c->since = TI_NOW();
	return c;
}

/* Who sent the first SYN of a connection that is older than its entry. */
static __always_inline int direction_of(const struct sock *sk)
{
	__u32 port = read_local_port(sk);

	if (read_netns(sk) != ti_netns)
		return CONN_DIRECTION_UNKNOWN;
	TI_BOUND(port, 0xffff);
	return listening[port / 64] >> (port % 64) & 1 ? CONN_DIRECTION_IN : CONN_DIRECTION_UNKNOWN;
}

/* One that was there before, or that found no room. */
static __always_inline struct conn *adopt(const struct sock *sk, __u64 key, int from, int how)
{
	struct conn *c;

	if (!preexisting && !untracked)
		return 0;
	c = add(key);
	if (!c)
		c = spare_conn(how);
	if (!c)
		return 0;
	describe(c, sk, state_of(from));
	read_tuple(c, sk, how);
	c->direction = from == TI_TCP_SYN_SENT ? CONN_DIRECTION_OUT :
		       from == TI_TCP_SYN_RECV ? CONN_DIRECTION_IN : direction_of(sk);
	c->flags = untracked ? CONN_UNTRACKED : CONN_PREEXISTING;
	return c;
}

static __always_inline void leave(struct conn *c, int to)
{
	__u64 now = TI_NOW();
	__u32 state = c->state;

	TI_BOUND(state, CONN_STATES - 1);
	if (c->since)
		c->in_state[state] += now - c->since;
	c->since = now;
	c->state = state_of(to);
}

/* --- listeners -------------------------------------------------------------- */

static __always_inline struct listening *add_listener(const struct sock *sk, __u64 key)
{
	struct listening *l;

	if (bpf_map_update_elem(&listeners, &key, &no_listening, BPF_ANY) != 0)
		return 0;
	l = bpf_map_lookup_elem(&listeners, &key);
	if (l)
		l->netns = read_netns(sk);
	return l;
}

static __always_inline void on_listen(const struct sock *sk, __u64 key, int how)
{
	struct listening *l = add_listener(sk, key);

	if (!l)
		return;
	read_owner(&l->owner);
	l->cookie = cookie_of(sk, how);
}

/* The listener of a socket that is being born, also one that is older than us. */
static __always_inline void inherit(struct conn *c, const struct sock *sk)
{
	__u64 key = read_parent(sk);
	const struct sock *parent = (const struct sock *)key;
	struct listening *l = bpf_map_lookup_elem(&listeners, &key);

	if (!l && BPF_CORE_READ(parent, __sk_common.skc_state) == TI_TCP_LISTEN)
		l = add_listener(parent, key);
	if (!l)
		return;
	if (!l->cookie)
		l->cookie = SOCK_OF(parent, __sk_common.skc_cookie.counter);
	c->listener = key;
	c->owner = l->owner;
}

static __always_inline void count_connection(const struct conn *c)
{
	__u64 key = c->listener;
	struct listening *l = key ? bpf_map_lookup_elem(&listeners, &key) : 0;

	if (l)
		__sync_fetch_and_add(&l->connections, 1);
}

/* --- transitions ------------------------------------------------------------ */

static __always_inline void on_connect(const struct sock *sk, __u64 key)
{
	struct conn *c = born(sk, key, CONN_STATE_SYN_SENT, CONN_DIRECTION_OUT);

	if (c)
		read_owner(&c->owner);
}

static __always_inline void on_syn_recv(const struct sock *sk, __u64 key)
{
	struct conn *c = born(sk, key, CONN_STATE_SYN_RECV, CONN_DIRECTION_IN);

	if (c)
		inherit(c, sk);
}

static __always_inline void on_established(const struct sock *sk, __u64 key, struct conn *c)
{
	__u8 one = 1;

	if (c->direction == CONN_DIRECTION_IN) {
		count_connection(c);
		if (!(ti_filter.options & TI_FILTER_PID) && !is_wanted(sk, c))
			return;
		if (established && accepts_seen && !(c->flags & (CONN_PREEXISTING | CONN_UNTRACKED)) &&
		    bpf_map_update_elem(&pending, &key, &one, BPF_ANY) == 0) {
			if (c->accepted) /* before we knew that it is established */
				say_pending(sk, key, c);
			return;
		}
	}
	say_established(sk, c);
}

static __always_inline void on_move(const struct sock *sk, __u64 key, int from, int to, int how)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	int first = to != TI_TCP_SYN_RECV && (from == TI_TCP_SYN_SENT || from == TI_TCP_SYN_RECV);

	if (!c)
		c = adopt(sk, key, from, how);
	if (!c)
		return;
	if (first)
		read_tuple(c, sk, how);
	leave(c, to);
	if (first)
		on_established(sk, key, c);
}

/* A child that no handshake made one of, nor an early accept: it was never a
 * connection (its request lost a race, or memory was short). */
static __always_inline int is_stillborn(const struct sock *sk, const struct conn *c, int from)
{
	return from == TI_TCP_SYN_RECV && c->direction == CONN_DIRECTION_IN && !c->accepted &&
	       !TCP_OF(sk, fastopen_rsk);
}

static __always_inline void on_close(const struct sock *sk, __u64 key, int from, int how)
{
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c)
		c = adopt(sk, key, from, how);
	if (!c)
		return;
	if (from == TI_TCP_SYN_SENT || from == TI_TCP_SYN_RECV)
		read_tuple(c, sk, how);
	leave(c, from);
	if (!is_stillborn(sk, c, from)) {
		if (established && c->direction == CONN_DIRECTION_IN)
			say_pending(sk, key, c);
		if (closed && is_wanted(sk, c))
			TI_EMIT(closed, e)
				set_closed(e, sk, c, from);
	}
	bpf_map_delete_elem(&conns, &key);
}

static __always_inline void on_state(const struct sock *sk, int from, int to, int how)
{
	__u64 key = (__u64)sk;

	if (SOCK_OF(sk, sk_protocol) != IPPROTO_TCP)
		return;
	if (to == TI_TCP_LISTEN)
		on_listen(sk, key, how);
	else if (from == TI_TCP_LISTEN && to == TI_TCP_CLOSE)
		bpf_map_delete_elem(&listeners, &key);
	else if (from == TI_TCP_LISTEN)
		on_syn_recv(sk, key);
	else if (to == TI_TCP_SYN_SENT)
		on_connect(sk, key);
	else if (to == TI_TCP_CLOSE)
		on_close(sk, key, from, how);
	else
		on_move(sk, key, from, to, how);
}

/*
 * A program is not run while it runs already on this CPU. One that a system call
 * has started is interrupted by received packets, of thousands of connections, each
 * of which would be missed. Then `states_nested` is run, a twin that does nothing
 * else; groups are attached by name, so it comes after what it looks at.
 */
static __always_inline void on_tracepoint(const struct sock *sk, int from, int to, int how)
{
	struct local *l = TI_CPU(local);

	if (!l || l->busy) /* before 5.15 it is run all the same */
		return;
	l->busy = 1;
	barrier();
	on_state(sk, from, to, how);
	barrier();
	l->busy = 0;
}

/* It was interrupted before it could say that it is busy, or after. */
static __always_inline int is_missed(const struct sock *sk, int to)
{
	__u64 key = (__u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	return c && (to == TI_TCP_CLOSE || c->state != state_of(to));
}

static __always_inline void on_nested(const struct sock *sk, int from, int to, int how)
{
	struct local *l = TI_CPU(local);

	if (l && (l->busy || is_missed(sk, to)))
		on_state(sk, from, to, how | NESTED);
}

#define KNOWS TI_KNOWS_FLOW TI_KNOWS_SOCK TI_KNOWS_PID

TI_HOOK(states, 0) TI_TWIN KNOWS SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states_tp_btf, struct sock *sk, int from, int to)
{
	on_tracepoint(sk, from, to, TYPED);
	return 0;
}

TI_HOOK(states, 1) TI_TWIN KNOWS SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(states_raw_tp, struct sock *sk, int from, int to)
{
	on_tracepoint(sk, from, to, 0);
	return 0;
}

TI_HOOK(states, 2) TI_TWIN KNOWS SEC("tp/sock/inet_sock_set_state")
int states_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	on_tracepoint(BPF_CORE_READ(ctx, skaddr), BPF_CORE_READ(ctx, oldstate), BPF_CORE_READ(ctx, newstate), 0);
	return 0;
}

TI_HOOK(states_nested, 0) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(nested_tp_btf, struct sock *sk, int from, int to)
{
	on_nested(sk, from, to, TYPED);
	return 0;
}

TI_HOOK(states_nested, 1) TI_TWIN TI_IF_POSSIBLE KNOWS SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(nested_raw_tp, struct sock *sk, int from, int to)
{
	on_nested(sk, from, to, 0);
	return 0;
}

/* --- accept ----------------------------------------------------------------- */

static __always_inline void on_accept(const struct sock *sk)
{
	__u64 key = (__u64)sk, parent;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	struct listening *l;

	if (!c || c->accepted)
		return;
	read_owner(&c->accepter);
	barrier();
	c->accepted = 1;
	parent = c->listener;
	l = parent ? bpf_map_lookup_elem(&listeners, &parent) : 0;
	if (l)
		__sync_fetch_and_add(&l->accepted, 1);
	if (established)
		say_pending(sk, key, c);
}

/* The socket behind a file descriptor of the running process. */
static __always_inline const struct sock *sock_of_fd(__s64 fd)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	const struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = 0;
	const struct socket *socket;

	if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

struct syscall_exit {
	__u64 common, nr;
	__s64 ret;
};

static __always_inline void on_accept_exit(const struct syscall_exit *ctx)
{
	const struct sock *sk = ctx->ret < 0 ? 0 : sock_of_fd(ctx->ret);

	if (sk)
		on_accept(sk);
}

KNOWS TI_IF_POSSIBLE TI_RETURN(accepts, 0, inet_csk_accept, struct sock *sk)
{
	if (sk)
		on_accept(sk);
}

/* Both make up one alternative. */
TI_HOOK(accepts, 2) TI_IF_POSSIBLE KNOWS SEC("tp/syscalls/sys_exit_accept4")
int accepts_tp(struct syscall_exit *ctx)
{
	on_accept_exit(ctx);
	return 0;
}

TI_HOOK(accepts, 2) TI_IF_POSSIBLE KNOWS SEC("tp/syscalls/sys_exit_accept")
int accepts_old_tp(struct syscall_exit *ctx)
{
	on_accept_exit(ctx);
	return 0;
}
