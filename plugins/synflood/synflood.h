/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * synflood.h - shared by the BPF program, which counts, and user space, which
 * decides: events and the memory of one CPU.
 *
 * Cost and memory of a SYN don't depend on what an attacker chooses: state is
 * keyed on listeners, which are this host's own, and sources go into tables of
 * fixed size.
 */
#ifndef SYNFLOOD_H
#define SYNFLOOD_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/* --- events -------------------------------------------------------------- */

enum flood_class {
	FLOOD_CLASS_SINGLE,   /* one source sends most of it */
	FLOOD_CLASS_SUBNET,   /* one prefix does */
	FLOOD_CLASS_SPOOFED,  /* too many sources for either */
	FLOOD_CLASS_OVERLOAD, /* no flood: the accept queue is full */
};

/* How completed handshakes are known. */
enum flood_completion {
	FLOOD_COMPLETION_SOCKETS, /* from the socket's state */
	FLOOD_COMPLETION_PACKETS, /* a SYN's sender goes on; he can forge that */
	FLOOD_COMPLETION_UNKNOWN, /* no hook for sockets; judged by the rate alone */
};

enum flood_mode {
	FLOOD_MODE_WATCH,
	FLOOD_MODE_LIMIT, /* drop what floods, at XDP */
};

/* Why a packet was dropped. */
enum flood_drop {
	FLOOD_DROP_DENIED,  /* SYN of a prefix in `deny` */
	FLOOD_DROP_HEAVY,   /* SYN of a source or prefix that sends too many */
	FLOOD_DROP_UNKNOWN, /* first SYN of a source that has completed no handshake */
	FLOOD_DROP_FLAGS,   /* impossible flags, and no socket */
	FLOOD_DROPS,
};

/* Metrics. */
struct totals {
	ti_counter syns TI_HELP("SYNs that came in");
	ti_gauge floods TI_HELP("destinations that are being flooded");
};
struct by_reason {
	enum flood_drop reason;
};
struct drops {
	ti_counter dropped TI_HELP("packets dropped, with mode = limit");
};

struct flood_prefix {
	ti_prefix prefix TI_HELP("source address, /24 or /48");
	__u32 syns_per_s;
	__u32 error TI_OPTIONAL TI_HELP("the true rate may be lower by this");
};

#define FLOOD_TOP     8
#define FLOOD_EXPLAIN 160

#define FLOOD_FIELDS                                                                              \
	ti_addr dst_ip TI_HELP("address that most SYNs went to");                                 \
	ti_port dst_port TI_HELP("its port");                                                     \
	ti_vlan vlan;                                                                             \
	ti_ifindex ifname TI_HELP("where the last SYN came in");                                  \
	enum flood_class class TI_HELP("what it looks like");                                     \
	enum flood_completion completion TI_HELP("how completed handshakes are known");           \
	ti_bool listening TI_HELP("a socket listens there");                                      \
	__u8 _pad[3];                                                                             \
	__u64 syns_per_s;                                                                         \
	__u64 completed_per_s TI_HELP("handshakes completed");                                    \
	__u64 rsts_per_s;                                                                         \
	__u64 sources TI_HELP("distinct sources in the last second, estimated within 10 %");      \
	__u64 syns TI_HELP("from the start to the second after the last bad one");                                                    \
	__u64 peak_syns_per_s;                                                                    \
	__u64 dropped TI_OPTIONAL TI_HELP("SYNs of these that mode = limit has dropped");         \
	__u64 dropped_denied TI_OPTIONAL TI_HELP("of these, of a prefix in deny");                \
	__u64 dropped_heavy TI_OPTIONAL TI_HELP("of a source or prefix over limit_rate");         \
	__u64 dropped_unknown TI_OPTIONAL TI_HELP("first SYNs of sources not known as good");     \
	ti_ns duration TI_OPTIONAL TI_HELP("from the start to the end of the last bad second");                                    \
	ti_list(struct flood_prefix, FLOOD_TOP) top TI_HELP("prefixes that sent most");           \
	ti_str(FLOOD_EXPLAIN) explain TI_HELP("why, from the numbers");                           \
	__u8 _pad2[6]

