/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * conn.h - shared by the BPF program, which follows each connection through its
 * states and reports it, and user space, which looks for what goes on too long:
 * events and the values of maps.
 */
#ifndef CONN_H
#define CONN_H

#include <tcpinspect/types.h>

#ifndef TI_HELP /* bpf.h has them; for user space they mean nothing */
#define TI_HELP(text)
#define TI_OPTIONAL
#endif

/* --- events -------------------------------------------------------------- */

enum conn_direction {
	CONN_DIRECTION_UNKNOWN,
	CONN_DIRECTION_IN,
	CONN_DIRECTION_OUT,
};

/* How a connection ended. A RST goes before the FINs that came earlier. */
enum conn_reason {
	CONN_REASON_LOCAL_FIN,   /* this side closed first */
	CONN_REASON_REMOTE_FIN,  /* the other side did */
	CONN_REASON_RST_IN,
	CONN_REASON_RST_OUT,     /* closed with unread data or SO_LINGER 0, or never accepted */
	CONN_REASON_TIMEOUT,     /* retransmissions, keepalives, TCP_USER_TIMEOUT */
	CONN_REASON_REFUSED,     /* a RST answered the SYN */
	CONN_REASON_UNREACHABLE, /* ICMP, or no route any more */
	CONN_REASON_ABORTED,     /* given up before it was established, or by ss -K */
};

/* States that a connection can be held in, as events name them. */
enum conn_state {
	CONN_STATE_SYN_SENT,
	CONN_STATE_SYN_RECV,
	CONN_STATE_ESTABLISHED,
	CONN_STATE_FIN_WAIT1,
	CONN_STATE_FIN_WAIT2,
	CONN_STATE_CLOSE_WAIT,
	CONN_STATE_CLOSING,
	CONN_STATE_LAST_ACK,
};
#define CONN_STATES (CONN_STATE_LAST_ACK + 1)

#define CONN_COMM 16

#define CONN_FIELDS                                                                               \
	ti_addr src_ip TI_HELP("who sent the first SYN; this side where that isn't known");       \
	ti_addr dst_ip;                                                                           \
	ti_port src_port;                                                                         \
	ti_port dst_port;                                                                         \
	enum conn_direction direction TI_OPTIONAL TI_HELP("of the first SYN");                    \
	__u32 pid TI_OPTIONAL TI_HELP("process that connected or accepted, else that listens");   \
	__u32 uid TI_HELP("its user, else the socket's");                                         \
	ti_str(CONN_COMM) comm;                                                                   \
	__u8 _pad[6];                                                                             \
	__u64 cookie TI_OPTIONAL TI_HELP("the socket's, as ss -e shows it");                      \
	__u64 cgroup_id TI_OPTIONAL TI_HELP("the socket's");                                      \
	__u32 netns TI_HELP("inode number of the network namespace")

struct established {
	CONN_FIELDS;
	__u8 _pad2[4];
	ti_ns handshake TI_OPTIONAL TI_HELP("from the first state to ESTABLISHED");
	ti_ns accept_delay TI_OPTIONAL TI_HELP("time in the accept queue; absent: not accepted, or not seen");
};

struct closed {
	CONN_FIELDS;
	enum conn_reason reason TI_HELP("how it ended");
	ti_bool preexisting TI_HELP("it is older than the start of this plugin");
	ti_bool untracked TI_OPTIONAL TI_HELP("there was no room to follow it: owner and times are missing");
	__u8 _pad2[6];
	ti_ns duration TI_OPTIONAL TI_HELP("from its first state to CLOSE");
	ti_ns syn_sent TI_OPTIONAL TI_HELP("time in this state; so the next");
	ti_ns syn_recv TI_OPTIONAL;
	ti_ns established TI_OPTIONAL;
	ti_ns fin_wait1 TI_OPTIONAL;
	ti_ns fin_wait2 TI_OPTIONAL TI_HELP("until the kernel replaces the socket by a smaller one");
	ti_ns close_wait TI_OPTIONAL;
	ti_ns closing TI_OPTIONAL;
	ti_ns last_ack TI_OPTIONAL;
	__u64 bytes_in TI_HELP("received in order");
	__u64 bytes_out TI_HELP("sent, each once");
	__u32 retransmits TI_HELP("segments sent again");
	__u8 _pad3[4];
	ti_ns srtt TI_OPTIONAL TI_HELP("smoothed round-trip time at the end");
	ti_ns min_rtt TI_OPTIONAL;
};

struct stuck {
	CONN_FIELDS;
	enum conn_state state;
	ti_bool preexisting;
	__u8 _pad2[7];
	ti_ns held TI_HELP("time in this state so far; of preexisting ones since the start of this plugin");
	__u64 sockets TI_HELP("one; in SYN_RECV all of this listener's that are held too long");
};

#define LISTENER_FIELDS                                                                           \
	ti_addr dst_ip TI_HELP("address listened on; absent: any");                               \
	ti_port dst_port;                                                                         \
	__u8 _pad[2];                                                                             \
	__u32 pid TI_OPTIONAL TI_HELP("process that called listen");                              \
	__u32 uid TI_HELP("its user, else the socket's");                                         \
	ti_str(CONN_COMM) comm;                                                                   \
	__u8 _pad2[2];                                                                            \
	__u64 cookie;                                                                             \
	__u32 queue TI_HELP("connections that wait to be accepted");                              \
	__u32 backlog TI_HELP("how many may");                                                    \
	__u64 drops TI_HELP("SYNs and handshakes dropped since the last event or look")

