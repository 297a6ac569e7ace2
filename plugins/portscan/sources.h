/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * sources.h - who has tried which ports lately: a table of at most SOURCES sources,
 * with at most PROBES_MAX probes each and PROBES in all. Whoever has been quiet for
 * longest makes room. No clocks, no I/O.
 */
#ifndef PORTSCAN_SOURCES_H
#define PORTSCAN_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "portscan.h"

#define SOURCES	   65536
#define PROBES	   262144
#define PROBES_MAX 64

/* One port of one host. Times are in tenths of seconds. */
struct probe {
	ti_addr dst;
	uint32_t first, last;
	ti_port port;
	uint8_t kind;   /* enum scan_kind */
	uint8_t answer; /* enum answer */
};

struct source {
	struct source *newer, *older; /* by the last probe */
	struct source *chain;
	ti_addr addr;                 /* as last seen */
	uint8_t class;                /* of its probes, class_of() */
	struct probe *probe;
	uint8_t n, cap;
	bool proven;                  /* completed a handshake */
	bool fragmented;
	bool crossing;                /* a limit, at this judgement */
	bool inexact;                 /* not all it has done is known */
	ti_vlan vlan;
	ti_ifindex ifindex;
	uint32_t last;
	struct scan *scan;            /* that it takes part in */
};

struct sources {
	struct source *newest, *oldest;
	struct source **bucket;
	uint64_t seed;
	size_t n, probes, evicted;
	uint32_t wait; /* probes that aren't older make no room: they may not have been judged */
};

/* What a record was. */
enum taken {
	TAKEN_PROBE,
	TAKEN_ANSWER,  /* to a probe of the table's */
	TAKEN_NOT_IN,  /* a probe for which there is no room, or an answer to such a one */
	TAKEN_NOTHING, /* of no interest */
};

/* seed: random, so that nobody can choose sources of one bucket. -ENOMEM. */
int sources_init(struct sources *s, uint64_t seed, uint32_t wait);
void sources_free(struct sources *s);

/* Take up a record. *from is whose (not with TAKEN_NOTHING), valid until the next call;
 * *in the probe that it is or answers, NULL where it isn't in. */
enum taken sources_add(struct sources *s, const struct record *r, uint32_t now, struct source **from,
		       struct probe **in);

/* Forget what a source has done so far. */
void source_clear(struct sources *s, struct source *from);

/* As sources are told from each other: IPv6 by /64. */
bool same_source(const ti_addr *a, const ti_addr *b);

/* Who tries one kind of probe after the other scans as often; SYNs of either sort are one. */
static inline uint8_t class_of(uint8_t kind)
{
	return kind == SCAN_KIND_SYN ? SCAN_KIND_CONNECT : kind;
}

static inline bool same_addr(const ti_addr *a, const ti_addr *b)
{
	return a->hi == b->hi && a->lo == b->lo;
}

/* A service has answered, and nothing odd has come of it. */
static inline bool is_served(const struct probe *p)
{
	return p->answer == ANSWER_OPEN || p->answer == ANSWER_COMPLETED;
}

/* Known by the RST it drew only. */
static inline bool is_stray(uint8_t kind)
{
	return kind == SCAN_KIND_ACK || kind == SCAN_KIND_MAIMON;
}

#endif