struct flood_start {
	FLOOD_FIELDS;
};
struct flood_update {
	FLOOD_FIELDS;
};
struct flood_end {
	FLOOD_FIELDS;
};

struct backscatter {
	ti_addr dst_ip TI_HELP("address of ours that is answered to");
	ti_addr src_ip TI_HELP("one that answers");
	ti_port src_port TI_HELP("from this port");
	ti_vlan vlan;
	ti_ifindex ifname;
	__u64 synacks_per_s TI_HELP("SYN-ACKs that answer no SYN of ours");
	__u64 sources TI_HELP("distinct answering hosts, estimated within 10 %");
};

struct syn_source {
	ti_addr src_ip;
	__u64 syns;
	__u64 error TI_OPTIONAL TI_HELP("the true count may be lower or higher by this");
};

#define SYN_SOURCES_TOP 32

struct syn_sources {
	ti_ns window TI_HELP("time counted");
	__u64 syns TI_HELP("all SYNs in it");
	ti_bool exact TI_HELP("every source fitted: counts are exact");
	__u8 _pad[7];
	ti_list(struct syn_source, SYN_SOURCES_TOP) top TI_HELP("sources of most SYNs");
};

/* --- memory of one CPU --------------------------------------------------- */

#define SLOTS	    1024 /* listeners; slot 0 stands for none */
#define BUCKETS	    64	 /* SYNs to no listener, by interface: ifindex % BUCKETS */
#define BACKSCATTER (SLOTS + BUCKETS)
#define SERVED	    (BACKSCATTER + 1) /* first of those that others serve, behind this host */
#define SERVED_MAX  256
#define COUNTED	    (SERVED + SERVED_MAX)

/* HyperLogLog of distinct values in one second: Flajolet et al. 2007, with
 * 128 registers: standard error 1.04 / sqrt(128) = 9 %. */
#define REGISTERS 128
struct distinct {
	__u32 epoch; /* second it belongs to */
	__u8 reg[REGISTERS];
};

/* What is counted for one listener, bucket, or the backscatter. Counters only
 * grow; user space takes differences. */
struct counted {
	__u64 syns;      /* SYN-ACKs in BACKSCATTER */
	__u64 completed; /* atomically: a tracepoint may run between two packets' */
	__u64 remembered, acked; /* of whom packets show the rest; completed so, and by no
				    socket of ours */
	__u64 rsts;
	__u64 dropped[FLOOD_DROPS];
	ti_addr dst, src;
	ti_port port;    /* dst's, src's in BACKSCATTER */
	ti_vlan vlan;
	ti_ifindex ifindex;
	/* When the second began. */
	__u32 epoch;
	__u64 syns_then, open_then; /* open: not completed */
	struct distinct sources[2];
};

/* Distinct (address, port) that SYNs to no listener went to, and the one that
 * had most of them if any had a majority (Boyer and Moore 1981). */
struct targets {
	ti_addr dst;
	ti_port port;
	__u16 pad;
	__u32 votes;
	struct distinct distinct[2];
};

/*
 * Heavy hitters: Space-Saving (Metwally et al. 2005) in buckets. A newcomer to a
 * full bucket takes over its smallest entry, count and all, and remembers that
 * count as its error: count - error <= true <= count, and what isn't in a bucket
 * had at most the smallest count in it.
 */
#define SOURCE_BUCKETS 1024
#define SOURCE_WAYS    8
struct source_bucket {
	/* count << 32 | 29 bits of the hash << 3 | way: one word to compare and to
	 * find the least by; 0: free. */
	__u64 head[SOURCE_WAYS];
	struct {
		ti_addr addr;
		__u64 error;
		__u64 pad;
	} entry[SOURCE_WAYS];
} __attribute__((aligned(64))); /* a line of heads, and half a line an entry */
struct sources {
	struct source_bucket bucket[SOURCE_BUCKETS];
	__u64 syns;
};

