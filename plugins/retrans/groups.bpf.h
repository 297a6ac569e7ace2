/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * groups.bpf.h - connections of one local port or with one remote prefix: alarms, and
 * round-trip times. A part of retrans.bpf.c, whose options and map `groups` it uses.
 */
static __always_inline __u32 log2_of(__u32 x)
{
	__u32 r = 0;

#pragma unroll
	for (__u32 shift = 16; shift; shift /= 2)
		if (x >> shift) {
			x >>= shift;
			r += shift;
		}
	return r & (RTT_BUCKETS - 1);
}

static __always_inline void add_rtt(struct group *g, const struct sock *sk)
{
	__u32 now = epoch, srtt = SK(tcp_sock, sk, srtt_us) >> 3;
	__u32 min = SK(tcp_sock, sk, rtt_min.s[0].v);
	struct rtt_counts *c = &g->rtt[now & 1];

	if (c->epoch != now) {
		__builtin_memset(c, 0, sizeof(*c));
		c->epoch = now;
	}
	__sync_fetch_and_add(&c->srtt[log2_of(srtt)], 1);
	if (min != ~0u)
		__sync_fetch_and_add(&c->min_rtt[log2_of(min)], 1);
}

static __always_inline struct group *group_of(const struct group_key *key)
{
	struct group *g = bpf_map_lookup_elem(&groups, key);

	if (g)
		return g;
	bpf_map_update_elem(&groups, key, &no_group, BPF_NOEXIST);
	return bpf_map_lookup_elem(&groups, key);
}

static __always_inline void prefix_key(struct group_key *key, const ti_addr *addr)
{
	key->port = 0;
	if (ti_addr_is_v4(addr)) {
		key->prefix.addr = ti_addr_v4(bpf_htonl(bpf_ntohl(addr->lo >> 32) & ~0xffu));
		key->prefix.len = 24;
	} else {
		key->prefix.addr.hi = addr->hi & bpf_cpu_to_be64(~0xffffull);
		key->prefix.len = 48;
	}
}

static __always_inline void alarm(const struct flow *f, const struct group_key *key,
				  enum retrans_scope scope, enum retrans_cause cause, __u32 segs,
				  __u32 limit)
{
	TI_EMIT(retrans_alarm, e) {
		__builtin_memcpy(e, f, sizeof(*f));
		if (key)
			e->prefix = key->prefix;
		e->scope = scope;
		e->cause = cause;
		e->segs = segs;
		e->limit = limit;
		e->window = window;
	}
}

/* sk NULL: no round-trip time. Windows of groups are counted by several CPUs without
 * a lock: a segment may be missed when a slice begins. */
static __always_inline void add_group(const struct group_key *key, const struct flow *f,
				      const struct sock *sk, enum retrans_scope scope,
				      enum retrans_cause cause, __u32 segs, __u32 limit)
{
	struct group *g = group_of(key);
	__u32 sum;

	if (!g)
		return;
	if (sk)
		add_rtt(g, sk);
	sum = segs ? window_add(&g->window, TI_NOW(), window, limit, segs) : 0;
	if (sum)
		alarm(f, key, scope, cause, sum, limit);
}

/* segs 0: none, only a round-trip time. */
static __always_inline void add_groups(const struct flow *f, const struct sock *sk, int outgoing,
				       enum retrans_cause cause, __u32 segs)
{
	struct group_key key = { .netns = f->netns };

	if (!rtt || (sk && !SK(tcp_sock, sk, srtt_us)))
		sk = 0;
	if (sk)
		TI_METRICS_OF(times, m)
			TI_OBSERVE(m->srtt_us, SK(tcp_sock, sk, srtt_us) >> 3);
	if (!sk && (!segs || (!alarm_port && !alarm_prefix)))
		return;
	if (!outgoing) {
		key.port = f->src_port;
		add_group(&key, f, sk, RETRANS_SCOPE_PORT, cause, segs, alarm_port);
	}
	prefix_key(&key, &f->dst_ip);
	add_group(&key, f, sk, RETRANS_SCOPE_PREFIX, cause, segs, alarm_prefix);
}
