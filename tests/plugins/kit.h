/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kit.bpf.c, kit.c and the tests of the test kit share. */
#ifndef KIT_H
#define KIT_H

#include <tcpinspect/types.h>

enum kit_way {
	KIT_WAY_IN,
	KIT_WAY_OUT,
};

struct seen {
	ti_addr src_ip, dst_ip;
	__u64 boot_ns;
	__u32 seq, ack, len, captured, payload_len;
	ti_port src_port, dst_port;
	ti_vlan vlan;
	__u16 window;
	__u8 family, flags, ttl;
	ti_bool fragment;
	enum kit_way way;
	ti_str(32) payload;
};

struct item {
	ti_addr host;
	ti_str(8) name;
};

struct summary {
	__s64 balance;
	__u64 large, notes, ticks;
	__u32 sockets;
	ti_ifindex ifname;
	ti_str(8) word;
	__u16 _pad[3];
	ti_list(struct item, 3) items;
	ti_list(__u16, 4) numbers;
};

struct note {
	__u32 key, n;
};

struct by_port {
	ti_port port;
};
struct port_totals {
	ti_counter packets;
};
struct by_key {
	__u32 key;
};
struct kept {
	ti_gauge held;
};

struct counts {
	__u64 packets;
};

#endif
