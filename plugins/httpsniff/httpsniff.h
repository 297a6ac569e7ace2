/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * httpsniff.h - shared by the BPF program, which picks bytes out of packets, and
 * user space, which puts them in order and parses them: events, the pieces of
 * packets on their way up, and what user space tells the program on the way down.
 */
#ifndef HTTPSNIFF_H
#define HTTPSNIFF_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/* --- events -------------------------------------------------------------- */

/* What is worth knowing of a request's head, beside its texts. */
enum request_flag {
	REQUEST_FLAG_TRUNCATED, /* bytes of the head weren't seen, or a text was cut */
	REQUEST_FLAG_QUERY, /* the target's query was left out (redact) */
	REQUEST_FLAG_BARE_LF, /* a line ended without CR */
	REQUEST_FLAG_FOLDED, /* a field went on in the next line */
	REQUEST_FLAG_ODD, /* otherwise not as RFC 9112 has it */
	REQUEST_FLAG_AMBIGUOUS, /* the body's length is given in two ways */
	REQUEST_FLAG_CHUNKED, /* the body comes in chunks */
	REQUEST_FLAG_UPGRADE, /* it asks for another protocol */
	REQUEST_FLAG_H2, /* HTTP/2 from here on, which isn't looked into */
};
#define REQUEST_FLAGS 9

#define HTTP_METHOD 32
#define HTTP_TARGET 1024
#define HTTP_TEXT   256

struct http_request {
	ti_addr src_ip TI_HELP("the client");
	ti_addr dst_ip;
	ti_port src_port, dst_port;
	ti_vlan vlan;
	__u16 _pad;
	ti_ifindex ifname;
	ti_str(HTTP_METHOD) method;
	ti_str(HTTP_TARGET) target TI_HELP("as sent, but see the option redact");
	ti_str(HTTP_TEXT) http_host TI_HELP("of the field Host, or of an absolute target");
	ti_str(6) version TI_HELP("1.1, 1.0, 0.9 or, of HTTP/2's preface, 2.0");
	ti_str(HTTP_TEXT) user_agent;
	ti_str(64) traceparent TI_HELP("of the field of that name (W3C Trace Context)");
	__u16 _pad2;
	__u32 depth TI_HELP("1 is the first that was seen on its connection");
	__u32 segments TI_HELP("packets that its head came in, as the hook sees them");
	__u32 _pad3;
	__u64 length TI_HELP("bytes of the head");
	__u64 content_length TI_OPTIONAL TI_HELP("bytes of the body, where the head says so");
	ti_list(enum request_flag, REQUEST_FLAGS) flags TI_HELP(
		"what is special: truncated (bytes unseen, or a text cut), query (left out), bare_lf, folded, odd, ambiguous (length), chunked, upgrade, h2");
	__u32 _pad4;
};

struct http_response {
	ti_addr src_ip TI_HELP("the client, as in the request");
	ti_addr dst_ip;
	ti_port src_port, dst_port;
	ti_vlan vlan;
	__u16 status;
	ti_ifindex ifname;
	__u32 depth TI_OPTIONAL TI_HELP("of the request that it answers, where that was seen");
	ti_ns latency TI_OPTIONAL TI_HELP(
		"from the packet that ends the request's head to the one that ends the response's");
	__u64 content_length TI_OPTIONAL;
};

#ifndef TCPINSPECT_BPF_H
#define tls_hello tls_hello_event /* of that name is what tls.h reads it from */
#endif
#define TLS_ALPN 16

struct tls_hello {
	ti_addr src_ip TI_HELP("the client");
	ti_addr dst_ip;
	ti_port src_port, dst_port;
	ti_vlan vlan;
	__u16 _pad;
	ti_ifindex ifname;
	ti_str(HTTP_TEXT) sni TI_HELP("server name; with ECH the outer one");
	ti_str(8) version TI_HELP("the highest that the client offers");
	ti_str(38) ja4 TI_HELP("JA4 fingerprint of the client; not of a truncated hello");
	ti_bool ech TI_HELP("there is an encrypted ClientHello in it");
	ti_bool truncated TI_OPTIONAL TI_HELP("its end wasn't seen, or it isn't well formed");
	__u16 ciphers TI_HELP("offered, without GREASE");
	__u16 extensions TI_HELP("without GREASE");
	__u16 _pad2[3];
	__u32 length TI_HELP("bytes of the hello");
	__u32 segments TI_HELP("packets that it came in, as the hook sees them");
	ti_list(ti_str(30), TLS_ALPN) alpn TI_HELP("protocols that the client offers, best first");
};
#ifndef TCPINSPECT_BPF_H
#undef tls_hello
#endif

