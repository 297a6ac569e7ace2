/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * portscan.h - shared by the BPF program, which picks out what may be a scan's, and
 * user space, which decides: events, and what the one tells the other.
 *
 * The kernel tells user space of each (source, victim, port) once in a while and of
 * what came of it, but only for sources that have tried two of them. So what
 * happens most, clients of one service and floods from random sources, ends
 * there, in memory of fixed size.
 */
#ifndef PORTSCAN_H
#define PORTSCAN_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/* --- events -------------------------------------------------------------- */

enum scan_kind {
	SCAN_KIND_SYN,         /* SYNs that no usual stack sends: few options */
	SCAN_KIND_CONNECT,     /* SYNs as connect() sends them */
	SCAN_KIND_FIN,
	SCAN_KIND_NULL,        /* no flags */
	SCAN_KIND_XMAS,        /* FIN, PSH, URG */
	SCAN_KIND_SYNFIN,
	SCAN_KIND_MAIMON,      /* FIN, ACK */
	SCAN_KIND_ACK,         /* also nmap's window scan: the same on the wire */
	SCAN_KIND_SWEEP,       /* one port of many hosts */
	SCAN_KIND_DISTRIBUTED, /* one victim by many sources; or one and its decoys */
};

enum scan_rule {
	SCAN_RULE_NONE,
	SCAN_RULE_CLOSED,      /* closed ports, weighted */
	SCAN_RULE_PORTS,       /* ports, whatever came of it */
	SCAN_RULE_SLOW,        /* closed ports over a long time */
	SCAN_RULE_FLAGS,       /* flags that no connection has */
	SCAN_RULE_RESETS,      /* packets of no connection */
	SCAN_RULE_HOSTS,
	SCAN_RULE_SOURCES,
};

#define SCAN_SAMPLE  16
#define SCAN_VICTIMS 8
#define SCAN_SOURCES 16
#define SCAN_RANGES  1000

#define SCAN_FIELDS                                                                            \
	ti_addr src_ip TI_HELP("who scans; of several sources the first seen");                 \
	ti_addr dst_ip TI_HELP("the victim; of several the first seen");                        \
	ti_port dst_port TI_HELP("of a sweep: the port it looks for");                          \
	ti_vlan vlan;                                                                           \
	ti_ifindex ifname TI_HELP("where the last probe came in");                              \
	enum scan_kind kind TI_HELP("what it is");                                              \
	enum scan_kind probe TI_HELP("what most of its packets are");                           \
	enum scan_rule rule TI_HELP("what found it");                                           \
	ti_bool fragmented TI_HELP("TCP headers in pieces: of those neither flags nor options are known"); \
	ti_bool spoofable TI_HELP("no handshake with the source was completed");                \
	ti_bool exact TI_HELP("ports are counted, not estimated");                              \
	__u8 confidence TI_HELP("percent");                                                     \
	__u32 sources TI_HELP("distinct; IPv6 by /64");                                         \
	__u32 hosts TI_HELP("distinct victims; over 10,000 estimated");                         \
	__u32 ports TI_HELP("distinct");                                                        \
	__u32 closed TI_HELP("ports that answered with RST (to ACKs open ones do, too)");       \
	__u32 open TI_HELP("ports that answered with SYN-ACK");                                 \
	__u32 unknown TI_HELP("ports of which no answer was seen");                             \
	ti_port lowest;                                                                         \
	ti_port highest;                                                                        \
	__u32 probes_per_s TI_HELP("from the first to the last");                               \
	__u64 probes TI_HELP("packets, without those repeated within seconds");                 \
	ti_ns duration TI_OPTIONAL TI_HELP("from the first to the last");                       \
	ti_list(ti_port, SCAN_SAMPLE) sample TI_HELP("first ports");                            \
	ti_list(ti_addr, SCAN_VICTIMS) victims TI_HELP("first of them, where there are several"); \
	ti_list(ti_addr, SCAN_SOURCES) scanners TI_HELP("first of them, where there are several")

struct scan_start {
	SCAN_FIELDS;
};
struct scan_update {
	SCAN_FIELDS;
};
struct scan_end {
	SCAN_FIELDS;
	ti_str(SCAN_RANGES) ranges TI_HELP("all ports: 1-1024,8080; ends in ,... where that is too long");
	__u8 _pad[6];
};

/* --- metrics -------------------------------------------------------------- */

struct by_kind {
	enum scan_kind kind;
};
struct kinds {
	ti_counter scans TI_HELP("scans that have begun");
};

struct probes {
	ti_counter unseen_probes TI_HELP("packets that came too fast to be looked at");
};

/* --- what the kernel tells ------------------------------------------------ */

/* What a record says of an answer. */
enum answer {
	ANSWER_NONE,
	ANSWER_CLOSED,    /* RST */
	ANSWER_OPEN,      /* SYN-ACK */
	ANSWER_ABANDONED, /* and to that a RST by the source, as a raw scanner's kernel sends */
	ANSWER_COMPLETED, /* and then the handshake completed */
};

#define NO_PROBE 0xff

struct record {
	ti_addr src, dst;   /* who probes whom */
	ti_ifindex ifindex;
	ti_vlan vlan;
	ti_port port;       /* of dst */
	__u8 probe;         /* enum scan_kind, or NO_PROBE: of an answer only */
	__u8 answer;        /* enum answer */
	ti_bool fragmented;
	__u8 _pad[5];
};

/* One a CPU. */
#define RECORDS 16384
struct queue {
	__u64 head;      /* written by the kernel */
	__u64 tail;      /* ... by user space: records before it are free */
	__u64 read;      /* ... probes before it have been read */
	__u64 full;      /* records that did not fit */
	__u64 newcomers; /* probes by sources not known */
	struct record record[RECORDS];
};

/* --- what the kernel knows of sources ------------------------------------- */

/*
 * A set is a cache line. Ways 0 and 1: sources that have tried one port, the
 * newest first. Ways 2 and 3: those that have tried another, which only their
 * like push out. `key` is a hash of the source, never 0.
 */
struct entry {
	__u64 key;
	__u32 dst;     /* of the one: address or its hash; of the others: last seen, s */
	ti_port port;
	__u8 probe;    /* enum scan_kind, and 0x80: fragmented */
	__u8 answer;
};
struct set {
	struct entry way[4];
};

#define SETS	      32768
#define TOLD	      65536 /* tags of what user space was told lately */
#define NOTED	      4096  /* tags of packets that a RST may follow */
#define CONTACT_WORDS 4096  /* 262,144 bits */

TI_STATIC_ASSERT(sizeof(struct record) == 48, "records are 48 bytes");
TI_STATIC_ASSERT(sizeof(struct set) == 64, "a set is a cache line");

#endif
