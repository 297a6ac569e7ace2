/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * retrans.h - shared by the BPF program, which keeps one entry for each
 * connection that has retransmitted, and user space, which reads these once a
 * period: events and the values of the maps.
 *
 * src is this host, the sender of what is retransmitted; dst is the other end.
 */
#ifndef RETRANS_H
#define RETRANS_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/* --- events -------------------------------------------------------------- */

enum retrans_cause {
	RETRANS_CAUSE_UNKNOWN,         /* data of a SYN (Fast Open), before 5.11 */
	RETRANS_CAUSE_TAIL_LOSS_PROBE,
	RETRANS_CAUSE_FAST,            /* found lost by ACKs */
	RETRANS_CAUSE_SLOW_START,      /* the rest, after a timeout */
	RETRANS_CAUSE_TIMEOUT,         /* by the retransmission timer */
	RETRANS_CAUSE_SYN,
	RETRANS_CAUSE_SYNACK,
};

enum retrans_state { /* of sock_common.skc_state */
	RETRANS_STATE_ESTABLISHED = 1,
	RETRANS_STATE_SYN_SENT,
	RETRANS_STATE_SYN_RECV,
	RETRANS_STATE_FIN_WAIT1,
	RETRANS_STATE_FIN_WAIT2,
	RETRANS_STATE_TIME_WAIT,
	RETRANS_STATE_CLOSE,
	RETRANS_STATE_CLOSE_WAIT,
	RETRANS_STATE_LAST_ACK,
	RETRANS_STATE_LISTEN,
	RETRANS_STATE_CLOSING,
	RETRANS_STATE_NEW_SYN_RECV,
};

/* Which connection, and whose. */
#define RETRANS_FLOW                                                                      \
	ti_addr src_ip TI_HELP("this host");                                              \
	ti_addr dst_ip;                                                                   \
	ti_port src_port;                                                                 \
	ti_port dst_port;                                                                 \
	__u32 netns TI_HELP("network namespace, by inode number");                        \
	__u64 cgroup_id TI_OPTIONAL;                                                      \
	__u64 cookie TI_OPTIONAL TI_HELP("the socket's");                                 \
	__u32 pid TI_OPTIONAL TI_HELP("process that connected; unknown for an accepted one"); \
	__u32 uid TI_HELP("the socket's");                                                \
	ti_str(16) comm TI_HELP("its name");                                              \
	__u16 _flow_pad[3]

struct flow { /* how each of them begins */
	RETRANS_FLOW;
};

struct retransmit {
	RETRANS_FLOW;
	enum retrans_cause cause;
	enum retrans_state state;
	__u32 seq TI_HELP("sequence number, as it is in the packet");
	__u32 len TI_HELP("bytes of payload");
	__u32 segs TI_HELP("segments, as TcpRetransSegs counts them");
	__u32 retrans TI_HELP("segments that the connection has retransmitted so far");
	__u32 spurious TI_OPTIONAL TI_HELP("of these, the other end had already (by DSACK)");
	__u32 cwnd TI_OPTIONAL TI_HELP("congestion window, in segments");
	__u32 ssthresh TI_OPTIONAL TI_HELP("in segments; absent: not set yet");
	__u32 _pad;
	ti_ns srtt TI_OPTIONAL;
	ti_ns rttvar TI_OPTIONAL;
	ti_ns rto TI_OPTIONAL;
	ti_ns min_rtt TI_OPTIONAL;
};

struct retrans_summary {
	RETRANS_FLOW;
	ti_bool closed TI_HELP("the last one of this connection");
	__u8 _pad[3];
	__u32 period_segs TI_HELP("segments retransmitted in the current period");
	__u32 segs TI_HELP("segments retransmitted, seen here");
	__u32 tail_loss_probe;
	__u32 fast;
	__u32 slow_start;
	__u32 timeout;
	__u32 syn;
	__u32 synack;
	__u32 unknown TI_OPTIONAL;
	__u32 spurious TI_HELP("the other end had them already (by DSACK)");
	__u32 failed TI_OPTIONAL TI_HELP("further attempts that this host could not send, where the kernel tells");
	__u32 retrans TI_HELP("by the kernel's count, which also knows those before tcpinspect's start");
	__u32 segs_sent TI_HELP("segments with data, sent and retransmitted");
	__u32 rate_permille TI_HELP("retrans of a thousand segs_sent");
	__u32 _pad2;
	__u64 bytes TI_HELP("of payload, retransmitted");
	__u64 bytes_sent TI_HELP("of payload, sent and retransmitted");
	ti_ns srtt TI_OPTIONAL;
	ti_ns min_rtt TI_OPTIONAL;
};

