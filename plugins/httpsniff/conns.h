/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conns.h - the connections that are known: each with what was seen of its two
 * directions, bounded in number and memory. Who was heard of longest ago goes first.
 */
#ifndef HTTPSNIFF_CONNS_H
#define HTTPSNIFF_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "http.h"
#include "httpsniff.h"
#include "tls.h"

enum stream_kind {
	STREAM_NONE, /* nothing seen of it */
	STREAM_NEW, /* its first byte is yet to come */
	STREAM_HTTP,
	STREAM_TLS,
	STREAM_NOTHING, /* neither, or all that is wanted of it was seen */
};

/* A piece that came before the bytes in front of it, or what is left of it. */
struct held {
	struct held *next; /* by seq */
	uint64_t boot_ns;
	uint32_t seq, len;
	ti_ifindex ifindex;
	ti_vlan vlan;
	uint16_t flags; /* enum piece_flags */
	uint8_t data[];
};

/* One direction of a connection. */
struct stream {
	uint64_t hash; /* the kernel's */
	uint32_t next; /* sequence number of the byte to come */
	uint32_t start; /* of the first, or what the kernel takes for it */
	uint32_t told; /* the kernel: bytes below this are not wanted */
	uint32_t held_bytes;
	uint8_t kind; /* enum stream_kind */
	uint8_t told_what; /* enum telling in httpsniff.c */
	uint8_t midway; /* not seen from its first byte */
	struct held *held; /* what waits behind a hole at `next` */
	uint64_t heard; /* boot_ns of the last byte read, and where it came in */
	ti_ifindex ifindex;
	ti_vlan vlan;
	uint64_t waits; /* since when for the hole to be filled */
	uint64_t goes_on; /* bit n: the n-th piece before the last was of its packet's middle */
	union {
		struct http http;
		struct tls tls;
	};
};

/* A request without its response yet. */
struct asked {
	uint64_t boot_ns;
	uint32_t depth;
	uint8_t kind; /* enum http_asked */
	uint8_t upgrade;
};
#define ASKED_MOST 1024

struct conn {
	struct conn *chain; /* of its bucket */
	struct conn *older, *newer; /* in its list */
	ti_addr addr[2]; /* [i] sends streams[i] */
	ti_port port[2];
	uint64_t hash; /* without the bit of the direction */
	struct stream streams[2];
	int client; /* index of the one who asks; -1: not known */
	uint32_t depth; /* requests so far */
	struct asked *asked; /* a ring of asked_room, a power of two */
	uint32_t asked_first, asked_n, asked_room;
	uint32_t cost; /* bytes beside this struct */
	uint8_t list; /* 1: it has a cost */
};

struct conns {
	struct conn *all, *free; /* free: by chain */
	struct conn **buckets;
	uint32_t n_buckets;
	struct conn lists[2]; /* rings through older and newer; the head's newer is the oldest */
	size_t used, most; /* bytes beside the structs */
	/* Called for one that goes, while all of it is still there. */
	void (*ends)(void *arg, struct conn *c);
	void *arg;
};

/* Room for n connections and `most` bytes that they hold. 0 or -ENOMEM. */
int conns_init(struct conns *cs, uint32_t n, size_t most, void (*ends)(void *arg, struct conn *c),
	       void *arg);
/* Ends all. Safe on a zeroed one. */
void conns_free(struct conns *cs);

/* The connection of a piece, found or made, now the newest of all. */
struct conn *conns_get(struct conns *cs, const struct piece *p);
/* Forget what was seen of it: the next is another connection with the same addresses. */
void conns_reset(struct conns *cs, struct conn *c);
/* What it holds may have changed: count it, and make room where it is too much
 * (which may end any connection, also this one). The number of those ended. */
unsigned conns_settle(struct conns *cs, struct conn *c);

/* Oldest first, those that hold something before the others; c NULL: the first. NULL: no more.
 * (Get the next before c is settled.) */
struct conn *conns_costly(struct conns *cs, struct conn *c);

/* Keep a piece for later, in its place; data is len bytes. false: no memory. */
bool stream_hold(struct stream *s, const struct held *meta, const void *data);
/* Drops the first held. */
void stream_unhold(struct stream *s);
/* Nothing of it is wanted any more: frees what it holds. */
void stream_close(struct stream *s);

/* FIFO of requests. Full: forgets all, and false. */
bool conn_asks(struct conn *c, const struct asked *a);
/* The oldest; NULL: none. Valid until the next call. */
struct asked *conn_asked(struct conn *c);
void conn_answered(struct conn *c);

#endif