/* The same for (slot, /24 or /48), which fit in one word: one cache line. */
#define SOURCE_TAG(hash, way) (((__u32)(hash) & ~7u) | (way))
#define SOURCE_ONE	      (1ull << 32)

#define PREFIX_BUCKETS 1024
#define PREFIX_WAYS    4
struct prefix_bucket {
	__u64 key[PREFIX_WAYS]; /* PREFIX_KEY; 0: free */
	__u32 count[PREFIX_WAYS];
	__u32 error[PREFIX_WAYS];
} __attribute__((aligned(64)));
struct prefixes {
	struct prefix_bucket bucket[PREFIX_BUCKETS];
	__u64 syns;
};

#define PREFIX_USED	     (1ull << 63)
#define PREFIX_V6	     (1ull << 62)
#define PREFIX_KEY(slot, v6) (PREFIX_USED | ((v6) ? PREFIX_V6 : 0) | ((__u64)(slot) << 48))
#define PREFIX_SLOT(key)     ((key) >> 48 & 0x3fff)
#define PREFIX_BITS(key)     ((key) & 0xffffffffffff)

/*
 * Destinations of SYNs that are no listener's, in one second: what of them many SYNs
 * go to, and others serve, gets a slot of its own. Space-Saving, too.
 */
#define CANDIDATE_BUCKETS 256
#define CANDIDATE_WAYS	  4
struct candidate {
	ti_addr addr;
	ti_port port;
	ti_bool elsewhere; /* not for this host: forwarded or bridged */
	__u8 pad;
	__u32 count, error;
	__u32 acked;
	__u64 sources; /* a bit a source, by its hash */
};
struct candidates {
	struct candidate at[CANDIDATE_BUCKETS][CANDIDATE_WAYS];
	__u64 syns; /* of them, not for this host */
};

/* Of the last packet: is its destination another host? */
struct asked {
	ti_addr dst;
	__u64 mac;
	ti_ifindex ifindex;
	__u32 epoch;
	__u32 elsewhere;
	__u32 pad;
};

/* Two of what is read while it is written elsewhere: [epoch & 1] is written. */
struct synflood {
	struct counted counted[COUNTED];
	struct targets targets[BUCKETS];
	struct prefixes prefixes[2]; /* by synflood_epoch: a second */
	struct sources sources[2];   /* by sources_epoch: a period of syn_sources */
	struct candidates candidates[2]; /* by synflood_epoch */
	struct asked asked;
	__u64 syns; /* all that came */
};

/* --- control ------------------------------------------------------------- */

/* Which slot a SYN to a port counts for. */
struct port_slots {
	__u16 any4; /* listener on 0.0.0.0 or a dual-stack ::; 0: none */
	__u16 any6; /* listener on :: */
};
#define SLOT_EXACT  0x8000 /* in any4: there are listeners on single addresses, too */
#define SLOT_SERVED 0x8000 /* in any6: others serve this port of some addresses */

struct listener_key { /* map `listeners`: -> __u32 slot, also of what others serve */
	ti_addr addr;
	ti_port port;
	__u16 pad[3];
};

/* What is done about a slot's SYNs, in limiting[]. */
#define LIMIT_HEAVY   1 /* sources and prefixes in the map `heavy` have a rate */
#define LIMIT_UNKNOWN 2 /* sources not known as good have to send a SYN twice */

TI_STATIC_ASSERT(COUNTED <= 0x3fff, "a slot fits in PREFIX_KEY");
TI_STATIC_ASSERT(SLOTS < SLOT_EXACT, "a slot fits beside SLOT_EXACT");
TI_STATIC_ASSERT(sizeof(struct prefix_bucket) == 64, "one cache line");
TI_STATIC_ASSERT(sizeof(struct source_bucket) == 320, "five cache lines");

#endif
