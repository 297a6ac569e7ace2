/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/types.h - the types that an event's fields and a probe's options
 * are made of. Shared by BPF programs and user space; layouts are fixed for 1.x.
 *
 * A typedef carries a field's meaning: the daemon reads its name from the BPF
 * object's BTF and formats, matches and documents the field by it. A value that
 * is not known is left zero and is then absent from the output, never printed
 * as 0 (see "absent when" below).
 */
#ifndef TCPINSPECT_TYPES_H
#define TCPINSPECT_TYPES_H

#include <linux/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tcpinspect is for little-endian machines (x86-64, arm64)"
#endif

/*
 * An IPv6 address in network byte order, or an IPv4 address mapped into
 * ::ffff:0:0/96 (RFC 4291, 2.5.5.2), which is printed as plain IPv4.
 * hi and lo are the first and last 8 bytes as they stand in memory.
 * Absent when all zero.
 */
typedef struct ti_addr {
	__be64 hi;
	__be64 lo;
} ti_addr;

/* An address prefix, printed as 192.0.2.0/24 or 2001:db8::/48. len counts bits
 * of the printed family (0..32 or 0..128). Absent when addr is all zero. */
typedef struct ti_prefix {
	ti_addr addr;
	__u64 len;
} ti_prefix;

typedef __u16 ti_port;    /* TCP port, host byte order; absent when 0 */
typedef __u16 ti_vlan;    /* outermost VLAN id 1..4094; absent when 0 */
typedef __u32 ti_ifindex; /* printed as the interface's name; absent when 0 */
typedef __u64 ti_ns;      /* a duration in nanoseconds */
typedef __u8 ti_bool;     /* 0 or 1, printed as false or true */

/* A string of at most N bytes with its length; need not end in NUL and may hold
 * any byte: formats escape what they must. Absent when len is 0. */
#define ti_str(N)                                                              \
	struct {                                                               \
		__u16 len;                                                     \
		char str[N];                                                   \
	}

/* Up to N items of one type: a scalar, an address, or a struct of such fields.
 * len counts the items in use. Absent when len is 0. */
#define ti_list(T, N)                                                          \
	struct {                                                               \
		__u64 len;                                                     \
		T item[N];                                                     \
	}

/*
 * Members of a struct of metrics (metrics.h), and the only ones it may have.
 */
typedef __u64 ti_counter; /* only grows; printed with "_total" behind its name */
typedef __s64 ti_gauge;   /* goes up and down */

/*
 * How many values were how large. ti_histogram(N, FIRST): N buckets, whose bounds are
 * FIRST, 2 * FIRST, 4 * FIRST and so on, inclusive; the last has all that is larger.
 * FIRST is 1 where it isn't given, else up to 2^31. ti_histogram(12, 1000000) rtt_ns: up to
 * 1 ms, 2 ms, ... 1,024 ms, and longer. Filled by TI_OBSERVE.
 */
#define ti_histogram(...) TI_HISTOGRAM_(__VA_ARGS__, 1, )
#define TI_HISTOGRAM_(n, bound, ...)                                           \
	struct {                                                               \
		__u64 sum;                                                     \
		__u64 bucket[n];                                               \
		char first[0][bound]; /* takes no room */                      \
	}

/* What bpf.h lets be said of fields, so that user space can have the same header. */
#ifndef __bpf__
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/*
 * How serious an event is. An event type has one severity (TI_EVENT).
 */
enum ti_severity {
	TI_INFO = 0,
	TI_NOTICE = 1,
	TI_WARNING = 2,
	TI_ERROR = 3,
	TI_CRITICAL = 4,
};

/* Flags of the TCP header's 14th byte (RFC 9293, 3.1). Never compare the whole
 * byte: a SYN may carry ECE and CWR (RFC 3168). */
enum ti_tcp_flag {
	TI_FIN = 0x01,
	TI_SYN = 0x02,
	TI_RST = 0x04,
	TI_PSH = 0x08,
	TI_ACK = 0x10,
	TI_URG = 0x20,
	TI_ECE = 0x40,
	TI_CWR = 0x80,
};

/*
 * What stands before each event in a ring, 16 bytes. The event's struct follows
 * without a gap.
 */
struct ti_record {
	__u16 event;   /* number of the event type, given by the daemon at load */
	__u16 len;     /* bytes of the event's struct */
	__u32 cpu;     /* CPU that reported it */
	__u64 boot_ns; /* CLOCK_BOOTTIME when it was reported */
};

/*
 * Counters that every probe has, one of each a CPU, kept by bpf.h. A packet
 * counts once in seen and at most once in one of the four below it.
 */
enum ti_count {
	TI_COUNT_SEEN,        /* packets looked at */
	TI_COUNT_TRUNCATED,   /* ended before their headers did */
	TI_COUNT_FRAGMENT,    /* later fragment, or a first one without a TCP header */
	TI_COUNT_UNSUPPORTED, /* more VLAN tags or extension headers than are parsed */
	TI_COUNT_FILTERED,    /* left out by the common options */
	TI_COUNT_EVICTED,     /* state dropped to make room */
	TI_COUNT_EMITTED,     /* events asked for, whether they fitted or not */
	TI_COUNT_LOST,        /* of these, the ring was full */
	TI_COUNT_DROPPED,     /* packets dropped at XDP */
	TI_COUNT_CROWDED,     /* TI_METRICS_OF with labels that found no room */
	TI_COUNT_MAX,
};

/* Entries of a TI_XDP_NEXT: interfaces are told apart by their number modulo this. */
#define TI_XDP_SLOTS 4096

#ifdef __cplusplus
#define TI_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define TI_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

TI_STATIC_ASSERT(sizeof(ti_addr) == 16, "ti_addr is 16 bytes");
TI_STATIC_ASSERT(sizeof(ti_prefix) == 24, "ti_prefix is 24 bytes");
TI_STATIC_ASSERT(sizeof(struct ti_record) == 16, "ti_record is 16 bytes");

#endif