/* --- metrics -------------------------------------------------------------- */

enum http_method {
	HTTP_METHOD_OTHER,
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_CONNECT,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_TRACE,
	HTTP_METHOD_PATCH,
};
struct by_method {
	enum http_method method;
};
struct method_totals {
	ti_counter requests;
};

enum http_class {
	HTTP_CLASS_OTHER,
	HTTP_CLASS_1XX,
	HTTP_CLASS_2XX,
	HTTP_CLASS_3XX,
	HTTP_CLASS_4XX,
	HTTP_CLASS_5XX,
};
struct by_status {
	enum http_class status;
};
struct status_totals {
	ti_counter responses;
	ti_histogram(20, 100000) latency_ns TI_HELP("from the end of the request's head to the end of the response's, where both were seen");
};

struct hello_totals {
	ti_counter tls_hellos;
};

/* --- pieces of packets ---------------------------------------------------- */

/* A piece of a packet's payload, in records of four sizes: most requests are small, most
 * packets have up to 1,460 bytes, and only those that GRO put together more than one piece. */
#define PIECE_SMALL  128
#define PIECE_MEDIUM 512
#define PIECE_LARGE  2048
#define PIECE_MOST   8192
#define PIECES	     9 /* of one packet: more than 64 KiB */

enum piece_flags {
	PIECE_KNOWS_START = 1 << 0, /* start is the first byte's sequence number */
	PIECE_GOES_ON = 1 << 1, /* of the same packet as the piece before */
	PIECE_TO_PORT = 1 << 2, /* to a port that is watched: from the client, probably */
	PIECE_FROM_PORT = 1 << 3, /* from one, with responses = yes */
	PIECE_RESPONSES = 1 << 4, /* responses = yes */
	PIECE_MIDWAY = 1 << 5, /* the flow is taken to begin here, for its SYN isn't known */
	PIECE_PUSHED = 1 << 6, /* TCP's PSH: the sender had no more at the time */
};

struct piece {
	ti_addr src, dst;
	ti_port src_port, dst_port;
	__u32 seq; /* of the first byte here */
	__u64 hash; /* flow_hash(), see below */
	__u32 start;
	__u32 len;
	ti_ifindex ifindex;
	ti_vlan vlan;
	__u16 flags; /* enum piece_flags */
	__u8 data[PIECE_MOST];
};
#define PIECE_HEADER 64

/* --- what is known of a flow in the kernel ----------------------------------- */

/*
 * One direction of a connection is a flow. All that is kept of flows in the kernel is
 * this table, in sets of WAYS, in which a newcomer takes the place of another: what a SYN or a
 * packet costs, and the memory, don't depend on who sends how many. Of a flow that has
 * no slot only packets that look like the start of something are copied.
 */
#define SLOTS 16384
#define WAYS  4
struct slot {
	__u64 syn; /* hash's upper half, start: of the last SYN */
	__u64 told; /* by user space: flow_id() << 34 | TOLD_* | until */
	__u64 last; /* the piece copied last: who sees a packet twice copies it once */
	__u64 turn; /* of the set's first: newcomers */
};
/* Where a flow's set begins. The lowest bit counts: the upper half is both directions'. */
#define SET_OF(hash) (((__u32)(hash) & (SLOTS / WAYS - 1)) * WAYS)
#define TOLD_NOTHING (1ull << 32) /* of this flow any more */
#define TOLD_START   (1ull << 33) /* only what looks like a start */
/* Else: bytes below `until` have been seen, or needn't be. */

/* A flow in 30 bits: 16 of the addresses and ports, and 14 of where it begins, so that
 * the next with these addresses is another. */
#define FLOW_ADDRESSES(hash) ((__u32)((hash) >> 48))
static inline __u32 flow_id(__u64 hash, __u32 start)
{
	return FLOW_ADDRESSES(hash) << 14 | (start * 0x9e3779b1) >> 18;
}

/* Of bytes that user space has not yet asked for or refused, so many go up even when
 * the ring is filling up. */
#define WINDOW 65536
/* Else only packets that begin as a request does, and so much of the end of one that the
 * sender had no more behind: a request may stand there behind the last of a body. */
#define END 1024

TI_STATIC_ASSERT(sizeof(struct piece) == PIECE_HEADER + PIECE_MOST, "no padding");

#endif
