/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/kernel.h - the few kernel structs that probes read, by name.
 *
 * With preserve_access_index only the names count: libbpf puts the running
 * kernel's offsets in at load (CO-RE), so one object fits every kernel and
 * architecture with BTF and no vmlinux.h is needed. Members that a probe of
 * yours needs and that are not here can be declared in its own file the same
 * way, as struct NAME___flavour.
 */
#ifndef TCPINSPECT_KERNEL_H
#define TCPINSPECT_KERNEL_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;


struct ti_in6 { /* stands for struct in6_addr: read it whole, into a ti_addr */
	__be64 whole[2];
};

struct sock;
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num; /* local port, host order */
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	const struct sock *skc_listener; /* of a request (TI_TCP_NEW_SYN_RECV) */
	struct ti_in6 skc_v6_daddr;
	struct ti_in6 skc_v6_rcv_saddr;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	int level; /* 0: the root */
	struct kernfs_node *kn;
};

/* Ancestors by level, the cgroup itself the last: their ids before 6.1, then they. */
struct cgroup___ids {
	__u64 ancestor_ids[1];
};
struct cgroup___ptrs {
	struct cgroup *ancestors[1];
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data; /* not in requests and TIME_WAIT */
};

/* Before 5.15: a pointer to a cgroup, or with one of its two lowest bits set none. */
struct sock_cgroup_data___val {
	__u64 val;
};
struct sock___val {
	struct sock_cgroup_data___val sk_cgrp_data;
};

/* Context of the classic tracepoint sock:inet_sock_set_state. */
struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
	__u16 sport;
	__u16 dport;
	__u16 family;
};

#pragma clang attribute pop

/* States of sock_common.skc_state and of inet_sock_set_state
 * (include/net/tcp_states.h; part of the user API since tcp_info). */
enum ti_tcp_state {
	TI_TCP_ESTABLISHED = 1,
	TI_TCP_SYN_SENT = 2,
	TI_TCP_SYN_RECV = 3,
	TI_TCP_FIN_WAIT1 = 4,
	TI_TCP_FIN_WAIT2 = 5,
	TI_TCP_TIME_WAIT = 6,
	TI_TCP_CLOSE = 7,
	TI_TCP_CLOSE_WAIT = 8,
	TI_TCP_LAST_ACK = 9,
	TI_TCP_LISTEN = 10,
	TI_TCP_CLOSING = 11,
	TI_TCP_NEW_SYN_RECV = 12,
};

#endif
