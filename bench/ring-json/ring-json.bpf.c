/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * ring-json.bpf.c - reports one event each time BPF_PROG_TEST_RUN runs it, as a
 * plugin does. Nothing is random, so that every round reads the same bytes.
 */
#include <tcpinspect/bpf.h>
#include "ring-json.h"

TI_LICENSE("Dual BSD/GPL");
TI_EVENT(conn, INFO, "an event of 64 bytes with its record");

__u64 ring_json_next; /* number of the next event */

TI_HOOK(fill, 0) SEC("socket") int fill_socket(struct __sk_buff *skb)
{
	__u64 n = ring_json_next++;
	__u32 mixed = (__u32)n * 2654435761u;

	TI_EMIT(conn, e) {
		((struct ti_record *)e - 1)->cpu = 0;
		((struct ti_record *)e - 1)->boot_ns = n * 1234;
		e->src_ip = ti_addr_v4(bpf_htonl(mixed));
		e->dst_ip = ti_addr_v4(bpf_htonl(0xc0000200u | (n & 0xff)));
		e->src_port = 1024 + (mixed >> 16) % 60000;
		e->dst_port = n & 1 ? 443 : 80;
		e->bytes = mixed >> (n & 31);
		e->ifname = 1 + (n & 1);
		e->state = n % 3;
	}
	return 0;
}
