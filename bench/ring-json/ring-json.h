/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-json.h - the event of the benchmark, shared by its BPF program and user
 * side: 48 bytes, 64 with the record in front of it.
 */
#ifndef RING_JSON_H
#define RING_JSON_H

#include <tcpinspect/types.h>

enum conn_state { CONN_NEW, CONN_ESTABLISHED, CONN_CLOSED };

struct conn {
	ti_addr src_ip, dst_ip;
	ti_port src_port, dst_port;
	__u32 bytes;
	ti_ifindex ifname;
	__u32 state; /* enum conn_state */
};
TI_STATIC_ASSERT(sizeof(struct conn) == 48, "64 bytes with the record");

struct entry {
	struct ti_record rec;
	struct conn conn;
};

/* The program's one global variable. */
struct ring_json_state {
	__u64 next; /* number of the next record */
	__u64 last; /* the one that wakes the reader */
	__u64 lost; /* did not fit in the ring */
};

#endif
