/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-json.bpf.c - puts one record in the ring each time BPF_PROG_TEST_RUN runs
 * it. Nothing is random, so that every round reads the same bytes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "ring-json.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} ring SEC(".maps");

struct ring_json_state state = {0};

static __be64 ipv4(__u32 addr)
{
	return bpf_cpu_to_be64(0xffffull << 32 | addr);
}

SEC("socket")
int fill(struct __sk_buff *skb)
{
	__u64 n = state.next++;
	__u32 mixed = (__u32)n * 2654435761u;
	struct entry *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);

	if (!e) {
		state.lost++;
		return 0;
	}
	e->rec.event = 0;
	e->rec.len = sizeof(e->conn);
	e->rec.cpu = 0;
	e->rec.boot_ns = n * 1234;
	e->conn.src_ip.hi = 0;
	e->conn.src_ip.lo = ipv4(mixed);
	e->conn.dst_ip.hi = 0;
	e->conn.dst_ip.lo = ipv4(0xc0000200u | (n & 0xff));
	e->conn.src_port = 1024 + (mixed >> 16) % 60000;
	e->conn.dst_port = n & 1 ? 443 : 80;
	e->conn.bytes = mixed >> (n & 31);
	e->conn.ifname = 1 + (n & 1);
	e->conn.state = n % 3;
	bpf_ringbuf_submit(e, n == state.last ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