enum retrans_scope {
	RETRANS_SCOPE_CONNECTION,
	RETRANS_SCOPE_PORT,   /* all connections of a local port */
	RETRANS_SCOPE_PREFIX, /* all connections with a remote /24 or /48 */
};

struct retrans_alarm {
	RETRANS_FLOW;
	ti_prefix prefix;
	enum retrans_scope scope TI_HELP("what is over its limit; the rest says who was last");
	enum retrans_cause cause TI_HELP("of the last");
	__u32 segs TI_HELP("retransmitted within the window");
	__u32 limit;
	ti_ns window;
};

struct retrans_top_item {
	ti_addr src_ip;
	ti_addr dst_ip;
	ti_port src_port;
	ti_port dst_port;
	__u32 segs TI_HELP("retransmitted in the period");
	__u32 spurious TI_OPTIONAL TI_HELP("of the connection");
	__u32 rate_permille TI_HELP("of the connection");
	__u32 pid TI_OPTIONAL;
	__u32 netns;
	ti_str(16) comm;
	__u16 _pad[3];
};

#define RETRANS_TOP 32

struct retrans_top {
	ti_ns window TI_HELP("time counted");
	__u64 segs TI_HELP("all segments of these connections retransmitted in it");
	__u64 connections TI_HELP("that retransmitted");
	ti_list(struct retrans_top_item, RETRANS_TOP) top TI_HELP("those that did most");
};

#define RTT_BUCKETS 32

struct rtt_bucket {
	ti_ns below TI_HELP("and at least half of it");
	__u64 count;
};

struct rtt_histogram {
	ti_port src_port TI_HELP("a local port that accepts ...");
	__u16 _pad;
	__u32 netns;
	ti_prefix prefix TI_HELP("... or the other ends, /24 or /48");
	ti_ns window TI_HELP("time counted");
	__u64 samples TI_HELP("one for each retransmission and each connection that closed");
	ti_list(struct rtt_bucket, RTT_BUCKETS) srtt;
	ti_list(struct rtt_bucket, RTT_BUCKETS) min_rtt;
};

/* --- metrics -------------------------------------------------------------- */

struct by_cause {
	enum retrans_cause cause;
};
struct causes {
	ti_counter segs TI_HELP("segments sent again");
};

struct times {
	ti_histogram(20, 64) srtt_us TI_HELP("smoothed round-trip times, at retransmissions and when connections close");
};

/* --- state --------------------------------------------------------------- */

/* A sliding window in slices: counts what came in the last WINDOW_SLICES - 1 whole
 * ones and the current one. */
#define WINDOW_SLICES 8
struct window {
	__u64 slice;         /* number of the newest */
	__u64 alarmed_until; /* ns: no further alarm before */
	__u32 n[WINDOW_SLICES];
};

/* A connection that has retransmitted; key: the address of its socket. */
struct conn {
	struct retrans_summary s; /* as it would be reported now, but for period_segs */
	struct window window;
	__u32 dsacks;       /* when it was first seen */
	__u32 epoch;        /* period of its last retransmission */
	__u32 in_period[2]; /* by epoch & 1, of that one and the one before */
};

/* Who connected; key: the address of the socket. */
struct owner {
	__u32 pid;
	char comm[16];
};

/* Connections of a local port (prefix.len 0) or with a remote prefix. */
struct group_key {
	ti_prefix prefix;
	__u32 netns;
	__u32 port;
};

struct rtt_counts {
	__u32 epoch; /* period counted in */
	__u32 srtt[RTT_BUCKETS], min_rtt[RTT_BUCKETS];
};

struct group {
	struct window window;
	struct rtt_counts rtt[2]; /* by epoch & 1: one is read while the other is written */
};

/* One CPU's: what was put into and taken out of `conns`. What is in neither nor
 * there any more has been evicted. */
struct conns_moved {
	__u64 created, deleted;
};

#define OWNERS 16384
#define GROUPS 2048

TI_STATIC_ASSERT(sizeof(struct flow) == 88, "no padding at its end");
TI_STATIC_ASSERT(sizeof(struct retransmit) % 8 == 0, "no padding at its end");
TI_STATIC_ASSERT(sizeof(struct retrans_summary) % 8 == 0, "no padding at its end");
TI_STATIC_ASSERT(sizeof(struct retrans_alarm) % 8 == 0, "no padding at its end");
TI_STATIC_ASSERT(sizeof(struct retrans_top_item) % 8 == 0, "no padding at its end");

#endif
