/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * listenq.bpf.c: report listeners whose accept queue overflows.
 *
 * At the cgroup hook a packet has found its socket already, and for a SYN, and the ACK that
 * completes a handshake, that is the listener: what is full now turns it away.
 */
#include <tcpinspect/bpf.h>
#include "listenq.h"

#define EVERY 1000000000 /* ns between two events of a listener, whatever is sent to it */

TI_EVENT(overflow, WARNING, "a client is turned away: the listener's accept queue is full");
TI_LICENSE("Dual BSD/GPL");

struct by_port {
	ti_port port;
};
struct port_totals {
	ti_counter overflows TI_HELP("SYNs and ACKs turned away by full accept queues");
};
TI_METRICS_BY(port_totals, by_port, 256);

struct listener {
	__u64 overflows, told; /* boot ns of the last event */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* socket cookie */
	__type(value, struct listener);
} listeners SEC(".maps");

/* Members of the kernel's that tcpinspect/kernel.h hasn't; the names are what counts. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct inode {
	unsigned long i_ino;
};
struct file {
	struct inode *f_inode;
};
struct socket {
	struct file *file;
};
struct sock___queue {
	__u32 sk_ack_backlog, sk_max_ack_backlog;
	struct socket *sk_socket;
};
#pragma clang attribute pop

static __always_inline struct listener *listener_of(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct listener none = {};

	bpf_map_update_elem(&listeners, &cookie, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&listeners, &cookie);
}

TI_PACKET(arrived, CGROUP)
{
	struct __sk_buff *skb = pkt->ctx;
	const struct sock___queue *sk = (const void *)ti_kernel_sock(skb->sk);
	__u64 now = TI_NOW();
	__u32 queue, backlog;
	struct listener *l;

	if (!sk || (pkt->flags & TI_RST))
		return TI_PASS;
	queue = BPF_CORE_READ(sk, sk_ack_backlog);
	backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	if (queue <= backlog) /* a connection has no queue: 0 and 0 or more */
		return TI_PASS;
	TI_METRICS_OF(port_totals, m, { .port = pkt->dst_port })
		m->overflows++;
	l = listener_of(skb);
	if (!l)
		return TI_PASS;
	__sync_fetch_and_add(&l->overflows, 1);
	if (now - l->told < EVERY)
		return TI_PASS;
	l->told = now;
	TI_EMIT(overflow, e) {
		e->src_ip = pkt->src;
		e->dst_ip = pkt->dst;
		e->src_port = pkt->src_port;
		e->dst_port = pkt->dst_port;
		e->queue = queue;
		e->backlog = backlog;
		e->inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
		e->overflows = l->overflows;
	}
	return TI_PASS;
}
