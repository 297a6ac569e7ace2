/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the SDK's parser has made of a packet: shared by tests/plugins/t_parsed and
 * user space. */
#ifndef PARSED_H
#define PARSED_H

#include <tcpinspect/types.h>

struct parsed {
	ti_addr src, dst;
	__u32 seq, ack, payload_len, len;
	__u16 src_port, dst_port, l3, l4, payload, window, vlan;
	__u8 family, flags, ttl, fragment;
	__u8 pad[6];
};

struct parsed_last {
	struct parsed pkt;
	__u64 bodies; /* how often a body has run */
};

TI_STATIC_ASSERT(sizeof(struct parsed) == 72, "no holes");

#endif
