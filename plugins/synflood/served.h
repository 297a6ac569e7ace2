/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * served.h - what others serve behind this host, as far as many SYNs go there: each
 * (address, port) has a slot in which the BPF program counts, as a listener has.
 */
#ifndef SYNFLOOD_SERVED_H
#define SYNFLOOD_SERVED_H

#include <stdbool.h>
#include <tcpinspect/plugin.h>
#include "tables.h"

struct served_one {
	ti_addr addr;
	ti_port port;
	bool used, busy; /* alarmed, or what is enough for a slot */
	uint32_t idle;   /* ticks */
	uint64_t syns;   /* in the last second */
	struct candidate was; /* what gave it the slot */
};

struct served {
	const struct ti_host *host;
	struct ti_handle *h;
	struct port_slots *ports; /* in the BPF object */
	int map, macs;            /* there, too: slots, and addresses of interfaces */
	uint32_t *macs_known;
	uint32_t scan;            /* of interfaces: number of the last one */
	struct served_one one[SERVED_MAX]; /* slots SERVED... */
};

/* The caller zeroes *x. -errno: logged. */
int served_init(struct served *x, const struct ti_host *host, struct ti_handle *h);

/* Tell the BPF program which interfaces there are. */
void served_scan(struct served *x);

/*
 * A second has ended. Give slots to what had `enough` SYNs in it, and take them from
 * what has been idle; fresh[i] is set for each that is new. The caller has filled busy
 * and syns. *elsewhere: SYNs to other hosts that have no slot.
 */
void served_tick(struct served *x, const struct cpus *c, uint32_t epoch, uint64_t enough,
		 bool fresh[SERVED_MAX], uint64_t *elsewhere);

#endif
