/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/filter.h - the in-kernel options that all probes have in common:
 * src dst ports allow cgroup netns pid. Included by bpf.h.
 *
 * A program that asks ti_wants_flow(), ti_wants_sock() or ti_wants_pid() says so
 * with TI_KNOWS_FLOW, TI_KNOWS_SOCK or TI_KNOWS_PID beside its TI_HOOK; by that
 * the daemon offers the options to the operator, and leaves out those
 * alternatives of a hook group that don't know what an option needs. Programs
 * made by TI_PACKET ask and say it themselves.
 *
 * An option costs nothing while the operator has not set it: the checks are dead
 * code, which the verifier removes, and their maps are not made.
 *
 * The first part of this file is what programs and daemon share.
 */
#ifndef TCPINSPECT_FILTER_H
#define TCPINSPECT_FILTER_H

#include <tcpinspect/types.h>

enum ti_filter_bit {
	TI_FILTER_SRC = 1 << 0,
	TI_FILTER_DST = 1 << 1,
	TI_FILTER_PORTS = 1 << 2,
	TI_FILTER_ALLOW = 1 << 3,
	TI_FILTER_CGROUP = 1 << 4,
	TI_FILTER_NETNS = 1 << 5,
	TI_FILTER_PID = 1 << 6,
};

#define TI_FILTER_PREFIXES 1024 /* in each of src, dst, allow */
#define TI_FILTER_CGROUPS  16
#define TI_FILTER_NETNSES  64
#define TI_FILTER_PIDS	   64

/* Which options are set, and how many items the lists have: in .rodata. */
struct ti_filter_set {
	__u32 options; /* enum ti_filter_bit */
	__u32 n_cgroup, n_netns, n_pid;
};

/* Key of the tries of prefixes; IPv4 is mapped, so its lengths are 96 to 128. The
 * value tells whether the prefix is in the list or cut out of a shorter one. */
struct ti_filter_key {
	__u32 len;
	__u32 addr[4];
};

/* The other lists; 0 is what a name stands for that names nothing at present. */
struct ti_filter_lists {
	__u64 ports[65536 / 64];
	__u64 cgroup[TI_FILTER_CGROUPS];
	__u64 netns[TI_FILTER_NETNSES];
	__u64 pid[TI_FILTER_PIDS];
};

TI_STATIC_ASSERT(sizeof(struct ti_filter_key) == 20, "a prefix length and 16 bytes");

#ifdef TCPINSPECT_BPF_H

#define TI_KNOWS_FLOW TI_TAG("knows:flow")
#define TI_KNOWS_SOCK TI_TAG("knows:sock")
#define TI_KNOWS_PID  TI_TAG("knows:pid")

/* Filled by the daemon before load. */
const volatile struct ti_filter_set ti_filter;

#define TI_FILTER_TRIE(name)                                                   \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                           \
		__uint(map_flags, BPF_F_NO_PREALLOC);                          \
		__uint(max_entries, TI_FILTER_PREFIXES + 1);                   \
		__type(key, struct ti_filter_key);                             \
		__type(value, __u32);                                          \
	} name SEC(".maps")

/* Each is made only when its option is set. */
TI_FILTER_TRIE(ti_filter_src);
TI_FILTER_TRIE(ti_filter_dst);
TI_FILTER_TRIE(ti_filter_allow);
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ti_filter_lists);
} ti_filter_lists SEC(".maps");

static __always_inline struct ti_filter_lists *ti_filter_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ti_filter_lists, &zero);
}

static __always_inline int ti_filter_in(void *trie, const ti_addr *addr)
{
	struct ti_filter_key key = { .len = 128 };
	__u32 *in;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	in = bpf_map_lookup_elem(trie, &key);
	return in && *in;
}

static __always_inline int ti_filter_port(ti_port a, ti_port b)
{
	struct ti_filter_lists *l = ti_filter_get();
	__u32 i = a, j = b;

	if (!l)
		return 0;
	TI_BOUND(i, 0xffff);
	TI_BOUND(j, 0xffff);
	return (l->ports[i / 64] >> (i % 64) & 1) || (l->ports[j / 64] >> (j % 64) & 1);
}

/* n is a constant to the verifier. */
static __always_inline int ti_filter_listed(const __u64 *list, __u32 n, __u64 value)
{
	for (__u32 i = 0; value && i < n; i++)
		if (list[i] == value)
			return 1;
	return 0;
}

