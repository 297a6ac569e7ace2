/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-json.h - the event of the benchmark, shared by its BPF program and user
 * side: 48 bytes, 64 with the record in front of it.
 */
#ifndef RING_JSON_H
#define RING_JSON_H

#include <tcpinspect/types.h>

enum conn_state { CONN_STATE_NEW, CONN_STATE_ESTABLISHED, CONN_STATE_CLOSED };

struct conn {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u32 bytes;
	ti_ifindex ifname;
	enum conn_state state;
};
TI_STATIC_ASSERT(sizeof(struct conn) == 48, "64 bytes with the record");

struct entry {
	struct ti_record rec;
	struct conn conn;
};

#endif
