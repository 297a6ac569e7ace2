/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit.h - mode = limit: what the BPF program is told to drop.
 *
 * For each destination under flood, from second to second: sources and prefixes that
 * surely send more than limit_rate are limited to it, and if what others send is a
 * flood still, their first SYNs are dropped.
 */
#ifndef SYNFLOOD_LIMIT_H
#define SYNFLOOD_LIMIT_H

#include <stdbool.h>
#include <tcpinspect/plugin.h>
#include "synflood.h"

#define LIMITED 256 /* entries of the map `heavy` */

struct limited {
	ti_prefix prefix;
	uint64_t proven; /* boot ns, last; 0: free */
};

struct limit {
	const struct ti_host *host;
	struct ti_handle *h;
	bool on;           /* mode = limit */
	uint64_t rate;     /* SYNs/s */
	uint8_t *limiting; /* in the BPF object, by slot */
	int heavy;         /* map there ... */
	uint32_t *heavies; /* ... and how many are in it */
	bool full;         /* said so */
	struct limited limited[LIMITED];
};

/* The caller zeroes *x. `deny`: prefixes in one string, or NULL. -errno: logged. */
int limit_init(struct limit *x, const struct ti_host *host, struct ti_handle *h, uint64_t rate,
	       const char *deny);

/*
 * In the last second a destination's flood was from `top`, of `open` SYNs/s that
 * completed nothing; from `alarm_rate` on they are a flood without those of the top.
 */
void limit_flood(struct limit *x, uint32_t slot, const struct flood_start *top, uint64_t open,
		 uint64_t alarm_rate, uint64_t now);

/* Nothing is done about a destination. */
void limit_none(struct limit *x, uint32_t slot);

/* Forget those of whom nothing has been proven for so long. */
void limit_expire(struct limit *x, uint64_t now, uint64_t after);

#endif
