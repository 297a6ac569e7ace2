/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - the plugin's state: each destination over time. synflood.c judges it once
 * a second, report.c says what came of it.
 */
#ifndef SYNFLOOD_WATCH_H
#define SYNFLOOD_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <tcpinspect/plugin.h>
#include "detect.h"
#include "limit.h"
#include "listeners.h"
#include "senders.h"
#include "served.h"
#include "tables.h"

#define SECOND 1000000000ull

struct options {
	uint64_t alarm_rate, unlistened_rate, backscatter_rate, limit_rate;
	uint32_t completion, sources_top;
	uint64_t clear_after, update_period, sources_period;
	const char *deny;
	bool explain;
};

/* SYNs that came to a destination, and what became of them. */
struct tally {
	uint64_t syns, dropped[FLOOD_DROPS];
};

/* One destination. */
struct watched {
	struct detector detector;
	struct counted last; /* at the previous tick */
	struct second second; /* of it */
	uint64_t sources_before; /* SYNs came from, before it had a slot */
	bool fresh; /* its second was before that */
	bool by_packets; /* most of what completed was seen by packets */
	struct tally arrived; /* in it */
	uint64_t started, bad, said; /* boot ns: the flood, its last bad second, its last event */
	struct tally total, after; /* from its start to the second after the last bad one; since then */
	uint64_t peak, sources_peak;
	/* What its last bad second said. */
	enum flood_class class;
	ti_addr dst;
	ti_port port;
	ti_vlan vlan;
	ti_ifindex ifindex;
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct options *o;
	struct limits limits;
	struct cpus cpus;
	uint32_t *epoch, *sources_epoch, *listeners_changed, *tracking, *track_from; /* in the BPF object */
	int flood_start, flood_update, flood_end, backscatter, syn_sources; /* event numbers */

	uint64_t now, last; /* boot ns of this tick and the one before */
	uint64_t scanned, looked; /* listeners, interfaces, last */
	uint64_t sources_since; /* boot ns */
	uint64_t arrived; /* SYNs since the last tick, wherever to */
	bool tracked; /* packets have shown what completes in all of the last second */
	bool unexplained; /* sockets don't tell what became of this second's SYNs */
	uint64_t track_until; /* boot ns */
	uint64_t cookies; /* that the kernel has sent */
	bool cookies_sent; /* in the last second */
	struct senders senders;
	struct listeners listeners;
	struct served served;
	struct limit limit;
	struct watched watched[COUNTED];
};

/* Ticks come a second apart, more or less. */
static inline bool is_due(const struct self *s, uint64_t since, uint64_t period)
{
	return period && s->now - since + SECOND / 2 >= period;
}

static inline bool is_listener(uint32_t slot)
{
	return slot < SLOTS;
}

/* Of SYNs to no listener. */
static inline bool is_bucket(uint32_t slot)
{
	return slot >= SLOTS && slot < BACKSCATTER;
}

static inline bool is_served(uint32_t slot)
{
	return slot >= SERVED;
}

/* --- report.c ------------------------------------------------------------- */

/* Remember where a destination's SYNs go: its own address and port, or those that most
 * went to. */
void locate(struct self *s, uint32_t slot);

/* `event` is flood_start, flood_update or flood_end; `epoch` is of the last second. */
void emit_flood(struct self *s, uint32_t slot, uint32_t epoch, int event);
void emit_backscatter(struct self *s);
void emit_sources(struct self *s, uint32_t epoch);

/* One line to the log: why there is an alarm or none. */
void explain(struct self *s, uint32_t slot, enum outcome outcome);

/* Metrics, as they are now. */
void count_totals(struct self *s);

/* One line to the log, at the end: what was dropped, and why. */
void say_dropped(struct self *s);

#endif