static __always_inline int ti_filter_flow(const ti_addr *src, const ti_addr *dst, ti_port src_port,
					  ti_port dst_port)
{
	__u32 set = ti_filter.options;

	if ((set & TI_FILTER_PORTS) && !ti_filter_port(src_port, dst_port))
		return 0;
	if ((set & TI_FILTER_SRC) && !ti_filter_in(&ti_filter_src, src))
		return 0;
	if ((set & TI_FILTER_DST) && !ti_filter_in(&ti_filter_dst, dst))
		return 0;
	return !(set & TI_FILTER_ALLOW) || !ti_filter_in(&ti_filter_allow, src);
}

/* The cgroup of a socket, or NULL: a socket in TIME_WAIT has none. What is not
 * accepted yet has its listener's. */
static __always_inline const struct cgroup *ti_filter_cgroup(const struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	__u64 val;

	if (state == TI_TCP_TIME_WAIT || !bpf_core_field_exists(sk->sk_cgrp_data))
		return 0;
	if (state == TI_TCP_NEW_SYN_RECV)
		sk = BPF_CORE_READ(sk, __sk_common.skc_listener);
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	/* Before 5.15 the low bits say that it is a net_cls or net_prio instead. */
	val = BPF_CORE_READ((const struct sock___val *)sk, sk_cgrp_data.val);
	return val & 3 ? 0 : (const struct cgroup *)val;
}

/* Id of a cgroup's ancestor at a level, the cgroup itself being one. */
static __always_inline __u64 ti_filter_ancestor(const struct cgroup *c, int level)
{
	const struct cgroup *ancestor = 0;
	__u64 id = 0;

	if (bpf_core_field_exists(struct cgroup___ids, ancestor_ids)) { /* before 6.1 */
		bpf_probe_read_kernel(&id, sizeof(id), (const char *)c + level * sizeof(id) +
				      bpf_core_field_offset(struct cgroup___ids, ancestor_ids));
		return id;
	}
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor), (const char *)c + level * sizeof(ancestor) +
			      bpf_core_field_offset(struct cgroup___ptrs, ancestors));
	return BPF_CORE_READ(ancestor, kn, id);
}

/* In one of the cgroups of the list, or below: the 16 nearest levels are looked at. */
static __always_inline int ti_filter_in_cgroup(const struct sock *sk)
{
	const struct cgroup *c = ti_filter_cgroup(sk);
	struct ti_filter_lists *l = ti_filter_get();
	__u32 n = ti_filter.n_cgroup;
	int level;

	if (!c || !l)
		return 0;
	level = BPF_CORE_READ(c, level);
	for (int i = 0; i < 16; i++) {
		if (level < i)
			break;
		if (ti_filter_listed(l->cgroup, n, ti_filter_ancestor(c, level - i)))
			return 1;
	}
	return 0;
}

static __always_inline int ti_filter_in_netns(const struct sock *sk)
{
	struct ti_filter_lists *l = ti_filter_get();

	return l && ti_filter_listed(l->netns, ti_filter.n_netns,
				     BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
}

static __always_inline int ti_filter_sock(const struct sock *sk)
{
	if ((ti_filter.options & TI_FILTER_NETNS) && !ti_filter_in_netns(sk))
		return 0;
	return !(ti_filter.options & TI_FILTER_CGROUP) || ti_filter_in_cgroup(sk);
}

/*
 * Each of the following: 1: the operator wants to hear of it; 0: doesn't, and it
 * has been counted as TI_COUNT_FILTERED, so ask once for what is one thing.
 */

/* src: who sent the packet; for a connection, the peer that opened it. */
static __always_inline int ti_wants_flow(const ti_addr *src, const ti_addr *dst, ti_port src_port,
					 ti_port dst_port)
{
	if (!(ti_filter.options & (TI_FILTER_SRC | TI_FILTER_DST | TI_FILTER_PORTS | TI_FILTER_ALLOW)))
		return 1;
	if (ti_filter_flow(src, dst, src_port, dst_port))
		return 1;
	ti_count(TI_COUNT_FILTERED);
	return 0;
}

/* Any kind of the kernel's struct sock, requests and TIME_WAIT too. */
static __always_inline int ti_wants_sock(const struct sock *sk)
{
	if (!(ti_filter.options & (TI_FILTER_CGROUP | TI_FILTER_NETNS)))
		return 1;
	if (ti_filter_sock(sk))
		return 1;
	ti_count(TI_COUNT_FILTERED);
	return 0;
}

/* The process that owns it; 0: not known, which no list has. */
static __always_inline int ti_wants_pid(__u32 tgid)
{
	struct ti_filter_lists *l;

	if (!(ti_filter.options & TI_FILTER_PID))
		return 1;
	l = ti_filter_get();
	if (l && ti_filter_listed(l->pid, ti_filter.n_pid, tgid))
		return 1;
	ti_count(TI_COUNT_FILTERED);
	return 0;
}

#endif
#endif
