/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * sock.bpf.h - what conn reads of the kernel's sockets and tasks.
 */
#ifndef CONN_SOCK_BPF_H
#define CONN_SOCK_BPF_H

#include <tcpinspect/bpf.h>
#include "conn.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

struct sock_common___conn {
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct sock___conn {
	struct sock_common___conn __sk_common;
	int sk_err;
	__u16 sk_protocol;
	kuid_t sk_uid;
};

struct inet_sock {
	__be16 inet_sport;
};

struct list_head {
	struct list_head *next;
};

struct minmax_sample {
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct request_sock;
struct tcp_sock {
	struct list_head tsq_node;
	struct request_sock *fastopen_rsk;
	__u64 bytes_sent, bytes_retrans, bytes_received;
	__u32 total_retrans, srtt_us;
	struct minmax rtt_min;
};

struct socket {
	struct sock *sk;
};

struct file {
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	unsigned int flags;
	struct task_struct *group_leader;
	struct files_struct *files;
	char comm[CONN_COMM];
};

#pragma clang attribute pop

#define SOCK_OF(sk, ...) BPF_CORE_READ((const struct sock___conn *)(sk), __VA_ARGS__)
#define TCP_OF(sk, ...)	 BPF_CORE_READ((const struct tcp_sock *)(sk), __VA_ARGS__)

#define AF_INET	    2
#define IPPROTO_TCP 6
#define PF_KTHREAD  0x00200000

enum sock_flag { SOCK_DEAD, SOCK_DONE }; /* bits of skc_flags */

/* The process that runs, which the caller knows to be the one that asked for it. A
 * thread of the kernel is nobody. */
static __always_inline void read_owner(struct owner *o)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	long len;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	o->pid = bpf_get_current_pid_tgid() >> 32;
	o->uid = bpf_get_current_uid_gid();
	len = BPF_CORE_READ_STR_INTO(&o->comm, task, group_leader, comm);
	o->comm_len = len > 0 ? len - 1 : 0;
}

static __always_inline void read_addrs(const struct sock *sk, ti_addr *local, ti_addr *peer)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		*local = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		*peer = ti_addr_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(peer, sk, __sk_common.skc_v6_daddr);
	}
}

/* At CLOSE the kernel has taken skc_num back, and left inet_sport. */
static __always_inline ti_port read_local_port(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
}

static __always_inline ti_port read_peer_port(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline __u32 read_netns(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline __u64 read_cgroup(const struct sock *sk)
{
	const struct cgroup *c = ti_filter_cgroup(sk);

	return c ? BPF_CORE_READ(c, kn, id) : 0;
}

/*
 * The listener that a socket is cloned from, at LISTEN -> SYN_RECV: the copy of its
 * empty list is not initialised yet and points to where it was copied from. Whether
 * this is right the caller sees by its being a listener.
 */
static __always_inline __u64 read_parent(const struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;

	return (__u64)BPF_CORE_READ(tp, tsq_node.next) - bpf_core_field_offset(struct tcp_sock, tsq_node);
}

#endif
