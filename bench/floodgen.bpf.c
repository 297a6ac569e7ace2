/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * floodgen.bpf.c - makes each live frame a SYN of a random source, and sends it to a
 * device. The frame comes with everything else, and checksums that lack the source's
 * address and port and the sequence number.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char floodgen_license[] SEC("license") = "Dual BSD/GPL";
const volatile __u32 device;

struct frame {
	__u8 eth[14], ip[10];
	__be16 ip_check;
	__be16 saddr[2], daddr[2];
	__be16 source, dest, seq[2], rest[4];
	__be16 tcp_check;
	__be16 urgent;
} __attribute__((packed));

static __always_inline __be16 add_up(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp") int flood(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	__u32 a = bpf_get_prandom_u32(), b = bpf_get_prandom_u32(), address;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	/* 16.0.0.0 to 111.255.255.255: no special ones. A frame comes again, as it left. */
	f->saddr[0] = bpf_htons((16 + (a >> 24) % 96) << 8 | (a >> 16 & 0xff));
	f->saddr[1] = a;
	f->source = b | bpf_htons(1024);
	f->seq[0] = b >> 16;
	f->seq[1] = a >> 8;
	address = f->saddr[0] + f->saddr[1] + f->daddr[0] + f->daddr[1];
	f->ip_check = add_up(address + bpf_htons(0x4500) + bpf_htons(40) + bpf_htons(64 << 8 | 6));
	f->tcp_check = add_up(address + bpf_htons(6) + bpf_htons(20) + f->source + f->dest + f->seq[0] + f->seq[1] +
			      f->rest[2] + f->rest[3]);
	return bpf_redirect(device, 0);
}