struct accept_overflow {
	LISTENER_FIELDS;
};

struct listener {
	LISTENER_FIELDS;
	ti_ns window TI_HELP("time counted");
	__u64 connections TI_HELP("that were established in it");
	__u64 accepted TI_HELP("that were accepted in it; 0 where that can't be seen");
	__u32 syn_recv TI_HELP("sockets of its port by state");
	__u32 established;
	__u32 fin_wait;
	__u32 close_wait;
	__u32 last_ack;
	__u32 time_wait;
};

/* --- metrics ------------------------------------------------------------- */

struct by_listener {
	ti_addr ip;
	ti_port port;
	__u16 _pad[3];
};
struct listener_totals {
	ti_counter listener_connections TI_HELP("connections that were established");
	ti_counter listener_accepted TI_HELP("connections that were accepted; 0 where that can't be seen");
	ti_counter listener_drops TI_HELP("SYNs and handshakes dropped");
	ti_gauge listener_queue TI_HELP("connections that wait to be accepted");
	ti_gauge listener_backlog TI_HELP("how many may");
};

enum listener_state {
	LISTENER_STATE_SYN_RECV,
	LISTENER_STATE_ESTABLISHED,
	LISTENER_STATE_FIN_WAIT,
	LISTENER_STATE_CLOSE_WAIT,
	LISTENER_STATE_LAST_ACK,
	LISTENER_STATE_TIME_WAIT,
	LISTENER_STATES,
};
struct by_listener_state {
	ti_addr ip;
	ti_port port;
	__u16 _pad;
	enum listener_state state;
};
struct listener_states {
	ti_gauge listener_sockets TI_HELP("its port's sockets by state, each listener_period");
};

/* --- maps ---------------------------------------------------------------- */

#define PENDING	  8192 /* wait to be accepted; further ones are reported as they come */
#define LISTENERS 4096

struct owner {
	__u32 pid; /* 0: not known; then so is the rest */
	__u32 uid;
	__u16 comm_len;
	char comm[CONN_COMM];
	__u16 pad;
};

enum conn_flag {
	CONN_PREEXISTING = 1 << 0, /* first seen after its birth */
	CONN_UNTRACKED = 1 << 1,   /* the same, since there was no room then */
	CONN_ACCEPTED = 1 << 2,    /* `accepter` is complete */
	CONN_ASKED = 1 << 3,       /* the common options have been asked ... */
	CONN_UNWANTED = 1 << 4,    /* ... and said no */
};

/* Map `conns`, by the address of the kernel's struct sock. Written under the
 * socket's lock, but for what the accept hook writes: accepter, accepted. */
struct conn {
	__u64 born;  /* boot ns; 0: not known */
	__u64 since; /* boot ns: in its present state; 0: not known */
	__u64 in_state[CONN_STATES]; /* ns, states that it has left */
	ti_addr local, peer;
	ti_port local_port, peer_port; /* both 0 until the handshake is over */
	__u32 netns;
	__u64 cookie, cgroup_id;
	__u64 listener; /* key in `listeners` */
	__u32 uid;      /* the socket's */
	__u8 state;     /* enum conn_state */
	__u8 direction;
	__u8 flags;     /* enum conn_flag, but: */
	__u8 accepted;  /* accepter is complete; a byte of its own: other CPUs write it */
	struct owner owner;    /* who connected or listens */
	struct owner accepter;
};

/* Map `listeners`, by the address of the kernel's struct sock. Counts only grow. */
struct listening {
	__u64 cookie;
	__u64 connections, accepted;
	struct owner owner;
	__u32 netns;
};

/* --- an entry's part of an event ------------------------------------------- */

#define SET_COMM(e, o)                                                                            \
	do {                                                                                      \
		(e)->pid = (o)->pid;                                                              \
		(e)->uid = (o)->uid;                                                              \
		(e)->comm.len = (o)->comm_len;                                                    \
		__builtin_memcpy((e)->comm.str, (o)->comm, CONN_COMM);                            \
	} while (0)

/* CONN_FIELDS of an event, out of the connection's entry. */
#define SET_FIELDS(e, c)                                                                          \
	do {                                                                                      \
		int in_ = (c)->direction == CONN_DIRECTION_IN;                                    \
		(e)->src_ip = in_ ? (c)->peer : (c)->local;                                       \
		(e)->dst_ip = in_ ? (c)->local : (c)->peer;                                       \
		(e)->src_port = in_ ? (c)->peer_port : (c)->local_port;                           \
		(e)->dst_port = in_ ? (c)->local_port : (c)->peer_port;                           \
		(e)->direction = (c)->direction;                                                  \
		(e)->cookie = (c)->cookie;                                                        \
		(e)->cgroup_id = (c)->cgroup_id;                                                  \
		(e)->netns = (c)->netns;                                                          \
		if ((c)->accepted && (c)->accepter.pid)                                           \
			SET_COMM(e, &(c)->accepter);                                              \
		else if ((c)->owner.pid)                                                          \
			SET_COMM(e, &(c)->owner);                                                 \
		else                                                                              \
			(e)->uid = (c)->uid;                                                      \
	} while (0)

TI_STATIC_ASSERT(sizeof(struct owner) == 28, "no holes");

#endif
